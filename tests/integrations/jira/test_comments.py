"""The one comment that says how an incident stands."""

import pytest

from bot.core.document import Document, Paragraph
from bot.core.written import Written
from bot.sandbox.jira import Comment, Drop, JiraStandIn, failing, maintenance, rate_limited
from integrations import adf
from integrations.contract import IntegrationError
from integrations.jira import JiraTracker, RateLimited
from integrations.parts import Part
from tests.integrations.jira.conftest import PROGRESS, document, ensure, error_of, stored, written


async def said(jira: JiraStandIn) -> list[object]:
    return [comment.body for comment in jira.issues["OPS-1"].comments]


async def test_one_comment_is_made_and_then_edited_in_place(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    made = [await tracker.comment("OPS-1", PROGRESS, written(text)) for text in ("one", "two", "three")]
    assert made == [True, False, False]
    assert await said(jira) == [stored(written("three"), part=PROGRESS)]


async def test_the_same_again_writes_nothing_and_notifies_nobody(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    for _ in range(3):
        await tracker.comment("OPS-1", PROGRESS, written("one"))
    assert (len(jira.asked("add_comment")), len(jira.asked("edit_comment"))) == (1, 0)


@pytest.mark.parametrize("fault", [Drop(), failing(502, when="after")])
async def test_a_comment_whose_answer_was_lost_is_found_and_not_repeated(
    jira: JiraStandIn, tracker: JiraTracker, fault: Drop
) -> None:
    await ensure(tracker)
    jira.faults.add("add_comment", fault)
    assert not (await error_of(lambda: tracker.comment("OPS-1", PROGRESS, written("one")))).permanent
    assert await tracker.comment("OPS-1", PROGRESS, written("two")) is False
    assert await said(jira) == [stored(written("two"), part=PROGRESS)]


async def test_another_process_finds_the_comment_of_the_one_before(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    for number in range(250):
        jira.person_comments("OPS-1", document(f"looking, {number}"))
    await tracker.comment("OPS-1", PROGRESS, written("one"))
    assert await tracker.comment("OPS-1", PROGRESS, written("two")) is False
    assert len(jira.issues["OPS-1"].comments) == 251


async def test_what_people_wrote_is_never_overwritten(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    await tracker.comment("OPS-1", PROGRESS, written("one"))
    ours = jira.issues["OPS-1"].comments[0]
    ours.body = stored(written("one"), document("see the graph"), part=PROGRESS)
    jira.person_comments("OPS-1", document("I am on it"))
    quoted = jira.person_comments("OPS-1", stored(written("one"), document("why?"), part=PROGRESS))
    await tracker.comment("OPS-1", PROGRESS, written("two"))
    assert ours.body == stored(written("two"), document("see the graph"), part=PROGRESS)
    assert quoted.body == stored(written("one"), document("why?"), part=PROGRESS)
    assert jira.issues["OPS-1"].comments[1].body == document("I am on it")


async def test_a_deleted_comment_is_made_anew_and_a_quotation_is_left_alone(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    await tracker.comment("OPS-1", PROGRESS, written("one"))
    quoted: Comment = jira.person_comments("OPS-1", stored(written("one"), part=PROGRESS))
    del jira.issues["OPS-1"].comments[0]
    assert await tracker.comment("OPS-1", PROGRESS, written("two")) is True
    assert await said(jira) == [quoted.body, stored(written("two"), part=PROGRESS)]


async def test_comments_of_other_parts_are_others(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    await tracker.comment("OPS-1", PROGRESS, written("one"))
    assert await tracker.comment("OPS-1", Part.named("progress", "INC-4"), written("one")) is True


async def test_a_comment_that_is_too_long_is_cut_and_says_where_the_rest_is(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    long = Written(Document("", [Paragraph(["x" * 900])] * 60), ("The rest is at https://backstop.example.",))
    await tracker.comment("OPS-1", PROGRESS, long)
    [comment] = jira.issues["OPS-1"].comments
    assert adf.length(comment.body) <= 32_767
    assert "The rest is at https://backstop.example." in str(comment.body["content"][-2])


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (rate_limited("30"), "Jira asks to wait 30 s before reading the comments of OPS-1."),
        (rate_limited(), "Jira asks to wait before reading the comments of OPS-1."),
        (failing(503), "Jira is in trouble (HTTP 503) while reading the comments of OPS-1."),
        (maintenance(), "Jira answered with a page instead of data while reading the comments of OPS-1: in"),
        (failing(401), "Jira does not accept the e-mail and API token while reading the comments of OPS-1:"),
    ],
)
async def test_each_bad_day_is_a_sentence(
    jira: JiraStandIn, tracker: JiraTracker, fault: Drop, sentence: str
) -> None:
    await ensure(tracker)
    jira.faults.add("comments", fault)
    error: IntegrationError = await error_of(lambda: tracker.comment("OPS-1", PROGRESS, written("one")))
    assert str(error).startswith(sentence)
    assert getattr(error, "retry_after", None) == (30 if "30" in sentence else None)
    assert isinstance(error, RateLimited) == ("wait" in sentence)
