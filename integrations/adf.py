"""Atlassian Document Format as trackers keep it: how long a document is, and which part of one is ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from integrations.parts import Part, around, units

Node = dict[str, Any]

_TOLD = ("level", "panelType", "href")
"""The attributes that say something; editors add others of their own."""


def doc(nodes: Sequence[Node]) -> Node:
    """Return a document of these nodes."""
    return {"version": 1, "type": "doc", "content": list(nodes)}


def length(node: Mapping[str, Any]) -> int:
    """Count the text below a node as Jira counts it: in UTF-16 units."""
    return units(str(node.get("text", ""))) + sum(length(child) for child in node.get("content", ()))


def spliced(existing: Mapping[str, Any] | None, ours: Mapping[str, Any], part: Part) -> Node:
    """Return an existing text with our part replaced and everything people wrote kept.

    Our part stands between two panels, which no text of a document can imitate.
    """
    before, after = around(
        _nodes(existing),
        opens=lambda node: _is_mark(node, part.opening),
        closes=lambda node: _is_mark(node, part.closing),
    )
    return doc([*before, _panel(part.opening), *ours["content"], _panel(part.closing), *after])


def holds(existing: Mapping[str, Any] | None, part: Part) -> bool:
    """Say whether a text has a part of ours, or what is left of one."""
    return any(_is_mark(node, part.opening) for node in _nodes(existing))


def alike(one: Mapping[str, Any] | None, other: Mapping[str, Any] | None) -> bool:
    """Say whether two documents read the same, whatever ids and defaults an editor added to one of them."""
    return one is other or (one is not None and other is not None and _read(one) == _read(other))


def _nodes(existing: Mapping[str, Any] | None) -> list[Node]:
    return list(existing.get("content", ())) if existing else []


def _is_mark(node: Node, sentence: str) -> bool:
    # Jira adds ids and may split text nodes, so only the kind of node and its words are compared.
    return node.get("type") == "panel" and "".join(_words(node)) == sentence


def _words(node: Node) -> Iterator[str]:
    if "text" in node:
        yield node["text"]
    for child in node.get("content", ()):
        yield from _words(child)


def _panel(sentence: str) -> Node:
    text = {"type": "text", "text": sentence}
    paragraph = {"type": "paragraph", "content": [text]}
    return {"type": "panel", "attrs": {"panelType": "note"}, "content": [paragraph]}


def _read(node: Mapping[str, Any]) -> list[Any]:
    """Return what of a node one reads; neighbouring texts with the same marks are one."""
    read: list[Any] = []
    for child in node.get("content", ()):
        if child.get("type") != "text":
            read.append((child.get("type"), _told(child), _read(child)))
            continue
        marks = sorted((mark.get("type", ""), _told(mark)) for mark in child.get("marks", ()))
        if read and read[-1][:2] == ("text", marks):
            read[-1] = ("text", marks, read[-1][2] + child["text"])
        else:
            read.append(("text", marks, child["text"]))
    return read


def _told(node: Mapping[str, Any]) -> tuple[str, ...]:
    attrs = node.get("attrs") or {}
    return tuple(f"{name}={attrs[name]}" for name in _TOLD if name in attrs)
