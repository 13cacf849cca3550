"""Which descriptions and comments Jira takes: a structural check of Atlassian Document Format.

It knows the kinds of node that Backstop writes and the ones people add most. Everything else is refused,
so that a mistake in the renderer shows here before it shows in Jira.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

INLINE = frozenset({"text", "hardBreak"})
LISTS = frozenset({"bulletList", "orderedList"})
BLOCKS = LISTS | {"paragraph", "heading", "codeBlock", "panel", "rule", "table"}

CHILDREN: Mapping[str, frozenset[str]] = {
    "doc": BLOCKS,
    "panel": LISTS | {"paragraph", "heading"},
    "paragraph": INLINE,
    "heading": INLINE,
    "bulletList": frozenset({"listItem"}),
    "orderedList": frozenset({"listItem"}),
    "listItem": LISTS | {"paragraph", "codeBlock"},
    "table": frozenset({"tableRow"}),
    "tableRow": frozenset({"tableHeader", "tableCell"}),
    "tableHeader": BLOCKS - {"table"},
    "tableCell": BLOCKS - {"table"},
    "codeBlock": frozenset({"text"}),
}
LEAVES = frozenset({"text", "hardBreak", "rule"})
NEVER_EMPTY = LISTS | {"listItem", "table", "tableHeader", "tableCell", "panel"}
PANELS = frozenset({"info", "note", "tip", "warning", "error", "success"})
_UNREADABLE = re.compile(r"[\x00-\x08\x0b-\x1f\ud800-\udfff]")
MARKS = frozenset({"strong", "em", "code", "link"})


def refusals(document: object) -> Iterator[str]:
    """Yield why Jira would refuse a value as a document; nothing when it would take it."""
    if not isinstance(document, dict) or document.get("type") != "doc":
        yield "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
    elif document.get("version") != 1:
        yield "doc: version must be 1"
    elif not isinstance(document.get("content"), list):
        yield "doc: content must be a list of nodes"
    else:
        yield from _inside({key: value for key, value in document.items() if key != "version"})


def _node(node: object, parent: str) -> Iterator[str]:
    if not isinstance(node, dict):
        yield f"{parent}: {type(node).__name__} is not a node"
    elif node.get("type") not in CHILDREN[parent]:
        yield f"{parent}: may not hold {node.get('type')}"
    elif node["type"] == "text":
        yield from _text(node, parent)
    else:
        yield from _inside(node)


def _inside(node: Mapping[str, Any]) -> Iterator[str]:
    kind, content = node["type"], node.get("content", [])
    unknown = node.keys() - ({"type", "attrs"} if kind in LEAVES else {"type", "attrs", "content"})
    if unknown:
        yield f"{kind}: may not have {', '.join(sorted(unknown))}"
    elif not isinstance(content, list) or (kind in NEVER_EMPTY and not content):
        yield f"{kind}: needs content"
    else:
        yield from _attributes(kind, node.get("attrs", {}))
        for child in content:
            yield from _node(child, kind)


def _attributes(kind: str, attrs: Mapping[str, Any]) -> Iterator[str]:
    match kind:
        case "heading":
            if attrs.get("level") not in range(1, 7):
                yield "heading: level must be 1 to 6"
        case "panel":
            if attrs.get("panelType") not in PANELS:
                yield "panel: unknown panelType"
        case _:
            if attrs.keys() - {"localId", "language", "order", "layout"}:
                yield f"{kind}: unknown attributes"


def _text(node: Mapping[str, Any], parent: str) -> Iterator[str]:
    text, marks = node.get("text"), node.get("marks", [])
    if node.keys() - {"type", "text", "marks"}:
        yield "text: may have text and marks only"
    if not isinstance(text, str) or not text:
        yield "text: may not be empty"
    elif "\n" in text and parent != "codeBlock":
        yield "text: a line break is a hardBreak"
    elif _UNREADABLE.search(text):
        yield "text: holds a control character"
    if parent == "codeBlock" and marks:
        yield "codeBlock: text may not be marked"
    yield from _marks(marks)


def _marks(marks: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    kinds = [mark.get("type") for mark in marks]
    if set(kinds) - MARKS or len(set(kinds)) < len(kinds):
        yield "text: unknown or repeated mark"
    if "code" in kinds and set(kinds) - {"code", "link"}:
        yield "text: code may not be combined with other marks"
    for mark in marks:
        wanted = {"type", "attrs"} if mark.get("type") == "link" else {"type"}
        if mark.keys() != wanted or (mark.get("type") == "link" and not mark["attrs"].get("href")):
            yield f"mark: {mark.get('type')} is malformed"
