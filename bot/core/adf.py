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
from bot.core.literal import cut

Node = dict[str, Any]
Mark = dict[str, Any]

# Jira refuses a description over 32,767 characters; the rest is left for what people add around ours.
BUDGET = 25_000
# One pasted log must not push everything after it out of the document.
LONGEST_TEXT = 4_000

OPENING = (
    "Backstop writes from here to the closing mark, and replaces it. What you write above or below stays."
)
CLOSING = "Backstop's part ends here."


def adf(document: Document, *, whole: str = "postmortem.md") -> Node:
    """Return a document as ADF; what exceeds the budget is left to the attachment named `whole`."""
    rest = _paragraph([f"The rest is in the attachment {whole}."])
    room = BUDGET - length(rest)
    nodes: list[Node] = []
    for node in _rendered(document):
        if length(node) > room:
            return _doc([*nodes, *_beginning(node, room), rest])
        nodes.append(node)
        room -= length(node)
    return _doc(nodes)


def bot_block(existing: Mapping[str, Any] | None, ours: Node) -> Node:
    """Return an existing description with our part replaced and everything people wrote kept.

    Our part stands between two panels, which no text of a document can imitate. Where one of them was
    lost, nothing is taken away: our old words stay as if a person had written them.
    """
    nodes: list[Node] = list(existing.get("content", ())) if existing else []
    part = [_panel(OPENING), *ours["content"], _panel(CLOSING)]
    first, last = _marks(nodes)
    before = [node for node in nodes[:first] if not _is_mark(node)]
    after = [node for node in nodes[last:] if not _is_mark(node)]
    return _doc([*before, *part, *after])


def length(node: Mapping[str, Any]) -> int:
    """Count the text below a node as Jira counts it: in UTF-16 units."""
    own = len(node["text"].encode("utf-16-le", "surrogatepass")) // 2 if node["type"] == "text" else 0
    return own + sum(length(child) for child in node.get("content", ()))


def _marks(nodes: Sequence[Node]) -> tuple[int, int]:
    opened = None
    for index, node in enumerate(nodes):
        if _is_mark(node, OPENING):
            opened = index
        elif _is_mark(node, CLOSING) and opened is not None:
            return opened, index + 1
    at = len(nodes) if opened is None else opened
    return at, at


def _is_mark(node: Node, *sentences: str) -> bool:
    # Jira adds ids and may split text nodes, so only the kind of node and its words are compared.
    return node.get("type") == "panel" and "".join(_words(node)) in (sentences or (OPENING, CLOSING))


def _words(node: Node) -> Iterator[str]:
    if "text" in node:
        yield node["text"]
    for child in node.get("content", ()):
        yield from _words(child)


def _rendered(document: Document) -> Iterator[Node]:
    seen = shown(document)
    for block in (Heading(seen.title, level=1), *seen.blocks):
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


def _panel(sentence: str) -> Node:
    return _node("panel", [_paragraph([sentence])], attrs={"panelType": "note"})


def _doc(nodes: list[Node]) -> Node:
    return {"version": 1, "type": "doc", "content": nodes}


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
