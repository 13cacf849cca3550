"""A stage with an incident at 02:25, for which a release and three recovery points are known."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.timeline import Timeline
from tests.clock import Clock
from tests.fakes.registry import Registry, a_registry
from tests.runs.stage import Stage, World, point


@pytest.fixture
async def stage(sqlite_url: str, clock: Clock, tmp_path: Path) -> AsyncIterator[Stage]:
    timeline = await Timeline.open(sqlite_url, now=clock)
    stage = Stage(
        timeline, tmp_path / "home", World(points=[point("P1", 0), point("P2", 5), point("P3", 15)])
    )
    clock.advance(15 * 60)
    await stage.told("ana", 'declare "Orders are wrong" sev:2')
    yield stage
    await timeline.close()


@pytest.fixture
async def registry() -> AsyncIterator[Registry]:
    async with a_registry() as registry:
        yield registry
