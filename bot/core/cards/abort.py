"""What an abort would leave behind, said before anybody confirms it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from bot.core.cards.states import place, stands
from bot.core.document import Block, Bullets, Document, Line, Paragraph, Strong
from bot.core.plan import Plan, PlannedStep, in_order
from bot.core.run import OVER, Run, Status
from integrations.contract import Cancel, Effect

_TOUCHED = frozenset({Status.STARTED, Status.IN_DOUBT, Status.SUCCEEDED, Status.FAILED, Status.DONE})


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


def left_behind(run: Run, plan: Plan) -> tuple[Block, ...]:
    """Return how an aborted run leaves its targets and steps, without a heading."""
    return (
        Bullets([*_targets(run, plan), *_steps(run, plan), *_around(run, plan)]),
        Paragraph(_resume_point(run, plan)),
    )


def left(leaves: str) -> str:
    """Return what an aborted run left behind as "It leaves:" goes on, each thing on a line of its own."""
    lines = [line.strip() for line in leaves.splitlines() if line.strip()]
    return "".join(f"\n{line}" for line in lines) or " nothing is known"


def _targets(run: Run, plan: Plan) -> Iterator[Line]:
    for target in plan.targets:
        acted = [step for step in plan.steps if _acted(run, step) and target.name in touched(step)]
        if not acted:
            yield (Strong(target.name), ": untouched")
        else:
            yield (Strong(target.name), f": {_condition(run, acted)}, last by {place(plan, acted[-1].id)}")


def touched(step: PlannedStep) -> tuple[str, ...]:
    """Return the targets a step acts on."""
    return tuple(dict.fromkeys((*step.touches, *((step.call.target,) if step.call.target else ()))))


def _acted(run: Run, step: PlannedStep) -> bool:
    return step.call.effect is not Effect.READ and run.step(step.id).status in _TOUCHED


def _condition(run: Run, acted: list[PlannedStep]) -> str:
    """Destructive work that did not end well outweighs everything else."""
    broken = [step for step in acted if run.step(step.id).status not in OVER]
    destroyed = [step for step in broken if step.destructive]
    if any(step.call.cancel is not Cancel.CLEAN for step in destroyed):
        return "not usable until a destructive step is finished or repaired"
    if destroyed:
        return "as it was, or as the step makes it: look at it before it is used"
    return "half changed" if broken else "changed"


def _steps(run: Run, plan: Plan) -> Iterator[Line]:
    for step in plan.steps:
        status = run.step(step.id).status
        if status is not Status.WAITING:
            left = _COPY if step.id in run.copies else _left(step, status)
            yield (f"{place(plan, step.id)} ({stands(run, step)}): {left}",)


_COPY = "its copy beside the target is removed"


def _left(step: PlannedStep, status: Status) -> str:
    match status:
        case Status.STARTED:
            return _stopped(step)
        case Status.FAILED | Status.IN_DOUBT:
            return step.call.leaves or "nobody can say what it changed"
        case Status.SKIPPED | Status.UNDONE | Status.WAITING:
            return "nothing"
        case Status.SUCCEEDED | Status.DONE:
            back = "an undo exists, but an abort does not carry it out" if step.undo else "it has no undo"
            return f"stays done; {back}"
        case _:
            assert_never(status)


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
    stopped = [step for step in plan.steps if step.stops_writers and run.step(step.id).status in OVER]
    if any(run.step(step.id).status in (Status.SUCCEEDED, Status.DONE) for step in stopped):
        yield ("Writers stay stopped until a person starts them.",)
    if run.freeze:
        ends = plan.freeze is not None and plan.freeze.lift == "with_run"
        yield (f"{run.freeze} {'is lifted' if ends else 'stays in force until a person lifts it'}.",)


def _resume_point(run: Run, plan: Plan) -> Line:
    left = [step for step in in_order(plan.steps) if run.step(step.id).status not in OVER]
    if not left:
        return ("Every step is over, only the end checks are missing.",)
    return (Strong("First step that is not over: "), f"{place(plan, left[0].id)}. A new plan begins at S1.")
