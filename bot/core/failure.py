"""What follows when a step failed: another try, a question to people, or nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.core.due import MOST_REMOVALS
from bot.core.events import AttemptOpened, Event, RunPaused, StepFailed
from bot.core.plan import Plan, PlannedStep, way_out
from bot.core.run import Run

REMOVED_AGAIN = timedelta(seconds=15)
"""How long it takes until a copy is tried to be removed again; each time twice as long."""


def follows(
    run: Run, plan: Plan, failed: StepFailed, kind: str | None, *, now: datetime
) -> tuple[Event, ...]:
    """Return the events that follow a failure.

    `kind` is the word of `retry.on` for what happened, or None for what another try cannot mend.
    """
    step = plan.step(failed.step)
    if step is None:
        return ()
    if failed.undo and step.warm and not run.undo:
        return _removed_again(run, failed, now)
    if run.abort:
        return ()
    again = not step.destructive and failed.attempt <= step.retries and kind in step.retry_on
    if again and not failed.undo:
        return (_opened(failed, now + timedelta(seconds=step.backoff_s)),)
    # Before the start there is nothing to pause: a restore without a copy makes its own.
    if run.started_at and (failed.undo or not _goes_on(step)):
        why = way_out(f"{step.title} failed: {failed.because}", plan.fallbacks, "step_failed")
        return (RunPaused(why=why, step=step.id),)
    return ()


def _removed_again(run: Run, failed: StepFailed, now: datetime) -> tuple[Event, ...]:
    """A copy is tried to be removed some times; a run that may still be started makes another one anyway."""
    tries = run.copies.get(failed.step, 0) + 1
    if tries >= MOST_REMOVALS and run.over:
        return ()
    return (_opened(failed, now + REMOVED_AGAIN * 2**tries),)


def _opened(failed: StepFailed, at: datetime) -> AttemptOpened:
    return AttemptOpened(
        step=failed.step, attempt=failed.attempt + 1, target_said=failed.because, not_before=at
    )


def _goes_on(step: PlannedStep) -> bool:
    """Say whether nobody is asked when a step failed: the run ends by itself, or goes on without it."""
    return step.on_failure == "abort" or (step.on_failure == "continue" and not step.destructive)
