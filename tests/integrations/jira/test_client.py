from dataclasses import replace

import pytest
from pydantic import SecretStr

from bot.core.written import Written
from bot.sandbox.faults import Reply
from bot.sandbox.jira import Drop, JiraStandIn, failing
from bot.sandbox.jira.site import BOT, PERSON, Attachment
from integrations import adf
from integrations.jira import JiraTracker
from integrations.jira.client import headline
from integrations.tracker import Hanging
from tests.clock import Clock
from tests.integrations.jira.conftest import REF, TEXT, document, ensure, error_of, site, stored, written


@pytest.mark.parametrize("ref", ["", "a b", 'x" OR labels = "y', "../x", "x" * 101])
async def test_a_reference_that_is_no_label_is_refused_before_anything_is_asked(
    jira: JiraStandIn, tracker: JiraTracker, ref: str
) -> None:
    error = await error_of(lambda: tracker.ensure_issue(ref, summary="x", text=TEXT))
    assert (error.permanent, jira.journal) == (True, [])


async def test_a_gateway_address_is_not_shown_to_people(jira: JiraStandIn) -> None:
    gateway = replace(site(jira), site_url="https://example.atlassian.net/")
    tracker = JiraTracker(gateway)
    issue = await tracker.ensure_issue(REF, summary="x", text=TEXT)
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
    await tracker.ensure_issue(REF, summary=summary, text=TEXT)
    assert jira.issues["OPS-1"].summary == shown


def test_a_summary_of_exactly_255_is_not_cut() -> None:
    assert headline("y" * 255) == "y" * 255


async def test_a_description_over_the_limit_never_leaves_and_burns_no_number(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    jira.issues["OPS-1"].description = document(*["🧨" * 1_000] * 16, "x" * 700)
    error = await error_of(lambda: tracker.publish("OPS-1", written("x" * 1_000)))
    assert error.permanent
    assert "32,767" in str(error)
    assert jira.asked("edit_issue") == []


@pytest.mark.parametrize("people", [0, 7_000, 20_000, 30_000])
async def test_our_part_takes_the_room_that_people_leave_and_says_where_the_rest_is(
    jira: JiraStandIn, tracker: JiraTracker, people: int
) -> None:
    await ensure(tracker)
    theirs = document(*["p" * 500] * (people // 500))
    jira.issues["OPS-1"].description = theirs
    ours = written(*[f"{number} " + "o" * 500 for number in range(100)])
    await tracker.publish("OPS-1", ours)
    whole = jira.issues["OPS-1"].description
    assert whole
    assert whole["content"][: len(theirs["content"])] == theirs["content"]
    assert min(people + 24_000, 32_000) < adf.length(whole) <= 32_767
    assert "The rest is at https://backstop.example." in str(whole["content"][-2])


@pytest.mark.parametrize("left", [-1, 0, 1])
async def test_a_text_is_taken_up_to_the_very_last_character(
    jira: JiraStandIn, tracker: JiraTracker, left: int
) -> None:
    await ensure(tracker)
    end = written("end")
    marks = adf.length(stored(written()))
    people = 32_767 - marks - adf.length(dict(end.adf(99))) - left
    jira.issues["OPS-1"].description = document(*["p" * 1_000] * (people // 1_000), "p" * (people % 1_000))
    if left < 0:
        assert (await error_of(lambda: tracker.publish("OPS-1", end))).permanent
        return
    # With no room for more than the sentence that says where the rest is, that sentence has to fit.
    short = Written(end.document, ("end",))
    await tracker.publish("OPS-1", short)
    assert adf.length(jira.issues["OPS-1"].description or {}) == 32_767 - left


async def test_publishing_keeps_what_people_wrote(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    jira.issues["OPS-1"].description = document("a person wrote this")
    await tracker.publish("OPS-1", written("first"))
    await tracker.publish("OPS-1", written("second"))
    assert jira.issues["OPS-1"].description == stored(written("second"), document("a person wrote this"))


async def test_publishing_the_same_again_writes_nothing(jira: JiraStandIn, tracker: JiraTracker) -> None:
    await ensure(tracker)
    for _ in range(2):
        await tracker.publish("OPS-1", written("same"))
    assert len(jira.asked("edit_issue")) == 1


async def test_publishing_to_an_issue_that_is_gone_says_so(tracker: JiraTracker) -> None:
    error = await error_of(lambda: tracker.publish("OPS-7", TEXT))
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


@pytest.mark.parametrize("cloud", [True, False])
async def test_a_file_is_deleted_by_its_id_where_jira_lets_this_account(clock: Clock, *, cloud: bool) -> None:
    async with JiraStandIn(now=clock, cloud=cloud) as jira:
        tracker = JiraTracker(site(jira))
        await ensure(tracker)
        kept, gone = [(await tracker.attach("OPS-1", "a.md", content)).id for content in (b"x", b"y")]
        assert [await tracker.detach(gone) for _ in range(2)] == [True, True]
        jira.site.may_delete_attachments = False
        assert not await tracker.detach(kept)
        assert await tracker.attached("OPS-1") == [Hanging(kept, "a.md", clock())]
        jira.faults.add("remove_attachment", failing(503))
        assert not (await error_of(lambda: tracker.detach(kept))).permanent
        jira.faults.add("remove_attachment", Reply(302, headers={"Location": f"{jira.url}/elsewhere"}))
        assert (await error_of(lambda: tracker.detach(kept))).permanent
        await tracker.close()


async def test_a_copy_that_a_person_attached_is_not_taken_for_ours(
    jira: JiraStandIn, tracker: JiraTracker, clock: Clock
) -> None:
    await ensure(tracker)
    files = jira.issues["OPS-1"].attachments
    files.append(Attachment("7", "a.md", b"x", clock(), author=PERSON))
    assert (await tracker.attach("OPS-1", "a.md", b"x")).added
    assert not await tracker.detach("7")
    assert [file.author for file in files] == [PERSON, BOT]


@pytest.mark.parametrize(("filename", "content"), [("a.md", b""), ("../a.md", b"x"), ('a"; x=".md', b"x")])
async def test_a_file_jira_would_not_take_is_refused_here(
    jira: JiraStandIn, tracker: JiraTracker, filename: str, content: bytes
) -> None:
    assert (await error_of(lambda: tracker.attach("OPS-1", filename, content))).permanent
    assert jira.journal == []
