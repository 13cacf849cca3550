"""Who holds a target, as its timeline says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from bot.core.events import CopyTouched, Entry, TargetHeld, TargetReleased
from bot.core.sharing import Servers


@dataclass(frozen=True, slots=True)
class Hold:
    """Who holds a target; `seq` is the highest fencing token given out for it.

    `last` is the run that held it last, until the moment `at` or still; `copy` is the run that made or
    removed a copy beside it last.
    """

    run: str | None = None
    seq: int = 0
    last: str | None = None
    at: datetime | None = None
    copy: str | None = None


def changed_by_others(run: str, since: datetime, holds: Mapping[str, Hold], servers: Servers) -> str | None:
    """Say which target or server another run holds, or has changed since a run was planned."""
    for name, hold in holds.items():
        if hold.run not in (None, run):
            return f"{name} is held by {hold.run}; it must end or be aborted first."
        if hold.last != run and hold.at and hold.at > since:
            return f"{hold.last} has changed {name} since {run} was planned. Abort and plan again."
    return servers.held_elsewhere(run) or servers.changed_elsewhere(run, since)


def fold_target(entries: Iterable[Entry]) -> Hold:
    """Return who holds the target that a timeline describes."""
    hold = Hold()
    for entry in entries:
        match entry.event:
            case TargetHeld(run=run):
                hold = replace(hold, run=run, seq=entry.seq, last=run, at=entry.occurred_at)
            case TargetReleased(run=run) if run == hold.run:
                hold = replace(hold, run=None, seq=entry.seq, last=run, at=entry.occurred_at)
            case CopyTouched(run=run):
                hold = replace(hold, seq=entry.seq, copy=run)
            case _:
                hold = replace(hold, seq=entry.seq)
    return hold
