"""What people see of a step while it runs: kept beside the run without an event, and drawn."""

from __future__ import annotations

from datetime import timedelta

from bot.core.effects import Effect
from bot.core.going import Going, advance, read
from bot.core.plan import PlannedStep
from bot.core.run import StepState
from bot.runs.book import Book, View
from integrations.contract import Progress


class Shown:
    """The newest of each step that runs."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def heard(self, view: View, step: PlannedStep, state: StepState, said: Progress | None) -> Going:
        """Keep what a step says of itself, and have it drawn; its silence is drawn once it lasts."""
        known, now = await self._known(view, step, state), self._book.timeline.now()
        if said:
            known = advance(known, said, () if state.undoing else step.phases, now)
            await self._keep(view, step, known)
        elif now - known.moved > timedelta(seconds=step.heartbeat_s):
            await self._draw(view)
        return known

    async def silent(self, view: View, step: PlannedStep, state: StepState, note: str, tail: str) -> None:
        """Keep in words why nothing new is heard of a step."""
        known = await self._known(view, step, state)
        await self._keep(view, step, known.saying(note, tail))

    async def _known(self, view: View, step: PlannedStep, state: StepState) -> Going:
        row = await self._book.timeline.records.progress(view.run.id, step.id)
        begun = state.started_at or view.now
        return read(row, state.key) or Going(key=state.key, since=begun, moved=begun)

    async def _keep(self, view: View, step: PlannedStep, going: Going) -> None:
        await self._book.timeline.records.progressed(view.run.id, step.id, going.model_dump(mode="json"))
        await self._draw(view)

    async def _draw(self, view: View) -> None:
        lane = f"slack/{view.incident.id}/{view.run.id}"
        await self._book.timeline.effects.ask(Effect("progress", view.run.id, lane))
