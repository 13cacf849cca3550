"""Every document becomes a message that Slack takes and that says what was written, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import Phase, given, settings

from bot.core.document import (
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Line,
    Link,
    Menu,
    Moment,
    Paragraph,
    Preformatted,
    Small,
    Strong,
    Table,
    Who,
)
from bot.core.literal import visible
from bot.sandbox.slack import Message
from bot.sandbox.slack.checks import check_message, check_view
from bot.sandbox.slack.plain import pings, plain
from bot.sandbox.slack.records import BOT_USER
from bot.sandbox.slack.workspace import Workspace
from bot.slack.messages import Payload, home, message
from bot.slack.text import escaped_size, size
from tests.slack.documents import NASTY, documents

# Shrinking documents of thousands of characters takes minutes and tells little.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
PEOPLE = {"ana": "U0ANA00001", "bo": "U0BO000001"}
URL = "https://backstop.example/incidents/INC-1"
AT = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
SHORT = [text for text in NASTY if text.strip() and len(text) < 200]


def _sent(payload: Payload) -> Message:
    return Message("C1", "1.0", BOT_USER, payload.text, payload.blocks)


def _read(payload: Payload) -> str:
    workspace = Workspace(now=lambda: AT, scopes=frozenset())
    return plain(workspace, _sent(payload))


def _total(node: Any) -> int:
    match node:
        case dict():
            return sum(size(v) if k == "text" and isinstance(v, str) else _total(v) for k, v in node.items())
        case list() | tuple():
            return sum(map(_total, node))
        case _:
            return 0


@settings(max_examples=100, deadline=None, phases=PHASES)
@given(documents)
def test_slack_takes_every_document_and_nobody_is_pinged_unasked(document: Document) -> None:
    payload = message(document, people=PEOPLE, url=URL, revision="INC-1.7")
    check_message(payload.text, list(payload.blocks))
    assert escaped_size(payload.text) >= len(payload.text)
    assert len(payload.text) <= 3900
    assert _total([block for block in payload.blocks if block["type"] != "actions"]) <= 13_000
    payload.text.encode()
    assert pings(_sent(payload)) <= set(PEOPLE.values())


@settings(max_examples=40, deadline=None, phases=PHASES)
@given(documents)
def test_a_message_is_the_same_for_the_same_document_and_revision(document: Document) -> None:
    once, again = (message(document, people=PEOPLE, url=URL, revision="a") for _ in range(2))
    assert once == again
    later = message(document, people=PEOPLE, url=URL, revision="b")
    assert later.mark != once.mark
    ids = {block["block_id"] for block in once.blocks}
    assert ids.isdisjoint(block["block_id"] for block in later.blocks)


@pytest.mark.parametrize("text", SHORT)
@pytest.mark.parametrize("wrap", [lambda text: text, Strong, Code, lambda text: Link(text, "nowhere")])
def test_what_people_wrote_is_shown_literally_in_text(text: str, wrap: Any) -> None:
    payload = message(Document("", (Paragraph(("a ", wrap(text))),)), people=PEOPLE)
    assert visible(text).strip() in _read(payload)
    assert pings(_sent(payload)) == set()


@pytest.mark.parametrize("text", SHORT)
def test_what_people_wrote_is_shown_literally_where_slack_knows_only_markup(text: str) -> None:
    payload = message(Document("", (Small((text, " · ", Code("INC-1"))),)), people=PEOPLE)
    assert visible(text).strip() in _read(payload)
    assert pings(_sent(payload)) == set()


@pytest.mark.parametrize("text", SHORT)
def test_titles_labels_and_log_lines_are_literal_too(text: str) -> None:
    parts = (Fields(((text, ("v",)),)), Preformatted(text), Table(("h",), (((text,),),)), Bullets(((text,),)))
    for part in parts:
        assert visible(text).splitlines()[0].strip() in _read(message(Document("", (part,)), people={}))
    title = " ".join(visible(text).splitlines())
    assert title.strip() in _read(message(Document(text), people={}))


def test_a_person_is_pinged_only_when_asked_for_and_known() -> None:
    line = (Who("ana"), " ", Who("bo", ping=True), " ", Who("stranger", ping=True))
    payload = message(Document("", (Paragraph(line),)), people=PEOPLE)
    assert pings(_sent(payload)) == {"U0BO000001"}
    assert "@ana" in _read(payload)
    assert "@stranger" in _read(payload)


def test_a_moment_is_shown_in_the_readers_zone_beside_utc() -> None:
    [block] = message(Document("", (Paragraph((Moment(AT),)),)), people={}).blocks
    date, utc = block["elements"][0]["elements"]
    assert date == {
        "type": "date",
        "timestamp": int(AT.timestamp()),
        "format": "{date_short_pretty} {time_secs}",
        "fallback": "2026-11-23 02:10:00Z",
    }
    assert utc["text"] == " (02:10:00Z)"


def test_the_text_beside_the_blocks_says_the_same() -> None:
    document = Document(
        "INC-1 <is> open", (Paragraph(("a & b",)), Buttons((Button("Yes", "approve RUN-1"),)))
    )
    assert message(document, people={}).text == "INC-1 &lt;is&gt; open\na &amp; b\n  [Yes]  approve RUN-1"


@pytest.mark.parametrize(
    "blocks",
    [
        (Paragraph(("z" * 40_000,)),),
        tuple(Preformatted("z" * 2800) for _ in range(9)),
        tuple(part for n in range(60) for part in (Small((f"s{n}",)), Paragraph((f"p{n}",)))),
        (Bullets([("z" * 500,)] * 500),),
    ],
)
def test_what_is_too_long_is_cut_and_ends_in_a_link_and_keeps_its_buttons(blocks: Any) -> None:
    press = Buttons(tuple(Button(f"B{n}", f"approve RUN-{n}") for n in range(30)))
    payload = message(Document("t", (*blocks, press)), people={}, url=URL)
    check_message(payload.text, list(payload.blocks))
    assert payload.blocks[-1]["elements"][0]["text"] == f"This is shortened. <{URL}|The whole of it>"
    actions = [
        element for block in payload.blocks if block["type"] == "actions" for element in block["elements"]
    ]
    assert [action["value"] for action in actions] == [f"approve RUN-{n}" for n in range(30)]


def test_what_fits_is_not_called_shortened() -> None:
    document = Document("t", (Paragraph(("z" * 2900,)), Small(("s",)), Preformatted("y" * 2900)))
    assert "shortened" not in _read(message(document, people={}, url=URL))


def test_a_button_stands_for_its_line_and_one_with_a_question_carries_it() -> None:
    pressed = (
        Button("Approve", "approve RUN-1.gate plan:ab", style="primary", confirm="Sure?"),
        Button("Done", "done RUN-1.x", ask="What shows it?", into="evidence"),
    )
    [block] = message(Document("", (Buttons(pressed),)), people={}).blocks
    first, second = block["elements"]
    assert (first["action_id"], first["value"]) == ("say:1", "approve RUN-1.gate plan:ab")
    assert first["style"] == "primary"
    assert first["confirm"]["text"]["text"] == "Sure?"
    assert second["action_id"] == "ask:2:evidence:What shows it?"


def test_a_menu_stands_for_the_line_of_what_is_chosen_and_leaves_out_what_it_cannot_carry() -> None:
    choices = (Button("Rows", "decide data_scope:rows"), Button("Long", "note " + "z" * 200))
    [block, hint] = message(Document("", (Menu("How much?", choices),)), people={}).blocks
    [menu] = block["elements"]
    assert (menu["type"], menu["placeholder"]["text"]) == ("static_select", "How much?")
    assert [(o["text"]["text"], o["value"]) for o in menu["options"]] == [("Rows", "decide data_scope:rows")]
    assert "shortened" in str(hint)
    assert "shortened" in _read(message(Document("", (Menu("None", choices[1:]),)), people={}))


def test_a_line_that_no_button_can_carry_is_left_to_typing() -> None:
    payload = message(Document("", (Buttons((Button("Go", "note " + "z" * 2000),)),)), people={}, url=URL)
    assert "shortened" in _read(payload)
    assert not [block for block in payload.blocks if block["type"] == "actions"]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a b", "https://a.example/\x00", "x" * 4000, ""]
)
def test_only_web_addresses_become_links(url: str) -> None:
    line: Line = (Link("here", url),)
    for part in (Paragraph(line), Small(line)):
        payload = message(Document("", (part,)), people={}, url=url)
        check_message(payload.text, list(payload.blocks))
        assert "'type': 'link'" not in str(payload.blocks)
        assert f"<{url}" not in str(payload.blocks) or not url


def test_small_print_keeps_its_links_and_dates() -> None:
    line: Line = (Link("Jira | OPS-1", "https://jira.example/x?a=1&b=<2>"), " ", Moment(AT), Strong(" b "))
    [block] = message(Document("", (Small(line),)), people={}).blocks
    assert block["elements"][0]["text"] == (
        "<https://jira.example/x?a=1&amp;b=&lt;2&gt;|Jira ǀ OPS-1> "
        f"<!date^{int(AT.timestamp())}^{{date_short_pretty}} {{time_secs}}|2026-11-23 02:10:00Z>"
        " (02:10:00Z)*b*"
    )


@settings(max_examples=40, deadline=None, phases=PHASES)
@given(documents)
def test_slack_takes_every_document_as_a_home_tab(document: Document) -> None:
    view, mark = home(document, people=PEOPLE, url=URL)
    check_view(view)
    assert home(document, people=PEOPLE, url=URL) == (view, mark)
