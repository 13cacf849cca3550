"""How many links a text has room for: rows matter more, so the links of tables are the first to go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from bot.core.document import Block, Document, Line, Link, Span, Table

SHARE = 5
"""Of the room of a text that is too long, one part in so many is left to links."""

Cost = Callable[[Link], int]


def thinned(document: Document, room: int, cost: Cost) -> tuple[Document, int]:
    """Return a document with only the first links of its tables, those with room, and what they take."""
    taken = 0

    def kept(span: Span) -> Span:
        nonlocal taken
        if not isinstance(span, Link):
            return span
        if taken + cost(span) > room:
            return span.text or span.url
        taken += cost(span)
        return span

    def cell(line: Line) -> Line:
        return tuple(map(kept, line))

    def block(each: Block) -> Block:
        return (
            replace(each, rows=[list(map(cell, row)) for row in each.rows])
            if isinstance(each, Table)
            else each
        )

    return replace(document, blocks=tuple(map(block, document.blocks))), taken


def room_for_links(room: int, text: int) -> int:
    """Return how much of the room of a text its links may take: what the text leaves, or a share of it."""
    return max(room - text, room // SHARE)
