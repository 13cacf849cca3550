"""A run is looked at as soon as its engine tells that a job moved, and not before its moment otherwise."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.core.events import AbortAsked
from bot.core.run import Status
from bot.jobs import Again, Dispatcher, any_of
from integrations.contract import IntegrationError, JobRef, JobState, Progress
from tests.clock import Clock
from tests.runs.stage import Stage, StageEngine, World
from tests.runs.test_carry import started, write
from tests.test_jobs import carrying_out

WITHIN_S = 20.0


class TellingEngine(StageEngine):
    """A stage that tells when a job moves: whoever scripts it sets the event of the job."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.moves: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self.listened: list[tuple[str, str]] = []
        self.heard = asyncio.Event()
        self.let_go = asyncio.Event()
        self.trouble = ""

    async def moved(self, ref: JobRef, *, seen: JobState, within_s: float) -> bool:
        self.listened.append((ref.key, seen.progress.phase if seen.progress else ""))
        self.heard.set()
        if self.trouble:
            raise IntegrationError(self.trouble, permanent=True)
        try:
            await self.moves[ref.key].wait()
        except asyncio.CancelledError:
            self.let_go.set()
            raise
        self.moves[ref.key].clear()
        return True

    async def listening(self) -> None:
        """Wait until somebody listens."""
        async with asyncio.timeout(WITHIN_S):
            await self.heard.wait()
        self.heard.clear()


@pytest.fixture
def engine(stage: Stage, world: World) -> TellingEngine:
    made = TellingEngine(world)
    stage.engines["stage"] = made
    return made


@asynccontextmanager
async def dispatched(stage: Stage) -> AsyncIterator[asyncio.Queue[Status]]:
    """Carry the run out meanwhile, and yield how its first step stood each time it was looked at."""
    looked: asyncio.Queue[Status] = asyncio.Queue()
    runs = stage.runs()

    async def carry_out(id: str) -> Again | None:
        again = await runs.handle(id)
        looked.put_nowait((await stage.run(id)).step("stop").status)
        return again

    others = ("room", "card", "say", "approvals", "progress", "gate-expiry", "update-due", "tracker")
    handlers = {**dict.fromkeys(others, _nothing), "run": carry_out}
    async with carrying_out(Dispatcher(stage.timeline, handlers)):
        yield looked


async def _nothing(_subject: str) -> None:
    return None


async def test_the_end_of_a_step_is_seen_at_once_though_no_time_passes(
    stage: Stage, world: World, engine: TellingEngine, clock: Clock
) -> None:
    world.held = True
    await started(stage)
    moment = clock()
    async with asyncio.timeout(WITHIN_S), dispatched(stage) as looked:
        assert await looked.get() is Status.STARTED
        await engine.listening()
        world.progress = [Progress("copying", 1, 4, "bytes", at=moment)] * 2
        engine.moves["RUN-1.stop.1"].set()
        assert await looked.get() is Status.STARTED
        await engine.listening()
        assert engine.listened == [("RUN-1.stop.1", ""), ("RUN-1.stop.1", "copying")]
        world.end("RUN-1.stop.1")
        engine.moves["RUN-1.stop.1"].set()
        while await looked.get() is not Status.SUCCEEDED:
            pass
    assert clock() == moment


async def test_an_engine_that_cannot_tell_after_all_is_asked_at_the_next_moment_as_any_other(
    stage: Stage, world: World, engine: TellingEngine, clock: Clock
) -> None:
    world.held = True
    engine.trouble = 'There is no request "wait".'
    await started(stage)
    async with asyncio.timeout(WITHIN_S), dispatched(stage) as looked:
        assert await looked.get() is Status.STARTED
        await engine.listening()
        world.end("RUN-1.stop.1")
        assert looked.empty()
        clock.advance(2)
        while await looked.get() is not Status.SUCCEEDED:
            pass


async def test_whoever_listens_is_let_go_when_the_run_is_looked_at_for_another_reason(
    stage: Stage, world: World, engine: TellingEngine
) -> None:
    world.held = True
    await started(stage)
    async with asyncio.timeout(WITHIN_S), dispatched(stage) as looked:
        assert await looked.get() is Status.STARTED
        await engine.listening()
        await write(stage, "ana", AbortAsked(why="false alarm", leaves="nothing"))
        await engine.let_go.wait()
        while (await stage.run()).state != "aborted":
            await looked.get()


async def test_of_several_things_the_first_that_happens_counts_and_the_others_are_let_go() -> None:
    never = asyncio.Event()
    let_go: list[bool] = []

    async def lasting() -> bool:
        try:
            return await never.wait()
        finally:
            let_go.append(True)

    async def not_this() -> bool:
        return False

    async def this() -> bool:
        return True

    assert await any_of([lasting, not_this, this])()
    assert let_go == [True]
    assert not await any_of([not_this, not_this])()
