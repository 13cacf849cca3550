"""What a post-mortem is drawn from, and the few moments that all its sections share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from bot.core.document import Line, Moment, Table
from bot.core.events import Entry, Kind
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.plan import Plan
from bot.core.release import stated
from bot.core.run import Run

E = TypeVar("E", bound=Kind)


@dataclass(frozen=True, slots=True)
class Story:
    """An incident with everything that was recorded about it, in the order it happened."""

    incident: Incident
    entries: tuple[Entry, ...]
    runs: tuple[Run, ...]
    freezes: tuple[Freeze, ...]
    now: datetime

    def told(self, kind: type[E], stream: str = "") -> Iterator[tuple[Entry, E]]:
        """Return the entries of one kind of event, of all streams or of one."""
        for entry in self.entries:
            if isinstance(entry.event, kind) and stream in ("", entry.stream):
                yield entry, entry.event

    @property
    def end(self) -> datetime:
        """Return when the incident was resolved, or now while it is not."""
        return self.incident.resolved_at or self.now

    @property
    def planned(self) -> tuple[tuple[Run, Plan], ...]:
        """Return the runs that were carried out, each with its plan."""
        return tuple((run, run.plan) for run in self.runs if run.plan and run.started_at)

    @property
    def recovered(self) -> tuple[Run, Plan] | None:
        """Return the run that brought service back last, or None."""
        back = [(run.recovered_at, run, plan) for run, plan in self.planned if run.recovered_at]
        return max(back, key=lambda item: item[0])[1:] if back else None


def suspects(incident: Incident, service: Sequence[Entry]) -> tuple[Entry, ...]:
    """Return the releases it may be about: the suspect one, the last before it, and all during it."""
    out = [
        (entry, release) for entry, release in stated(service) if release.environment == incident.environment
    ]
    before = [entry for entry, _ in out if entry.occurred_at < incident.declared_at][-1:]
    end = incident.resolved_at
    during = [
        entry
        for entry, _ in out
        if entry.occurred_at >= incident.declared_at and (end is None or entry.occurred_at <= end)
    ]
    suspect = [entry for entry, release in out if release.version == incident.release][-1:]
    return tuple({entry.seq: entry for entry in (*suspect, *before, *during)}.values())


def moment(at: datetime | None) -> Line:
    """Return a moment, or that it is not known."""
    return (Moment(at),) if at else ("not known",)


def seconds(figure: float | None) -> timedelta | None:
    """Return a number of seconds as a length of time."""
    return None if figure is None else timedelta(seconds=figure)


def table(header: tuple[str, ...], rows: list[tuple[Line, ...]]) -> Iterator[Table]:
    """Return a table unless it would be empty."""
    if rows:
        yield Table(header, rows)
