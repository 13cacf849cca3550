"""What people have to know of a plan besides what it does: old files, known gaps, other restores."""

from __future__ import annotations

from collections.abc import Collection

from bot.core.plan import Plan
from bot.runs.book import Book, View
from bot.shelf import Shelf
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
    return (*servers.undone(view.run.id, plan), *await _gaps(book, view.run.asked.playbook))


async def _gaps(book: Book, playbook: str) -> tuple[str, ...]:
    found = await gaps_of(book.timeline, playbook)
    tasks = [f", {each.task.key}" if each.task else "" for each in found]
    return tuple(
        f"Open gap, shown by {each.first}{task}: {each.gap.what}"
        for each, task in zip(found, tasks, strict=True)
    )
