"""What `backstop doctor` says of Alertmanager; it changes nothing there."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.settings import Settings
from bot.shelf import Shelf
from bot.terminal.doctor.alertmanager import alertmanager
from playbooks.catalog import load_catalog
from tests.clock import Clock
from tests.integrations.alertmanager.conftest import TOKEN
from tests.journeys.places import alerting
from tests.runs.stage import CATALOG, PLAYBOOK


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Return a shelf whose playbook wants silence."""
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "catalog.yaml").write_text(CATALOG)
    (tmp_path / "playbooks" / "restore.yaml").write_text(f"{PLAYBOOK}silence: true\n")
    return Shelf(tmp_path / "catalog.yaml", tmp_path / "playbooks")


async def told(settings: Settings, shelf: Shelf, catalog: str | None = CATALOG) -> list[str]:
    known = load_catalog(catalog, "catalog.yaml") if catalog else None
    return [str(finding) for finding in await alertmanager(settings, shelf, known)]


async def test_nothing_is_said_where_nobody_wants_silence(shelf: Shelf) -> None:
    assert await told(Settings(), shelf, None) == []
    assert await told(Settings(alertmanager_user="backstop"), shelf) == [
        "wrong  alerts     BACKSTOP_ALERTMANAGER_URL is missing. Set it, or unset the others."
    ]
    assert await told(Settings(), shelf) == [
        "unwise alerts     restore-orders wants silence, and BACKSTOP_ALERTMANAGER_URL is not set. "
        "Set it, or no alert will be silent."
    ]


async def test_it_is_asked_for_its_version_and_for_nothing_else(shelf: Shelf, clock: Clock) -> None:
    async with AlertmanagerStandIn(now=clock, token=TOKEN) as there:
        settings = Settings(alertmanager_url=there.url, alertmanager_secret=SecretStr(TOKEN))
        well = "ok     alerts     Alertmanager 0.28.1 answers"
        assert await told(settings, shelf, alerting(CATALOG)) == [well]
        assert await told(settings, shelf, None) == [well]
        assert await told(settings, shelf) == [
            well,
            "wrong  alerts     restore-orders wants silence, and no target in the catalog has `alerts`. "
            "Name the labels of their alerts in catalog.yaml.",
        ]
        assert {(each.method, each.operation) for each in there.journal} == {("GET", "get_status")}


async def test_a_secret_that_is_refused_is_wrong_and_not_repeated(shelf: Shelf, clock: Clock) -> None:
    async with AlertmanagerStandIn(now=clock, token=TOKEN) as there:
        settings = Settings(alertmanager_url=there.url, alertmanager_secret=SecretStr("a-secret-of-another"))
        assert await told(settings, shelf) == [
            "wrong  alerts     Alertmanager answered 401 to GET: Unauthorized. "
            "Are BACKSTOP_ALERTMANAGER_USER and BACKSTOP_ALERTMANAGER_SECRET right? "
            "Look at the BACKSTOP_ALERTMANAGER_… settings."
        ]


def test_an_address_with_a_password_in_it_is_refused() -> None:
    with pytest.raises(ValueError, match="alertmanager_url"):
        Settings(alertmanager_url="http://backstop:hidden@alerts.example")
