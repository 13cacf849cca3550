"""Everything the engine and the stand-in say to each other, held against GitHub's own document."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from openapi_core import Config, OpenAPI
from openapi_core.templating.paths.exceptions import PathError
from openapi_core.testing import MockRequest, MockResponse

from integrations.contract import Call
from integrations.github import Github
from tests.clock import Clock
from tests.fakes.github import Exchange, GithubStandIn, as_json
from tests.integrations.github.conftest import KEY
from tests.official import contract


@pytest.fixture(scope="module")
def official() -> OpenAPI:
    document = contract("github/github-subset.json")
    return OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))


def check(official: OpenAPI, exchange: Exchange) -> bool:
    """Hold an exchange against the cut of the document, and say whether that has it."""
    path, _, query = exchange.path_qs.partition("?")
    request = MockRequest(
        "https://api.github.com",
        exchange.method.lower(),
        path,
        args=dict(parse_qsl(query)),
        data=exchange.request or None,
        content_type="application/json",
    )
    try:
        official.validate_request(request)
    except PathError:
        return False
    official.validate_response(request, MockResponse(exchange.response, status_code=exchange.status))
    return True


async def test_every_request_and_answer_is_one_github_describes(
    official: OpenAPI, engine: Github, hub: GithubStandIn, back: Call, clock: Clock
) -> None:
    await engine.plan(back)
    ref = await engine.start(back, key=KEY)
    await engine.poll(ref)
    hub.go("failure")
    clock.advance(4)
    await engine.poll(ref)
    await engine.logs(ref)
    hub.old = True
    await engine.start(back, key=f"{KEY}.undo")
    held = [exchange for exchange in hub.exchanges if exchange.status < 300 and check(official, exchange)]
    assert {exchange.path_qs.partition("?")[0].rpartition("/")[2] for exchange in held} >= {
        "deployments",
        "dispatches",
        "30000000",
    }
    assert [exchange.status for exchange in held if exchange.path_qs.endswith("dispatches")] == [200, 204]


async def test_every_run_on_a_list_is_one_github_describes(
    official: OpenAPI, engine: Github, hub: GithubStandIn, back: Call
) -> None:
    await engine.start(back, key=KEY)
    await engine.plan(back)
    listed = [
        as_json(exchange)
        for exchange in hub.exchanges
        if exchange.path_qs.partition("?")[0].endswith("/runs")
    ]
    runs: list[Any] = [run for each in listed for run in each["workflow_runs"]]
    for run in hub.runs + runs:
        request = MockRequest("https://api.github.com", "get", f"/repos/acme/shop/actions/runs/{run['id']}")
        official.validate_response(request, MockResponse(json.dumps(run).encode(), status_code=200))
