"""The recovery, which other post-mortems leave out: decisions, restores, approvals, freezes, deviations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bot.core import events
from bot.core.budget import relapse, time_to_recover
from bot.core.cards.decide import known_line
from bot.core.cards.lines import describe
from bot.core.cards.lines.freezes import in_scope
from bot.core.cards.said.incidents import decision_record, fact_in_words
from bot.core.cards.states import place
from bot.core.change import deviates
from bot.core.decided import Decision, Reason
from bot.core.deciding import outcome_in_words
from bot.core.document import Block, Bullets, Code, Fields, Heading, Line, Moment, Paragraph, Strong, Who
from bot.core.events import CheckFound, Entry
from bot.core.freeze import Freeze
from bot.core.loss import Loss, losses, rpo_verdict
from bot.core.plan import Plan, PlannedSource, PlannedStep, up_to
from bot.core.postmortem.steps import step_rows
from bot.core.postmortem.story import Story, moment, seconds, table
from bot.core.run import Run
from bot.core.words import in_size, in_words, joined, lasted
from playbooks.criteria import Known

DEPLOYMENTS = (
    events.DeploymentRefused,
    events.DeploymentExcepted,
    events.ExceptionAsked,
    events.ExceptionGranted,
)


_NO_RUN = "no run recovered the service"


def recovery(told: Story) -> Iterator[Block]:
    """Return the recovery section."""
    yield Heading("Recovery")
    yield Heading("Decisions", 3)
    yield from _decisions(told)
    yield Heading("Restores", 3)
    yield from _restores(told)
    yield Heading("Approvals", 3)
    yield from _approvals(told)
    yield Heading("Objectives", 3)
    yield from _objectives(told)
    yield Heading("Steps", 3)
    yield from _steps(told)
    yield Heading("Freezes", 3)
    yield from _freezes(told)
    yield Heading("Deviations from the plan", 3)
    yield from _deviations(told)
    yield Heading("Verification", 3)
    yield from _verification(told)


def _decisions(told: Story) -> Iterator[Block]:
    for decision in told.incident.decisions:
        yield Paragraph((Strong(decision.made.option), ", decided ", Moment(decision.at)))
        yield from decision_record(decision.by, decision.made)
        if decision.reason:
            yield Paragraph(_anew(decision.reason))
        yield Fields(tuple(_around(told, decision)))
        if decision.made.facts:
            yield Bullets(list(_known_then(told, decision)))
    if not told.incident.decisions:
        yield Paragraph(("No decision was recorded.",))


def _anew(reason: Reason) -> Line:
    return (Who(reason.by), " said the reason anew ", Moment(reason.at), f": {reason.why}")


def _around(told: Story, decision: Decision) -> Iterator[tuple[str, Line]]:
    """Yield how long it took to decide, and what came of it, which the record could only expect."""
    incident = told.incident
    yield "Decided after", (f"{in_words(lasted(incident.declared_at, decision.at))} from the declaration",)
    if incident.impact_start:
        yield "After the impact", (in_words(lasted(incident.impact_start, decision.at)),)
    if decision.observed:
        seen = decision.observed
        refuted = " (refuted)" if seen.refutes else ""
        yield "Observed", (outcome_in_words(seen.seen), refuted, ", ", Who(seen.by), " ", Moment(seen.at))
    yield "Recovery", (_recovery(told, decision.at),)


def _known_then(told: Story, decision: Decision) -> Iterator[Line]:
    """Yield each fact as it was known, with who said it and when; of one without an entry only its value."""
    learnt = {
        event.name: Known(event.value, event.source, entry.by, entry.occurred_at)
        for entry, event in told.told(events.FactLearnt)
        if entry.occurred_at <= decision.at
        and event.name in decision.made.facts
        and event.value == decision.made.facts[event.name]
    }
    for name, value in decision.made.facts.items():
        known = learnt.get(name)
        yield known_line(name, known, decision.at) if known else (fact_in_words(name, value),)


def _recovery(told: Story, decided: datetime) -> str:
    """Return which run recovered the service after a decision, and how long after it."""
    back = [(run.recovered_at, run) for run, _ in told.planned if run.recovered_at]
    after = [(at, run) for at, run in back if at >= decided]
    if not after:
        return "no run recovered the service after it"
    at, run = min(after, key=lambda item: item[0])
    return f"{run.id} recovered {in_words(lasted(decided, at))} after it"


def _restores(told: Story) -> Iterator[Block]:
    found = [
        (run, plan, step, source)
        for run, plan in told.planned
        for step in plan.steps
        if (source := plan.source(step.call.source)) and run.step(step.id).started_at
    ]
    for run, plan, step, source in found:
        yield Paragraph((Strong(f"{run.id} {place(plan, step.id)}"),))
        yield Fields(tuple(_restore(told, run, step, source)))
    if not found:
        yield Paragraph(("No data was restored.",))


def _restore(told: Story, run: Run, step: PlannedStep, source: PlannedSource) -> Iterator[tuple[str, Line]]:
    state, point = run.step(step.id), source.point
    if point:
        damage = told.incident.damage_start
        known = in_words(lasted(point.finished_at, damage)) if damage else ""
        age = known or "cannot be said: damage start unknown"
        size = in_size(point.size, "bytes") if point.size is not None else "size not known"
        yield "Backup", (Code(point.id), f", {point.kind} by {point.engine}, {size}")
        yield "Finished", (Moment(point.finished_at),)
        yield "Age at use", (f"{age} (damage start − backup end)",)
        if source.goal:
            yield "Replayed", (up_to(source),)
        yield "Verified", moment(point.verified_at)
        yield "Chosen because", (source.because,)
    yield "Source", (source.id,)
    yield "Target", (step.call.target or "none",)
    yield "Started", moment(state.started_at)
    if state.started_at and state.ended_at:
        took = lasted(state.started_at, state.ended_at)
        rate = _throughput(point.size if point else None, state.ended_at - state.started_at)
        yield "Took", (f"{in_words(took)}{rate}, {state.status.value}",)


def _throughput(size: int | None, took: timedelta) -> str:
    whole = took.total_seconds()
    return f", {in_size(size / whole, 'bytes')}/s" if size and whole >= 1 else ""


def _approvals(told: Story) -> Iterator[Block]:
    rows = [row for run, _ in told.planned for row in _said_yes(told, run)]
    yield from table(("Approval", "Who", "As", "Asked", "Said", "Waited", "Note"), rows)
    if not rows:
        yield Paragraph(("Nobody approved or rejected anything.",))


def _said_yes(told: Story, run: Run) -> Iterator[tuple[Line, ...]]:
    """Each answer is measured from the last time its gate was asked for before it."""
    asked: dict[str, datetime] = {}
    for entry in told.entries:
        if entry.stream != f"run/{run.id}":
            continue
        match entry.event:
            case events.RunStarted(expires=expires) | events.Planned(expires=expires):
                asked |= dict.fromkeys(expires, entry.occurred_at)
            case events.GateReopened(gate=gate):
                asked[gate] = entry.occurred_at
            case events.Approved(gate=gate, role=role, break_glass=glass):
                note = f"broke the glass: {glass}" if glass else "approved"
                yield _answer(run, gate, entry, role, asked.get(gate), note)
            case events.Rejected(gate=gate, why=why):
                yield _answer(run, gate, entry, "", asked.get(gate), f"rejected: {why}")
            case events.Withdrawn(gate=gate, why=why):
                yield _answer(run, gate, entry, "", asked.get(gate), f"withdrawn: {why}".rstrip(": "))
            case _:
                pass


def _answer(
    run: Run, gate: str, entry: Entry, role: str, asked: datetime | None, note: str
) -> tuple[Line, ...]:
    waited = in_words(lasted(asked, entry.occurred_at)) if asked else "not known"
    who: Line = (Who(entry.by),)
    return (
        (f"{run.id}.{gate}",),
        who,
        (role,),
        moment(asked),
        (Moment(entry.occurred_at),),
        (waited,),
        (note,),
    )


def _objectives(told: Story) -> Iterator[Block]:
    if told.recovered is None:
        again = relapse(told.incident, [run for run, _ in told.planned])
        why = f"it was {again}, and no run recovered the service since" if again else _NO_RUN
        yield Paragraph((f"RTO and RPO cannot be judged: {why}.",))
        return
    run, plan = told.recovered
    yield Bullets([(f"{run.id}: {rto_verdict(told, run, plan)}",), *_rpo(told, run, plan)])


def rto_verdict(told: Story, run: Run, plan: Plan) -> str:
    """Return the time to recover judged against the RTO."""
    took, target = time_to_recover(run, told.incident), seconds(plan.rto_s)
    if took is None:
        return "RTO cannot be judged: nobody stated when the impact began."
    if target is None:
        return f"recovered {in_words(took)} after the impact began; no RTO is set."
    verdict = "met" if took <= target else f"missed by {in_words(took - target)}"
    return f"recovered {in_words(took)} after the impact began; RTO {in_words(target)}: {verdict}."


def _rpo(told: Story, run: Run, plan: Plan) -> Iterator[Line]:
    for loss in losses(told.incident, run, now=told.end) if run.restored else ():
        yield (f"{run.id}: {rpo_line(loss)}",)


def rpo_line(loss: Loss) -> str:
    """Return the lost good data judged against the RPO."""
    if loss.moment is None:
        return f"RPO of {loss.source} cannot be judged: no recovery point was chosen."
    if loss.lost is None:
        return f"RPO of {loss.source} cannot be judged: nobody stated when the damage began."
    return f"{in_words(loss.lost)} of good data lost from {loss.source}. {rpo_verdict(loss)}"


def _steps(told: Story) -> Iterator[Block]:
    rows = [row for run, plan in told.planned for row in step_rows(told, run, plan)]
    yield from table(("Step", "Attempt", "Started", "Took", "Expected", "Outcome"), rows)
    if not rows:
        yield Paragraph(("No step was carried out.",))


def _freezes(told: Story) -> Iterator[Block]:
    for freeze in told.freezes:
        yield Fields(tuple(_freeze(told, freeze)))
        happened = [
            (Moment(entry.occurred_at), " ", Who(entry.by), " ", *describe(entry))
            for entry in told.entries
            if entry.stream == f"freeze/{freeze.id}" and isinstance(entry.event, DEPLOYMENTS)
        ]
        if happened:
            yield Bullets(happened)
    if not told.freezes:
        yield Paragraph(("Nothing was frozen.",))


def _freeze(told: Story, freeze: Freeze) -> Iterator[tuple[str, Line]]:
    yield freeze.id, (f"{in_scope(freeze.placed.scope)}: {freeze.placed.why}",)
    yield "From", (Moment(freeze.since), " by ", Who(freeze.by))
    if freeze.lifted_at:
        length = in_words(lasted(freeze.since, freeze.lifted_at))
        yield "To", (Moment(freeze.lifted_at), " by ", Who(freeze.lifted_by or "nobody"), f", after {length}")
    elif freeze.in_force(told.now):
        yield "To", (f"still in force, {in_words(lasted(freeze.since, told.now))} so far",)
    else:
        yield "To", (*moment(freeze.placed.until), ", by itself")
    stream = f"freeze/{freeze.id}"
    refused = sum(1 for _ in told.told(events.DeploymentRefused, stream))
    passed = sum(1 for _ in told.told(events.DeploymentExcepted, stream))
    yield "Deployments", (f"{refused} refused, {passed} passed by exception",)


def _deviations(told: Story) -> Iterator[Block]:
    items = [
        (Moment(entry.occurred_at), " ", Who(entry.by), " ", *describe(entry))
        for entry in told.entries
        if deviates(entry)
    ]
    none = "None: every run went as planned." if told.planned else "No run was started."
    yield Bullets(items) if items else Paragraph((none,))


def _verification(told: Story) -> Iterator[Block]:
    found = [row for run, plan in told.planned for row in _checks(run, plan)]
    yield from table(("Check", "Of", "Result", "Found"), found)
    if not found:
        yield Paragraph(("No check was carried out.",))


def _checks(run: Run, plan: Plan) -> Iterator[tuple[Line, ...]]:
    for step in plan.steps:
        for check in run.step(step.id).checks:
            yield _check(check, f"{run.id} {place(plan, step.id)}")
    for check in run.checks:
        yield _check(check, f"{run.id}, at the end")


def _check(check: CheckFound, of: str) -> tuple[Line, ...]:
    word = "passed" if check.ok else ("failed" if check.blocking else "warned")
    evidence = joined([(f"{name}={value}",) for name, value in check.evidence.items()])
    return ((check.check,), (of,), (word,), (check.found, *((" (", *evidence, ")") if evidence else ())))
