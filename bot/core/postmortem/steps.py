"""Every attempt of every step with its duration, from the entries of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import assert_never

from bot.core import events
from bot.core.cards.states import place
from bot.core.document import Line, Moment
from bot.core.plan import Plan
from bot.core.postmortem.story import Story
from bot.core.run import Run
from bot.core.step import caution
from bot.core.words import in_words, lasted


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a step; `ended` is None while it acts."""

    step: str
    number: int
    undo: bool
    started: datetime | None
    ended: datetime | None
    outcome: str

    @property
    def took(self) -> timedelta | None:
        """Return how long it took, or None when it did not start or has not ended."""
        return lasted(self.started, self.ended) if self.started and self.ended else None


def attempts(told: Story, run: Run) -> tuple[Attempt, ...]:
    """Return the attempts of a run in the order they ended; those that still act come last."""
    began: dict[str, tuple[datetime, events.StepStarted]] = {}
    ended: list[Attempt] = []
    for entry in told.entries:
        if entry.stream != f"run/{run.id}":
            continue
        match entry.event:
            case events.StepStarted(step=step) as started:
                began[step] = (entry.occurred_at, started)
            case (
                events.StepSucceeded(step=step)
                | events.StepFailed(step=step)
                | events.StepInDoubt(step=step)
                | events.StepSkipped(step=step)
                | events.StepDone(step=step)
                | events.StepProved(step=step)
            ) as event:
                ended.append(_ended(step, began.pop(step, None), entry.occurred_at, _outcome(event)))
            case _:
                pass
    acting = [Attempt(s, e.attempt, e.undo, at, None, "acts") for s, (at, e) in began.items()]
    return (*ended, *acting)


def _ended(
    step: str, began: tuple[datetime, events.StepStarted] | None, at: datetime, outcome: str
) -> Attempt:
    if began is None:
        return Attempt(step, 0, undo=False, started=None, ended=at, outcome=outcome)
    return Attempt(step, began[1].attempt, began[1].undo, began[0], at, outcome)


def _outcome(
    event: events.StepSucceeded
    | events.StepFailed
    | events.StepInDoubt
    | events.StepSkipped
    | events.StepDone
    | events.StepProved,
) -> str:
    match event:
        case events.StepSucceeded(evidence=evidence):
            warned = caution(evidence)
            return f"{'undone' if event.undo else 'succeeded'}{f': {warned}' if warned else ''}"
        case events.StepFailed(because=because):
            return f"failed: {because}"
        case events.StepInDoubt(because=because):
            return f"in doubt: {because}"
        case events.StepSkipped(why=why):
            return f"skipped: {why}"
        case events.StepDone(evidence=evidence):
            return f"{'said to be ' if event.unproved else ''}done by hand: {evidence}"
        case events.StepProved():
            return "done by hand: its checks passed"
        case _:
            assert_never(event)


def step_rows(told: Story, run: Run, plan: Plan) -> Iterator[tuple[Line, ...]]:
    """Return a row for each attempt: step, attempt, start, duration, estimate, outcome."""
    for attempt in attempts(told, run):
        step = plan.step(attempt.step)
        estimate = timedelta(seconds=step.estimate_s) if step and step.estimate_s > 0 else None
        undo = "undo of " if attempt.undo else ""
        yield (
            (f"{run.id} {undo}{place(plan, attempt.step)}",),
            (str(attempt.number) if attempt.number else "none",),
            (Moment(attempt.started),) if attempt.started else ("not started",),
            (in_words(attempt.took) if attempt.took is not None else "",),
            (in_words(estimate) if estimate and not attempt.undo else "",),
            (attempt.outcome,),
        )
