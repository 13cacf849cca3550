"""A handover of the command: it passes only when the other person takes it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.core.events import Entry, HandoffEnded, HandoffEvent, HandoffOffered, HandoffUnanswered

PATIENCE = timedelta(minutes=5)
"""How long an offer waits before both are reminded."""


@dataclass(frozen=True, slots=True)
class Handoff:
    """An offer that nobody has answered; `seq` is the number of its entry."""

    seq: int
    by: str
    to: str
    at: datetime
    reminded: bool = False

    @property
    def reminder(self) -> datetime:
        """Return when both are reminded."""
        return self.at + PATIENCE


def after(waiting: Handoff | None, entry: Entry, event: HandoffEvent) -> Handoff | None:
    """Return the offer that waits after an event."""
    match event:
        case HandoffOffered(to=to):
            return Handoff(entry.seq, entry.by, to, entry.occurred_at)
        case HandoffUnanswered():
            return waiting and replace(waiting, reminded=True)
        case HandoffEnded():
            return None
        case _:
            assert_never(event)
