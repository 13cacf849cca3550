"""Everything the tracker and the stand-in say to each other, held against our description and Atlassian's."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from openapi_core import OpenAPI
from openapi_core.exceptions import OpenAPIError
from ruamel.yaml import YAML

from bot.sandbox.jira import Exchange, JiraStandIn
from integrations.jira import JiraTracker
from tests import openapi
from tests.clock import Clock
from tests.integrations.jira.conftest import PROGRESS, REF, TEXT, ensure, error_of, site, written
from tests.official import check_adf, contract

SAID = {
    "server_info", "fields", "search", "create_issue", "get_issue", "edit_issue", "add_attachment",
    "attachment_content", "myself", "project", "comments", "add_comment", "edit_comment", "people", "link",
    "link_types", "remove_attachment",
}  # fmt: skip
HOST = "https://your-domain.atlassian.net"

# Where Atlassian's document and Atlassian's Jira differ, Jira is right.
NOT_SAID_OF_WHAT_IS_SENT_BACK = "readOnly"  # marks ids that clients must send
NOT_RFC_3339 = "date-time"  # Jira writes +0000
FORM = "multipart/form-data"  # declared as an array, sent as a form


def corrected(schema: Any) -> Any:
    """Return a part of the document with the corrections above and without contents that say nothing."""
    if isinstance(schema, list):
        return [corrected(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {name: value for name, value in schema.items() if name != NOT_SAID_OF_WHAT_IS_SENT_BACK}
    if kept.get("format") == NOT_RFC_3339:
        del kept["format"]
    if FORM in kept.get("requestBody", {}).get("content", {}):
        del kept["requestBody"]
    if kept.get("content") == {"application/json": {"schema": {}}}:
        del kept["content"]
    return {name: corrected(value) for name, value in kept.items()}


@pytest.fixture(scope="module")
def official() -> OpenAPI:
    return openapi.opened(corrected(contract("jira/jira-subset.json")))


@pytest.fixture(scope="module")
def ours() -> OpenAPI:
    file = Path(__file__).parent / "openapi.yaml"
    return openapi.opened(YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")))


def check(official: OpenAPI, exchange: Exchange) -> None:
    if exchange.operation in ("attachment_content", "remove_attachment"):
        return  # the file itself and its end, not in the cut of the document
    openapi.check(official, HOST, [exchange], {"Authorization": "Basic eDp5"})


async def test_every_request_and_answer_is_one_atlassian_describes(
    official: OpenAPI, jira: JiraStandIn, tracker: JiraTracker
) -> None:
    jira.site.people["bo"] = "bo@example.com"
    await everything(tracker)
    assert {each.operation for each in jira.journal} == SAID
    for exchange in jira.journal:
        check(official, exchange)


@pytest.mark.parametrize("cloud", [True, False])
async def test_every_request_and_answer_of_both_kinds_is_one_we_describe(
    ours: OpenAPI, clock: Clock, *, cloud: bool
) -> None:
    async with JiraStandIn(now=clock, cloud=cloud) as jira:
        jira.site.people["bo"] = "bo@example.com"
        tracker = JiraTracker(site(jira))
        await everything(tracker)
        await tracker.close()
        others = set() if cloud else {"attachment_content", "fields"}
        assert {each.operation for each in jira.journal} - {"attachment_page"} == SAID - others
        for exchange in jira.journal:
            if exchange.operation != "attachment_page":
                check(ours, exchange)


async def everything(tracker: JiraTracker) -> None:
    """Say everything that a tracker ever says to Jira."""
    await ensure(tracker)
    await tracker.publish("OPS-1", written("new"))
    for content in (b"x", b"x", b"y"):
        await tracker.attach("OPS-1", "timeline.json", content)
    for file in await tracker.attached("OPS-1"):
        assert [await tracker.detach(file.id) for _ in range(2)] == [True, True]
    assert (await tracker.health()).ok
    for text in ("first", "second"):
        await tracker.comment("OPS-1", PROGRESS, written(text))
    await error_of(lambda: tracker.publish("OPS-7", TEXT))
    await tracker.ensure_issue(f"{REF}-T1", summary="INC-42 action", text=TEXT)
    await tracker.link("OPS-2", "OPS-1")
    await tracker.assign("OPS-2", "bo@example.com", date(2026, 12, 7))
    await tracker.assign("OPS-2", "nobody@example.com", date(2026, 12, 7))
    await error_of(lambda: tracker.link("OPS-2", "OPS-9"))
    await tracker.duplicates("OPS-2", "OPS-1")


async def test_every_document_sent_is_one_the_official_schema_takes(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    await tracker.publish("OPS-1", written("new"))
    for text in ("first", "second"):
        await tracker.comment("OPS-1", PROGRESS, written(text))
    bodies = {each.operation: json.loads(each.request) for each in jira.journal if each.request}
    check_adf(bodies["create_issue"]["fields"]["description"])
    check_adf(bodies["edit_issue"]["fields"]["description"])
    check_adf(bodies["edit_comment"]["body"])


@pytest.mark.parametrize(
    "wrong",
    [
        ("POST", "issue/OPS-1/transitions", b'{"transition": {"id": 31}}', 204, b""),
        ("POST", "issueLink", b'{"type": {"name": "Relates"}}', 201, b""),
        ("GET", "myself", b"", 200, b'{"active": "yes"}'),
        ("GET", "search/jql?maxResults=many", b"", 200, b"{}"),
        ("GET", "serverInfo", b"", 418, b"{}"),
    ],
)
def test_the_check_sees_what_is_wrong(
    official: OpenAPI, clock: Clock, wrong: tuple[str, str, bytes, int, bytes]
) -> None:
    method, path, request, status, response = wrong
    json_type = "application/json"
    path = f"/rest/api/3/{path}"
    exchange = Exchange(clock(), "wrong", method, path, json_type, request, status, response, json_type)
    with pytest.raises(OpenAPIError):
        check(official, exchange)
