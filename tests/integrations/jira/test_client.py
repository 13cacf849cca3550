from dataclasses import replace

import pytest
from pydantic import SecretStr

from bot.core.adf import bot_block
from bot.sandbox.jira import Drop, JiraStandIn
from integrations.jira import JiraTracker
from integrations.jira.client import headline
from tests.integrations.jira.conftest import REF, TEXT, document, ensure, error_of, site


@pytest.mark.parametrize("ref", ["", "a b", 'x" OR labels = "y', "../x", "x" * 101])
async def test_a_reference_that_is_no_label_is_refused_before_anything_is_asked(
    jira: JiraStandIn, tracker: JiraTracker, ref: str
) -> None:
    error = await error_of(lambda: tracker.ensure_issue(ref, summary="x", description_adf=TEXT))
    assert (error.permanent, jira.journal) == (True, [])


async def test_a_gateway_address_is_not_shown_to_people(jira: JiraStandIn) -> None:
    gateway = replace(site(jira), site_url="https://example.atlassian.net/")
    tracker = JiraTracker(gateway)
    issue = await tracker.ensure_issue(REF, summary="x", description_adf=TEXT)
    assert issue.url == "https://example.atlassian.net/browse/OPS-1"
    await tracker.close()


async def test_a_token_read_from_a_file_may_end_with_a_newline(jira: JiraStandIn) -> None:
    tracker = JiraTracker(replace(site(jira), token=SecretStr(jira.token + "\n")))
    assert await ensure(tracker) == ("OPS-1", [])
    await tracker.close()


@pytest.mark.parametrize(
    ("summary", "shown"),
    [
        ("one\r\n two\0\u2028three", "one two three"),
        ("<!channel> | \"x\" {code}", "<!channel> | \"x\" {code}"),
        ("word " * 60, ("word " * 60)[:254].rpartition(" ")[0] + "…"),
        ("x" * 40_000, "x" * 254 + "…"),
        ("🧨" * 200, "🧨" * 127 + "…"),
        ("\ud800", REF),
        ("", REF),
    ],
)  # fmt: skip
async def test_a_summary_is_one_line_that_jira_takes(
    jira: JiraStandIn, tracker: JiraTracker, summary: str, shown: str
) -> None:
    await tracker.ensure_issue(REF, summary=summary, description_adf=TEXT)
    assert jira.issues["OPS-1"].summary == shown


def test_a_summary_of_exactly_255_is_not_cut() -> None:
    assert headline("y" * 255) == "y" * 255


async def test_a_description_over_the_limit_never_leaves_and_burns_no_number(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    long = {"version": 1, "type": "doc", "content": document("🧨" * 4_000)["content"] * 6}
    error = await error_of(lambda: tracker.ensure_issue(REF, summary="x", description_adf=long))
    assert error.permanent
    assert "32,767" in str(error)
    assert jira.asked("create_issue") == []
    await ensure(tracker)
    assert (await error_of(lambda: tracker.publish("OPS-1", lambda existing: long))).permanent
    assert jira.asked("edit_issue") == []


async def test_publishing_keeps_what_people_wrote(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    jira.issues["OPS-1"].description = document("a person wrote this")
    await tracker.publish("OPS-1", lambda existing: bot_block(existing, document("first")))
    await tracker.publish("OPS-1", lambda existing: bot_block(existing, document("second")))
    assert jira.issues["OPS-1"].description == bot_block(document("a person wrote this"), document("second"))


async def test_publishing_the_same_again_writes_nothing(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    for _ in range(2):
        await tracker.publish("OPS-1", lambda existing: document("same"))
    assert len(jira.asked("edit_issue")) == 1


async def test_publishing_to_an_issue_that_is_gone_says_so(tracker: JiraTracker) -> None:
    error = await error_of(lambda: tracker.publish("OPS-7", lambda existing: TEXT))
    assert error.permanent
    assert str(error).startswith("Jira refused reading OPS-7 (HTTP 404): Issue does not exist")


async def test_the_same_file_is_attached_once(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    binary = bytes(range(256)) + b"\r\n--x\r\n"
    for content in (binary, binary, binary[::-1], binary, b"longer" * 99):
        await tracker.attach("OPS-1", "timeline.json", content)
    await tracker.attach("OPS-1", "timeline.md", binary)
    files = [(file.filename, file.content) for file in jira.issues["OPS-1"].attachments]
    assert files == [
        ("timeline.json", binary),
        ("timeline.json", binary[::-1]),
        ("timeline.json", b"longer" * 99),
        ("timeline.md", binary),
    ]


async def test_a_file_whose_answer_was_lost_is_not_attached_again(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    jira.faults.add("add_attachment", Drop())
    assert not (await error_of(lambda: tracker.attach("OPS-1", "timeline.md", b"x"))).permanent
    await tracker.attach("OPS-1", "timeline.md", b"x")
    assert len(jira.issues["OPS-1"].attachments) == 1


@pytest.mark.parametrize(("filename", "content"), [("a.md", b""), ("../a.md", b"x"), ('a"; x=".md', b"x")])
async def test_a_file_jira_would_not_take_is_refused_here(
    jira: JiraStandIn, tracker: JiraTracker, filename: str, content: bytes
) -> None:
    assert (await error_of(lambda: tracker.attach("OPS-1", filename, content))).permanent
    assert jira.journal == []
