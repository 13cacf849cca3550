"""What people see of a step while it runs: kept beside the run without an event, and drawn."""

from __future__ import annotations

from datetime import timedelta

from bot.core.effects import Effect
from bot.core.going import Going, advance, read
from bot.core.plan import PlannedStep
from bot.core.run import StepState
from bot.runs.book import Book, View
from integrations.contract import JobState

WORTH_KEEPING = timedelta(seconds=10)
"""A sign of life of a step that says nothing is kept when it is so much newer than the last one."""


class Shown:
    """The newest of each step that runs."""

    def __init__(self, book: Book) -> None:
        self._book = book

    async def heard(self, view: View, step: PlannedStep, state: StepState, job: JobState) -> Going:
        """Keep what a step says and does, and have it drawn; its silence is drawn once it lasts.

        What works is not silent, even if it says nothing.
        """
        known, now = await self._known(view, step, state), self._book.timeline.now()
        stirred = None if job.silent_s is None else now - timedelta(seconds=job.silent_s)
        if job.progress:
            known = advance(known, job.progress, () if state.undoing else step.phases, now)
            await self._keep(view, step, known.stirring(stirred))
        elif stirred and stirred - known.moved > WORTH_KEEPING:
            await self._keep(view, step, known.stirring(stirred))
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
