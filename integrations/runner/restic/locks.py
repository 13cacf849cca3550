"""Who has a restic repository locked; locks of the dead are removed, and the living are waited for.

Whoever only reads or adds shares it with others. Whoever changes or removes, as `prune`, `forget` and `tag`,
wants it alone.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from integrations.runner import processes
from integrations.runner.report import Problem, Step, tell

Say = Callable[..., str]
"""Runs restic with these words and returns its output."""

LOOKING = "--no-lock"
"""Whoever only lists need not wait for those who work; a restore takes its lock."""

_LOOK_S = 1.0


@dataclass(frozen=True, slots=True)
class Lock:
    """One lock, and the process that took it."""

    pid: int
    host: str
    user: str
    since: datetime
    exclusive: bool

    @property
    def is_left(self) -> bool:
        """Say whether its process is gone; of other hosts nobody here knows that."""
        return self.host == socket.gethostname() and not processes.runs(self.pid)

    @property
    def holder(self) -> str:
        """Return in words who has it."""
        return f"process {self.pid} on {self.host} ({self.user}, since {self.since:%Y-%m-%d %H:%M:%SZ})"


def locks(say: Say) -> list[Lock]:
    """Return every lock; one that is removed meanwhile is none any more."""
    found = []
    for id in say("list", "locks", LOOKING).split():
        try:
            known = json.loads(say("cat", "lock", id, LOOKING))
        except Problem:
            continue
        since = datetime.fromisoformat(known["time"]).astimezone(UTC)
        who = (int(known.get("pid", 0)), str(known.get("hostname", "?")), str(known.get("username", "?")))
        found.append(Lock(*who, since, bool(known.get("exclusive"))))
    return found


def cleared(say: Say) -> list[Lock]:
    """Remove the locks of processes that are gone and return the others.

    What `unlock` removes it finds out by itself: never a lock whose process lives.
    """
    found = locks(say)
    if any(lock.is_left for lock in found):
        say("unlock")
        found = locks(say)
    return found


def waited(say: Say, what: str) -> Iterator[Step]:
    """Wait until nobody wants the repository alone; the time of the step is the end of it."""
    told = ""
    while alone := [lock for lock in cleared(say) if lock.exclusive]:
        if told != (now := holders(alone)):
            tell(f"The repository is locked by {now}: the {what} waits until it ends.")
        told = now
        yield Step("waiting for restic")
        time.sleep(_LOOK_S)


def holders(found: Sequence[Lock]) -> str:
    """Return in words who has the repository."""
    return " and ".join(lock.holder for lock in found)


def noted(found: Sequence[Lock]) -> list[str]:
    """Return what an owner should know of locks."""
    left = [lock for lock in found if lock.is_left]
    here = [lock for lock in found if not lock.is_left]
    notes = []
    if left:
        notes.append(
            f"The repository is locked by {holders(left)}, which is gone: the next restore, backup or hold "
            "removes its lock."
        )
    if here:
        notes.append(
            f"The repository is locked by {holders(here)}: until that ends no recovery point can be held, "
            "and what wants the repository alone keeps a restore waiting."
        )
    return notes
