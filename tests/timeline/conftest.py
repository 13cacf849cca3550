"""A timeline over each database."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.timeline import Timeline
from tests.clock import Clock


@pytest.fixture
async def timeline(database_url: str, clock: Clock) -> AsyncIterator[Timeline]:
    """Return an empty timeline."""
    timeline = await Timeline.open(database_url, now=clock)
    yield timeline
    await timeline.close()
