"""The dispatcher of effects: what it takes at once, and that it stops whatever else happens then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.core.effects import Effect
from bot.jobs import Dispatcher
from bot.timeline import Timeline
from tests.clock import Clock


@pytest.mark.parametrize("turns", range(6))
async def test_a_stop_that_comes_with_news_is_not_forgotten(
    sqlite_url: str, clock: Clock, turns: int
) -> None:
    timeline = await Timeline.open(sqlite_url, now=clock)
    dispatcher = Dispatcher(timeline, {})
    running = asyncio.create_task(dispatcher.run())
    await dispatcher.settled()

    for listener in timeline._listeners:
        listener()
    for _ in range(turns):
        await asyncio.sleep(0)
    running.cancel()

    done, _ = await asyncio.wait({running}, timeout=5)
    running.cancel()
    assert done
    await timeline.close()


@pytest.fixture
async def timeline(sqlite_url: str, clock: Clock) -> AsyncIterator[Timeline]:
    """Yield a timeline that three lanes wait in, for the same moment."""
    timeline = await Timeline.open(sqlite_url, now=clock)
    for lane in ("c", "a", "b"):
        await timeline.effects.ask(Effect("note", lane, lane))
    yield timeline
    await timeline.close()


async def test_every_lane_goes_on_without_waiting_for_another(timeline: Timeline) -> None:
    everybody = asyncio.Barrier(3)

    async def note(subject: str) -> None:
        async with asyncio.timeout(5):
            await everybody.wait()

    dispatcher = Dispatcher(timeline, {"note": note})
    async with carrying_out(dispatcher):
        await dispatcher.settled()
    assert await timeline.effects.troubled() == []


async def test_where_one_effect_is_carried_out_at_once_the_oldest_goes_first(timeline: Timeline) -> None:
    did: list[str] = []

    async def note(subject: str) -> None:
        did.append(f"{subject} begins")
        if subject == "c":
            await timeline.effects.ask(Effect("note", "d", "d"))
        did.append(f"{subject} ends")

    dispatcher = Dispatcher(timeline, {"note": note}, at_once=1)
    async with carrying_out(dispatcher):
        await dispatcher.settled()
    assert did == [f"{lane} {what}" for lane in "cabd" for what in ("begins", "ends")]


@asynccontextmanager
async def carrying_out(dispatcher: Dispatcher) -> AsyncIterator[None]:
    """Let a dispatcher run while the block does."""
    running = asyncio.create_task(dispatcher.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
