"""A run that Backstop itself cannot carry on asks people; it is not tried again for ever in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from bot.app import carrying
from bot.core.events import AbortAsked, RunAborted, RunPaused, RunResumed
from bot.jobs import ASK_AFTER, Dispatcher
from bot.runs.book import Book
from integrations.contract import Call, IntegrationError, JobRef, JobState, Prepared
from tests.clock import Clock
from tests.runs.stage import Stage, StageEngine, World
from tests.runs.test_carry import planned, started, write

CANARY = "canary-7f3a"


class Broken(StageEngine):
    """A stage with mistakes nobody foresaw; `well` are the methods that work."""

    def __init__(self, world: World, problem: Callable[[], Exception], *well: str) -> None:
        super().__init__(world)
        self._problem, self.well = problem, set(well)

    def _break(self, method: str) -> None:
        if method not in self.well:
            raise self._problem()

    async def plan(self, call: Call) -> Prepared:
        self._break("plan")
        return await super().plan(call)

    async def poll(self, ref: JobRef) -> JobState:
        self._break("poll")
        return await super().poll(ref)

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        self._break("forbid")
        return await super().forbid(call, key=key)


def unforeseen() -> Exception:
    return LookupError(CANARY)


@asynccontextmanager
async def dispatched(stage: Stage) -> AsyncIterator[Dispatcher]:
    carried, pleas = carrying(Book(stage.timeline, stage.shelf, dict), stage.shelf, stage.engines)

    async def nothing(_subject: str) -> None:
        return None

    kinds = ("room", "card", "say", "approvals", "progress", "tracker")
    others = (
        "gaps",
        "update-due",
        "task-due",
        "delegation-due",
        "gate-expiry",
        "freeze-review",
        "warm-expiry",
        "probe",
        "silence",
    )
    handlers = {**dict.fromkeys((*kinds, *others), nothing), **carried}
    dispatcher = Dispatcher(stage.timeline, handlers, pleas)
    running = asyncio.create_task(dispatcher.run())
    yield dispatcher
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def tried(dispatcher: Dispatcher, clock: Clock, times: int) -> None:
    for _ in range(times):
        clock.advance(61)
        await dispatcher.settled()


async def pauses(stage: Stage) -> list[str]:
    entries = await stage.timeline.read("run/RUN-1")
    return [entry.event.why for entry in entries if isinstance(entry.event, RunPaused)]


async def test_a_run_that_keeps_failing_pauses_once_and_asks_without_the_text_of_the_error(
    stage: Stage, world: World, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    await planned(stage)
    stage.engines["stage"] = Broken(world, unforeseen, "plan")
    async with dispatched(stage) as dispatcher:
        await started_by_ana(stage)
        await tried(dispatcher, clock, ASK_AFTER - 1)
        assert await pauses(stage) == []

        await tried(dispatcher, clock, 3 * ASK_AFTER)

    (why,) = await pauses(stage)
    assert why == (
        f"RUN-1 could not be carried on: something unforeseen (LookupError) happened {ASK_AFTER} times. "
        "Backstop's log says where. `resume` tries again, `abort` ends the run."
    )
    assert CANARY not in str(await stage.timeline.read("run/RUN-1"))
    assert "LookupError" in caplog.text


async def started_by_ana(stage: Stage) -> None:
    await stage.told("ana", "start RUN-1")


async def test_a_run_that_was_resumed_asks_again_or_goes_on(stage: Stage, world: World, clock: Clock) -> None:
    await planned(stage)
    broken = Broken(world, unforeseen, "plan")
    stage.engines["stage"] = broken
    async with dispatched(stage) as dispatcher:
        await started_by_ana(stage)
        await tried(dispatcher, clock, 2 * ASK_AFTER)
        await write(stage, "ana", RunResumed(why="again"))
        await tried(dispatcher, clock, 2 * ASK_AFTER)
        assert len(await pauses(stage)) == 2

        broken.well.add("poll")
        await write(stage, "ana", RunResumed(why="it is mended"))
        await tried(dispatcher, clock, 1)

    assert (await stage.run()).step("stop").status.value == "succeeded"


async def test_an_abort_that_cannot_be_carried_out_is_said(stage: Stage, world: World, clock: Clock) -> None:
    world.held = True
    await started(stage)
    stage.engines["stage"] = Broken(world, unforeseen)
    async with dispatched(stage) as dispatcher:
        await write(stage, "ana", AbortAsked(why="stop", leaves=""))
        await tried(dispatcher, clock, 2 * ASK_AFTER)

    assert (await stage.run()).state == "aborting"
    assert len(await pauses(stage)) == 1


async def test_a_plan_that_keeps_failing_ends_with_a_sentence(
    stage: Stage, world: World, clock: Clock
) -> None:
    await planned(stage)
    stage.engines["stage"] = Broken(world, unforeseen)
    async with dispatched(stage) as dispatcher:
        await stage.told("ana", "plan restore-orders inc:INC-1")
        await tried(dispatcher, clock, 2 * ASK_AFTER)

    assert (await stage.run("RUN-2")).failed == (
        f"something unforeseen (LookupError) happened {ASK_AFTER} times. Backstop's log says where. "
        "Say `plan` again once it is mended."
    )


async def test_an_effect_that_is_given_up_asks_at_once(stage: Stage, world: World, clock: Clock) -> None:
    await planned(stage)

    def refused() -> Exception:
        return IntegrationError("the tables are of another version", permanent=True)

    async def refuse(_id: str) -> None:
        raise refused()

    runs = stage.runs()
    dispatcher = Dispatcher(stage.timeline, {"run": refuse}, {"run": runs.ask})
    for effect in await stage.timeline.effects.heads():
        if effect.kind == "run":
            await dispatcher._handle(effect)

    (why,) = await pauses(stage)
    assert "the tables are of another version" in why


async def test_nothing_is_said_of_a_run_that_is_over(stage: Stage) -> None:
    await planned(stage)
    await write(stage, "ana", AbortAsked(why="stop", leaves=""))
    await started_and_ended(stage)
    before = len(await stage.timeline.read("run/RUN-1"))

    await stage.runs().ask("RUN-1", "something")

    assert len(await stage.timeline.read("run/RUN-1")) == before


async def started_and_ended(stage: Stage) -> None:
    await write(stage, "ana", RunAborted(leaves=""))
