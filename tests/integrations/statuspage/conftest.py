from collections.abc import AsyncIterator

import aiohttp
import pytest
from pydantic import SecretStr

from bot.sandbox.statuspage import StatuspageStandIn
from integrations.statuspage import Page, Statuspage
from tests.clock import Clock

COMPONENT = "k7730b5v92bv"


def furnished(clock: Clock, *, port: int = 0, key: str = "", page: str = "") -> StatuspageStandIn:
    """Return a page with one component that works."""
    made = StatuspageStandIn(now=clock, port=port, key=key, page=page)
    made.components[COMPONENT] = "operational"
    return made


def client(page: StatuspageStandIn, clock: Clock) -> Statuspage:
    """Return a client of a page, for which waiting moves the clock."""

    async def pause(seconds: float) -> None:
        clock.advance(seconds)

    address = Page(page.page, SecretStr(page.key), page.url)
    return Statuspage(address, aiohttp.ClientSession, now=clock, pause=pause, timeout_s=5)


@pytest.fixture
async def page(clock: Clock) -> AsyncIterator[StatuspageStandIn]:
    async with furnished(clock) as stand_in:
        yield stand_in


@pytest.fixture
def statuspage(page: StatuspageStandIn, clock: Clock) -> Statuspage:
    return client(page, clock)
