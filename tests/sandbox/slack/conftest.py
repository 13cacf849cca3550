"""A workspace, an app and the transport between them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SlackStandIn, Terms
from tests.clock import Clock
from tests.sandbox.slack.bolt import Way, client_of


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[SlackStandIn]:
    """Return a workspace with ana, bo and cy, and zed from another one; acks are due within half a second."""
    terms = Terms(patience=0.5, retries=(0.0, 0.0, 0.0))
    outsiders = {"zed": ("U0ZED00001", "zed@example.org")}
    async with SlackStandIn(outsiders=outsiders, now=clock, terms=terms) as workspace:
        yield workspace


@pytest.fixture(params=["socket", "http"])
def way(request: pytest.FixtureRequest) -> Way:
    """Return each transport in turn."""
    chosen: Way = request.param
    return chosen


@pytest.fixture
def client(slack: SlackStandIn) -> AsyncWebClient:
    """Return the SDK's client with the bot's token."""
    return client_of(slack)
