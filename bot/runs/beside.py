"""Copies beside targets: one for each target, and never in the way of a run that acts on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.core import run as runs
from bot.core.events import AttemptOpened, CopyTouched, Event, WarmStopped
from bot.core.hold import Hold
from bot.core.plan import PlannedStep
from bot.core.run import Run, Status
from bot.runs.book import Book, View
from bot.timeline import Change


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another run that has, or removes, a copy beside a target; `steps` are those whose copy it is."""

    run: Run
    steps: tuple[str, ...]

    @property
    def acts(self) -> bool:
        """Say whether it makes or removes the copy at this moment."""
        return any(self.run.step(id).status is Status.STARTED for id in self.steps)

    @property
    def started(self) -> bool:
        """Say whether people have begun to carry it out, so that its copy is not to be taken from it."""
        return self.run.started_at is not None and not self.run.over


class Beside:
    """Finds out whose copy lies beside a target, and sees that there is one."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def neighbour(self, view: View, target: str, hold: Hold) -> Neighbour | None:
        """Return the other run whose copy may lie beside a target, if any."""
        if hold.copy in (None, view.run.id):
            return None
        other = runs.fold(await self._book.timeline.read(f"run/{hold.copy}"))
        steps = other.plan.steps if other and other.plan else ()
        own = tuple(s.id for s in steps if other and s.id in other.copies and s.call.target == target)
        return Neighbour(other, own) if other and own else None

    async def gone(self, view: View, holds: Mapping[str, Hold]) -> bool:
        """Say whether nobody makes or removes a copy beside these targets; who does is asked to stop."""
        found = [await self.neighbour(view, name, hold) for name, hold in holds.items()]
        acting = [other for other in found if other and other.acts]
        for other in acting:
            await self.stop(other, f"{view.run.id} acts on the same target")
        return not acting

    async def stop(self, other: Neighbour, why: str) -> None:
        """Have a run that nobody has started end what it makes ready, unless it does so already."""
        if other.run.warm and not other.started:
            change = Change(other.run.seq, (WarmStopped(why=why),))
            await self._book.timeline.append({f"run/{other.run.id}": change}, by="backstop", via="run")

    async def claim(self, view: View, step: PlannedStep) -> dict[str, Change] | str | None:
        """Return the changes by which a run takes the place beside a target, with what lies there.

        A text says why it cannot have it, None that somebody is just making room.
        """
        target = step.call.target or step.id
        hold = await self._book.hold(target)
        if hold.run not in (None, view.run.id):
            return f"{target} is held by {hold.run}"
        other = await self.neighbour(view, target, hold)
        if other and other.started:
            return f"{other.run.id} is under way and has its own copy beside {target}"
        if other and other.acts:
            await self.stop(other, f"{view.run.id} makes another copy beside {target}")
            return None
        touched = CopyTouched(run=view.run.id, step=step.id)
        changes = {f"target/{target}": Change(hold.seq, (touched,))}
        if other:
            changes[f"run/{other.run.id}"] = Change(other.run.seq, tuple(_given_up(view.run.id, other)))
        return changes


def _given_up(to: str, other: Neighbour) -> Sequence[Event]:
    why = f"{to} goes on with its copy"
    opened = [
        AttemptOpened(step=id, attempt=other.run.step(id).attempt + 1, target_said=why)
        for id in other.steps
        if not other.run.over
    ]
    return (WarmStopped(why=why, taken=other.steps), *opened)
