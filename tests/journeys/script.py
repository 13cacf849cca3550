"""Journeys as text: what people do in them, what they read, and the prose around it."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MARGIN = "    "
WIDTH = 112

_READ = re.compile(r"(backstop|slackbot|terminal|jira|pagerduty|statuspage|alertmanager|card|form|home)\b")
"""Who says what people read; every other name acts."""
_ACT = re.compile(r"(?P<who>[a-z]+)(?: in (?P<place>\S+))?  +(?P<text>\S.*)|(?P<dash>--) +(?P<what>\S.*)")


class BadScript(Exception):
    """A line that has no form; the text says where it stands."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does, or that happens when `who` is empty; `line` is its number in the file."""

    who: str
    place: str
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Read:
    """What people read; `head` names who says it and where, `text` may have several lines."""

    head: str
    text: str


@dataclass(frozen=True, slots=True)
class Conversation:
    """What is played from beginning to end, with the name of its part of the file."""

    file: Path
    part: str
    acts: tuple[Act, ...]

    def __str__(self) -> str:
        """Return a name for a test."""
        name = f"{self.file.stem}-{self.part}" if self.part else self.file.stem
        return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


@dataclass(slots=True)
class _Piece:
    """Lines that belong together, the first of which is `number` in its file."""

    kind: Literal["prose", "act", "read"]
    number: int
    lines: list[str] = field(default_factory=list)


def conversations(file: Path) -> list[Conversation]:
    """Return the conversations of a file."""
    parts: dict[str, list[Act]] = {"": []}
    part = ""
    for piece in _pieces(file.read_text(encoding="utf-8")):
        if piece.kind == "act":
            parts[part].append(_act(piece, file))
        elif name := _part(piece):
            part = name
            parts[part] = []
    common = parts.pop("")
    if not parts:
        return [Conversation(file, "", tuple(common))]
    return [Conversation(file, name, (*common, *acts)) for name, acts in parts.items()]


def rewritten(source: str, part: str, happened: Sequence[Sequence[Read]]) -> str:
    """Return the source with what was read after each act of a part in place of what it says there."""
    lines: list[str] = []
    left = iter(happened)
    here = ""
    for piece in _pieces(source):
        here = _part(piece) or here
        played = here in ("", part)
        if piece.kind != "read" or not played:
            lines += piece.lines
        if piece.kind == "act" and played:
            lines += (line for read in next(left) for line in _rendered(read))
    return "\n".join(lines) + "\n"


def _part(piece: _Piece) -> str:
    """Return the name of the part that begins here, if one does."""
    return piece.lines[0].removeprefix("## ") if piece.lines[0].startswith("## ") else ""


def _pieces(source: str) -> Iterator[_Piece]:
    piece: _Piece | None = None
    for number, line in enumerate(source.split("\n")[:-1], start=1):
        inside = line.startswith(MARGIN) and line.strip()
        if inside and line[len(MARGIN)] == " " and piece and piece.kind != "prose":
            piece.lines.append(line)
            continue
        if piece:
            yield piece
        kind: Literal["prose", "act", "read"] = "act" if inside else "prose"
        piece = _Piece("read" if inside and _READ.match(line.strip()) else kind, number, [line])
    if piece:
        yield piece


def act_of(text: str, number: int = 0) -> Act:
    """Return what a line says that somebody does."""
    found = _ACT.fullmatch(text)
    if found is None:
        raise BadScript(f"no form of a line fits {text!r}")
    if found["dash"]:
        return Act("", "", found["what"], number)
    return Act(found["who"], found["place"] or "", found["text"], number)


def _act(piece: _Piece, file: Path) -> Act:
    try:
        return act_of(" ".join(line.strip() for line in piece.lines), piece.number)
    except BadScript as bad:
        raise BadScript(f"{file.name}:{piece.number}: {bad}") from None


def _rendered(read: Read) -> Iterator[str]:
    """Yield the lines that show what was read; one that is broken goes on further to the right."""
    first, *more = read.text.split("\n")
    yield from _wrapped(f"{MARGIN}{read.head}  {first}", MARGIN * 2 + "  ")
    for line in more:
        further = " " * (len(line) - len(line.lstrip(" •")))
        yield from _wrapped((MARGIN * 2 + line).rstrip(), MARGIN * 2 + "  " + further)


def _wrapped(line: str, further: str) -> list[str]:
    return textwrap.wrap(
        line,
        WIDTH,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
        replace_whitespace=False,
    )
