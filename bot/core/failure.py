"""What follows when a step failed: another try, a question to people, or nothing."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.core.due import MOST_REMOVALS
from bot.core.events import AttemptOpened, Event, RetryAsked, RunPaused, StepFailed, StepInDoubt
from bot.core.plan import Plan, PlannedStep, way_out
from bot.core.run import Run
from bot.core.step import caution
from integrations.contract import JobState, Phase

REMOVED_AGAIN = timedelta(seconds=15)
"""How long it takes until a copy is tried to be removed again; each time twice as long."""

BUSY_AGAIN = timedelta(minutes=5)
"""How long it takes where something else was at the target, as often as that is so: it is in nobody's way."""

KINDS = {Phase.FAILED: "transient", Phase.PARTIAL: "transient", Phase.TIMED_OUT: "timeout"}
"""The word of `retry.on` for how a job ended."""


def because_of(job: JobState) -> str:
    """Return why a job did not succeed; that it failed is said beside it."""
    warned = f" {said}" if (said := caution(job.evidence)) else ""
    if job.phase is Phase.FAILED and job.because:
        return f"{job.because}{warned}"
    return f"{job.phase.value.replace('_', ' ')}: {job.because}".rstrip(": ") + warned


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
    if _cleans_again(plan, step, failed):
        return (_asked_again(step, failed, now),)
    # Before the start there is nothing to pause: a restore without a copy makes its own.
    if run.started_at and (failed.undo or not _goes_on(step)):
        times = f" {failed.attempt} times, last" if step.repeats and failed.attempt > 1 else ""
        why = way_out(f"{step.title} failed{times}: {failed.because}", plan.fallbacks, "step_failed")
        return (RunPaused(why=why, step=step.id),)
    return ()


def doubted(run: Run, plan: Plan, doubt: StepInDoubt, *, now: datetime) -> Event:
    """Return what follows when nobody can say how a step ended: people are asked, but in a clean-up."""
    step = plan.step(doubt.step)
    if step and not run.abort and _cleans_again(plan, step, doubt):
        return _asked_again(step, doubt, now)
    title = step.title if step else doubt.step
    why = f"{title} is in doubt, nobody can say how it ended: {doubt.because}"
    return RunPaused(why=why, step=doubt.step)


def _cleans_again(plan: Plan, step: PlannedStep, ended: StepFailed | StepInDoubt) -> bool:
    """Say whether a step that did not end well cleans up what is a stand-in, and was not tried too often."""
    apart = bool(plan.drill) and step.repeats and plan.apart(step)
    return apart and not ended.undo and ended.attempt <= step.retries


def _asked_again(step: PlannedStep, ended: StepFailed | StepInDoubt, now: datetime) -> RetryAsked:
    """Even so the target is asked first: it opens when nothing of the old attempt acts."""
    at = now + timedelta(seconds=step.backoff_s)
    return RetryAsked(step=step.id, why=ended.because, not_before=at)


def _removed_again(run: Run, failed: StepFailed, now: datetime) -> tuple[Event, ...]:
    """A copy is tried to be removed some times; a run that may still be started makes another one anyway."""
    if failed.busy:
        return (_opened(failed, now + BUSY_AGAIN),)
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
