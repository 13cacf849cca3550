"""What the client and the stand-in say to each other, held against our description and PagerDuty's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from ruamel.yaml import YAML

from bot.sandbox.pagerduty import PagerDutyStandIn
from bot.sandbox.wire import Exchange
from integrations.contract import IntegrationError
from integrations.pagerduty import PagerDuty, Target
from tests import openapi
from tests.clock import Clock
from tests.integrations.pagerduty.conftest import SENDER, opened
from tests.official import contract

HOST = "https://api.pagerduty.com"
HEADERS = {
    "Authorization": "Token token=x",
    "Accept": "application/vnd.pagerduty+json;version=2",
    "Content-Type": "application/json",
    "From": SENDER,
}
NOT_SAID_OF_WHAT_IS_SENT_BACK = "readOnly"  # marks ids and types that clients must send
A_TEXT_ALTHOUGH_TYPED_AS_AN_OBJECT = "details"  # its own example is a text
NOT_AS_TYPED = ("start", "end", "schedule", "user")  # null without an end; whole with include[]=users


def corrected(schema: Any) -> Any:
    """Return a part of PagerDuty's document without what contradicts its own words."""
    if isinstance(schema, list):
        return [corrected(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name != NOT_SAID_OF_WHAT_IS_SENT_BACK}
    properties = kept.get("properties")
    if isinstance(properties, dict):
        loose = {name: {} for name in NOT_AS_TYPED if "escalation_level" in properties}
        if A_TEXT_ALTHOUGH_TYPED_AS_AN_OBJECT in properties:
            loose[A_TEXT_ALTHOUGH_TYPED_AS_AN_OBJECT] = {}
        kept["properties"] = {**properties, **loose}
    return {name: corrected(value) for name, value in kept.items()}


@pytest.fixture(scope="module")
def ours() -> OpenAPI:
    file = Path(__file__).parent / "openapi.yaml"
    return openapi.opened(YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def official() -> OpenAPI:
    return openapi.opened(corrected(contract("pagerduty/rest-subset.json")))


async def _everything(account: PagerDutyStandIn, pagerduty: PagerDuty) -> None:
    id = await opened(pagerduty)
    await opened(pagerduty)
    await pagerduty.incident(id)
    await pagerduty.note(id, "[INC-1 update 1] Restoring")
    await pagerduty.has_note(id, "x")
    await pagerduty.status_update(id, "[INC-1 update 1] Restoring")
    bo = await pagerduty.user("bo@example.com")
    assert bo
    await pagerduty.email(bo)
    await pagerduty.ask(id, "Come", [Target("PSHOP02", "escalation_policy"), Target(bo, "user")])
    await pagerduty.has_asked(id, "x")
    await pagerduty.on_call("escalation_policy", ["PDBA001"])
    await pagerduty.on_call("schedule", ["PSCHED1"])
    await pagerduty.urge(id)
    await pagerduty.move(id, "acknowledged")
    await pagerduty.move(id, "resolved", "Totals are right.")
    await pagerduty.health({"checkout": "PSHOP01"})
    for wrong in (pagerduty.incident("QNONE"), pagerduty.ask(id, "Come", [Target("PNONE", "user")])):
        with pytest.raises(IntegrationError):
            await wrong
    assert {each.operation for each in account.journal} == {
        "list_incidents", "open_incident", "get_incident", "change_incident", "list_notes", "add_note",
        "status_update", "ask_responders", "on_call", "list_users", "get_user", "get_service",
    }  # fmt: skip


async def test_every_exchange_is_one_we_describe(
    ours: OpenAPI, account: PagerDutyStandIn, pagerduty: PagerDuty
) -> None:
    await _everything(account, pagerduty)
    openapi.check(ours, HOST, account.journal, HEADERS)


async def test_every_exchange_is_one_pagerduty_describes(
    official: OpenAPI, account: PagerDutyStandIn, pagerduty: PagerDuty
) -> None:
    await _everything(account, pagerduty)
    openapi.check(official, HOST, account.journal, HEADERS)


WRONG = [
    ("POST", "/incidents", b'{"incident": {"type": "incident", "title": "t"}}', 201, b"{}"),
    ("POST", "/incidents/Q1/notes", b'{"note": {}}', 200, b"{}"),
    ("PUT", "/incidents/Q1", b'{"incident": {"type": "incident_reference", "status": "x"}}', 200, b"{}"),
    ("GET", "/users/P1", b"", 200, b'{"user": []}'),
    ("GET", "/nothing", b"", 200, b"{}"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong[0]} {wrong[1]}")
@pytest.mark.parametrize("document", ["ours", "official"])
def test_the_checks_see_what_is_wrong(
    request: pytest.FixtureRequest,
    clock: Clock,
    document: str,
    wrong: tuple[str, str, bytes, int, bytes],
) -> None:
    method, path, asked, status, answer = wrong
    kind = "application/json"
    exchange = Exchange(clock(), "wrong", method, path, kind, asked, status, answer, kind)
    with pytest.raises(OpenAPIError):
        openapi.check(request.getfixturevalue(document), HOST, [exchange], HEADERS)
