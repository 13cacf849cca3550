"""What a post-mortem is drawn from, and the few moments that all its sections share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from bot.core import freeze as freezes
from bot.core import run as runs
from bot.core.budget import for_good
from bot.core.document import Line, Moment, Table
from bot.core.estimate import Measurement
from bot.core.events import Entry, Kind
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.plan import Plan
from bot.core.release import stated
from bot.core.run import Run
from bot.core.tasks import Task

E = TypeVar("E", bound=Kind)


@dataclass(frozen=True, slots=True)
class Story:
    """An incident with everything that was recorded about it, in the order it happened.

    `drills` are the rehearsals of its playbooks, in runs of their own.
    """

    incident: Incident
    entries: tuple[Entry, ...]
    runs: tuple[Run, ...]
    freezes: tuple[Freeze, ...]
    now: datetime
    drills: tuple[Run, ...] = ()

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
        """Return the run that brought service back last and for good, or None."""
        back = [
            (run.recovered_at, run, plan)
            for run, plan in self.planned
            if run.recovered_at and for_good(run, self.incident)
        ]
        return max(back, key=lambda item: item[0])[1:] if back else None


@dataclass(frozen=True, slots=True)
class History:
    """What an incident is compared with: the incidents before it, and the rehearsals of its playbooks.

    `measured` is how long acts of the names of its own took in all runs and drills.
    """

    earlier: tuple[Story, ...] = ()
    drills: tuple[Run, ...] = ()
    measured: tuple[Measurement, ...] = ()


ALONE = History()


def story_of(
    incident: Incident,
    entries: Sequence[Entry],
    *,
    now: datetime,
    beside: Sequence[Entry] = (),
    drills: tuple[Run, ...] = (),
) -> Story:
    """Return the story that the entries of an incident, its runs and its freezes tell.

    `beside` are what was put out of its service, of which only what it may be about counts, and the runs of
    what was merged into it.
    """
    theirs = [entry for entry in beside if entry.stream.startswith("run/")]
    told = [*entries, *suspects(incident, beside), *theirs]
    streams: dict[str, list[Entry]] = {}
    for entry in sorted(told, key=lambda entry: entry.seq):
        streams.setdefault(entry.stream, []).append(entry)
    carried = (runs.fold(own) for name, own in streams.items() if name.startswith("run/"))
    placed = (freezes.fold(own) for name, own in streams.items() if name.startswith("freeze/"))
    told.sort(key=lambda e: (e.occurred_at, e.recorded_at, e.stream, e.seq))
    return Story(
        incident,
        tuple(told),
        tuple(sorted((each for each in carried if each), key=lambda each: _number(each.id))),
        tuple(sorted((each for each in placed if each), key=lambda each: _number(each.id))),
        now,
        drills,
    )


def _number(id: str) -> int:
    return int(id.rpartition("-")[2])


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


def came_of(task: Task, end: datetime) -> Line:
    """Return what came of a task by a moment."""
    ended: Line = (", ", Moment(task.ended_at)) if task.ended_at else ()
    late = ", late" if task.due < (task.ended_at or end) else ""
    note = f": {task.note}" if task.note else ""
    return (task.stand.value, *ended, f"{late}{note}")


def table(header: tuple[str, ...], rows: list[tuple[Line, ...]]) -> Iterator[Table]:
    """Return a table unless it would be empty."""
    if rows:
        yield Table(header, rows)
