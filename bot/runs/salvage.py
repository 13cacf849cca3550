"""Searches the kept copies of restores: the handler of the effect `salvage`.

A search reads and writes files beside the data, under a key of its own; asked again it is the same search.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import BaseModel, ConfigDict, ValidationError

from bot.core import run as runs
from bot.core.events import Event, SalvageAsked, SalvagedTable, SalvageFailed, SalvageFound
from bot.core.run import Run
from bot.core.salvage import Search, searches
from bot.core.step import StepState
from bot.jobs import Again
from bot.runs.book import BY, VIA, Book
from bot.runs.calls import as_call
from bot.timeline import Change
from integrations.contract import Call, Engine, IntegrationError, JobRef, JobState, Json, Phase

SOON = timedelta(seconds=1)
LONGEST = timedelta(hours=6)
_NAME = "salvage"


class _Found(BaseModel):
    # A newer runner may say more than is read here.
    model_config = ConfigDict(frozen=True, extra="ignore")

    folder: str
    manifest: str
    compared: int
    only: int
    differ: int
    unread: int = 0
    tables: tuple[SalvagedTable, ...] = ()


class Salvages:
    """The handler of the effect `salvage`; its subject is a run's id."""

    def __init__(self, book: Book, engines: Mapping[str, Engine]) -> None:
        self._book = book
        self._engines = engines

    async def handle(self, id: str) -> Again | None:
        """Carry the searches of a run on, and answer when to look again while one is not over."""
        stream = f"run/{id}"
        entries = await self._book.timeline.read(stream)
        run, (_, open_ones) = runs.fold(entries), searches(entries)
        if run is None or not open_ones:
            return None
        ended = [event for search in open_ones if (event := await self._ended(run, search))]
        if ended:
            await self._book.timeline.append({stream: Change(run.seq, tuple(ended))}, by=BY, via=VIA)
        waits = len(ended) < len(open_ones)
        return Again(self._book.timeline.now() + SOON) if waits else None

    async def ask(self, id: str, why: str) -> None:
        """End the searches of a run that cannot be carried on, so that whoever asked for one reads why."""
        stream = f"run/{id}"
        entries = await self._book.timeline.read(stream)
        _, open_ones = searches(entries)
        failed = tuple(_failed(each, f"{why} Say `salvage` again once it is mended.") for each in open_ones)
        if failed:
            await self._book.timeline.append({stream: Change(len(entries), failed)}, by=BY, via=VIA)

    async def _ended(self, run: Run, search: Search) -> Event | None:
        """Return how a search ended, or None while nobody can say."""
        asked = search.asked
        try:
            engine, call = self._asks(run, search)
            ref = await engine.find(call, key=asked.key) or await engine.start(call, key=asked.key)
            job = await engine.poll(ref)
        except IntegrationError as problem:
            # A runner that does not answer now will be asked again; the search waits for it.
            return _failed(search, str(problem)) if problem.permanent else None
        match job.phase:
            case Phase.RUNNING:
                return None
            case Phase.LOST if job.alive:
                return None
            case Phase.SUCCEEDED:
                return _found(search, ref, job)
            case _:
                return _failed(search, f"{job.phase.value}: {job.because}".rstrip(": "))

    def _asks(self, run: Run, search: Search) -> tuple[Engine, Call]:
        asked = search.asked
        step = run.plan.step(asked.step) if run.plan else None
        engine = self._engines[step.call.engine] if step else None
        if run.plan is None or step is None or engine is None or _NAME not in engine.operations:
            name = step.call.engine if step else asked.step
            raise IntegrationError(_unsearched(name, run.step(asked.step), asked), permanent=True)
        params: dict[str, Json] = {"restore": asked.restore}
        params |= {"table": asked.table} if asked.table else {}
        planned = step.call.model_copy(
            update={"operation": _NAME, "params": params, "timeout_s": LONGEST.total_seconds()}
        )
        sources = {source.id: source for source in run.plan.sources}
        targets = {target.name: target for target in run.plan.targets}
        return engine, as_call(planned, sources, targets, self._book.catalog())


def _unsearched(engine: str, state: StepState, asked: SalvageAsked) -> str:
    kept = state.evidence.get("kept") if state.key == asked.restore else None
    if kept:
        whole = f"It is whole in {kept}: ask it by hand there."
        return f"{engine} cannot look into the copy that it kept. {whole}"
    return (
        f"{engine} cannot say whether that attempt, which did not succeed, replaced anything: look by hand."
    )


def _found(search: Search, ref: JobRef, job: JobState) -> Event:
    try:
        found = _Found.model_validate(dict(job.evidence))
    except ValidationError:
        return _failed(search, "the search ended without saying what it found")
    return SalvageFound(
        step=search.asked.step,
        attempt=search.asked.attempt,
        key=search.asked.key,
        asked_by=search.by,
        host=ref.locator.get("runner", "the host of the data"),
        **dict(found),
    )


def _failed(search: Search, because: str) -> Event:
    asked = search.asked
    return SalvageFailed(
        step=asked.step, attempt=asked.attempt, key=asked.key, asked_by=search.by, because=because
    )
