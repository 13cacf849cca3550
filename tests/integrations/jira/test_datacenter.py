"""Jira Data Center: version 2 of the API, wiki markup, a personal access token."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from bot.core.document import Document, Paragraph, Preformatted
from bot.core.written import Written
from bot.sandbox.jira import Drop, JiraStandIn
from integrations.jira import JiraTracker
from integrations.parts import DESCRIPTION, Part, units
from tests.clock import Clock
from tests.integrations.jira.conftest import LABEL, PROGRESS, TEXT, ensure, error_of, site, written


def part(text: str, of: Part = DESCRIPTION) -> str:
    return f"{{panel}}{of.opening}{{panel}}\n{text}\n{{panel}}{of.closing}{{panel}}"


@pytest.fixture
async def jira(clock: Clock) -> AsyncIterator[JiraStandIn]:
    async with JiraStandIn(now=clock, cloud=False) as stand_in:
        yield stand_in


@pytest.fixture
async def tracker(jira: JiraStandIn) -> AsyncIterator[JiraTracker]:
    tracker = JiraTracker(site(jira), pauses=())
    yield tracker
    await tracker.close()


async def test_issue_and_comment_are_wiki_markup_under_a_personal_access_token(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    assert await ensure(tracker) == await ensure(tracker) == ("OPS-1", [])
    await tracker.publish("OPS-1", written("second"))
    made = [await tracker.comment("OPS-1", PROGRESS, written(text)) for text in ("one", "two")]
    assert made == [True, False]
    issue = jira.issues["OPS-1"]
    assert issue.labels == ("backstop", LABEL)
    assert issue.properties == {"backstop": {"ref": LABEL.removeprefix("backstop-")}}
    assert issue.description == part("second")
    assert [comment.body for comment in issue.comments] == [part("two", PROGRESS)]
    assert {each.path_qs.split("/")[3] for each in jira.journal} == {"2"}


async def test_a_create_whose_answer_was_lost_is_adopted(jira: JiraStandIn, tracker: JiraTracker) -> None:
    jira.faults.add("create_issue", Drop())
    jira.faults.add("add_comment", Drop())
    assert await ensure(tracker) == ("OPS-1", [])
    await error_of(lambda: tracker.comment("OPS-1", PROGRESS, written("one")))
    assert await tracker.comment("OPS-1", PROGRESS, written("one")) is False
    assert (len(jira.issues), len(jira.issues["OPS-1"].comments)) == (1, 1)


async def test_what_people_wrote_is_kept_with_its_own_ends_of_lines(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    issue = jira.issues["OPS-1"]
    issue.description = "above\r\n" + part("old").replace("\n", "\r\n") + "\r\nbelow"
    await tracker.publish("OPS-1", TEXT)
    assert issue.description == "above\r\n" + part("The orders are back.") + "\nbelow"
    await tracker.publish("OPS-1", TEXT)
    assert len(jira.asked("edit_issue")) == 1


async def test_a_log_that_holds_a_mark_ends_nothing(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    closing = f"{{panel}}{DESCRIPTION.closing}{{panel}}"
    log = Written(Document("", [Preformatted(f"one\n{closing}\ntwo")]), ())
    for _ in range(2):
        await tracker.publish("OPS-1", log)
    assert jira.issues["OPS-1"].description == part(f"{{noformat}}\none\n {closing}\ntwo\n{{noformat}}")


@pytest.mark.parametrize(("people", "fits"), [(0, True), (20_000, True), (32_000, True), (32_700, False)])
async def test_no_text_is_longer_than_jira_takes(
    jira: JiraStandIn, tracker: JiraTracker, people: int, *, fits: bool
) -> None:
    await ensure(tracker)
    issue = jira.issues["OPS-1"]
    issue.description = "p" * people
    long = Written(
        Document("", [Paragraph(["{" * 300])] * 60, whole=""), ("The rest is at https://b.example.",)
    )
    if not fits:
        assert "32,767" in str(await error_of(lambda: tracker.publish("OPS-1", long)))
        return
    await tracker.publish("OPS-1", long)
    assert issue.description.startswith("p" * people)
    assert "The rest is at https://b.example." in issue.description
    assert min(people + 23_000, 30_500) < units(issue.description) <= 32_767


async def test_a_file_is_attached_once_and_never_fetched_from_elsewhere(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    first, again = [await tracker.attach("OPS-1", "a.md", b"x") for _ in range(2)]
    assert (first.added, again.added, first.id) == (True, False, again.id)
    by_name = JiraTracker(replace(site(jira), server=jira.url.replace("127.0.0.1", "localhost")))
    error = await error_of(lambda: by_name.attach("OPS-1", "a.md", b"x"))
    assert str(error) == "Jira says that a.md is elsewhere."
    await by_name.close()


async def test_the_wrong_kind_of_jira_is_said(jira: JiraStandIn, clock: Clock) -> None:
    as_cloud = JiraTracker(replace(site(jira), email="ana@example.org"))
    async with JiraStandIn(now=clock) as cloud:
        as_server = JiraTracker(replace(site(cloud), email=""))
        assert [(await each.health()).problems for each in (as_cloud, as_server)] == [
            ["This Jira is no Jira Cloud: without an e-mail the token is taken for a personal access token."],
            ["This Jira is Jira Cloud: its API tokens go with the e-mail of an account, which is not set."],
        ]
        await as_server.close()
    await as_cloud.close()


async def test_a_token_that_is_over_is_said(jira: JiraStandIn, tracker: JiraTracker) -> None:
    jira.token = "another"
    error = await error_of(lambda: ensure(tracker))
    assert error.permanent
    assert "make a new one" in str(error)
    assert json.dumps([each.status for each in jira.asked("search")]) == "[401]"
