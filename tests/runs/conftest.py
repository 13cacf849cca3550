"""The stage on which runs are played."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.timeline import Timeline
from tests.clock import Clock
from tests.runs.stage import Stage, World, point


@pytest.fixture
def world() -> World:
    return World(points=[point("P1", 0), point("P2", 5), point("P3", 15)])


@pytest.fixture
async def stage(sqlite_url: str, clock: Clock, tmp_path: Path, world: World) -> AsyncIterator[Stage]:
    clock.advance(15 * 60)
    timeline = await Timeline.open(sqlite_url, now=clock)
    yield Stage(timeline, tmp_path / "home", world)
    await timeline.close()
