"""A Backstop in a workspace, over both transports."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.slack import SlackStandIn
from tests.clock import Clock
from tests.slack.house import House, Way, living_in, workspace


@pytest.fixture(params=["socket", "http"])
def way(request: pytest.FixtureRequest) -> Way:
    """Return each transport in turn."""
    chosen: Way = request.param
    return chosen


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[SlackStandIn]:
    """Return a workspace."""
    clock.advance(15 * 60)
    async with workspace(clock) as found:
        yield found


@pytest.fixture
async def house(
    slack: SlackStandIn, clock: Clock, tmp_path: Path, sqlite_url: str, way: Way
) -> AsyncIterator[House]:
    """Return a Backstop that lives in the workspace, over each transport."""
    async with living_in(House(slack, clock, tmp_path / "home", sqlite_url, way)) as found:
        yield found


@pytest.fixture
async def home(slack: SlackStandIn, clock: Clock, tmp_path: Path, sqlite_url: str) -> AsyncIterator[House]:
    """Return a Backstop over HTTP, for what does not depend on the transport."""
    async with living_in(House(slack, clock, tmp_path / "home", sqlite_url, "http")) as found:
        yield found


@pytest.fixture
async def threads(slack: SlackStandIn, clock: Clock, tmp_path: Path, sqlite_url: str) -> AsyncIterator[House]:
    """Return a Backstop whose incidents are threads of #general."""
    slack.invite_bot("general")
    chosen = {"slack_home_channel": slack.channel("general").id, "slack_rooms": "thread"}
    made = House(slack, clock, tmp_path / "home", sqlite_url, "http", chosen)
    async with living_in(made) as found:
        yield found
