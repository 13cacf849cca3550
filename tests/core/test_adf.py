import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.adf import BUDGET, LONGEST_TEXT, adf
from bot.core.document import (
    LONGEST,
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Heading,
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
from integrations.adf import alike, holds, length, spliced
from integrations.parts import DESCRIPTION, Part
from tests.official import check_adf

OPENING, CLOSING = DESCRIPTION.opening, DESCRIPTION.closing

HOSTILE = [
    "<!channel>",
    "a|b",
    '"quoted"',
    "\u202egnp.exe",
    "שלום",
    "x" * 40_000,
    "a\0b",
    "🧨" * 9,
    "{code}",
    "\ud800",
    "",
]
text = st.one_of(st.sampled_from(HOSTILE), st.text(), st.text(alphabet="ab\n\r\v\x85\u2028 ", max_size=9))
moments = st.datetimes(timezones=st.just(UTC))
spans = st.one_of(
    text,
    st.builds(Strong, text),
    st.builds(Code, text),
    st.builds(Link, text, st.one_of(text, st.just("https://example.org/a?b=c"))),
    st.builds(Moment, moments),
    st.builds(Who, text),
)
lines = st.lists(spans, max_size=4)
blocks = st.one_of(
    st.builds(Heading, text, st.integers(-1, 9)),
    st.builds(Paragraph, lines),
    st.builds(Small, lines),
    st.builds(Bullets, st.lists(lines, max_size=3)),
    st.builds(Fields, st.lists(st.tuples(text, lines), max_size=3)),
    st.builds(Table, st.lists(text, max_size=3), st.lists(st.lists(lines, max_size=4), max_size=3)),
    st.builds(Preformatted, text),
)
documents = st.builds(Document, text, st.lists(blocks, max_size=6))


def content(*blocks: Block) -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = adf(Document("", blocks, whole=""))["content"]
    return nodes


def words(node: dict[str, Any]) -> str:
    if node["type"] == "hardBreak":
        return "\n"
    return str(node.get("text", "")) + "".join(words(child) for child in node.get("content", ()))


def with_ours(existing: dict[str, Any] | None, ours: dict[str, Any]) -> dict[str, Any]:
    return spliced(existing, ours, DESCRIPTION)


def every(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(below for child in node.get("content", ()) for below in every(child))]


def paragraph(text: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": [{"type": "text", "text": text}]}


@given(documents)
def test_the_official_schema_accepts_every_document(document: Document) -> None:
    check_adf(adf(document))
    check_adf(with_ours(adf(document), adf(document)))


@given(documents)
def test_no_document_exceeds_the_budget_or_holds_what_jira_refuses(document: Document) -> None:
    whole = adf(document)
    assert length(whole) <= BUDGET
    json.dumps(whole, ensure_ascii=False).encode()
    for node in every(whole):
        if node["type"] == "text":
            assert node["text"]
            assert not set(node["text"]) & set("\0\r\u2028\u202e\ud800")
            assert [mark["type"] for mark in node.get("marks", ())] in (
                [], ["strong"], ["code"], ["link"], ["em"], ["em", "strong"], ["em", "link"],
            )  # fmt: skip
    for node in every(whole):
        if node["type"] != "codeBlock":
            assert not any("\n" in child.get("text", "") for child in node.get("content", ()))


@given(documents)
def test_typed_text_never_becomes_structure(document: Document) -> None:
    kinds = {"doc", "heading", "paragraph", "text", "hardBreak", "bulletList", "listItem", "codeBlock"}
    tables = {"table", "tableRow", "tableHeader", "tableCell"}
    assert {node["type"] for node in every(adf(document))} <= kinds | tables


def test_a_document_starts_with_its_title() -> None:
    assert adf(Document("INC-42", [Paragraph(["It is over."])])) == {
        "version": 1,
        "type": "doc",
        "content": [
            {"type": "heading", "attrs": {"level": 1}, "content": [{"type": "text", "text": "INC-42"}]},
            paragraph("It is over."),
        ],
    }


def test_an_empty_document_is_an_empty_document() -> None:
    assert adf(Document("")) == {"version": 1, "type": "doc", "content": []}


def test_what_says_nothing_leaves_no_node() -> None:
    empty: list[Block] = [
        Heading(""),
        Paragraph([""]),
        Small([]),
        Bullets([]),
        Fields([]),
        Table([], [[]]),
        Preformatted(""),
    ]
    assert content(*empty) == []


def test_buttons_are_dropped_because_nobody_can_press_them_in_jira() -> None:
    assert content(Buttons([Button("Approve", "approve RUN-9")])) == []
    assert content(Menu("Choose", [Button("Approve", "approve RUN-9")])) == []


def test_a_newline_becomes_a_hard_break() -> None:
    [node] = content(Paragraph(["one\r\ntwo\u2028", Strong("three")]))
    assert [child["type"] for child in node["content"]] == ["text", "hardBreak", "text", "hardBreak", "text"]
    assert words(node) == "one\ntwo\nthree"


def test_a_heading_stays_on_one_line_and_within_six_levels() -> None:
    [node] = content(Heading("What\nhappened", level=9))
    assert node["attrs"] == {"level": 6}
    assert words(node) == "What happened"


def test_code_is_never_combined_with_another_mark() -> None:
    [node] = content(Small(["plan ", Code("9f2c"), Strong(" now")]))
    assert [child["marks"] for child in node["content"]] == [
        [{"type": "em"}],
        [{"type": "code"}],
        [{"type": "em"}, {"type": "strong"}],
    ]


def test_a_moment_is_shown_in_utc_to_the_second() -> None:
    at = datetime(2026, 11, 23, 3, 10, 59, tzinfo=timezone(timedelta(hours=1)))
    [node] = content(Paragraph([Moment(at)]))
    assert words(node) == "2026-11-23 02:10:59Z"


def test_a_person_is_named_and_never_mentioned() -> None:
    [node] = content(Paragraph([Who("ana", ping=True)]))
    assert node == paragraph("@ana")


def test_a_link_leads_to_the_web_only() -> None:
    [good] = content(Paragraph([Link("", "https://example.org/x")]))
    assert good["content"] == [
        {
            "type": "text",
            "text": "https://example.org/x",
            "marks": [{"type": "link", "attrs": {"href": "https://example.org/x"}}],
        }
    ]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://a b", "https://a\u202eb", "https://" + "a" * 3000]
)
def test_an_address_that_might_be_carried_out_stays_text(url: str) -> None:
    [node] = content(Paragraph([Link("here", url)]))
    assert all("marks" not in child for child in node["content"])
    assert words(node).startswith("here (")


def test_fields_are_a_table_of_labels_and_values() -> None:
    [node] = content(Fields([("RTO", ["1 h"])]))
    [row] = node["content"]
    assert [(cell["type"], words(cell)) for cell in row["content"]] == [
        ("tableHeader", "RTO"),
        ("tableCell", "1 h"),
    ]


def test_every_row_of_a_table_has_as_many_cells() -> None:
    [node] = content(Table(["When", "What"], [[["a"]], [["b"], ["c"], ["d"]]]))
    assert [[words(cell) for cell in row["content"]] for row in node["content"]] == [
        ["When", "What", ""],
        ["a", "", ""],
        ["b", "c", "d"],
    ]


def test_a_log_keeps_its_lines_and_shows_its_control_characters() -> None:
    [node] = content(Preformatted("one\n\x1b[31m  two\r\n"))
    assert node == {"type": "codeBlock", "content": [{"type": "text", "text": "one\n\\u001b[31m  two\n"}]}


def test_one_long_text_is_cut_so_that_what_follows_is_still_seen() -> None:
    first, second = content(Paragraph(["x" * 40_000]), Paragraph(["after"]))
    assert words(first) == "x" * (LONGEST_TEXT - 1) + "…"
    assert words(second) == "after"


def test_a_shortened_text_says_where_the_whole_of_it_is() -> None:
    nodes = adf(Document("", [Paragraph(["x" * 40_000])], whole="backstop timeline INC-1"))["content"]
    assert [words(node) for node in nodes] == [
        "x" * (LONGEST - 1) + "…",
        "Shortened. The whole: backstop timeline INC-1",
    ]


def test_what_exceeds_the_budget_is_left_to_the_attachment() -> None:
    many = [Paragraph(["🧨" * 1_000])] * 20
    rest = ["The rest is in ", Code("timeline.md"), "."]
    nodes = adf(Document("Long", [*many, Bullets([["last"]])], whole=""), rest=rest)["content"]
    assert len(nodes) == 14  # the title, twelve paragraphs of 2,000 UTF-16 units, the sentence
    assert words(nodes[-1]) == "The rest is in timeline.md."


def test_a_long_table_shows_its_first_rows() -> None:
    rows = [[[f"{number}" + "x" * 996]] for number in range(100, 200)]
    table, rest = content(Table(["Event"], rows))
    assert [words(row)[:5] for row in table["content"]][:3] == ["Event", "100xx", "101xx"]
    assert len(table["content"]) == 25
    assert words(rest) == "The rest has no room here."


def test_a_list_whose_first_item_does_not_fit_is_left_out_whole() -> None:
    filler = [Paragraph(["x" * 4_000])] * 6
    nodes = content(*filler, Bullets([["y" * 2_000]]))
    assert [node["type"] for node in nodes] == ["paragraph"] * 7


OURS = adf(Document("", [Paragraph(["ours"])]))
NEWER = adf(Document("", [Paragraph(["newer"])]))


def said(document: dict[str, Any]) -> list[str]:
    return [words(node) for node in document["content"]]


def test_a_new_description_is_our_part_between_its_marks() -> None:
    assert said(with_ours(None, OURS)) == [OPENING, "ours", CLOSING]


def test_what_people_wrote_around_our_part_is_kept() -> None:
    once = with_ours({"type": "doc", "version": 1, "content": [paragraph("human")]}, OURS)
    once["content"].append(paragraph("below"))
    assert said(with_ours(once, NEWER)) == ["human", OPENING, "newer", CLOSING, "below"]


@given(documents, documents)
def test_syncing_again_replaces_our_part_and_nothing_else(first: Document, second: Document) -> None:
    around = {"type": "doc", "version": 1, "content": [paragraph("above")]}
    once = with_ours(around, adf(first))
    once["content"].append(paragraph("below"))
    again = with_ours(once, adf(second))
    assert again["content"][0] == paragraph("above")
    assert again["content"][-1] == paragraph("below")
    assert again["content"][2:-2] == adf(second)["content"]


def test_a_mark_is_known_by_its_words_after_jira_has_stored_it() -> None:
    stored = with_ours(None, OURS)
    panel = stored["content"][0]
    panel["attrs"]["localId"] = "a1"
    half = len(OPENING) // 2
    panel["content"][0]["content"] = [
        {"type": "text", "text": part} for part in (OPENING[:half], OPENING[half:])
    ]
    assert said(with_ours(stored, NEWER)) == [OPENING, "newer", CLOSING]


def test_nobody_can_forge_a_mark_by_typing_its_words() -> None:
    forged = adf(Document("", [Paragraph([CLOSING]), Paragraph(["tail"])]))
    assert said(with_ours(with_ours(None, forged), NEWER)) == [OPENING, "newer", CLOSING]


def test_a_lost_mark_costs_nobody_their_words() -> None:
    whole = with_ours(None, OURS)["content"]
    human = paragraph("human")
    unclosed = {"content": [*whole[:-1], human]}
    assert said(with_ours(unclosed, NEWER)) == [OPENING, "newer", CLOSING, "ours", "human"]
    unopened = {"content": [human, *whole[1:]]}
    assert said(with_ours(unopened, NEWER)) == ["human", "ours", OPENING, "newer", CLOSING]
    copied = {"content": [whole[0], human, *whole]}
    assert said(with_ours(copied, NEWER)) == ["human", OPENING, "newer", CLOSING]


def test_parts_of_other_names_leave_each_other_alone() -> None:
    progress = Part.named("progress", "INC-42")
    both = spliced(with_ours(None, OURS), NEWER, progress)
    assert said(both) == [OPENING, "ours", CLOSING, progress.opening, "newer", progress.closing]
    assert holds(both, progress)
    assert not holds(with_ours(None, OURS), progress)
    assert not holds(None, progress)


def test_a_document_reads_the_same_after_an_editor_has_stored_it() -> None:
    sent = adf(Document("INC-42", [Paragraph(["one ", Strong("two"), " three"]), Fields([("RTO", ["1 h"])])]))
    stored = json.loads(json.dumps(sent))
    stored["content"][2]["attrs"] = {"layout": "default", "localId": "a1"}
    line = stored["content"][1]["content"]
    line[0:1] = [{"type": "text", "text": "on"}, {"type": "text", "text": "e "}]
    assert alike(sent, stored)
    assert alike(None, None)
    assert not alike(None, sent)
    line[-1]["text"] = " four"
    assert not alike(sent, stored)
    stored["content"][0]["attrs"]["level"] = 2
    assert not alike(adf(Document("INC-42")), {"content": stored["content"][:1]})
