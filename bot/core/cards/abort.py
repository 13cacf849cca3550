"""What an abort would leave behind, said before anybody confirms it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from bot.core.cards.states import place, stands
from bot.core.document import Block, Bullets, Document, Line, Paragraph, Strong
from bot.core.order import in_order
from bot.core.plan import Plan, PlannedStep, PlannedTarget
from bot.core.run import OVER, Run, Status, StepState
from bot.core.sharing import server_of
from integrations.contract import Cancel, Effect


@dataclass(frozen=True, slots=True)
class Seen:
    """What a target said when it was asked; without a `problem` it answered and nothing was wrong."""

    at: datetime
    problem: str = ""

    def __str__(self) -> str:
        if self.problem:
            return f"asked at {self.at:%H:%M:%SZ}, this was wrong: {self.problem.rstrip('.')}"
        return f"it answered at {self.at:%H:%M:%SZ}"


_WELL = frozenset({Status.SUCCEEDED, Status.DONE})


def abort_leaves(run: Run) -> Document:
    """Return what stays behind per target and step if the run is aborted now, and where one can go on."""
    plan = run.plan
    if plan is None or (run.started_at is None and not run.copies):
        return Document("", (Paragraph((f"{run.id} has not begun: an abort leaves everything as it is.",)),))
    blocks: tuple[Block, ...] = (
        Paragraph((f"Aborting {run.id} now leaves:",)),
        *left_behind(run, plan),
    )
    return Document("", blocks)


def answers(state: StepState) -> Mapping[str, Seen]:
    """Return what the targets of a destructive step said when it did not end well."""
    at = state.ended_at
    return {name: Seen(at, problem) for name, problem in state.answered.items()} if at else {}


def left_behind(run: Run, plan: Plan, seen: Mapping[str, Seen] | None = None) -> tuple[Block, ...]:
    """Return how an aborted run leaves its targets, as they were `seen`, and its steps, without a heading."""
    return (
        Bullets(
            [
                *_targets(run, plan, {**_last_answers(run, plan), **(seen or {})}),
                *_steps(run, plan),
                *_around(run, plan),
            ]
        ),
        Paragraph(_resume_point(run, plan)),
    )


def left(leaves: str) -> str:
    """Return what an aborted run left behind as "It leaves:" goes on, each thing on a line of its own."""
    lines = [line.strip() for line in leaves.splitlines() if line.strip()]
    return "".join(f"\n{line}" for line in lines) or " nothing is known"


def half_destroyed(run: Run, plan: Plan) -> tuple[str, ...]:
    """Return the targets on which a destructive step did not end well: nobody knows how whole they are."""
    names = (target.name for target in plan.targets)
    return tuple(name for name in names if _destroyed(run, _acted_on(run, plan, name)))


def _targets(run: Run, plan: Plan, seen: Mapping[str, Seen]) -> Iterator[Line]:
    for target in plan.targets:
        acted = _acted_on(run, plan, target.name)
        if not acted:
            whole = _whole(run, plan, target)
            yield (Strong(target.name), f": as the rest of {whole}" if whole else ": untouched")
        else:
            last = f", last by {place(plan, acted[-1].id)}"
            known = _answer(seen.get(target.name)) if _destroyed(run, acted) else ""
            yield (Strong(target.name), f": {_condition(run, acted)}{last}{known}")


def _whole(run: Run, plan: Plan, part: PlannedTarget) -> str:
    """Return the target that is the whole of the server which a part is of, if it was acted on."""
    alike = (each for each in plan.targets if each.whole and server_of(each) and each.name != part.name)
    same = (each.name for each in alike if server_of(each) == server_of(part))
    return next((name for name in same if _acted_on(run, plan, name)), "")


def _last_answers(run: Run, plan: Plan) -> Mapping[str, Seen]:
    said = [pair for step in plan.steps for pair in answers(run.step(step.id)).items()]
    return dict(sorted(said, key=lambda pair: pair[1].at))


def _acted_on(run: Run, plan: Plan, target: str) -> list[PlannedStep]:
    return [step for step in plan.steps if _acted(run, step) and target in step.acts_on]


def _destroyed(run: Run, acted: list[PlannedStep]) -> list[PlannedStep]:
    return [step for step in acted if step.destructive and run.step(step.id).status not in _WELL]


def _acted(run: Run, step: PlannedStep) -> bool:
    return step.call.effect is not Effect.READ and run.step(step.id).acted


def _condition(run: Run, acted: list[PlannedStep]) -> str:
    """Destructive work that did not end well outweighs everything else."""
    broken = [step for step in acted if run.step(step.id).status not in _WELL]
    destroyed = _destroyed(run, acted)
    if any(step.call.cancel is not Cancel.CLEAN for step in destroyed):
        return "perhaps not whole, as a destructive step has not come to its end"
    if destroyed:
        return "as it was, or as the step makes it"
    return "half changed" if broken else "changed"


def _answer(seen: Seen | None) -> str:
    """Return what is known of a target that may not be whole; that it answers does not make it so."""
    known = seen or "nobody has asked whether it answers"
    return f"; {known}. Look at its data before it is used."


def _steps(run: Run, plan: Plan) -> Iterator[Line]:
    for step in plan.steps:
        state = run.step(step.id)
        if state.status is not Status.WAITING or _acted(run, step):
            left = _COPY if step.id in run.copies else _left(step, state)
            yield (f"{place(plan, step.id)} ({stands(run, step)}): {left}",)


_COPY = "its copy beside the target is removed"


def _left(step: PlannedStep, state: StepState) -> str:
    status = state.status
    match status:
        case Status.STARTED:
            return _after(_stopped(step), state)
        case Status.CHECKING:
            return _after("a person said that it is done; what was done stays", state)
        case Status.FAILED | Status.IN_DOUBT:
            return _after(_broken_off(step), state)
        case Status.WAITING | Status.SKIPPED:
            return _let_be(step, state)
        case Status.UNDONE:
            return "nothing"
        case Status.SUCCEEDED | Status.DONE:
            back = "an undo exists, but an abort does not carry it out" if step.undo else "it has no undo"
            return f"stays done; {back}"
        case _:
            assert_never(status)


def _broken_off(step: PlannedStep) -> str:
    return step.call.leaves or "nobody can say what it changed"


def _let_be(step: PlannedStep, state: StepState) -> str:
    """Return what a step that is not acting has left behind: an attempt may have acted all the same."""
    if step.call.effect is Effect.READ:
        return "nothing"
    if state.earlier:
        return f"{_ended(state.earlier)}: {_broken_off(step)}"
    return f"attempt {state.attempt} acted before that: {_broken_off(step)}" if state.acted else "nothing"


def _after(left: str, state: StepState) -> str:
    return f"{left.rstrip('.')}; before it, {_ended(state.earlier)}" if state.earlier else left


def _ended(earlier: StepState) -> str:
    because = f" ({earlier.because.rstrip('.')})" if earlier.because else ""
    return f"attempt {earlier.attempt} acted and {_ENDS.get(earlier.status, 'was given up')}{because}"


_ENDS = {Status.FAILED: "failed", Status.IN_DOUBT: "is in doubt", Status.SUCCEEDED: "succeeded"}


def _stopped(step: PlannedStep) -> str:
    match step.call.cancel:
        case Cancel.NONE:
            return "cannot be stopped; the abort waits for its end"
        case Cancel.CLEAN:
            return f"is stopped and leaves nothing half done. {step.call.leaves}".rstrip()
        case Cancel.PARTIAL:
            return f"is stopped half-way. {step.call.leaves or 'What it changed stays changed.'}"
        case _:
            assert_never(step.call.cancel)


def _around(run: Run, plan: Plan) -> Iterator[Line]:
    stops = [step for step in plan.steps if step.stops_writers and run.step(step.id).status in _WELL]
    if stops:
        yield (_writers(run, plan, stops[-1]),)
    if run.freeze:
        ends = plan.freeze is not None and plan.freeze.lift == "with_run"
        yield (f"{run.freeze} {'is lifted' if ends else 'stays in force until a person lifts it'}.",)


def _writers(run: Run, plan: Plan, stop: PlannedStep) -> str:
    """No plan says which step starts writers again; one that acted on the same afterwards may."""
    steps = in_order(plan.steps)
    later = steps[steps.index(stop) + 1 :]
    acted = [step for step in later if not step.destructive and _acted(run, step)]
    since = [step for step in acted if set(step.acts_on) & set(stop.acts_on)]
    if not since:
        return "Writers stay stopped until a person starts them."
    return (
        f"Writers were stopped by {place(plan, stop.id)}, and {place(plan, since[-1].id)} acted there since: "
        "look whether they write again."
    )


def _resume_point(run: Run, plan: Plan) -> Line:
    left = [step for step in in_order(plan.steps) if run.step(step.id).status not in OVER]
    if not left:
        return ("Every step is over, only the end checks are missing.",)
    return (Strong("First step that is not over: "), f"{place(plan, left[0].id)}. A new plan begins at S1.")
