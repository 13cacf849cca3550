"""The gaps that drills of a playbook showed: which are open, since when, and the task of each."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.document import Document, Fields, Line, Moment, Paragraph, Strong
from bot.core.drill import Drill
from bot.core.events import Gap, TaskOpened
from bot.core.tasks import ToDo

MENDED_WITHIN = timedelta(days=14)
"""How long after the drill that showed a gap first its task is due."""


@dataclass(frozen=True, slots=True)
class Open:
    """A gap that the newest drill still showed; `first` is the one from which on all of them did."""

    gap: Gap
    first: str
    since: datetime
    task: TaskOpened | None = None

    @property
    def ref(self) -> str:
        """Return what names the task for ever: the same gap shown anew after it was mended has another."""
        return f"gap-{self.first}-{hashlib.sha256(self.gap.id.encode()).hexdigest()[:12]}"

    @property
    def due(self) -> datetime:
        """Return by when it should be mended."""
        return self.since + MENDED_WITHIN


def open_gaps(drills: Sequence[Drill]) -> tuple[Open, ...]:
    """Return the gaps that nothing shows to be mended; `drills` are of one playbook, newest first.

    A drill that was refused proves nothing of what it did not come to.
    """
    over = [drill for drill in drills if drill.ended and drill.ended.outcome != "skipped"]
    found: dict[str, Gap] = {}
    for drill in over:
        found = {**_gaps(drill), **found}
        if _tells(drill):
            break
    return tuple(_open(gap, over) for gap in found.values())


def says_all(drills: Sequence[Drill]) -> bool:
    """Say whether no older drill could change what is open, or since when."""
    last = drills[-1] if drills else None
    open_there = {found.gap.id for found in open_gaps(drills)}
    return last is not None and _tells(last) and open_there.isdisjoint(_gaps(last))


def to_do(found: Open, owners: Sequence[str]) -> ToDo:
    """Return an open gap as something that the owners of its playbook have to do."""
    return ToDo("gap", found.gap.what, tuple(owners), found.due, issue=found.task)


def _open(gap: Gap, over: Sequence[Drill]) -> Open:
    first, task = over[0], None
    for drill in over:
        if gap.id in _gaps(drill):
            first, task = drill, drill.tasks.get(gap.id, task)
        elif _tells(drill):
            break
    return Open(gap, first.id, first.ended_at or first.asked_at, task)


def _tells(drill: Drill) -> bool:
    """Say whether a drill was carried out, so that what it did not show is mended."""
    return drill.ended is not None and drill.ended.outcome in ("passed", "failed")


def _gaps(drill: Drill) -> Mapping[str, Gap]:
    return {gap.id: gap for gap in drill.ended.gaps} if drill.ended else {}


def task_of(found: Open, drill: Drill, owners: Sequence[str]) -> Document:
    """Return what the task of a gap says: what was seen, whose it is, and by when."""
    asked = drill.asked
    people = f" ({', '.join(owners)})" if owners else ""
    facts: tuple[tuple[str, Line], ...] = (
        ("Playbook", (f"{asked.playbook}: {asked.title}",)),
        ("Shown by", (f"{found.first}, and still by {drill.id}" if found.first != drill.id else drill.id,)),
        ("Owner", (f"{asked.owner}{people}",)),
        ("Due", (Moment(found.due),)),
    )
    then: Line = ("It is mended when a drill does not show it any more: ", Strong(f"drill {asked.playbook}"))
    return Document("", (Paragraph((found.gap.what,)), Fields(facts), Paragraph(then)))
