"""The plan card: what would be done, with which recovery point, at what price, and by whose yes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from bot.core.budget import Budget, Verdict, time_budget
from bot.core.cards import copies
from bot.core.cards.lines.freezes import in_scope
from bot.core.cards.lines.silences import alerts_with
from bot.core.cards.states import consequence, expected, place, stands
from bot.core.cards.timeline import whole_of
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
)
from bot.core.events import Scope
from bot.core.incident import Incident
from bot.core.loss import lines as loss_lines
from bot.core.loss import losses
from bot.core.plan import Plan, PlannedFreeze, PlannedGate, PlannedSource, PlannedStep, up_to
from bot.core.run import Run
from bot.core.silence import AT_MOST
from bot.core.words import between, in_size, in_words, joined, people
from integrations.contract import RecoveryPoint

MOST_STEPS = 12
MOST_REFUSED = 8


def plan_card(run: Run, incident: Incident, *, now: datetime) -> Document:
    """Return the plan of a run as it is read before anybody approves it."""
    plan = run.plan
    if plan is None:
        return Document(f"{run.id} {run.asked.playbook}: {run.state}", tuple(_unplanned(run)))
    blocks = (
        *_problems(plan),
        Paragraph((f"For {incident.id}: {plan.service} in {plan.environment}, {run.state}.",)),
        *_sources(plan),
        Bullets([line for loss in losses(incident, run, now=now) for line in loss_lines(loss)] or [_NO_DATA]),
        *_budget(run, plan, incident, now),
        *_copy(run, plan),
        Fields(tuple(_facts(run, plan))),
        *_steps(run, plan),
        Preformatted(by_hand(plan)),
        *_buttons(run, plan),
        Small((f"{run.id} · plan ", Code(run.hash[:8]), " · drafted ", Moment(plan.drafted_at))),
    )
    return Document(f"{run.id} {plan.playbook}: {plan.title}", blocks, whole_of(incident.id))


_NO_DATA: Line = (Strong("Data lost: "), "none, no step restores data.")


def _unplanned(run: Run) -> Iterator[Block]:
    if run.failed:
        yield Paragraph((Strong("No plan could be made: "), run.failed))
    else:
        what = f"{run.asked.playbook} for {run.asked.service} in {run.asked.environment}"
        yield Paragraph((f"Being planned: {what}.",))


def _problems(plan: Plan) -> Iterator[Block]:
    if plan.problems:
        yield Paragraph((Strong("✗ It cannot start:"),))
        yield Bullets([(problem,) for problem in plan.problems])
    if plan.warnings:
        yield Paragraph((Strong("⚠ Warnings:"),))
        yield Bullets([(warning,) for warning in plan.warnings])


def _sources(plan: Plan) -> Iterator[Block]:
    for source in plan.sources:
        yield Bullets([_chosen(source), *cautioned(source), *_refused(source)])


def _chosen(source: PlannedSource) -> Line:
    if source.point is None:
        return (Strong("✗ No recovery point"), " of ", Code(source.id), f": {source.because}")
    return (
        Strong("✓ Chosen"),
        " from ",
        Code(source.id),
        ": ",
        *point_line(source.point),
        *((", its log replayed ", up_to(source)) if source.goal else ()),
        f": {source.because}",
    )


def cautioned(source: PlannedSource) -> Iterator[Line]:
    """Yield what whoever approves must know of a source besides its point."""
    if source.caution:
        yield (Strong("⚠ "), source.caution)


def _refused(source: PlannedSource) -> Iterator[Line]:
    for refused in source.refused[:MOST_REFUSED]:
        yield ("✗ Refused: ", *point_line(refused.point), f": {refused.because}")
    left = len(source.refused) - MOST_REFUSED
    if left > 0:
        yield (f"{left} more were refused",)


def point_line(point: RecoveryPoint) -> Line:
    """Return a recovery point with what matters for trusting it."""
    size = f", {in_size(point.size, 'bytes')}" if point.size is not None else ""
    verified: Line = (", verified ", Moment(point.verified_at)) if point.verified_at else (", not verified",)
    release = f", release {point.release}" if point.release else ""
    return (
        Code(point.id),
        f" ({point.kind}, finished ",
        Moment(point.finished_at),
        size,
        *verified,
        release,
        ")",
    )


def _budget(run: Run, plan: Plan, incident: Incident, now: datetime) -> Iterator[Block]:
    if run.over:
        return
    budget = time_budget(run, plan, incident, now=now)
    yield Paragraph(budget_line(budget))
    if budget.parts:
        yield Bullets(
            [(f"{part.name}: {between(part.likely, part.high)} ({part.basis})",) for part in budget.parts]
        )
    if [part.name for part in budget.worst] != [part.name for part in budget.parts]:
        longest = ", ".join(f"{part.name} {in_words(part.high)}" for part in budget.worst)
        yield Paragraph((f"When all takes its longest, others decide: {longest}.",))


def budget_line(budget: Budget) -> Line:
    """Return the time that is left to come against the RTO, as one sentence."""
    spent = f"{in_words(budget.elapsed)} since the impact began, " if budget.elapsed is not None else ""
    rto = f"the RTO of {in_words(budget.rto)}" if budget.rto is not None else "an RTO"
    unsure = budget.verdict is Verdict.CANNOT_SAY
    judged = f" whether {rto} is met: " if unsure else f" {rto}; "
    rest = f"{between(budget.likely, budget.high)} to come"
    return (Strong("Time: "), f"{spent}{rest}: ", Strong(budget.verdict.value), f"{judged}{budget.why}.")


def _copy(run: Run, plan: Plan) -> Iterator[Block]:
    stands = copies.standing(run, plan)
    if stands and not run.over:
        yield Paragraph((Strong("Beforehand: "), *stands, "."))


def _facts(run: Run, plan: Plan) -> Iterator[tuple[str, Line]]:
    for gate in plan.gates:
        yield f"Approval {gate.name}", quorum_line(gate)
        if glass := gate.break_glass:
            alone = f"{glass.least} of {glass.role} alone, also whoever starts it; everybody reads why: "
            yield "In an emergency", (alone, Code(f'approve {run.id}.{gate.name} break-glass:"why"'))
    final = [place(plan, step.id) for step in plan.steps if step.no_way_back]
    yield "Point of no return", (", ".join(final) or "none: every step can be taken back",)
    yield "Freeze placed at start", (_freeze(plan.freeze),)
    if plan.silences:
        most = f", from its first act until the run ends, for {in_words(AT_MOST)} at most"
        yield "Silent", (*alerts_with(plan.silences, "alerts"), most)
    yield "Freezes passed", (", ".join(plan.passes) or "none",)
    if plan.inputs:
        yield "Inputs", joined([(f"{name}: ", Code(str(value))) for name, value in plan.inputs.items()])


def _freeze(freeze: PlannedFreeze | None) -> str:
    if freeze is None:
        return "none"
    lift = {"with_run": "lifted when the run ends", "by_hand": "lifted by hand"}.get(freeze.lift, freeze.lift)
    scope = Scope(services=freeze.services, environments=freeze.environments, kinds=freeze.kinds)
    look = (
        f", looked at again after {in_words(timedelta(seconds=freeze.at_most_s))}" if freeze.at_most_s else ""
    )
    return f"{in_scope(scope)}; {lift}{look}"


def quorum_line(gate: PlannedGate) -> Line:
    """Return who must say yes: `1 of dba (@bo) and 1 of app (@cy), not whoever starts it`."""
    seats = [
        (f"{quorum.least} of {quorum.role} (", *people(gate.people.get(quorum.role, ())), ")")
        for quorum in gate.require
    ]
    return (*joined(seats, " and "), ", different people, not whoever starts it")


def _steps(run: Run, plan: Plan) -> Iterator[Block]:
    for step in plan.steps[:MOST_STEPS]:
        yield Paragraph(_step(run, plan, step))
        yield Preformatted(commands(step))
    rest = plan.steps[MOST_STEPS:]
    if rest:
        yield Preformatted("\n".join(f"{place(plan, step.id)}\n{commands(step)}" for step in rest))


def _step(run: Run, plan: Plan, step: PlannedStep) -> Line:
    gate = f", needs {step.gate}" if step.gate else ""
    needs = f", after {', '.join(step.needs)}" if step.needs else ""
    what = f": {consequence(step)}, by {step.by}{gate}{needs}, {expected(step)}"
    return (f"{stands(run, step)} ", Strong(place(plan, step.id)), what)


def commands(step: PlannedStep) -> str:
    """Return exactly what a step would run or ask for."""
    if step.person:
        return "\n".join(
            (*(f"do: {line}" for line in step.person.do), *(f"confirm: {c}" for c in step.person.confirm))
        )
    called = f"{step.call.engine}.{step.call.operation}"
    return "\n".join(step.call.preview) or f"what {called} would run is not known"


def by_hand(plan: Plan) -> str:
    """Return what a person types, step by step, when Backstop is gone; what stands above is not repeated."""
    if plan.steps and all(_unknown(step) for step in plan.steps):
        return "By hand, if Backstop is gone: it is not known what any step would run."
    if all(_above(step) for step in plan.steps):
        return "By hand, if Backstop is gone: what stands above, step by step."
    told = (f"{place(plan, step.id)}{_typed(step)}" for step in plan.steps)
    return "\n".join(("By hand, if Backstop is gone:", *told))


def _typed(step: PlannedStep) -> str:
    if _unknown(step):
        return ": not known"
    return ": as above" if _above(step) else f"\n{_indented(step.call.by_hand)}"


def _unknown(step: PlannedStep) -> bool:
    return step.person is None and not (step.call.by_hand or step.call.preview)


def _above(step: PlannedStep) -> bool:
    return step.person is not None or (step.call.by_hand in ("", commands(step)) and not _unknown(step))


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


def _buttons(run: Run, plan: Plan) -> Sequence[Block]:
    if plan.problems or plan.drill or run.started_at or run.over:
        return ()
    asked = "This asks for the approvals, places the freeze, and begins the steps that need no approval."
    start = Button("Start", f"start {run.id}", style="primary", confirm=asked)
    return (Buttons((start, *copies.choices(run, plan))),)
