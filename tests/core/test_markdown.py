"""Documents as Markdown and on a terminal: every text stands there as it was typed and does nothing."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from inline_snapshot import snapshot

from bot.core.document import (
    LONGEST,
    WIDEST,
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Link,
    Menu,
    Paragraph,
    Preformatted,
    Strong,
    Table,
    markdown,
    plain,
)

LONG = "x" * 39_000


def drawn(*blocks: Block) -> str:
    return markdown(Document("", blocks)).strip()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("Lost", "**Lost**1 s"),
        ("Lost: ", "**Lost:** 1 s"),
        (" Lost ", "**Lost** 1 s"),
        ("a a ", "**a a** 1 s"),
        ("a*b ", "**a\\*b** 1 s"),
        (" ", "1 s"),
    ],
)
def test_blanks_stay_outside_of_the_stars(text: str, written: str) -> None:
    assert drawn(Paragraph((Strong(text), "1 s"))) == written


def test_nothing_strong_is_nothing() -> None:
    assert markdown(Document("", (Paragraph((Strong(""), "1 s")),))) == "1 s\n"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("- no item", "\\- no item"),
        ("+ no item", "\\+ no item"),
        ("---", "\\---"),
        ("  12. no item", "12\\. no item"),
        ("3) no item", "3\\) no item"),
        ("1.5 s", "1.5 s"),
        ("# no title", "\\# no title"),
        ("> no quote", "\\> no quote"),
        ("&lt;b&gt; <b>", "\\&lt;b\\&gt; \\<b\\>"),
        ("one\ntwo", "one two"),
    ],
)
def test_a_text_never_becomes_structure(text: str, written: str) -> None:
    assert drawn(Paragraph((text,))) == written
    assert drawn(Bullets(((text,),))) == f"- {written}"


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "https://a b", "https://a\u202eb", "https://a\nb"]
)
def test_an_address_that_is_none_of_the_web_is_text(url: str) -> None:
    document = Document("", (Paragraph((Link("here", url),)),))
    assert "](" not in markdown(document)
    assert markdown(document).startswith("here (")


def test_an_address_of_the_web_is_a_link_in_a_table_too() -> None:
    assert drawn(Paragraph((Link("a|b", "https://x.example/?a|b"),))) == "[a\\|b](<https://x.example/?a%7Cb>)"


def test_code_ends_no_cell_and_stays_on_its_line() -> None:
    assert drawn(Table(("a",), [((Code("x|y\nz`"),),)])).endswith("\n| `x\\|y zʼ` |")
    assert drawn(Paragraph((Code("x|y"),))) == "`x|y`"


def test_a_log_cannot_end_its_own_block() -> None:
    assert drawn(Preformatted("``````\n# out")) == "```````\n``````\n# out\n```````"


@pytest.mark.parametrize("show", [plain, markdown])
def test_what_a_screen_would_obey_is_spelled_out(show: Callable[[Document], str]) -> None:
    text = "\x1b[2J\x01\x9b \u202egpj.exe\u2066 עברית\tend\r\nnext\u2028last \ud800"
    blocks: tuple[Block, ...] = (
        Paragraph((text, Strong(text), Code(text), Link(text, "https://x.example"), Link(text, text))),
        Fields(((text, (text,)),)),
        Table((text,), [((text,),)]),
        Preformatted(text),
        Buttons((Button(text, text),)),
        Menu(text, (Button(text, text),)),
    )
    said = show(Document(text, blocks))
    assert not set(said) & set("\x1b\x01\x9b\u202e\u2066\r\u2028\ud800")
    assert said.count("u202egpj.exe") >= 9
    assert "עברית\tend" in said
    said.encode()


@pytest.mark.parametrize("show", [plain, markdown])
def test_a_long_text_is_shortened_and_the_whole_of_it_is_named(show: Callable[[Document], str]) -> None:
    rows = [((LONG,), ("b",)), (("a",), (Link(LONG, "https://x.example"),))]
    blocks: tuple[Block, ...] = (Paragraph((LONG, Link("here", f"ftp:{LONG}"))), Table(("A", "B"), rows))
    said = show(Document(LONG, blocks, whole="backstop timeline INC-1"))
    assert len(said) < 6 * LONGEST
    assert f"{'x' * (LONGEST - 1)}…" in said
    assert said.rstrip("*\n").endswith("backstop timeline INC-1`" if show is markdown else "timeline INC-1")


def test_what_is_the_whole_is_not_shortened() -> None:
    document = Document("", (Paragraph((LONG,)),), whole="")
    assert plain(document).strip() == markdown(document).strip() == LONG


def test_commands_and_buttons_are_never_shortened() -> None:
    document = Document("", (Preformatted(LONG), Buttons((Button("Go", LONG),))))
    assert plain(document).count(LONG) == 2
    assert "Shortened" not in plain(document)


def test_a_long_cell_widens_no_other_row_and_stays_on_its_line() -> None:
    rows = [(("1",), ("y" * (WIDEST + 1),), ("end",)), (("2",), ("short\nnote",), ("end",))]
    assert plain(Document("", (Table(("No", "What", ""), rows),))) == snapshot("""\
  No  What
  1   yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy  end
  2   short note  end
""")
