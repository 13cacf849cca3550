"""What a run does next: a pure function of its events, the clock, the people and the freezes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.core.approval import Standing, standing
from bot.core.freeze import Change, Freeze, covers
from bot.core.order import in_order, urgent_first
from bot.core.plan import Plan, PlannedStep, way_out
from bot.core.run import ACTING, OVER, Run, Status
from bot.core.words import in_words

MOST_REMOVALS = 5
"""How often it is tried to remove a copy from beside its target before that is left to people."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Resolve the playbook against now."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Start a step that has never been started in this attempt."""

    step: PlannedStep
    attempt: int


@dataclass(frozen=True, slots=True)
class Attend:
    """A step was started: find it at its engine and follow it to its end."""

    step: PlannedStep


@dataclass(frozen=True, slots=True)
class Prove:
    """A person said that a step is done: ask its own checks."""

    step: PlannedStep


@dataclass(frozen=True, slots=True)
class Reopen:
    """A person asked for another attempt: see that nothing of the old one runs, then open it."""

    step: PlannedStep


@dataclass(frozen=True, slots=True)
class Undo:
    """Carry out the undo of a finished step."""

    step: PlannedStep


@dataclass(frozen=True, slots=True)
class Stop:
    """Cancel a started step because the run is being aborted."""

    step: PlannedStep


@dataclass(frozen=True, slots=True)
class Abort:
    """A step failed and its playbook says to end the run then."""

    step: PlannedStep


@dataclass(frozen=True, slots=True)
class Rest:
    """A step is tried again by itself, and not before this moment."""

    until: datetime


@dataclass(frozen=True, slots=True)
class AskWhether:
    """Ask everybody whether they object to a destructive step, which begins at `until` if nobody does."""

    step: PlannedStep
    attempt: int
    until: datetime


@dataclass(frozen=True, slots=True)
class EndAbort:
    """Nothing acts any more: record that the run is aborted."""


@dataclass(frozen=True, slots=True)
class EndUndo:
    """Everything that was to be undone is undone: pause and ask."""


@dataclass(frozen=True, slots=True)
class Verify:
    """All steps are over: carry out the checks at the end."""


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing may start: say why and ask a person; `aged` is a gate whose approvals became too old.

    `late` says that the time for the whole run is over.
    """

    why: str
    step: str | None = None
    freeze: str | None = None
    aged: str | None = None
    late: bool = False


Move = (
    Draft
    | Begin
    | Attend
    | Prove
    | Reopen
    | Undo
    | Stop
    | Abort
    | Rest
    | AskWhether
    | EndAbort
    | EndUndo
    | Verify
    | Pause
)


def due(
    run: Run, *, now: datetime, holders: Mapping[str, Sequence[str]], freezes: Iterable[Freeze]
) -> tuple[Move, ...]:
    """Return what is to be done now; nothing means that the run waits for people or is over."""
    if run.plan is None:
        return () if run.over else (Draft(),)
    acting = [step for step in run.plan.steps if run.step(step.id).status in ACTING]
    if run.over:
        return tuple(_attended(run, acting)) or tuple(_removed(run, run.plan, now))
    if run.abort:
        # What will not go at once must not keep the run from ending; it is tried again afterwards.
        at_once = [step for step in run.plan.steps if step.undo and run.copies.get(step.id) == 0]
        return _stopped(run, acting) or tuple(Undo(step) for step in at_once) or (EndAbort(),)
    if run.started_at is None:
        return tuple(_beforehand(run, run.plan, acting, now))
    if ended := tuple(Abort(step) for step in run.plan.steps if _ends_the_run(run, step)):
        return ended[:1]
    attended = tuple(_attended(run, acting))
    reopened = tuple(Reopen(step) for step in run.plan.steps if run.step(step.id).retry)
    if attended or reopened:
        return (*attended, *reopened, *_parallel(run, run.plan, now, holders, freezes))
    if run.undo:
        return (_undo(run, run.plan, run.undo.step),)
    if run.pauses:
        return ()
    if late := _late(run, run.plan, now):
        return (late,)
    if all(_over(run, step) for step in run.plan.steps):
        return (Verify(),)
    return tuple(_next(run, run.plan, now, holders, tuple(freezes))) or tuple(_stuck(run, run.plan))


def _attended(run: Run, acting: Iterable[PlannedStep]) -> Iterator[Move]:
    """Follow each to its end: at its engine, or by the checks of what a person said they did."""
    for step in acting:
        yield Attend(step) if run.step(step.id).status is Status.STARTED else Prove(step)


def _stopped(run: Run, acting: Sequence[PlannedStep]) -> tuple[Move, ...]:
    """Cancel what acts; what removes a copy, or is only checked, is let come to its end."""
    removing = {step.id for step in acting if step.warm and run.step(step.id).undoing}
    attended = zip(acting, _attended(run, acting), strict=True)
    return tuple(
        move if step.id in removing or isinstance(move, Prove) else Stop(step) for step, move in attended
    )


def _beforehand(run: Run, plan: Plan, acting: Sequence[PlannedStep], now: datetime) -> Iterator[Move]:
    """Before the start only what changes nothing is carried out; what nobody wants any more is removed."""
    if run.warm is None:
        yield from _stopped(run, acting) or _removed(run, plan, now)
        return
    yield from _attended(run, acting)
    if run.pauses:
        return
    yield from (Reopen(step) for step in plan.steps if run.step(step.id).retry)
    over = {step.id for step in plan.steps if _over(run, step)}
    for step in in_order(plan.steps):
        state = run.step(step.id)
        if step.beforehand and state.status is Status.WAITING and over.issuperset(step.needs):
            until = state.not_before
            yield Rest(until) if until and now < until else Begin(step, state.attempt)


def _removed(run: Run, plan: Plan, now: datetime) -> Iterator[Move]:
    """Remove the copies that lie beside their targets, again after a while and not for ever."""
    for step in plan.steps:
        tries, state = run.copies.get(step.id, MOST_REMOVALS), run.step(step.id)
        if step.undo is None or tries >= MOST_REMOVALS:
            continue
        if state.not_before and now < state.not_before:
            yield Rest(state.not_before)
        else:
            yield Undo(step)


def _stuck(run: Run, plan: Plan) -> Iterator[Pause]:
    """A step that did not end well and that nobody has decided about is asked about again."""
    for step in plan.steps:
        status = run.step(step.id).status
        if status in (Status.FAILED, Status.IN_DOUBT, Status.UNDONE) and not _over(run, step):
            yield Pause(f"{step.title} is {status.value}: say what to do about it.", step.id)
            return


def _ends_the_run(run: Run, step: PlannedStep) -> bool:
    state = run.step(step.id)
    failed = state.status is Status.FAILED and not state.undoing and state.retry is None
    return failed and step.on_failure == "abort"


def _late(run: Run, plan: Plan, now: datetime) -> Pause | None:
    """Ask once whether to go on when the time the playbook allows for the whole run is over."""
    if plan.at_most_s is None or run.started_at is None or run.late:
        return None
    allowed = timedelta(seconds=plan.at_most_s)
    if now <= run.started_at + allowed:
        return None
    why = f"{run.id} takes longer than the {in_words(allowed)} its playbook allows."
    return Pause(way_out(why, plan.fallbacks, "out_of_time"), late=True)


def _over(run: Run, step: PlannedStep) -> bool:
    status = run.step(step.id).status
    return status in OVER or (status is Status.FAILED and step.on_failure == "continue")


def _undo(run: Run, plan: Plan, back_to: str) -> Move:
    """Undo the newest finished step first, back to and including the one named."""
    ids = [step.id for step in plan.steps]
    span = plan.steps[ids.index(back_to) :] if back_to in ids else ()
    for step in reversed(span):
        state = run.step(step.id)
        if step.undo and state.status in (Status.SUCCEEDED, Status.DONE):
            return Undo(step)
    return EndUndo()


def _parallel(
    run: Run,
    plan: Plan,
    now: datetime,
    holders: Mapping[str, Sequence[str]],
    freezes: Iterable[Freeze],
) -> tuple[Move, ...]:
    """Beside steps that are acting, start those that do not wait for them; pausing can wait."""
    if run.pauses or run.undo:
        return ()
    moves = _next(run, plan, now, holders, tuple(freezes))
    return tuple(move for move in moves if isinstance(move, Begin | Rest | AskWhether))


def _next(
    run: Run,
    plan: Plan,
    now: datetime,
    holders: Mapping[str, Sequence[str]],
    freezes: Sequence[Freeze],
) -> Iterator[Move]:
    over = {step.id for step in plan.steps if _over(run, step)}
    begun = Counter(step.limit for step in plan.steps if run.step(step.id).status in ACTING)
    for step in urgent_first(plan.steps) if plan.limits else in_order(plan.steps):
        state = run.step(step.id)
        if state.status is not Status.WAITING or not over.issuperset(step.needs):
            continue
        if step.limit and begun[step.limit] >= plan.limits.get(step.limit, 1):
            continue
        if state.not_before and now < state.not_before:
            yield Rest(state.not_before)
            continue
        blocked = _blocked(run, plan, step, now, holders, freezes)
        if blocked is None:
            begun[step.limit] += 1
            yield Begin(step, state.attempt)
        elif not isinstance(blocked, _Wait):
            yield blocked


@dataclass(frozen=True, slots=True)
class _Wait:
    """People have not said enough yet."""


def _blocked(
    run: Run,
    plan: Plan,
    step: PlannedStep,
    now: datetime,
    holders: Mapping[str, Sequence[str]],
    freezes: Sequence[Freeze],
) -> Pause | Rest | AskWhether | _Wait | None:
    if plan.drill and plan.problems and not step.person:
        return Pause(plan.problems[0], step.id)
    if plan.drill and not step.person:
        why = f"{step.title} would change what is not isolated, which no drill does."
        return None if plan.apart(step) else Pause(why, step.id)
    if step.gate:
        gate, state = plan.gate(step.gate), run.gates.get(step.gate)
        if gate is None or state is None:
            return Pause(f"The plan has no approval named {step.gate}.", step.id)
        match standing(gate, state, hash=run.hash, holders=holders, now=now):
            case Standing.REJECTED:
                said = state.rejection
                why = f"{said.person} rejected {gate.name}: {said.why}" if said else gate.name
                return Pause(why, step.id)
            case Standing.EXPIRED:
                return Pause(f"The approvals of {gate.name} did not come in time.", step.id)
            case Standing.GATHERING if now >= state.expires:
                why = f"The approvals of {gate.name} are too old to count."
                return Pause(why, step.id, aged=gate.name)
            case Standing.GATHERING:
                return _Wait()
            case Standing.OPEN:
                pass
            case _ as never:
                assert_never(never)
    elif step.destructive:
        return Pause(f"{step.title} destroys data, and the plan asks nobody to approve it.", step.id)
    if step.destructive:
        return _frozen(run, plan, step, now, freezes) or _unasked(run, step, now)
    return None


def _unasked(run: Run, step: PlannedStep, now: datetime) -> AskWhether | Rest | None:
    """Give people their time to object, for each attempt and each plan anew; it comes on top of approvals."""
    attempt, within = run.step(step.id).attempt, run.objections.within
    until = run.objections.until(step.id, attempt, run.hash)
    if until:
        return Rest(until) if now < until else None
    return AskWhether(step, attempt, now + within) if within else None


def _frozen(
    run: Run, plan: Plan, step: PlannedStep, now: datetime, freezes: Sequence[Freeze]
) -> Pause | None:
    passes = {*plan.passes, *run.passes, run.freeze}
    for freeze in freezes:
        stops = freeze.in_force(now) and freeze.id not in passes
        if stops and _over_target(freeze, plan):
            why = f"{freeze.id} was placed over {plan.service} after this plan was made: "
            return Pause(why + freeze.placed.why, step.id, freeze.id)
    return None


def _over_target(freeze: Freeze, plan: Plan) -> bool:
    """A freeze of any kind of change stops a destructive step in its services and environments."""
    every_kind = freeze.placed.scope.model_copy(update={"kinds": ("*",)})
    return covers(every_kind, Change(plan.service, plan.environment, "restore"))


def next_gate(run: Run, *, holders: Mapping[str, Sequence[str]], now: datetime) -> str | None:
    """Return the gate that the run waits for now, or None."""
    if run.plan is None or run.started_at is None or run.over:
        return None
    for gate in run.plan.gates:
        state = run.gates.get(gate.name)
        if (
            state
            and not state.used
            and standing(gate, state, hash=run.hash, holders=holders, now=now) is not Standing.OPEN
        ):
            return gate.name
    return None
