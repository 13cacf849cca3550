"""A document as Jira stores it: Atlassian Document Format, version 1.

Text that people typed ends up in text nodes and nowhere else, so nothing in it can become structure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, assert_never

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
from integrations.adf import doc, length
from integrations.parts import units

Node = dict[str, Any]
Mark = dict[str, Any]

# Jira refuses a description over 32,767 characters; the rest is left for what people add around ours.
BUDGET = 25_000
# One pasted log must not push everything after it out of the document.
LONGEST_TEXT = 4_000


def adf(document: Document, *, room: int = BUDGET, rest: Line = ("The rest has no room here.",)) -> Node:
    """Return a document as ADF of at most so many characters; where some are left out it ends in `rest`.

    How Jira counts addresses is not told: those of tables take their room too.
    """
    end = _paragraph(rest)
    left = room - length(end)
    seen = shown(document)
    text = sum(map(length, _rendered(seen)))
    seen, taken = thinned(seen, room_for_links(left, text), lambda link: units(link.url))
    left -= taken
    nodes: list[Node] = []
    for node in _rendered(seen):
        if length(node) > left:
            return doc([*nodes, *_beginning(node, left), end])
        nodes.append(node)
        left -= length(node)
    return doc(nodes)


def _rendered(document: Document) -> Iterator[Node]:
    for block in (Heading(document.title, level=1), *document.blocks):
        node = _block(block)
        if node is not None:
            yield node


def _beginning(node: Node, room: int) -> list[Node]:
    # Tables and lists are cut between rows: a long timeline shows its start.
    if node["type"] not in ("table", "bulletList"):
        return []
    reached = accumulate(length(child) for child in node["content"])
    kept = [child for child, total in zip(node["content"], reached, strict=True) if total <= room]
    return [{**node, "content": kept}] if kept else []


def _block(block: Block) -> Node | None:
    match block:
        case Heading(text, level):
            words = _text(text.replace("\n", " "), ())
            return _filled(_node("heading", words, attrs={"level": max(1, min(level, 6))}))
        case Paragraph(line):
            return _filled(_paragraph(line))
        case Small(line):
            return _filled(_paragraph(line, marks=[{"type": "em"}]))
        case Bullets(items):
            return _filled(_node("bulletList", [_node("listItem", [_paragraph(item)]) for item in items]))
        case Fields(pairs):
            rows = [[_cell("tableHeader", [label]), _cell("tableCell", line)] for label, line in pairs]
            return _table(rows)
        case Table(header, rows):
            return _table(_grid(header, rows))
        case Preformatted(text):
            kept = cut(text, LONGEST_TEXT)
            return _node("codeBlock", [{"type": "text", "text": kept}]) if kept else None
        case Buttons() | Menu():
            return None
        case _:
            assert_never(block)


def _grid(header: Sequence[str], rows: Sequence[Sequence[Line]]) -> list[list[Node]]:
    width = max((len(row) for row in (header, *rows)), default=0)
    blanks: list[Line] = [[]] * width
    titles: list[Line] = [[title] for title in header]
    head = [[_cell("tableHeader", line) for line in (titles + blanks)[:width]]] if header else []
    return head + [[_cell("tableCell", line) for line in ([*row, *blanks])[:width]] for row in rows]


def _table(rows: Sequence[list[Node]]) -> Node | None:
    return _filled(_node("table", [_node("tableRow", cells) for cells in rows if cells]))


def _cell(kind: str, line: Line) -> Node:
    return _node(kind, [_paragraph(line)])


def _paragraph(line: Line, *, marks: Sequence[Mark] = ()) -> Node:
    return _node("paragraph", _inline(line, marks=marks))


def _node(kind: str, content: list[Node], *, attrs: Mapping[str, Any] | None = None) -> Node:
    return {"type": kind, **({"attrs": dict(attrs)} if attrs else {}), "content": content}


def _filled(node: Node) -> Node | None:
    return node if node["content"] else None


def _inline(line: Line, *, marks: Sequence[Mark] = ()) -> list[Node]:
    return [node for span in line for node in _span(span, marks)]


def _span(span: Span, marks: Sequence[Mark]) -> list[Node]:
    match span:
        case str():
            return _text(span, marks)
        case Strong(text):
            return _text(text, [*marks, {"type": "strong"}])
        case Code(text):
            return _text(text, [{"type": "code"}])  # Jira refuses `code` beside other marks
        case Link(text, url):
            return _text(text or url, [*marks, {"type": "link", "attrs": {"href": url}}])
        case Moment(at):
            return _text(utc(at), marks)
        case Who(name):
            return _text(f"@{name}", marks)
        case _:
            assert_never(span)


def _text(text: str, marks: Sequence[Mark]) -> list[Node]:
    nodes: list[Node] = []
    for number, part in enumerate(cut(text, LONGEST_TEXT).split("\n")):
        if number:
            nodes.append({"type": "hardBreak"})
        if part:
            nodes.append({"type": "text", "text": part, **({"marks": list(marks)} if marks else {})})
    return nodes
