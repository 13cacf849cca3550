"""A stage on which everything is said; `both` is one on SQLite and one on PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.timeline import Timeline
from tests.clock import Clock
from tests.commands.scenes import PEOPLE, put
from tests.runs.stage import Stage, World, point


@pytest.fixture
def world() -> World:
    return World(points=[point("P1", 0), point("P2", 5), point("P3", 15)])


@pytest.fixture
async def stage(sqlite_url: str, clock: Clock, tmp_path: Path, world: World) -> AsyncIterator[Stage]:
    async for stage in _stage(sqlite_url, clock, tmp_path, world):
        yield stage


@pytest.fixture
async def both(database_url: str, clock: Clock, tmp_path: Path, world: World) -> AsyncIterator[Stage]:
    async for stage in _stage(database_url, clock, tmp_path, world):
        yield stage


async def _stage(url: str, clock: Clock, folder: Path, world: World) -> AsyncIterator[Stage]:
    clock.advance(15 * 60)
    timeline = await Timeline.open(url, now=clock)
    stage = Stage(timeline, folder / "home", world)
    put(stage, catalog=PEOPLE)
    yield stage
    await timeline.close()
