"""How long people have to object before a step destroys data, and which steps they were asked about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.core.events import Event, ObjectionsAsked, ObjectionsSet


@dataclass(frozen=True, slots=True)
class Objections:
    """`within` is how long people have, `asked` the newest question about each step."""

    within: timedelta = timedelta(0)
    asked: Mapping[str, ObjectionsAsked] = field(default_factory=dict)

    def after(self, event: Event) -> Objections:
        """Return how it stands after one more event of the run."""
        match event:
            case ObjectionsSet(within_s=within):
                return replace(self, within=timedelta(seconds=within))
            case ObjectionsAsked(step=step):
                return replace(self, asked={**self.asked, step: event})
            case _:
                return self

    def until(self, step: str, attempt: int, hash: str) -> datetime | None:
        """Return when the time to object to an attempt of a plan ends, or None when nobody was asked."""
        asked = self.asked.get(step)
        return asked.until if asked and (asked.attempt, asked.hash) == (attempt, hash) else None
