"""A step of a run: where it stands, and how it came there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from bot.core.events import AttemptOpened, CheckFound, Entry, RetryAsked, StepProgressed, StepStarted
from integrations.contract import Json


class Status(StrEnum):
    """Where a step stands."""

    WAITING = "waiting"
    STARTED = "started"
    CHECKING = "being checked"
    IN_DOUBT = "in doubt"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    DONE = "done by hand"
    UNDONE = "undone"


OVER = frozenset({Status.SUCCEEDED, Status.SKIPPED, Status.DONE})

ACTING = frozenset({Status.STARTED, Status.CHECKING})
"""What goes on to its end: an engine or a person is at it, or the checks of what a person did are asked."""

_ACTED = ACTING | {Status.IN_DOUBT, Status.SUCCEEDED, Status.FAILED, Status.DONE}


@dataclass(frozen=True, slots=True)
class StepState:
    """A step of a run; `attempt` grows only when an `AttemptOpened` is recorded.

    `earlier` is the last attempt before this one that began and was not taken back. `by_hand` is what, as a
    person said, shows that it is done.
    """

    status: Status = Status.WAITING
    attempt: int = 1
    key: str = ""
    token: int | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    because: str = ""
    by_hand: str = ""
    tail: str = ""
    phase: str = ""
    percent: int | None = None
    entered: tuple[tuple[str, datetime], ...] = ()
    evidence: Mapping[str, Json] = field(default_factory=dict)
    checks: tuple[CheckFound, ...] = ()
    retry: RetryAsked | None = None
    undoing: bool = False
    not_before: datetime | None = None
    answered: Mapping[str, str] = field(default_factory=dict)
    not_ours: bool = False
    earlier: StepState | None = None

    @property
    def acted(self) -> bool:
        """Say whether this attempt or one before it may have changed something that was not taken back."""
        if self.status is Status.UNDONE:
            return False
        began = self.started_at is not None or bool(self.by_hand)
        return self.status in _ACTED or began or self.earlier is not None


def caution(evidence: Mapping[str, Json]) -> str:
    """Return what people must know of a step although it succeeded, as its engine says it, or nothing."""
    said = evidence.get("caution")
    return said if isinstance(said, str) else ""


def opened(state: StepState, event: AttemptOpened) -> StepState:
    """Return a step whose next attempt may begin; what an earlier one did is not forgotten."""
    began = state.status in _ACTED or state.started_at is not None
    last = replace(state, earlier=None) if began else state.earlier
    earlier = None if state.status is Status.UNDONE else last
    return StepState(attempt=event.attempt, not_before=event.not_before, earlier=earlier)


def started(state: StepState, entry: Entry, event: StepStarted) -> StepState:
    """Return a step that began."""
    return StepState(
        status=Status.STARTED,
        attempt=event.attempt,
        key=event.key,
        token=event.token if event.token is not None else state.token,
        started_at=entry.occurred_at,
        undoing=event.undo,
        earlier=state.earlier,
    )


def progressed(state: StepState, entry: Entry, event: StepProgressed) -> StepState:
    """Return a step that came further."""
    new = all(event.phase != phase for phase, _ in state.entered)
    entered = (*state.entered, (event.phase, entry.occurred_at)) if new else state.entered
    return replace(state, phase=event.phase, percent=event.percent, entered=entered)
