import asyncio
import json
from base64 import b64encode
from typing import Any

import aiohttp
import pytest

from bot.sandbox.jira import Drop, Hold, JiraStandIn, failing, rate_limited
from tests.clock import Clock
from tests.sandbox.jira.conftest import API, SAID, ask, create, doc, fields, node, text


@pytest.mark.parametrize(
    ("changed", "field", "words"),
    [
        ({"project": {"key": "NOPE"}}, "project", "valid project is required"),
        ({"issuetype": {"name": "Epic"}}, "issuetype", "valid issue type"),
        ({"issuetype": {"name": "Sub-task"}}, "parent", "needs a parent"),
        ({"parent": {"key": "OPS-1"}}, "parent", "nothing else has one"),
        ({"summary": " "}, "summary", "must specify"),
        ({"summary": "x" * 256}, "summary", "255"),
        ({"summary": "🧨" * 128}, "summary", "255"),
        ({"summary": "a\nb"}, "summary", "newline"),
        ({"labels": ["a b"]}, "labels", "spaces"),
        ({"description": "a string"}, "description", "Atlassian Document"),
        ({"descripton": SAID}, "descripton", "not permitted"),
    ],
)
async def test_an_issue_jira_would_refuse_is_refused_by_field(
    jira: JiraStandIn, client: aiohttp.ClientSession, changed: dict[str, Any], field: str, words: str
) -> None:
    status, answer = await ask(client, "POST", f"{API}/issue", fields(**changed))
    assert status == 400
    assert words in answer["errors"][field]
    assert jira.issues == {}


async def test_a_body_that_is_not_json_is_a_bad_request(client: aiohttp.ClientSession) -> None:
    async with client.post(f"{API}/issue", data=b"{") as answer:
        assert answer.status == 400


async def test_a_text_over_the_limit_is_refused_and_burns_a_number(
    jira: JiraStandIn, client: aiohttp.ClientSession
) -> None:
    long = doc(node("paragraph", text("x" * 32_768)))
    status, answer = await ask(client, "POST", f"{API}/issue", fields(description=long))
    assert (status, answer["errors"]) == (400, {"description": "CONTENT_LIMIT_EXCEEDED"})
    assert await create(client, description=doc(node("paragraph", text("x" * 32_767)))) == "OPS-2"
    assert list(jira.issues) == ["OPS-2"]


async def test_a_sub_task_belongs_to_its_parent(client: aiohttp.ClientSession) -> None:
    await create(client)
    status, answer = await ask(
        client, "POST", f"{API}/issue", fields(issuetype={"name": "Sub-task"}, parent={"key": "OPS-9"})
    )
    assert (status, answer["errorMessages"][0][:20]) == (404, "Issue does not exist")
    key = await create(client, issuetype={"name": "Sub-task"}, parent={"key": "OPS-1"})
    _, issue = await ask(client, "GET", f"{API}/issue/{key}?fields=parent,summary")
    assert issue["fields"] == {"parent": {"key": "OPS-1"}, "summary": "INC-42"}


@pytest.mark.parametrize("given", ["", "Basic abc", "Bearer x", "Basic é"])
async def test_a_stranger_is_told_nothing_but_the_servers_kind(jira: JiraStandIn, given: str) -> None:
    headers = {"Authorization": given} if given else {}
    async with aiohttp.ClientSession(jira.url, headers=headers) as stranger:
        async with stranger.get(f"{API}/serverInfo") as answer:
            assert (await answer.json())["deploymentType"] == "Cloud"
        async with stranger.post(f"{API}/issue", json=fields()) as answer:
            assert answer.status == 401
    assert jira.issues == {}


async def test_what_does_not_exist_is_not_found(client: aiohttp.ClientSession) -> None:
    await create(client)
    for method, path in [
        ("GET", f"{API}/issue/OPS-7"),
        ("GET", f"{API}/issue/OPS-1/properties/nothing"),
        ("PUT", f"{API}/issue/OPS-1/comment/7"),
        ("GET", f"{API}/attachment/content/7"),
        ("GET", f"{API}/search"),
        ("GET", "/browse/OPS-7"),
    ]:
        status, answer = await ask(client, method, path, {"body": SAID})
        assert (status, len(answer["errorMessages"])) == (404, 1), path


async def test_an_edit_changes_what_it_names_and_nothing_else(
    jira: JiraStandIn, client: aiohttp.ClientSession, clock: Clock
) -> None:
    await create(client, description=SAID, labels=["one"])
    issue = jira.issues["OPS-1"]
    at = clock.advance(60)
    assert await ask(client, "PUT", f"{API}/issue/OPS-1", {"fields": {"summary": "new"}}) == (204, None)
    assert (issue.summary, issue.description, issue.labels, issue.updated) == ("new", SAID, ("one",), at)
    await ask(client, "PUT", f"{API}/issue/OPS-1", {"fields": {"description": None, "labels": []}})
    assert (issue.summary, issue.description, issue.labels) == ("new", None, ())
    status, _ = await ask(client, "PUT", f"{API}/issue/OPS-1", {"fields": {"summary": "", "labels": ["x"]}})
    assert (status, issue.labels) == (400, ())


async def test_properties_are_kept(client: aiohttp.ClientSession) -> None:
    await create(client)
    path = f"{API}/issue/OPS-1/properties"
    assert (await ask(client, "PUT", f"{path}/backstop", {"ref": 1}))[0] == 201
    assert (await ask(client, "PUT", f"{path}/backstop", {"ref": 2}))[0] == 200
    assert (await ask(client, "GET", f"{path}/backstop"))[1] == {"key": "backstop", "value": {"ref": 2}}
    assert [each["key"] for each in (await ask(client, "GET", path))[1]["keys"]] == ["backstop"]


async def test_the_search_sees_what_its_index_has_seen(
    jira: JiraStandIn, client: aiohttp.ClientSession
) -> None:
    async def found(jql: str, **options: str) -> Any:
        async with client.get(f"{API}/search/jql", params={"jql": jql, **options}) as answer:
            return await answer.json()

    await create(client, labels=["a"])
    jira.site.hold_index()
    await create(client, labels=["a"])
    query = 'project = OPS AND labels = "a" ORDER BY created'
    assert await found(query) == {"issues": [{"id": jira.issues["OPS-1"].id}], "isLast": True}
    jira.site.catch_up()
    first = await found(query, maxResults="1", fields="labels")
    assert [each["key"] for each in first["issues"]] == ["OPS-1"]
    second = await found(query, maxResults="1", fields="labels", nextPageToken=first["nextPageToken"])
    assert ([each["key"] for each in second["issues"]], second["isLast"]) == (["OPS-2"], True)
    assert [len((await found(each))["issues"]) for each in ("key = OPS-2", 'status = "To Do"')] == [1, 2]
    for refused in ("", "labels ~ a", "order by created"):
        assert "issues" not in await found(refused)


async def test_a_form_without_the_token_against_forgery_is_refused(
    jira: JiraStandIn, client: aiohttp.ClientSession
) -> None:
    await create(client)
    path, trusted = f"{API}/issue/OPS-1/attachments", {"X-Atlassian-Token": "no-check"}

    def form(name: str) -> aiohttp.FormData:
        data = aiohttp.FormData()
        data.add_field(name, b"\x00\r\n", filename="a.bin")
        return data

    async with client.post(path, data=form("file")) as answer:
        assert answer.status == 403
    async with client.post(path, data=form("other"), headers=trusted) as answer:
        assert answer.status == 400
    assert jira.issues["OPS-1"].attachments == []
    async with client.post(path, data=form("file"), headers=trusted) as answer:
        [file] = await answer.json()
    async with client.get(file["content"]) as answer:
        assert await answer.read() == b"\x00\r\n"
        assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''a.bin"


async def test_comments_are_documents(client: aiohttp.ClientSession) -> None:
    await create(client)
    path = f"{API}/issue/OPS-1/comment"
    _, comment = await ask(client, "POST", path, {"body": SAID})
    assert comment["created"] == "2026-11-23T02:10:00.000+0000"
    for body, words in (("text", "Atlassian Document"), (None, "can not be empty")):
        status, answer = await ask(client, "PUT", f"{path}/{comment['id']}", {"body": body})
        assert (status, words in answer["errors"]["comment"]) == (400, True)
    other = doc(node("paragraph", text("other")))
    await ask(client, "PUT", f"{path}/{comment['id']}", {"body": other})
    await ask(client, "POST", path, {"body": SAID})
    _, page = await ask(client, "GET", f"{path}?maxResults=1&startAt=1&orderBy=-created")
    assert ([each["body"] for each in page["comments"]], page["total"]) == ([other], 2)
    _, page = await ask(client, "GET", path)
    assert [each["body"] for each in page["comments"]] == [other, SAID]


async def test_a_transition_is_named_by_a_string(jira: JiraStandIn, client: aiohttp.ClientSession) -> None:
    await create(client)
    path = f"{API}/issue/OPS-1/transitions"
    for wrong in (31, "11", "99"):
        assert (await ask(client, "POST", path, {"transition": {"id": wrong}}))[0] == 400
    assert (await ask(client, "POST", path, {"transition": {"id": "31"}}))[0] == 204
    assert jira.issues["OPS-1"].status == "Done"
    assert [each["name"] for each in (await ask(client, "GET", path))[1]["transitions"]] == [
        "Reopen",
        "Start",
    ]


async def test_links_know_their_type_and_remote_links_their_global_id(
    jira: JiraStandIn, client: aiohttp.ClientSession
) -> None:
    await create(client)
    names = [each["name"] for each in (await ask(client, "GET", f"{API}/issueLinkType"))[1]["issueLinkTypes"]]
    assert "Duplicate" in names
    remote = {"object": {"url": "https://example.org", "title": "console"}}
    path = f"{API}/issue/OPS-1/remotelink"
    for body, status in (
        ({"globalId": "a", **remote}, 201),
        ({"globalId": "a", **remote}, 200),
        (remote, 201),
    ):
        assert (await ask(client, "POST", path, body))[0] == status
    assert len(jira.issues["OPS-1"].remote_links) == 2


async def test_a_fault_meets_one_request(jira: JiraStandIn, client: aiohttp.ClientSession) -> None:
    jira.faults.add("create_issue", rate_limited("5"), failing(502, when="after"), Drop("before"))
    async with client.post(f"{API}/issue", json=fields()) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "5")
    async with client.post(f"{API}/issue", json=fields()) as answer:
        assert answer.status == 502
    with pytest.raises(aiohttp.ClientConnectionError):
        await create(client)
    assert await create(client) == "OPS-2"
    assert [each.status for each in jira.asked("create_issue")] == [429, 502, None, 201]


async def test_leaving_releases_what_is_held(clock: Clock) -> None:
    async with JiraStandIn(now=clock) as jira, aiohttp.ClientSession(jira.url) as client:
        jira.faults.add("server_info", Hold())
        call = asyncio.create_task(ask(client, "GET", f"{API}/serverInfo"))
        await jira.wait(lambda jira: bool(jira.asked("server_info")))
        jira.faults.release()
        assert (await call)[0] == 200


async def test_waiting_in_vain_tells_what_was_asked(jira: JiraStandIn, client: aiohttp.ClientSession) -> None:
    await create(client)
    with pytest.raises(TimeoutError, match="Jira was asked: create_issue 201"):
        await jira.wait(lambda jira: False, within_s=0.01)


async def test_the_journal_holds_no_credentials(jira: JiraStandIn, client: aiohttp.ClientSession) -> None:
    await create(client)
    secret = b64encode(f"{jira.email}:{jira.token}".encode()).decode()
    assert jira.token not in repr(jira) + repr(jira.journal)
    assert secret not in repr(jira.journal)
    assert json.loads(jira.journal[0].request) == fields()
