"""When writers were stopped, and when they wrote again, as people and runs said.

What a run stopped counts for that run alone: it may have let writers go on again, as they do once it is over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from bot.core.events import Entry, Event, ImpactStated, WritersStarted, WritersStopped
from bot.core.plan import PlannedStep

OfWriters = WritersStopped | WritersStarted | ImpactStated


@dataclass(frozen=True, slots=True)
class Stop:
    """From `at` on nothing wrote, which was `said` of a run or by a person; it counts until `over`."""

    at: datetime
    said: datetime
    run: str | None = None
    over: datetime | None = None

    def held(self, until: datetime | None) -> bool:
        """Say whether it counted until a moment, or counts still."""
        return self.over is None or (until is not None and until <= self.over)


Stops = tuple[Stop, ...]


def stops_after(stops: Stops, entry: Entry, event: OfWriters) -> Stops:
    """Return the stops after one more word about writers, or about damage that something wrote."""
    at = entry.recorded_at
    match event:
        case WritersStopped(run=None):
            # Whoever says another moment corrects the one that was said before.
            return (*_over(stops, at, lambda stop: stop.run is None), Stop(event.at, at))
        case WritersStopped():
            return (*stops, Stop(event.at, at, event.run))
        case WritersStarted(run=run):
            return _over(stops, at, lambda stop: run in (None, stop.run))
        case ImpactStated(damage_start=begun):
            # Something wrote again to do this damage.
            return _over(stops, at, lambda stop: begun is not None and begun > stop.at)
        case _:
            assert_never(event)


def _over(stops: Stops, at: datetime, which: Callable[[Stop], bool]) -> Stops:
    return tuple(replace(stop, over=at) if stop.over is None and which(stop) else stop for stop in stops)


def standing(stops: Stops, *, of: str | None = None) -> Stop | None:
    """Return the last stop that counts still, of all or of one run."""
    return next((stop for stop in reversed(stops) if stop.over is None and of in (None, stop.run)), None)


def told_by(
    run: str, step: PlannedStep, stops: Stops, at: datetime, *, undo: bool = False
) -> tuple[Event, ...]:
    """Return what a step that is over says of the writers, whoever carried it out, or what its undo says.

    The first step of a run that stops them counts for it, until an undo starts them again.
    """
    if not step.stops_writers or (standing(stops, of=run) is not None) is not undo:
        return ()
    return (WritersStarted(run=run) if undo else WritersStopped(at=at, run=run),)
