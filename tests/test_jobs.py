"""The dispatcher of effects: what it takes at once, and that it stops whatever else happens then."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.core.effects import Effect
from bot.jobs import Dispatcher, Precedence
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


async def test_who_waits_for_an_acknowledgement_goes_before_effects_but_not_before_a_run(
    sqlite_url: str, clock: Clock
) -> None:
    timeline = await Timeline.open(sqlite_url, now=clock)
    did: list[str] = []
    begun, everything = asyncio.Event(), asyncio.Event()

    async def note(subject: str) -> None:
        did.append(subject)
        begun.set()
        if len(did) == 2:
            everything.set()

    first = Precedence()
    async with carrying_out(Dispatcher(timeline, {"note": note, "run": note}, first=first)):
        with first.taken():
            await timeline.effects.ask(Effect("note", "a card", "card"))
            await timeline.effects.ask(Effect("run", "RUN-1", "run/RUN-1"))
            async with asyncio.timeout(10):
                await begun.wait()
            assert did == ["RUN-1"]
        async with asyncio.timeout(10):
            await everything.wait()
    assert did == ["RUN-1", "a card"]
    await timeline.close()


async def test_effects_wait_only_so_long_for_those_who_come_and_come(timeline: Timeline) -> None:
    everything = asyncio.Event()

    async def note(subject: str) -> None:
        everything.set()

    first = Precedence()
    async with carrying_out(Dispatcher(timeline, {"note": note}, first=first)):
        with first.taken():
            async with asyncio.timeout(10):
                await everything.wait()


@asynccontextmanager
async def carrying_out(dispatcher: Dispatcher) -> AsyncIterator[None]:
    """Let a dispatcher run while the block does."""
    running = asyncio.create_task(dispatcher.run())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
