"""What doctor says of PagerDuty, over the wire."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bot.notify.told import SEEN
from bot.sandbox.pagerduty import PagerDutyStandIn
from bot.settings import Settings
from bot.shelf import Shelf
from bot.terminal.doctor.pagerduty import pagerduty
from bot.timeline import Timeline
from tests.clock import Clock
from tests.integrations.pagerduty.conftest import SENDER, furnished
from tests.journeys.places import paged
from tests.runs.stage import CATALOG

Given = Callable[..., Settings]


@pytest.fixture
async def account(clock: Clock) -> AsyncIterator[PagerDutyStandIn]:
    async with furnished(clock) as stand_in:
        yield stand_in


@pytest.fixture
def given(account: PagerDutyStandIn, tmp_path: Path) -> Given:
    def make(**more: str) -> Settings:
        usual = {"pagerduty_url": account.url, "pagerduty_token": account.token, "pagerduty_from": SENDER}
        told = {name: value for name, value in (usual | more).items() if value}
        return Settings.model_validate({"home": tmp_path, **told})

    return make


async def says(settings: Settings, catalog: str) -> list[str]:
    file = settings.home / "catalog.yaml"
    file.write_text(catalog)
    shelf = Shelf(file, settings.home / "playbooks")
    return [" ".join(str(each).split()) for each in await pagerduty(settings, shelf, shelf.catalog())]


async def test_what_is_well_is_said_in_a_line(given: Given) -> None:
    assert await says(given(), paged(CATALOG)) == [
        f"ok pagerduty as {SENDER}, 1 services",
        "off pagerduty BACKSTOP_PAGERDUTY_WEBHOOK_SECRETS is not set; what people do there is not heard",
    ]


async def test_without_a_token_it_is_off_unless_the_catalog_wants_it(given: Given) -> None:
    without = given(pagerduty_token="")
    assert await says(without, CATALOG) == [
        "off pagerduty BACKSTOP_PAGERDUTY_TOKEN is not set; nobody is paged"
    ]
    [told] = await says(without, paged(CATALOG))
    assert told.startswith("wrong pagerduty BACKSTOP_PAGERDUTY_TOKEN is not set, and checkout, dba needs it")
    [told] = await says(given(pagerduty_from=""), CATALOG)
    assert "BACKSTOP_PAGERDUTY_FROM is missing" in told


async def test_a_wrong_token_and_a_service_that_is_not_there_are_named(
    given: Given, account: PagerDutyStandIn
) -> None:
    told = await says(given(pagerduty_token="expired"), paged(CATALOG))
    assert "PagerDuty does not accept the API token" in told[0]
    account.records.services.clear()
    told = await says(given(), paged(CATALOG))
    assert told[0].startswith("wrong pagerduty checkout: PagerDuty refused looking at the service PSHOP01")


async def test_roles_that_nobody_holds_are_named(given: Given, account: PagerDutyStandIn) -> None:
    account.policy("PDBA001")
    told = await says(given(), paged(CATALOG))
    assert told[1].startswith("unwise pagerduty nobody is on call for the escalation policy PDBA001, of dba,")
    alone = paged(CATALOG).replace("dba: {people: [bo], oncall", "dba: {oncall")
    told = await says(given(), alone)
    assert told[1].startswith("wrong pagerduty nobody is on call")
    account.person("Dana", "dana@elsewhere.example")
    account.schedule("PNIGHT1", "dana@elsewhere.example")
    told = await says(given(), alone.replace("escalation_policy: PDBA001", "schedule: PNIGHT1"))
    assert "on call for the schedule PNIGHT1, of dba, is dana@elsewhere.example, who is not in" in told[1]


async def test_whether_the_webhook_was_ever_heard_is_said(given: Given, tmp_path: Path, clock: Clock) -> None:
    heard = given(pagerduty_webhook_secrets="s")
    told = await says(heard, CATALOG)
    assert told[-1].startswith("unwise pagerduty its webhook has told nothing yet. Send a test event")
    timeline = await Timeline.open(heard.database, now=clock)
    await timeline.records.remember(SEEN, {"at": clock().isoformat(), "kind": "pagey.ping"})
    await timeline.close()
    told = await says(heard, CATALOG)
    assert told[-1] == "ok pagerduty its webhook told of pagey.ping at 2026-11-23T02:10:00Z"
