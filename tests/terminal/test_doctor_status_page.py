"""What `backstop doctor` says of the status page; it changes nothing there."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from pydantic import SecretStr

from bot.sandbox.statuspage import StatuspageStandIn
from bot.settings import Settings
from bot.terminal.doctor.status_page import status_page
from playbooks.catalog import Catalog, load_catalog
from tests.clock import Clock
from tests.integrations.statuspage.conftest import COMPONENT, furnished
from tests.journeys.places import published
from tests.runs.stage import CATALOG


@pytest.fixture
async def page(clock: Clock) -> AsyncIterator[StatuspageStandIn]:
    async with furnished(clock) as stand_in:
        yield stand_in


def settings(page: StatuspageStandIn, key: str = "") -> Settings:
    return Settings(
        statuspage_page=page.page, statuspage_key=SecretStr(key or page.key), statuspage_url=page.url
    )


async def told(settings: Settings, catalog: Catalog | None = None) -> list[str]:
    return [str(finding) for finding in await status_page(settings, catalog)]


async def test_nothing_is_said_where_nothing_is_set_and_half_of_it_is_wrong() -> None:
    assert await told(Settings()) == []
    assert await told(Settings(statuspage_page="p")) == [
        "wrong  status     BACKSTOP_STATUSPAGE_KEY is missing, so nothing can be published. "
        "Set both of them, or neither."
    ]
    assert await told(Settings(statuspage_key=SecretStr("k"))) == [
        "wrong  status     BACKSTOP_STATUSPAGE_PAGE is missing, so nothing can be published. "
        "Set both of them, or neither."
    ]


async def test_the_page_and_its_components_are_looked_at_and_left_alone(page: StatuspageStandIn) -> None:
    catalog = load_catalog(published(CATALOG), "catalog.yaml")
    well = "ok     status     the page The shop can be read with the key"
    assert await told(settings(page), catalog) == [well]
    page.components.clear()
    assert await told(settings(page), catalog) == [
        well,
        f"wrong  status     checkout is the component {COMPONENT}, which is not on that page. "
        "Look at `status_component` in catalog.yaml.",
    ]
    assert {each.method for each in page.journal} == {"GET"}


async def test_a_key_that_is_refused_is_wrong_and_not_repeated(page: StatuspageStandIn) -> None:
    assert await told(settings(page, "a-key-of-another-page")) == [
        "wrong  status     Statuspage answered 401: Could not authenticate. "
        "Is BACKSTOP_STATUSPAGE_KEY right? Look at the BACKSTOP_STATUSPAGE_… settings."
    ]


async def test_a_webhook_is_named_without_its_secrets() -> None:
    hook = Settings(status_webhook_url=SecretStr("https://hooks.example/a-secret-in-the-path"))
    assert await told(hook) == [
        "ok     status     a webhook to hooks.example, to which nothing is sent only to look"
    ]
