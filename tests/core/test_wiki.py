"""Documents as wiki markup, in which nothing that people typed is obeyed."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given

from bot.core.document import (
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
from bot.core.wiki import LONGEST_TEXT, wiki
from integrations.parts import units
from tests.core.test_adf import documents

REST = ("The rest is elsewhere.",)


def markup(*blocks: Block, title: str = "", room: int = 25_000) -> str:
    return wiki(Document(title, blocks, whole=""), room=room, rest=REST)


def test_every_block_has_its_markup() -> None:
    at = Moment(datetime(2026, 11, 23, 2, 10, tzinfo=UTC))
    assert (
        markup(
            Heading("Impact", 2),
            Paragraph(["Orders are ", Strong("wrong"), " since ", at, ", says ", Who("ana")]),
            Bullets([["one"], ["two\nlines"]]),
            Fields([("RTO", ["1 h"]), ("RPO", [])]),
            Table(["When", "What"], [[[at], [Code("sha256:1f")]], [["a"], ["b|c"]]]),
            Preformatted("SELECT *\n  FROM orders;\n"),
            Small(["see ", Link("the graph", "https://graphs.example/a|b")]),
            Buttons([Button("Approve", "approve RUN-9")]),
            Menu("Choose", [Button("Approve", "approve RUN-9")]),
            title="INC-42",
        )
        == """\
h1. INC-42

h2. Impact

Orders are {*}wrong{*} since 2026-11-23 02:10:00Z, says @ana

* one
* two\\\\ lines

||RTO|1 h|
||RPO| |

||When||What||
|2026-11-23 02:10:00Z|{{sha256:1f}}|
|a|b&#124;c|

{noformat}
SELECT *
  FROM orders;

{noformat}

see [the graph|https://graphs.example/a%7Cb]"""
    )


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("{code}", "&#123;code&#125;"),
        ("[~admin]", "&#91;&#126;admin&#93;"),
        ("!http://x/y.png!", "&#33;http://x/y.png&#33;"),
        ("*bold* _it_ -no- +in+", "&#42;bold&#42; &#95;it&#95; &#45;no&#45; &#43;in&#43;"),
        ("a-b snake_case 2*3 10:00 (told later)", "a-b snake_case 2*3 10:00 (told later)"),
        (":) (!) (/) (on)", "&#58;) &#40;&#33;) &#40;/) &#40;on)"),
        ("h1. no\nbq. no", "&#104;1. no\n&#98;q. no"),
        ("a\\\\b &#123; & c", "a&#92;&#92;b &#38;&#35;123; &#38; c"),
        ("??cite?? ||head||", "&#63;&#63;cite&#63;&#63; &#124;&#124;head&#124;&#124;"),
        ("----", "&#45;&#45;&#45;&#45;"),
    ],
)
def test_what_people_type_is_literal(typed: str, written: str) -> None:
    assert markup(Paragraph([typed])) == written


def test_a_log_cannot_end_its_own_frame() -> None:
    assert markup(Preformatted("a{noformat}*b*")) == "{noformat}\na{ noformat}*b*\n{noformat}"


def test_marks_stand_beside_words_and_within_one_line() -> None:
    assert markup(Paragraph([Strong(" a "), Strong(""), Strong("b\nc")])) == " {*}a{*} b\nc"


def test_headings_and_cells_stay_on_one_line() -> None:
    assert markup(Heading("a\nb", 9)) == "h6. a b"
    assert markup(Table([], [[], [["a\nb"], [""]]])) == "|a\\\\ b| |"


def test_what_says_nothing_leaves_nothing() -> None:
    empty: list[Block] = [Heading(""), Paragraph([""]), Small([]), Bullets([]), Fields([]), Table([], [])]
    assert markup(*empty) == ""


def test_one_long_text_is_cut_so_that_what_follows_is_still_seen() -> None:
    first, second = markup(Paragraph(["x" * 40_000]), Paragraph(["after"])).split("\n\n")
    assert first == "x" * (LONGEST_TEXT - 1) + "…"
    assert second == "after"


def test_a_long_table_is_cut_between_its_rows() -> None:
    rows = [[[f"{number:03}"]] for number in range(100)]
    lines = markup(Table(["N"], rows), room=60).split("\n")
    assert lines == ["||N||", *(f"|{number:03}|" for number in range(len(lines) - 2)), REST[0]]
    assert 4 < len(lines) < 9


@given(documents)
def test_no_document_exceeds_its_room_or_leaves_a_brace_of_somebody(document: Document) -> None:
    text = wiki(document, room=4_000, rest=REST)
    assert units(text) <= 4_000
    ours = re.sub(r"\{noformat\}\n.*?\n\{noformat\}|\{\*\}|\{\{|\}\}", "", text, flags=re.DOTALL)
    assert not set(ours) & set("{}!^~")
