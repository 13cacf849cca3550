"""The dispatcher of effects stops when it is told to, whatever else happens in that moment."""

from __future__ import annotations

import asyncio

import pytest

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
