"""Texts that people and Backstop write together: which part of one is ours, and what stands around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

Piece = TypeVar("Piece")

_STAYS = "What you write above or below stays."


@dataclass(frozen=True, slots=True)
class Part:
    """What Backstop writes of a text, between two sentences by which it is found again.

    `name` is what it is called, of small letters; `opening` and `closing` must be the same for ever.
    """

    name: str
    opening: str
    closing: str

    @classmethod
    def named(cls, name: str, of: str) -> Part:
        """Return the part that is called so and belongs to something: the progress of INC-42."""
        opening = f"Backstop keeps the {name} of {of} here, up to the closing mark, and replaces it. {_STAYS}"
        return cls(name, opening, f"The {name} of {of} ends here.")


DESCRIPTION = Part(
    "description",
    f"Backstop writes from here to the closing mark, and replaces it. {_STAYS}",
    "Backstop's part ends here.",
)


def units(text: str) -> int:
    """Return how long a text is as Jira counts it: in UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def around(
    pieces: Sequence[Piece], *, opens: Callable[[Piece], bool], closes: Callable[[Piece], bool]
) -> tuple[list[Piece], list[Piece]]:
    """Return what stands before and after our part, without marks.

    Where one of its marks was lost nothing is taken away: our old words stay as if a person had written them.
    """
    first, last = _place(pieces, opens, closes)

    def is_kept(piece: Piece) -> bool:
        return not opens(piece) and not closes(piece)

    return list(filter(is_kept, pieces[:first])), list(filter(is_kept, pieces[last:]))


def _place(
    pieces: Sequence[Piece], opens: Callable[[Piece], bool], closes: Callable[[Piece], bool]
) -> tuple[int, int]:
    opened = None
    for index, piece in enumerate(pieces):
        if opens(piece):
            opened = index
        elif closes(piece) and opened is not None:
            return opened, index + 1
    at = len(pieces) if opened is None else opened
    return at, at


def spliced_lines(existing: str, ours: str, opening: str, closing: str) -> str:
    """Return a text with the lines between two marks replaced, and everything else of it kept.

    A line of ours that reads as a mark is moved by a blank, so that a log that holds one ends nothing.
    """
    before, after = around(
        existing.split("\n") if existing else [],
        opens=lambda line: line.rstrip("\r") == opening,
        closes=lambda line: line.rstrip("\r") == closing,
    )
    own = [f" {line}" if line in (opening, closing) else line for line in ours.rstrip("\n").split("\n")]
    return "\n".join([*before, opening, *own, closing, *after])
