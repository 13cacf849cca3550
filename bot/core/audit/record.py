"""An entry as the audit trail has it, with what proves that nobody changed it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from bot.core.cards.lines import describe
from bot.core.document import say
from bot.core.events import Entry
from bot.core.literal import visible
from bot.core.words import one_line, says

LONGEST = 2_000
"""How many characters of what happened are told in one line; the event itself is never shortened."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Which Backstop a trail is of: how people reach it, its host and its version.

    `enterprise` is the private enterprise number under which syslog names its fields.
    """

    url: str
    host: str
    version: str
    enterprise: int


@dataclass(frozen=True, slots=True)
class Record:
    """An entry with its kind, which a removed text keeps, its incident or drill, and its digests.

    `broken` says in words where the chain of digests does not hold at this entry.
    """

    entry: Entry
    kind: str
    incident: str | None
    payload: str
    digest: str
    broken: str = ""

    @property
    def id(self) -> str:
        """Return what tells the entry from every other of its Backstop, also when it is sent twice."""
        return f"{self.entry.stream}#{self.entry.seq}"

    @property
    def text(self) -> str:
        """Return who did what, on one line in which nothing is obeyed."""
        entry = self.entry
        return one_line(visible(say((*says(entry.by), *describe(entry)))), LONGEST)

    @property
    def event(self) -> Mapping[str, object] | None:
        """Return the event as JSON values, or None when its text was removed."""
        return self.entry.event.model_dump(mode="json") if self.entry.event is not None else None


def moment(at: datetime) -> str:
    """Return a moment as RFC 3339 has it, in UTC to the millisecond."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def line(values: Mapping[str, object]) -> str:
    """Return JSON on one line of ASCII, which no terminal and no receiver takes for anything else."""
    return json.dumps(values, separators=(",", ":"))
