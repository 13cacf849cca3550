"""A town over each transport and on each database."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.clock import Clock
from tests.doors.town import Town, Way, town
from tests.slack.house import workspace


@pytest.fixture(params=["socket", "http"])
def way(request: pytest.FixtureRequest) -> Way:
    """Return each transport in turn."""
    chosen: Way = request.param
    return chosen


@pytest.fixture
async def both_doors(database_url: str, tmp_path: Path, clock: Clock, way: Way) -> AsyncIterator[Town]:
    """Yield a town."""
    clock.advance(15 * 60)
    async with (
        workspace(clock) as slack,
        town(slack, database_url, tmp_path / "home", way, clock) as found,
    ):
        yield found
