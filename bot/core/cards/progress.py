"""The one message of a run that is edited while it is carried out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from bot.core.approval import Standing, counts, missing, standing
from bot.core.budget import Part, time_budget, time_to_recover
from bot.core.cards.abort import answers, left
from bot.core.cards.choices import abort, choices
from bot.core.cards.lines.silences import silence_line
from bot.core.cards.pace import Pace, pace
from bot.core.cards.plan import budget_line
from bot.core.cards.said.silences import heard_again
from bot.core.cards.states import half_restored, place, stands
from bot.core.cards.timeline import whole_of
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Line,
    Moment,
    Paragraph,
    Preformatted,
    Small,
    Strong,
    Who,
)
from bot.core.due import next_gate
from bot.core.going import Going, read
from bot.core.incident import Incident
from bot.core.literal import cut
from bot.core.plan import Plan, PlannedStep
from bot.core.run import ACTING, OVER, Run, Status, StepState
from bot.core.step import caution
from bot.core.tasks import step_done
from bot.core.words import in_size, in_words, lasted, roughly

Latest = Mapping[str, Mapping[str, object]]
TAIL_LINES, LONGEST_LINE = 5, 400
_DECIDED = {
    Standing.OPEN: "approved",
    Standing.REJECTED: "rejected",
    Standing.EXPIRED: "not approved in time",
}


def progress_card(run: Run, incident: Incident, *, latest: Latest, now: datetime) -> Document:
    """Return how far a run is; `latest` is the newest progress of each step, as it is kept beside the run."""
    plan = run.plan
    if plan is None:
        why = run.failed or "the plan is being made"
        return Document(f"{run.id} {run.state}", (Paragraph((f"{run.asked.playbook}: {why}",)),))
    over = sum(run.step(step.id).status in OVER for step in plan.steps)
    blocks = (
        Paragraph(_head(run, incident, now)),
        *_glass(run),
        *_budget(run, plan, incident, latest, now),
        Bullets([_step(run, plan, step, latest, now) for step in plan.steps]),
        *_tails(run, plan, latest),
        *_person(run, plan),
        *_checks(run),
        *_silent(run),
        *_next(run, plan, now),
        *_buttons(run, plan),
        Small((f"{run.id} · plan ", Code(run.hash[:8]), " · as of ", Moment(now))),
    )
    title = f"{run.id} {run.state}, {over} of {len(plan.steps)} steps over: {plan.title}"
    return Document(title, blocks, whole_of(incident.id))


def _head(run: Run, incident: Incident, now: datetime) -> Line:
    if run.recovered_at:
        took = time_to_recover(run, incident)
        since = (
            "nobody has said when the impact began"
            if took is None
            else f"{in_words(took)} after the impact began"
        )
        return (Strong("✓ Recovered "), Moment(run.recovered_at), f", {since}.")
    if run.ended_at:
        half = half_restored(run) or "its restore was skipped, so nothing was restored."
        return (Strong("Ended "), Moment(run.ended_at), f": {half}")
    if run.aborted_at:
        return (Strong("✗ Aborted "), Moment(run.aborted_at), f". It leaves:{left(run.left)}")
    if run.abort:
        return (Strong("Stopping: "), f"an abort was asked for ({run.abort.why}); nothing further starts.")
    if run.paused:
        return (Strong("Paused: "), run.why_paused)
    if run.started_at is None:
        return (Strong("Planned: "), "it has not been started.")
    if asked := [at for each in run.objections.asked.values() if now < (at := each.until)]:
        return (Strong("Asking for objections "), "until ", Moment(min(asked)), "; then it goes on.")
    return (Strong("Running "), f"for {in_words(lasted(run.started_at, now))}.")


def _budget(run: Run, plan: Plan, incident: Incident, latest: Latest, now: datetime) -> Iterator[Block]:
    if run.started_at and not run.over and not run.abort:
        live = dict(_live(run, plan, latest, now))
        yield Paragraph(budget_line(time_budget(run, plan, incident, now=now, live=live)))


def _live(run: Run, plan: Plan, latest: Latest, now: datetime) -> Iterator[tuple[str, Part]]:
    """What runs says better how long it still takes than anybody did before."""
    for step in plan.steps:
        state = run.step(step.id)
        if state.status is Status.STARTED:
            found = pace(step, state, _heard(latest, step, state), now)
            if found.left:
                yield step.id, Part(step.title, *found.left, found.basis)


def _heard(latest: Latest, step: PlannedStep, state: StepState) -> Going | None:
    return read(latest.get(step.id), state.key)


def _step(run: Run, plan: Plan, step: PlannedStep, latest: Latest, now: datetime) -> Line:
    state = run.step(step.id)
    attempt = f", attempt {state.attempt}" if state.attempt > 1 else ""
    rest: str = ""
    match state.status:
        case Status.STARTED if state.started_at:
            heard = _heard(latest, step, state)
            rest = f", {_going(step, heard, pace(step, state, heard, now))}"
            rest = f", {in_words(lasted(state.started_at, now))}{rest}"
        case Status.CHECKING:
            rest = f", said to be done by hand: {state.by_hand}"
        case Status.SUCCEEDED | Status.FAILED | Status.IN_DOUBT | Status.DONE | Status.SKIPPED:
            took = (
                f" after {in_words(lasted(state.started_at, state.ended_at))}"
                if state.ended_at and state.started_at
                else ""
            )
            asked = "".join(f"; {name}: {seen}" for name, seen in answers(state).items())
            said = state.because or caution(state.evidence)
            said = said.rstrip(".") if asked else said
            rest = f"{took}{f': {said}' if said else ''}{asked}"
        case _:
            rest = _awaits(run, plan, step, now)
    again = "; another attempt is asked for and waits until nothing of this one acts" if state.retry else ""
    return (f"{stands(run, step)}: ", Strong(place(plan, step.id)), f"{attempt}{rest}{again}")


def _awaits(run: Run, plan: Plan, step: PlannedStep, now: datetime) -> str:
    """Return what a waiting step has to have from people before it may begin; nothing once it was begun."""
    gate, state = plan.gate(step.gate or ""), run.gates.get(step.gate or "")
    if gate is None or state is None or state.used:
        return ""
    where = standing(gate, state, hash=run.hash, holders=plan.roles, now=now)
    if where is not Standing.GATHERING:
        return f", {_DECIDED[where]} at {gate.name}"
    given = [a for a in state.approvals if counts(a, gate, hash=run.hash, holders=plan.roles, now=now)]
    roles = missing(gate, given, plan.roles)
    seats = [f"{roles.count(role)} of {role}" for role in dict.fromkeys(roles)]
    return f", waits for approval {gate.name}: still {' and '.join(seats)}"


def _glass(run: Run) -> Iterator[Block]:
    """What was allowed past the people who should have agreed is read for as long as the run is."""
    broken = [(gate, yes) for gate in run.gates.values() for yes in gate.approvals if yes.break_glass]
    for gate, yes in broken:
        who: Line = (Strong("The glass was broken"), f" at {gate.name} by ", Who(yes.person))
        yield Paragraph((*who, f" as {yes.role} ", Moment(yes.at), f": {yes.break_glass}"))


def _going(step: PlannedStep, heard: Going | None, pace: Pace) -> str:
    if step.call.kind == "person":
        return f"by {step.by}"
    parts = list(_amounts(heard, pace.rate)) if heard else []
    if pace.left:
        parts.append(f"{roughly(*pace.left)} left ({pace.basis})")
    else:
        parts.append("no reliable ETA")
    if pace.silent > timedelta(seconds=step.heartbeat_s):
        parts.append(f"no signal for {in_words(pace.silent)}")
    else:
        parts.append(f"last signal {in_words(pace.silent)} ago")
    return ", ".join(parts)


def _amounts(heard: Going, rate: float | None) -> Iterator[str]:
    """Yield how much of the step is done, its phase, and how much of that at which rate."""
    if heard.share is not None:
        yield in_size(100 * heard.share, "percent")
    if at := heard.note or heard.doing or heard.phase:
        yield at
    if heard.seen and heard.unit == "percent":
        yield in_size(heard.done, "percent")
    elif heard.done or heard.total:
        total = f" of {in_size(heard.total, heard.unit)}" if heard.total else ""
        yield f"{in_size(heard.done, heard.unit)}{total}"
        if rate:
            yield f"{in_size(rate, heard.unit)}/s"


def _tails(run: Run, plan: Plan, latest: Latest) -> Iterator[Block]:
    for step in plan.steps:
        state = run.step(step.id)
        text = ""
        if state.status is Status.FAILED:
            text = state.tail
        elif state.status in ACTING and (heard := _heard(latest, step, state)):
            text = heard.tail
        if text.strip():
            last = "\n".join(cut(line, LONGEST_LINE) for line in text.splitlines()[-TAIL_LINES:])
            yield Preformatted(f"{step.id}:\n{last}")


def _person(run: Run, plan: Plan) -> Iterator[Block]:
    for step in plan.steps:
        if step.person and run.step(step.id).status is Status.STARTED:
            asks = [(f"do: {line}",) for line in step.person.do]
            confirms = [(f"confirm: {line}",) for line in step.person.confirm]
            yield Bullets([*asks, *confirms, (f"evidence: {', '.join(step.person.evidence) or 'any'}",)])


def _checks(run: Run) -> Iterator[Block]:
    if run.checks:
        yield Bullets(
            [_check(check.check, check.found, ok=check.ok, blocks=check.blocking) for check in run.checks]
        )


def _silent(run: Run) -> Iterator[Block]:
    """Whom nobody calls while it acts is read for as long as it is so, also after the end of the run."""
    lines = [silence_line(each) for each in run.silences.open]
    if run.silences.trouble:
        lines.append((Strong("Alertmanager "), f"does not do what it is asked: {run.silences.trouble}"))
    if lines:
        yield Bullets(lines)


def _check(name: str, found: str, *, ok: bool, blocks: bool) -> Line:
    word = "✓ passed" if ok else ("✗ failed" if blocks else "⚠ warns")
    return (f"{word}: end check ", Strong(name), f": {found}")


def _next(run: Run, plan: Plan, now: datetime) -> Iterator[Block]:
    gate = next_gate(run, holders=plan.roles, now=now)
    if gate:
        steps = ", ".join(place(plan, step.id) for step in plan.steps if step.gate == gate)
        yield Paragraph((Strong("Next approval: "), gate, f", for {steps}" if steps else ""))


def _buttons(run: Run, plan: Plan) -> Iterator[Block]:
    if run.over or run.abort or run.started_at is None:
        return
    waiting = [step for step in plan.steps if step.person and run.step(step.id).status is Status.STARTED]
    offered = choices(run) or (Button("Hold", f"hold {run.id}", ask="Why?"), abort(run))
    loud = (heard_again(run),) if any(not each.lifted for each in run.silences.open) else ()
    yield Buttons((*(step_done(run, step.id) for step in waiting), *offered, *loud))
