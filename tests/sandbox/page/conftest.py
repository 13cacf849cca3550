"""The page over a workspace, a Jira and a shop, each as a program on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.sandbox.jira import JiraStandIn
from bot.sandbox.page import Page, Progress, World
from bot.sandbox.page.outside import Typed
from bot.sandbox.shop.home import Home
from bot.sandbox.shop.keeper import Keeper
from bot.sandbox.slack import SlackStandIn, Terms
from bot.sandbox.statuspage import StatuspageStandIn
from tests.clock import Clock
from tests.integrations.statuspage.conftest import furnished
from tests.sandbox.page.visitor import Visitor


@dataclass
class Quiet:
    """An outside in which things happen when a test says so."""

    progress: Progress = field(default_factory=Progress)
    typed: Sequence[Typed] = ()
    busy: str = ""
    begun: list[str] = field(default_factory=list)

    def release_badly(self) -> None:
        """Note that it was asked for."""
        self.begun.append("release")

    def deploy(self) -> None:
        """Note that it was asked for."""
        self.begun.append("deploy")


@pytest.fixture
def outside() -> Quiet:
    """Return what happens beside Slack."""
    return Quiet()


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[SlackStandIn]:
    """Return a workspace in which a delivery nobody takes is given up at once."""
    async with SlackStandIn(now=clock, terms=Terms(patience=0.5, retries=())) as workspace:
        workspace.settle_bot("general")
        yield workspace


@pytest.fixture
async def jira(clock: Clock) -> AsyncIterator[JiraStandIn]:
    """Return an empty tracker."""
    async with JiraStandIn(now=clock) as tracker:
        yield tracker


@pytest.fixture
async def customers(clock: Clock) -> AsyncIterator[StatuspageStandIn]:
    """Return a status page on which nothing was said."""
    async with furnished(clock) as shown:
        yield shown


@pytest.fixture
async def alerts(clock: Clock) -> AsyncIterator[AlertmanagerStandIn]:
    """Return an Alertmanager that keeps nothing silent."""
    async with AlertmanagerStandIn(now=clock) as there:
        yield there


@pytest.fixture
async def page(
    slack: SlackStandIn,
    jira: JiraStandIn,
    customers: StatuspageStandIn,
    alerts: AlertmanagerStandIn,
    outside: Quiet,
    clock: Clock,
    tmp_path: Path,
) -> AsyncIterator[Page]:
    """Return the page of a sandbox whose shop was never started."""
    keeper = Keeper(Home(tmp_path))
    world = World(slack, jira, customers, alerts, keeper, outside, "/backstop", ("pushpin", "eyes"))
    async with Page(world, now=clock) as served:
        yield served


@pytest.fixture
async def visitor(page: Page) -> AsyncIterator[Visitor]:
    """Return somebody who reads the page and sends its forms."""
    async with aiohttp.ClientSession(page.url) as session:
        yield Visitor(session)
