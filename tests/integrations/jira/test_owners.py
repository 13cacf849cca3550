"""Issues that belong to somebody by a day, and links between issues, in both kinds of Jira."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date

import pytest

from bot.sandbox.jira import Drop, JiraStandIn, Reply, failing
from integrations.jira import JiraTracker
from tests.clock import Clock
from tests.integrations.jira.conftest import ensure, error_of, site

DAY = date(2026, 12, 7)


@pytest.fixture(params=[True, False], ids=["cloud", "datacenter"])
async def jira(clock: Clock, request: pytest.FixtureRequest) -> AsyncIterator[JiraStandIn]:
    async with JiraStandIn(now=clock, cloud=request.param) as stand_in:
        stand_in.site.people.update(bo="bo@example.com", bob="bob@example.com")
        yield stand_in


async def assigned(jira: JiraStandIn, tracker: JiraTracker, owner: str) -> tuple[date | None, str | None]:
    await ensure(tracker)
    await tracker.assign("OPS-1", owner, DAY)
    issue = jira.issues["OPS-1"]
    return issue.due, issue.assignee


async def test_an_issue_gets_its_day_and_the_account_with_the_e_mail(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    assert await assigned(jira, tracker, "bo@example.com") == (DAY, "bo")


async def test_whoever_has_no_account_is_only_named_in_words(jira: JiraStandIn, tracker: JiraTracker) -> None:
    assert await assigned(jira, tracker, "eli@example.com") == (DAY, None)


async def test_of_several_accounts_nobody_is_guessed(jira: JiraStandIn, tracker: JiraTracker) -> None:
    jira.site.people["bo2"] = "bo@example.com"
    assert await assigned(jira, tracker, "bo@example.com") == (DAY, None)


@pytest.mark.parametrize(
    ("hidden", "left"),
    [("duedate", (None, "bo")), ("assignee", (DAY, None)), ("duedate assignee", (None, None))],
)
async def test_fields_that_are_on_no_screen_are_left_out(
    jira: JiraStandIn, tracker: JiraTracker, hidden: str, left: tuple[date | None, str | None]
) -> None:
    jira.site.off_screen = frozenset(hidden.split())
    assert await assigned(jira, tracker, "bo@example.com") == left


@pytest.mark.parametrize("status", [400, 403])
async def test_any_other_refusal_is_told(jira: JiraStandIn, tracker: JiraTracker, status: int) -> None:
    await ensure(tracker)
    jira.faults.add("edit_issue", failing(status))
    error = await error_of(lambda: tracker.assign("OPS-1", "bo@example.com", DAY))
    assert error.permanent
    assert "giving OPS-1 its owner and day" in str(error)


@pytest.mark.parametrize("body", ["no", "[1]", '{"errors": "summary"}'])
async def test_a_refusal_that_names_no_field_is_told(
    jira: JiraStandIn, tracker: JiraTracker, body: str
) -> None:
    await ensure(tracker)
    jira.faults.add("edit_issue", Reply(400, body))
    assert (await error_of(lambda: tracker.assign("OPS-1", "bo@example.com", DAY))).permanent


async def test_a_link_whose_answer_was_lost_is_made_once(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    other = jira.site.create(type="Task", summary="The change")
    jira.faults.add("link", Drop())
    await error_of(lambda: tracker.link("OPS-1", other.key))
    await tracker.link("OPS-1", other.key)
    assert jira.issues["OPS-1"].links == [("Relates", other.key)]


async def test_a_duplicate_points_to_what_it_duplicates_once(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    other = jira.site.create(type="Task", summary="The other incident")
    for _ in range(2):
        await tracker.duplicates("OPS-1", other.key)
    assert jira.issues["OPS-1"].links == [("Duplicate", other.key)]
    assert jira.issues[other.key].links == []


async def test_a_jira_without_duplicates_links_them_as_anything_else(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    jira.faults.add("link_types", Reply(200, '{"issueLinkTypes": [{"id": "1", "name": "Relates"}]}'))
    other = jira.site.create(type="Task", summary="The other incident")
    await tracker.duplicates("OPS-1", other.key)
    assert jira.issues["OPS-1"].links == [("Relates", other.key)]


async def test_a_kind_of_link_that_jira_does_not_have_is_said_by_the_doctor(jira: JiraStandIn) -> None:
    tracker = JiraTracker(replace(site(jira), link_type="Follows"))
    await ensure(tracker)
    assert (await tracker.health()).problems == [
        "Jira has no kind of link called Follows, so issues cannot be linked. "
        "Set one of those it has: Relates, Duplicate, Blocks."
    ]
    error = await error_of(lambda: tracker.link("OPS-1", "OPS-1"))
    assert "Jira refused linking OPS-1 to OPS-1 (HTTP 404)" in str(error)
    await tracker.close()
