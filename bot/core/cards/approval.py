"""The request for one approval, in every state it can be in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core.approval import Approval, GateState, Standing, counts, filled, missing, standing
from bot.core.budget import time_budget
from bot.core.cards.copies import checked
from bot.core.cards.plan import budget_line, cautioned, commands, point_line, quorum_line
from bot.core.cards.states import consequence, expected, place
from bot.core.cards.timeline import whole_of
from bot.core.copies import ready, switch_s
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Line,
    Moment,
    Paragraph,
    Preformatted,
    Small,
    Strong,
    Who,
)
from bot.core.incident import Incident
from bot.core.loss import Loss, losses
from bot.core.loss import lines as loss_lines
from bot.core.plan import Plan, PlannedGate, PlannedStep, up_to
from bot.core.run import Run, Status
from bot.core.seats import dead_end
from bot.core.words import in_words, lasted, people

Holders = Mapping[str, Sequence[str]]


def approval_card(run: Run, incident: Incident, gate: str, *, holders: Holders, now: datetime) -> Document:
    """Return the request for a gate's approvals; `holders` are the people who hold each role now."""
    title = f"{run.id} approval: {gate}"
    plan = run.plan
    planned, state = (plan.gate(gate) if plan else None), run.gates.get(gate)
    if plan is None or planned is None or state is None:
        gone = "; ".join(run.changes)
        why = (
            f"The plan changed and no longer asks for this approval: {gone}"
            if gone
            else "Nobody asked for it yet."
        )
        return Document(title, (Paragraph((why,)),), whole_of(incident.id))
    seen = _Seen(run, plan, planned, state, holders, now)
    blocks = (
        Paragraph(seen.outcome()),
        *_stuck(seen, incident),
        *_changes(run, state),
        *_price(seen, incident),
        Fields(tuple(_facts(seen))),
        *_said(seen),
        *seen.buttons(),
        Small((f"{run.id}.{gate} · plan ", Code(run.hash[:8]), " · asked ", Moment(state.asked_at))),
    )
    return Document(title, blocks, whole_of(incident.id))


@dataclass(frozen=True, slots=True)
class Request:
    """An approval that waits for one person: the title of the plan, how it stands, and what to press."""

    title: str
    stands: Line
    buttons: Buttons


def asked_of(person: str, run: Run, gate: str, *, holders: Holders, now: datetime) -> Request | None:
    """Return the request for a gate, if it waits for a yes that this person can give."""
    planned, state = (run.plan.gate(gate) if run.plan else None), run.gates.get(gate)
    if run.plan is None or planned is None or state is None or person == run.requester:
        return None
    seen = _Seen(run, run.plan, planned, state, holders, now)
    said = any(approval.person == person for approval in seen.valid)
    mine = any(person in holders.get(role, ()) for role in seen.missing)
    if not seen.asking or not mine or said:
        return None
    return Request(run.plan.title, seen.outcome(ping=False), next(seen.buttons()))


class _Seen:
    """A gate as it stands now."""

    def __init__(
        self, run: Run, plan: Plan, gate: PlannedGate, state: GateState, holders: Holders, now: datetime
    ) -> None:
        self.run, self.plan, self.gate, self.state = run, plan, gate, state
        self.holders, self.now = holders, now
        self.steps = tuple(step for step in plan.steps if step.gate == gate.name)
        self.standing = standing(gate, state, hash=run.hash, holders=holders, now=now)

    @property
    def valid(self) -> tuple[Approval, ...]:
        return tuple(
            a
            for a in self.state.approvals
            if counts(a, self.gate, hash=self.run.hash, holders=self.holders, now=self.now)
        )

    @property
    def missing(self) -> tuple[str, ...]:
        return missing(self.gate, self.valid, self.holders)

    @property
    def used(self) -> bool:
        """Say whether its steps were begun; another attempt needs approvals that still count."""
        waiting = any(self.run.step(step.id).status is Status.WAITING for step in self.steps)
        return self.state.used and (self.standing is Standing.OPEN or not waiting)

    @property
    def late(self) -> bool:
        out = self.now >= self.state.expires and not self.state.used
        return self.standing is Standing.EXPIRED or (self.standing is Standing.GATHERING and out)

    @property
    def aged(self) -> bool:
        """Say whether it was enough once, and only counts no more because it is too old."""
        given = [replace(approval, at=self.now) for approval in self.state.approvals]
        held = [
            a for a in given if counts(a, self.gate, hash=self.run.hash, holders=self.holders, now=self.now)
        ]
        return filled(self.gate, held, self.holders)

    @property
    def asking(self) -> bool:
        gathering = self.standing is Standing.GATHERING and not self.used and not self.late
        return gathering and not self.run.over and not self.run.abort

    def outcome(self, *, ping: bool = True) -> Line:
        """Return where the gate stands, as one sentence that notifies those who can still say yes."""
        state = self.state
        if self.used:
            started = [at for step in self.steps if (at := self.run.step(step.id).started_at)]
            when: Line = (", which began ", Moment(min(started))) if started else ()
            return (Strong("✓ Used: "), "it was enough for ", self.titles(), *when, ".")
        if state.rejection:
            no = state.rejection
            return (Strong("✗ Rejected"), " by ", Who(no.person), " ", Moment(no.at), f": {no.why}")
        if self.standing is Standing.OPEN:
            return (Strong("✓ Enough: "), self.titles(), " may begin.")
        if self.run.over or self.run.abort:
            return (Strong(f"Not needed any more: the run is {self.run.state}."),)
        if self.late and self.aged:
            return (Strong("✗ Expired: "), "enough people said yes, but too long ago to count.")
        if self.late:
            return (Strong("✗ Expired: "), "not enough people said yes by ", Moment(state.expires), ".")
        return (
            Strong("Asking: "),
            "still needed ",
            *self.wanted(ping=ping),
            "; until ",
            Moment(state.expires),
            ".",
        )

    def titles(self) -> str:
        return ", ".join(place(self.plan, step.id) for step in self.steps) or self.gate.name

    def wanted(self, *, ping: bool) -> Line:
        """Return each seat that is empty, with those who can fill it."""
        gone = {self.run.requester, *(a.person for a in self.valid)}
        line: list[Line] = []
        for role in dict.fromkeys(self.missing):
            who = [name for name in self.holders.get(role, ()) if name not in gone]
            line.append((f"{self.missing.count(role)} of {role}: ", *people(who, ping=who if ping else ())))
        return tuple(span for part in _with_semicolons(line) for span in part)

    def buttons(self) -> Iterator[Buttons]:
        """Return what can be done from here; a decided gate has nothing to press but asking again."""
        at, plan = f"{self.run.id}.{self.gate.name}", f"plan:{self.run.hash[:8]}"
        if self.asking:
            pressed = [
                Button("Approve", f"approve {at} {plan}", style="primary"),
                Button("Reject", f"reject {at} {plan}", style="danger", ask="Why?"),
            ]
            glass = self.gate.break_glass
            if glass:
                why = f"Why can the approvals not be waited for? A {glass.role} may; everybody reads it."
                pressed.append(Button("Break the glass", f"approve {at} {plan}", ask=why, into="break-glass"))
            yield Buttons(tuple(pressed))
        elif (
            (self.state.rejection or self.late) and not self.used and not self.run.over and not self.run.abort
        ):
            yield Buttons((Button("Ask again", f"start {self.run.id}"),))


def _with_semicolons(lines: Sequence[Line]) -> Iterator[Line]:
    for index, line in enumerate(lines):
        yield (("; ", *line) if index else line)


def _stuck(seen: _Seen, incident: Incident) -> Iterator[Block]:
    """While it is asked for, say that nobody can complete it: whoever says yes would wait for nothing."""
    why = dead_end(seen.run, seen.gate, holders=seen.holders, delegations=incident.delegated, now=seen.now)
    if seen.asking and why:
        yield Paragraph((Strong(why),))


def _changes(run: Run, state: GateState) -> Iterator[Block]:
    """A plan that changed after the start voids what was said before, and says what changed."""
    if run.changes and run.started_at and state.asked_at > run.started_at:
        yield Paragraph((Strong("The plan changed: earlier approvals are void. "), "What changed:"))
        yield Bullets([(change,) for change in run.changes])


def _price(seen: _Seen, incident: Incident) -> Iterator[Block]:
    losing = [loss for step in seen.steps for loss in _losses(seen, incident, step)]
    if losing:
        yield Bullets([line for loss in losing for line in loss_lines(loss)])
    named = {step.call.source for step in seen.steps}
    if cautions := [line for source in seen.plan.sources if source.id in named for line in cautioned(source)]:
        yield Bullets(cautions)
    for step in seen.steps:
        target = f" on {step.call.target}" if step.call.target else ""
        what = f": {step.call.engine}.{step.call.operation}{target}; {consequence(step)}; {expected(step)}"
        yield Paragraph((Strong(place(seen.plan, step.id)), what))
        yield from _switch(seen, step, losing)
        yield Preformatted(commands(step))
    if not seen.run.over:
        yield Paragraph(budget_line(time_budget(seen.run, seen.plan, incident, now=seen.now)))


def _switch(seen: _Seen, step: PlannedStep, losing: Sequence[Loss]) -> Iterator[Block]:
    """With a checked copy ready the approval is only about the switch to it, and what that costs."""
    copy = ready(seen.run, seen.plan, step)
    source = seen.plan.source(step.call.source)
    if copy is None or source is None or source.moment is None or seen.used or seen.run.over:
        return
    known = switch_s(step, copy)
    takes = "a time nobody measured yet" if known is None else f"about {in_words(timedelta(seconds=known))}"
    lost = [in_words(loss.together) for loss in losing[:1] if loss.together is not None]
    so_far = losing[0].so_far if losing else ""
    loses = f" and loses {lost[0]} of writes{so_far}" if lost else ""
    evidence = checked(seen.run.step(copy.id).evidence)
    yield Paragraph(
        (
            Strong("A checked copy at "),
            Moment(source.moment),
            Strong(" is ready"),
            f"{evidence}. The switch takes {takes}{loses}. Only the switch is approved here; the copy is "
            "looked at once more before it.",
        )
    )


def _losses(seen: _Seen, incident: Incident, step: PlannedStep) -> tuple[Loss, ...]:
    found = losses(incident, seen.run, now=seen.now)
    return tuple(loss for loss in found if loss.source == step.call.source)


def _facts(seen: _Seen) -> Iterator[tuple[str, Line]]:
    for step in seen.steps:
        source = seen.plan.source(step.call.source)
        if source and source.point and source.moment:
            age = in_words(lasted(source.moment, seen.now))
            replayed = f", its log replayed {up_to(source)}" if source.goal else ""
            yield f"Recovery point for {step.id}", (*point_line(source.point), f"{replayed}, {age} old")
    yield "Policy", quorum_line(seen.gate)
    yield "An approval counts for", (in_words(timedelta(seconds=seen.gate.valid_for_s)),)


def _said(seen: _Seen) -> Iterator[Block]:
    if seen.state.approvals:
        yield Bullets([_approval(seen, approval) for approval in seen.state.approvals])


def _approval(seen: _Seen, approval: Approval) -> Line:
    glass = f", breaking the glass: {approval.break_glass}" if approval.break_glass else ""
    void = (
        "" if approval in seen.valid or seen.used else f"; does not count any more, {_void(seen, approval)}"
    )
    return ("✓ ", Who(approval.person), f" as {approval.role} ", Moment(approval.at), f"{glass}{void}")


def _void(seen: _Seen, approval: Approval) -> str:
    if approval.hash != seen.run.hash:
        return "it was for another plan"
    if approval.person not in seen.holders.get(approval.role, ()):
        return f"@{approval.person} no longer holds {approval.role}"
    return "it is too old"
