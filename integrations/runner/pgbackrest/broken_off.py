"""What a restore over the cluster left that was broken off: a half-restored directory, and what it kept."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.runner.attempts import Attempt, give_up, waiting
from integrations.runner.pgbackrest.cluster import Cluster, Control
from integrations.runner.report import Problem

_RECOVERING = ("in archive recovery", "shut down in recovery")


@dataclass(frozen=True, slots=True)
class BrokenOff:
    """Attempts whose restore over a data directory never ended; `kept` is the cluster that was damaged."""

    shelves: tuple[Path, ...]
    kept: Path | None

    def take_over(self, attempt: Attempt, data: Path) -> None:
        """Let an attempt go on from here; what is known goes to it before the others are given up."""
        kept = {"kept": str(self.kept)} if self.kept else {}
        attempt.note(over=data.stat().st_ino, **kept)
        for shelf in self.shelves:
            give_up(shelf)


def broken_off(cluster: Cluster, attempt: Attempt) -> BrokenOff | None:
    """Return what other attempts left in a data directory, None when what lies there is a whole cluster.

    They noted the directory by its inode, which may be another's by now, so its files have a say as well.
    """
    data = cluster.data
    if not data.exists():
        return None
    over = waiting(attempt.kept, over=data.stat().st_ino)
    found = [(shelf, record) for shelf, record in over if shelf != attempt.shelf]
    left = max((int(record.get("timeline_of_goal", 0)) for _, record in found), default=0)
    if not found or not _is_half(cluster, left):
        return None
    places = (_kept(shelf, record) for shelf, record in found)
    kept = next((place for place in places if place), None)
    return BrokenOff(tuple(shelf for shelf, _ in found), kept)


def _is_half(cluster: Cluster, timeline: int) -> bool:
    """Say whether a restore into the directory, or the replay after it, has not come to its end."""
    if not (cluster.data / "global" / "pg_control").exists() or (cluster.data / "backup_label").exists():
        return True
    try:
        return replays(cluster.control(), timeline)
    except Problem:
        return True  # nothing whole either


def never_wrote(cluster: Cluster, timeline: int) -> bool:
    """Say whether a whole cluster has not come out of its replay yet, so that nobody wrote to it."""
    try:
        return replays(cluster.control(), timeline)
    except Problem:
        return False


def replays(control: Control, timeline: int) -> bool:
    """Say whether a replay has not ended that leaves a timeline at its goal.

    While PostgreSQL writes at its end what the new timeline begins with, its state is one of shutting down.
    """
    ends = control.state == "shutting down" and control.timeline <= timeline and control.replays_to != "0/0"
    return ends or control.state in _RECOVERING


def _kept(shelf: Path, record: dict[str, Any]) -> Path | None:
    """Return where an attempt put the damaged cluster aside, under the name that it has in the end."""
    if (kept := record.get("kept")) and Path(kept).exists():
        return Path(kept)
    for place in (shelf / "data", shelf / "data.part"):
        if place.exists() and place.stat().st_ino == record.get("damaged"):
            # As it is when it was broken off between the exchange of the two and the name of the one kept.
            return place.rename(place.with_name("data"))
    return None
