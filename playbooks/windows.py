"""The maintenance windows of a drill: when each begins, by its schedule and in its zone."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from playbooks.model import Drill

_A_MINUTE = timedelta(minutes=1)


def open_window(drill: Drill, now: datetime) -> datetime | None:
    """Return when the window began that is open now, or None; of several the newest."""
    begun = next((at for at in _moments(drill, now + _A_MINUTE, back=True) if at <= now), None)
    return begun if begun is not None and now < begun + drill.window else None


def next_window(drill: Drill, now: datetime) -> datetime | None:
    """Return when the next window begins, or None without a schedule or when it names no moment to come."""
    return next((at for at in _moments(drill, now, back=False) if at > now), None)


def _moments(drill: Drill, start: datetime, *, back: bool) -> Iterator[datetime]:
    if drill.schedule is not None:
        local = start.astimezone(ZoneInfo(drill.zone))
        yield from (at.astimezone(UTC) for at in CronSim(drill.schedule, local, reverse=back))
