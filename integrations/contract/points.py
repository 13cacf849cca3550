"""What one can go back to: recovery points, goals that are reached from them, and what a goal means now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

MENDED = "once it was mended, a plan that names it has it read again"
"""What is said of a point that was found damaged."""


@dataclass(frozen=True, slots=True)
class RecoveryPoint:
    """Something one can restore to. Times are aware UTC, `size` is bytes, `digest` is of its content."""

    id: str
    engine: str
    kind: str
    finished_at: datetime
    size: int | None = None
    digest: str | None = None
    health: Literal["unknown", "valid", "invalid", "stranded", "partial"] = "unknown"
    verified_at: datetime | None = None
    held_until: datetime | None = None
    encrypted: bool | None = None
    immutable: bool | None = None
    region: str | None = None
    storage_tier: str | None = None
    release: str | None = None
    commit: str | None = None
    environment: str | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """The span of moments a source can restore to."""

    earliest: datetime
    latest: datetime


@dataclass(frozen=True, slots=True)
class ToPoint:
    """Restore exactly this recovery point."""

    id: str
    kind: Literal["point"] = field(default="point", kw_only=True)


@dataclass(frozen=True, slots=True)
class ToTime:
    """Restore the state as it was at a moment; on which timeline of the log, once that is settled."""

    at: datetime
    timeline: int | None = None
    kind: Literal["time"] = field(default="time", kw_only=True)


@dataclass(frozen=True, slots=True)
class ToMarker:
    """Restore to a named marker that was set before a release."""

    name: str
    timeline: int | None = None
    kind: Literal["marker"] = field(default="marker", kw_only=True)


@dataclass(frozen=True, slots=True)
class ToLsn:
    """Restore to a log position."""

    lsn: str
    timeline: int | None = None
    kind: Literal["lsn"] = field(default="lsn", kw_only=True)


@dataclass(frozen=True, slots=True)
class BeforeXid:
    """Restore to the state just before a transaction."""

    xid: int
    timeline: int | None = None
    kind: Literal["xid"] = field(default="xid", kw_only=True)


@dataclass(frozen=True, slots=True)
class ToRevision:
    """Put a deployment back to a numbered revision; without a number to the one before the current."""

    number: int | None = None
    kind: Literal["revision"] = field(default="revision", kw_only=True)


Goal = ToPoint | ToTime | ToMarker | ToLsn | BeforeXid | ToRevision


@dataclass(frozen=True, slots=True)
class Refusal:
    """A recovery point that will not do, and why."""

    point: RecoveryPoint
    because: str


@dataclass(frozen=True, slots=True)
class Resolution:
    """What a goal means for a source now: the point to restore, or the reasons there is none.

    When a log is replayed on top of the point, `goal` is what the tool is told, pinned so that it means the
    same later, `reaches` is the moment whose state comes back, and `log_continuous` says whether nothing is
    missing up to there; None where nobody can say. `caution` is what whoever approves must know besides.
    """

    point: RecoveryPoint | None
    because: str
    refused: Sequence[Refusal] = ()
    goal: Goal | None = None
    reaches: datetime | None = None
    log_continuous: bool | None = None
    caution: str = ""
