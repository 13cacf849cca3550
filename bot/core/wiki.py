"""A document as Jira Data Center stores it: wiki markup, in which everything that people typed is literal.

What the renderer would obey is written as a character reference, which is also what it makes of its own
backslash escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import assert_never

from bot.core.document import (
    Block,
    Bullets,
    Buttons,
    Code,
    Document,
    Fields,
    Heading,
    Line,
    Link,
    Menu,
    Moment,
    Paragraph,
    Preformatted,
    Small,
    Span,
    Strong,
    Table,
    Who,
    shown,
    utc,
)
from bot.core.links import room_for_links, thinned
from bot.core.literal import cut
from integrations.parts import units

# One pasted log must not push everything after it out of the document.
LONGEST_TEXT = 4_000

_ALWAYS = r"[&{}\[\]|!^~\\#%]"
# These mark text only where they do not stand inside of a word.
_AT_AN_EDGE = r"(?<![0-9A-Za-z])[-_+*?]|[-_+*?](?![0-9A-Za-z])"
_FACES = r"[:;](?=-?[)(PD])|\((?=(?:[ynix/!+?-]|on|off|\*[rgby]?|flag|flagoff)\))"
_FIRST = r"(?m:^)(?:h(?=[1-6]\.)|b(?=q\.))"
_OBEYED = re.compile("|".join((_ALWAYS, _AT_AN_EDGE, _FACES, _FIRST)))
_IN_ADDRESSES = re.compile(r"[|\[\]{}\\^~!*]")


def wiki(document: Document, *, room: int, rest: Line) -> str:
    """Return a document as wiki markup of at most so many characters, markup included.

    Where some are left out it ends in `rest`, which alone may be longer than the room.
    """
    end = _line(rest)
    left = room - units(end)
    seen = shown(document)
    bare, _ = thinned(seen, 0, _extra)
    text = sum(units(line) + 1 for line in _lines(bare))
    seen, _ = thinned(seen, room_for_links(left, text), _extra)
    lines: list[str] = []
    for line in _lines(seen):
        left -= units(line) + 1
        if left < 0:
            return "\n".join([*lines, end])
        lines.append(line)
    return "\n".join(lines).rstrip("\n")


def _extra(link: Link) -> int:
    """Return how much longer a link is than its text."""
    return units(_span(link)) - units(_span(link.text or link.url))


def _lines(document: Document) -> Iterator[str]:
    """Yield the lines of a document, an empty one after each block."""
    for block in (Heading(document.title, level=1), *document.blocks):
        rows = [row for row in _rows(block) if row.strip()]
        yield from (*rows, "") if rows else ()


def _rows(block: Block) -> Iterator[str]:
    """Yield a block in pieces between which it may be cut."""
    match block:
        case Heading(text, level):
            if text.strip():
                yield f"h{max(1, min(level, 6))}. {_literal(text.replace(chr(10), ' '))}"
        case Paragraph(line) | Small(line):
            yield _line(line)
        case Bullets(items):
            yield from (f"* {_in_one(item)}" for item in items)
        case Fields(pairs):
            yield from (f"||{_in_one((label,))}|{_in_one(line)}|" for label, line in pairs)
        case Table(header, rows):
            yield from _grid(header, rows)
        case Preformatted(text):
            inside = cut(text, LONGEST_TEXT).replace("{noformat", "{ noformat")
            yield f"{{noformat}}\n{inside}\n{{noformat}}"
        case Buttons() | Menu():
            pass
        case _:
            assert_never(block)


def _grid(header: Sequence[str], rows: Sequence[Sequence[Line]]) -> Iterator[str]:
    if header:
        yield "".join(f"||{_in_one((title,))}" for title in header) + "||"
    yield from ("".join(f"|{_in_one(cell)}" for cell in row) + "|" for row in rows if row)


def _in_one(line: Line) -> str:
    """Return a line for a cell or an item: a line of its own would end that."""
    return _line(line).replace("\n", r"\\ ").strip() or " "


def _line(line: Line) -> str:
    return "".join(_span(span) for span in line)


def _span(span: Span) -> str:
    match span:
        case str():
            return _literal(span)
        case Strong(text):
            return _around("{*}", _literal(text))
        case Code(text):
            return _around("{{", _literal(text.replace("\n", " ")), "}}")
        case Link(text, url):
            return f"[{_literal((text or url).replace(chr(10), ' '))}|{_address(url)}]"
        case Moment(at):
            return utc(at)
        case Who(name):
            return _literal(f"@{name}")
        case _:
            assert_never(span)


def _around(opening: str, text: str, closing: str = "") -> str:
    # Marks beside a blank, or over two lines, mark nothing.
    inner = text.strip()
    marked = f"{opening}{inner}{closing or opening}"
    return text.replace(inner, marked, 1) if inner and "\n" not in inner else text


def _literal(text: str) -> str:
    return _OBEYED.sub(lambda mark: f"&#{ord(mark[0])};", cut(text, LONGEST_TEXT))


def _address(url: str) -> str:
    return _IN_ADDRESSES.sub(lambda mark: f"%{ord(mark[0]):02X}", url)
