from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bot.sandbox.pagerduty import PagerDutyStandIn
from integrations.pagerduty import Account, PagerDuty
from tests.clock import Clock

SENDER = "backstop@example.com"


def furnished(clock: Clock, *, port: int = 0, token: str = "") -> PagerDutyStandIn:
    """Return an account with our three people, a service and the policies that page them."""
    account = PagerDutyStandIn(now=clock, port=port, token=token)
    for name in ("backstop", "ana", "bo", "cy"):
        account.person(name.title(), f"{name}@example.com")
    account.policy("PDBA001", "bo@example.com", "ana@example.com")
    account.policy("PSHOP02", "cy@example.com")
    account.schedule("PSCHED1", "ana@example.com")
    account.service("PSHOP01", "Checkout", "PSHOP02")
    return account


@pytest.fixture
async def account(clock: Clock) -> AsyncIterator[PagerDutyStandIn]:
    async with furnished(clock) as stand_in:
        yield stand_in


@pytest.fixture
async def pagerduty(account: PagerDutyStandIn) -> AsyncIterator[PagerDuty]:
    made = PagerDuty(Account(SecretStr(account.token), SENDER, account.url), time_limits_s=(3.0, 5.0))
    yield made
    await made.close()


async def opened(pagerduty: PagerDuty) -> str:
    found = await pagerduty.open(
        "backstop-INC-1", service="PSHOP01", title="INC-1: Orders are wrong", details="SEV1", urgency="high"
    )
    return found.id
