"""How the projections follow from entries: one pure function, replayed by `rebuild`."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Executable, delete, insert, update

from bot.core.estimate import Took
from bot.core.events import (
    DrillAsked,
    DrillEnded,
    Entry,
    FalseAlarm,
    FreezeLifted,
    FreezeMoved,
    FreezePlaced,
    IncidentClosed,
    IncidentDeclared,
    IncidentReopened,
    IncidentResolved,
    Merged,
    PlanAsked,
    PlanFailed,
    ReleaseRecorded,
    RoomOpened,
    RunAborted,
    RunRecovered,
    StepSucceeded,
    TargetHeld,
    TargetReleased,
)
from bot.core.release import is_version
from bot.timeline import tables


def number_of(id: str) -> int:
    """Return the number in an id: 42 for INC-42."""
    return int(id.rpartition("-")[2])


def incident_of(entry: Entry) -> str | None:
    """Return the incident, or the drill, that an event ties its stream to, if it does."""
    match entry.event:
        case IncidentDeclared():
            return entry.stream.removeprefix("incident/")
        case DrillAsked():
            return entry.stream.removeprefix("drill/")
        case (
            PlanAsked(incident=incident)
            | FreezePlaced(incident=str(incident))
            | FreezeMoved(incident=incident)
        ):
            return incident
        case _:
            return None


def project(entry: Entry) -> Iterator[Executable]:
    """Yield the changes of the projections that an entry brings."""
    id = entry.stream.partition("/")[2]
    match entry.event:
        case (
            IncidentDeclared()
            | RoomOpened()
            | IncidentResolved()
            | IncidentClosed()
            | FalseAlarm()
            | Merged()
            | IncidentReopened()
        ):
            yield from _incident(entry, id)
        case PlanAsked(incident=incident):
            yield insert(tables.run).values(id=id, number=number_of(id), incident=incident, open=True)
        case PlanFailed() | RunAborted() | RunRecovered():
            yield update(tables.run).where(tables.run.c.id == id).values(open=False)
        case DrillAsked() | DrillEnded():
            yield from _drill(entry, entry.event, id)
        case FreezePlaced():
            yield insert(tables.freeze).values(id=id, number=number_of(id), in_force=True)
        case FreezeLifted():
            yield update(tables.freeze).where(tables.freeze.c.id == id).values(in_force=False)
        case TargetHeld(run=run, part=None):
            yield delete(tables.held).where(tables.held.c.target == id)
            yield insert(tables.held).values(target=id, run=run)
        case TargetReleased(run=run):
            yield delete(tables.held).where(tables.held.c.target == id, tables.held.c.run == run)
        case ReleaseRecorded():
            yield from _released(entry, entry.event, id)
        case StepSucceeded(took=Took() as took):
            yield from _measured(entry, id, took)
        case _:
            pass


def _released(entry: Entry, told: ReleaseRecorded, id: str) -> Iterator[Executable]:
    kept = tables.release.c
    place = {"service": id, "environment": told.environment, "at": entry.occurred_at}
    there = [kept[name] == value for name, value in place.items()]
    if is_version(told):
        # Two at one instant are one row, the later word's; the timeline keeps both.
        yield delete(tables.release).where(*there)
        yield insert(tables.release).values(version=told.version, **place)
    else:
        # It may correct what was told as a version.
        yield delete(tables.release).where(*there, kept.version == told.version)


def _measured(entry: Entry, id: str, took: Took) -> Iterator[Executable]:
    act = {"operation": took.act.operation, "named": took.act.named, "target": took.act.target}
    for place, each in enumerate(took.phases):
        phase = {"phase": each.phase, "seconds": each.seconds, "amount": each.amount}
        row = {"run": id, "seq": entry.seq, "place": place, "at": entry.occurred_at, "drill": took.drill}
        yield insert(tables.measurement).values(**row, **act, **phase)


def _drill(entry: Entry, event: DrillAsked | DrillEnded, id: str) -> Iterator[Executable]:
    table = tables.drill
    if isinstance(event, DrillAsked):
        named = {"playbook": event.playbook, "service": event.service}
        yield insert(table).values(id=id, number=number_of(id), open=True, **named)
        return
    yield update(table).where(table.c.id == id).values(open=False)
    for point in event.restored:
        kept = tables.drilled.c
        yield delete(tables.drilled).where(kept.engine == point.engine, kept.point == point.point)
        yield insert(tables.drilled).values(
            engine=point.engine, point=point.point, digest=point.digest, at=entry.occurred_at
        )


def _incident(entry: Entry, id: str) -> Iterator[Executable]:
    table = tables.incident
    match entry.event:
        case IncidentDeclared(service=service, environment=environment):
            yield insert(table).values(
                id=id, number=number_of(id), service=service, environment=environment, open=True
            )
        case RoomOpened(channel=channel, thread=thread):
            yield update(table).where(table.c.id == id).values(channel=channel, thread=thread)
        case IncidentReopened():
            yield update(table).where(table.c.id == id).values(open=True, reviewed=False)
        case IncidentClosed() | FalseAlarm() | Merged():
            yield update(table).where(table.c.id == id).values(open=False, reviewed=True)
        case _:
            yield update(table).where(table.c.id == id).values(open=False)
