"""What people have to know besides what a plan does: old files, known gaps, restores that it undoes."""

from __future__ import annotations

from collections.abc import Collection

from bot.core import run as runs
from bot.core.events import NoteAdded
from bot.core.incident import stream_of
from bot.core.plan import Plan
from bot.runs.book import Book, View
from bot.shelf import Shelf
from bot.timeline import Change
from bot.timeline.rehearsals import gaps_of


def stale(shelf: Shelf, used: Collection[str]) -> tuple[str, ...]:
    """Name the files behind a plan whose newest text has mistakes, so that an older one is in force."""
    return tuple(
        f"{stale.file} has mistakes, so its last good version is in force: {stale.problems[0]}"
        for stale in shelf.stale()
        if stale.file in used
    )


async def rests_on(book: Book, view: View, plan: Plan) -> tuple[str, ...]:
    """Say what the newest drill of the playbook showed, and which other restores the plan would undo."""
    if view.incident.drill:
        return ()
    servers = await book.servers(plan.targets)
    undone = (each.warning for each in servers.undone(view.run.id, plan))
    return (*undone, *await _gaps(book, view.run.asked.playbook))


async def tells_of_undone(book: Book, view: View) -> dict[str, Change]:
    """Return what incidents are told whose runs did something that this one has undone."""
    if not view.run.restored:
        return {}
    notes: dict[str, list[NoteAdded]] = {}
    for each in (await book.servers(view.plan.targets)).undone(view.run.id, view.plan):
        other = runs.fold(await book.timeline.read(f"run/{each.run}"))
        if other and other.incident != view.incident.id:
            notes.setdefault(other.incident, []).append(NoteAdded(text=each.done_by(view.run.id)))
    seqs = {id: (await book.timeline.read(stream_of(id)))[-1].seq for id in notes}
    return {stream_of(id): Change(seqs[id], tuple(notes[id])) for id in notes}


async def _gaps(book: Book, playbook: str) -> tuple[str, ...]:
    found = await gaps_of(book.timeline, playbook)
    tasks = [f", {each.task.key}" if each.task else "" for each in found]
    return tuple(
        f"Open gap, shown by {each.first}{task}: {each.gap.what}"
        for each, task in zip(found, tasks, strict=True)
    )
