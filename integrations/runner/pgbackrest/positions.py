"""Places in PostgreSQL's log: positions, the segments they lie in, and the timelines that branch off."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

_SEGMENT = re.compile(r"([0-9A-F]{8})([0-9A-F]{8})([0-9A-F]{8})(?:-[0-9a-f]{40})?(?:\.(?:gz|lz4|zst|bz2))?")
_HISTORY = re.compile(r"([0-9A-F]{8})\.history")
_ANCESTOR = re.compile(r"^\s*(\d+)\s+([0-9A-F]+/[0-9A-F]+)\s*(.*)$", re.MULTILINE)


def position(text: str) -> int:
    """Return a position as a number, from text such as 0/34C61D8."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def written(at: int) -> str:
    """Return a position as PostgreSQL writes it."""
    return f"{at >> 32:X}/{at & 0xFFFFFFFF:X}"


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a timeline ends and another goes on, and why as PostgreSQL noted it."""

    timeline: int
    at: int
    because: str = ""


@dataclass(frozen=True, slots=True)
class Archived:
    """One segment in the archive and when it came there."""

    at: datetime
    bytes: int


@dataclass(frozen=True, slots=True)
class Archive:
    """The log in a repository: segments by timeline and number, and the ancestors of every timeline.

    `begun` says when the history of a timeline was archived, which is when it began.
    """

    segment_bytes: int
    segments: Mapping[int, Mapping[int, Archived]] = field(default_factory=dict)
    ancestors: Mapping[int, Sequence[Fork]] = field(default_factory=dict)
    begun: Mapping[int, datetime] = field(default_factory=dict)

    @property
    def timelines(self) -> list[int]:
        """Return every timeline there is something of, oldest first."""
        return sorted({*self.segments, *self.ancestors})

    def number(self, at: int) -> int:
        """Return the number of the segment a position lies in."""
        return at // self.segment_bytes

    def name(self, timeline: int, number: int) -> str:
        """Return the name of a segment."""
        per = 0x1_0000_0000 // self.segment_bytes
        return f"{timeline:08X}{number // per:08X}{number % per:08X}"

    def numbered(self, name: str) -> tuple[int, int]:
        """Return the timeline and the number of a segment by its name."""
        per = 0x1_0000_0000 // self.segment_bytes
        return int(name[:8], 16), int(name[8:16], 16) * per + int(name[16:24], 16)

    def way(self, timeline: int) -> list[tuple[int, int]]:
        """Return the timelines that lead to one, oldest first, each with the position it ends at."""
        forks = [(fork.timeline, fork.at) for fork in self.ancestors.get(timeline, ())]
        return [*forks, (timeline, 1 << 64)]

    def leads(self, timeline: int, at: int, to: int) -> bool:
        """Say whether the state at a position of one timeline lies on the way to another."""
        return any(each == timeline and at <= end for each, end in self.way(to))

    def holder(self, number: int, timeline: int) -> int | None:
        """Return the timeline on the way to one that has a segment archived, None if it is missing.

        Where one forks, the segment of the one that was left goes on with what is not on the way.
        """
        each = next(each for each, end in self.way(timeline) if number < self.number(end))
        return each if number in self.segments.get(each, {}) else None

    def missing(self, first: int, last: int, timeline: int) -> Iterator[str]:
        """Yield the names of segments that are not archived on the way to a timeline."""
        for number in range(first, last + 1):
            if self.holder(number, timeline) is None:
                yield self.name(timeline, number)

    def last(self, timeline: int) -> int | None:
        """Return the number of the newest segment on the way to a timeline."""
        for each, end in reversed(self.way(timeline)):
            held = [number for number in self.segments.get(each, {}) if number < self.number(end)]
            if held:
                return max(held)
        return None

    def live_at(self, moment: datetime) -> int:
        """Return the timeline that the cluster was on at a moment."""
        after = [each for each in self.timelines if (begun := self.begun.get(each)) and begun <= moment]
        return max(after, default=min(self.timelines, default=1))

    def bytes(self, first: int, last: int) -> int:
        """Return how many bytes of log lie from one segment to another."""
        return max(0, last - first + 1) * self.segment_bytes


def archive_of(listed: Mapping[str, Mapping[str, Any]], segment_bytes: int) -> Archive:
    """Return the archive that a listing of the repository describes, without the content of histories."""
    found = Archive(segment_bytes)
    segments: dict[int, dict[int, Archived]] = {}
    begun: dict[int, datetime] = {}
    for path, file in listed.items():
        name, at = path.rpartition("/")[2], datetime.fromtimestamp(int(file["time"]), UTC)
        if history := _HISTORY.fullmatch(name):
            begun[int(history[1], 16)] = at
        elif _SEGMENT.fullmatch(name):
            timeline, number = found.numbered(name)
            segments.setdefault(timeline, {})[number] = Archived(at, int(file["size"]))
    return Archive(segment_bytes, segments, dict.fromkeys(begun, ()), begun)


def ancestors_in(history: str) -> list[Fork]:
    """Return the ancestors that the text of a history file lists, oldest first."""
    return [Fork(int(line[1]), position(line[2]), line[3].strip()) for line in _ANCESTOR.finditer(history)]
