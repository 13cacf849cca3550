"""The copies that warm steps make ready beside their targets, before anybody decided."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.core.events import AttemptOpened
from bot.core.plan import Plan, PlannedStep
from bot.core.run import Run, Status

COPY_KEPT = timedelta(hours=4)


def kept_until(plan: Plan, now: datetime) -> datetime:
    """Return when a copy that nobody used is removed: after the time the playbook allows for a run."""
    return now + (timedelta(seconds=plan.at_most_s) if plan.at_most_s else COPY_KEPT)


def made_again(run: Run, step: PlannedStep) -> tuple[AttemptOpened, ...]:
    """Return what lets a step make its copy again that was removed, where the run may still be started."""
    if not step.warm or run.over or run.abort or run.undo:
        return ()
    attempt = run.step(step.id).attempt + 1
    return (AttemptOpened(step=step.id, attempt=attempt, target_said="its copy was removed"),)


def nobody_waits(run: Run) -> bool:
    """Say whether a copy may be removed at any time: no person and no end of the run waits for it."""
    return run.over or not (run.started_at or run.abort)


def nobody_wants(run: Run) -> bool:
    """Say whether a copy is made for nothing any more: a run that was started makes its own and keeps it."""
    return bool(run.over or run.abort) or (run.warm is None and run.started_at is None)


def failed(run: Run, plan: Plan) -> tuple[PlannedStep, ...]:
    """Return the steps that could not make their copy before the start."""
    return tuple(step for step in plan.steps if step.beforehand and run.step(step.id).status is Status.FAILED)


def switch_s(step: PlannedStep, copy: PlannedStep) -> float | None:
    """Return how many seconds a step takes that finds its copy ready, None where nobody measured that.

    It is what is left of the phases that were measured without those that made the copy.
    """
    made = {phase.phase for phase in copy.phases}
    if not made or not step.phases:
        return None
    return sum(phase.likely_s for phase in step.phases if phase.phase not in made)


def ready(run: Run, plan: Plan, step: PlannedStep) -> PlannedStep | None:
    """Return the step whose copy lies ready for a step to put it in place, or None.

    One of another recovery point than the plan has now is not taken, and is as good as none.
    """
    source = plan.source(step.call.source)
    point = source.point.id if source and source.point else None
    for other in plan.steps:
        state = run.step(other.id)
        fits = other.id in run.copies and other.call.target == step.call.target and other.id != step.id
        if fits and state.status is Status.SUCCEEDED and state.evidence.get("point") == point:
            return other
    return None
