"""What the client and the stand-in say to each other, held against our description and Alertmanager's."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from ruamel.yaml import YAML

from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.sandbox.wire import Exchange
from integrations.alertmanager import Alertmanager
from integrations.contract import IntegrationError
from tests import openapi
from tests.clock import Clock
from tests.integrations.alertmanager.conftest import client
from tests.official import contract

HOST = "http://alertmanager"
LABELS = {"service": "orders", "environment": "production"}
MARK = "backstop RUN-9.4.0123456789abcdef"
JSON = "application/json"
UNDESCRIBED = {"401": {"description": "Of the proxy or the web configuration, which let nobody in."}}


def as_openapi(value: Any) -> Any:
    """Return a part of a Swagger 2 document as OpenAPI 3 has it: Alertmanager's own is of the older kind."""
    if isinstance(value, list):
        return [as_openapi(each) for each in value]
    if not isinstance(value, dict):
        return value.replace("#/definitions/", "#/components/schemas/") if isinstance(value, str) else value
    if {"name", "in"} <= value.keys():
        kept = {name: value[name] for name in ("name", "in", "required") if name in value}
        return {
            **kept,
            "schema": {name: value[name] for name in ("type", "items", "format") if name in value},
        }
    if {"description", "schema"} == value.keys():
        return {
            "description": value["description"],
            "content": {JSON: {"schema": as_openapi(value["schema"])}},
        }
    whole = {name: as_openapi(each) for name, each in value.items()}
    if "operationId" in value:
        whole["responses"] |= UNDESCRIBED
        for body in [each for each in value.get("parameters", ()) if each.get("in") == "body"]:
            whole["parameters"] = [each for each in whole["parameters"] if each.get("in") != "body"]
            whole["requestBody"] = {
                "required": True,
                "content": {JSON: {"schema": as_openapi(body["schema"])}},
            }
    return whole


@pytest.fixture(scope="module")
def ours() -> OpenAPI:
    file = Path(__file__).parent / "openapi.yaml"
    return openapi.opened(YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def official() -> OpenAPI:
    document = contract("alertmanager/alertmanager-api-v2.swagger2.yaml")
    whole = {
        "openapi": "3.0.2",
        "info": document["info"],
        "servers": [{"url": f"{HOST}{document['basePath'].rstrip('/')}"}],
        "paths": document["paths"],
        "components": {"schemas": document["definitions"]},
        "parameters": document["parameters"],
        "responses": document["responses"],
    }
    return openapi.opened(as_openapi(whole))


async def _everything(there: AlertmanagerStandIn, alertmanager: Alertmanager, clock: Clock) -> None:
    await alertmanager.version()
    ends = clock() + timedelta(minutes=15)
    await alertmanager.place(LABELS, mark=MARK, why="RUN-9 restores orders", ends=ends)
    [found] = await alertmanager.find(LABELS, MARK)
    later = ends + timedelta(minutes=5)
    await alertmanager.place(LABELS, mark=MARK, why="RUN-9 restores orders", ends=later, over=found)
    await alertmanager.expire(found.id)
    await alertmanager.find(LABELS, MARK)
    there.silences.clear()
    await alertmanager.expire(found.id)
    for wrong in (
        client(there, clock, token="another").version(),
        alertmanager.place(LABELS, mark=MARK, why="RUN-9", ends=clock() - timedelta(minutes=5)),
        alertmanager.place(LABELS, mark=MARK, why="RUN-9", ends=later, over=found),
    ):
        with pytest.raises(IntegrationError):
            await wrong


async def test_every_exchange_is_one_we_describe(
    ours: OpenAPI, there: AlertmanagerStandIn, alertmanager: Alertmanager, clock: Clock
) -> None:
    await _everything(there, alertmanager, clock)
    openapi.check(ours, HOST, there.journal)


async def test_every_exchange_is_one_alertmanager_describes(
    official: OpenAPI, there: AlertmanagerStandIn, alertmanager: Alertmanager, clock: Clock
) -> None:
    await _everything(there, alertmanager, clock)
    openapi.check(official, HOST, there.journal)


WRONG = [
    ("POST", "/api/v2/silences", b'{"matchers": []}', 200, b'{"silenceID": "x"}'),
    ("GET", "/api/v2/silences?filter=service%3D%22orders%22", b"", 200, b'[{"id": 7}]'),
    ("GET", "/api/v2/status", b"", 200, b"[]"),
    ("GET", "/api/v2/nothing", b"", 200, b"{}"),
]


@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: f"{wrong[0]} {wrong[1]}")
@pytest.mark.parametrize("document", ["ours", "official"])
def test_the_checks_see_what_is_wrong(
    request: pytest.FixtureRequest, clock: Clock, document: str, wrong: tuple[str, str, bytes, int, bytes]
) -> None:
    method, path, asked, status, answer = wrong
    exchange = Exchange(clock(), "wrong", method, path, JSON, asked, status, answer, JSON)
    with pytest.raises(OpenAPIError):
        openapi.check(request.getfixturevalue(document), HOST, [exchange])
