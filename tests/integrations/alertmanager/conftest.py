from collections.abc import AsyncIterator

import aiohttp
import pytest
from pydantic import SecretStr

from bot.sandbox.alertmanager import AlertmanagerStandIn
from integrations.alertmanager import Address, Alertmanager
from tests.clock import Clock

TOKEN = "canary-alerts-31"


def client(there: AlertmanagerStandIn, clock: Clock, *, token: str = TOKEN, user: str = "") -> Alertmanager:
    """Return a client with credentials, which need not be the right ones."""
    address = Address(f"{there.url}/", user, SecretStr(token) if token else None)
    return Alertmanager(address, aiohttp.ClientSession, now=clock, timeout_s=5)


@pytest.fixture
async def there(clock: Clock) -> AsyncIterator[AlertmanagerStandIn]:
    async with AlertmanagerStandIn(now=clock, token=TOKEN) as stand_in:
        yield stand_in


@pytest.fixture
def alertmanager(there: AlertmanagerStandIn, clock: Clock) -> Alertmanager:
    return client(there, clock)
