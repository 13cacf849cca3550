"""Literal text on its way to Slack, and what people typed on its way back.

Most text goes out in rich text, whose texts Slack never interprets. Where only markup is possible, `escaped`
takes the meaning away from entities; `is_marked` tells whether other marks would be left in it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

ELLIPSIS = "…"

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKS = re.compile(r"[*_~`]|:[\w+'-]+:|^>", re.MULTILINE)
_ENTITY = re.compile(r"<([^<>]*)>")
_DOUBLE_QUOTES = re.compile("[“”„‟«»＂]")


def size(text: str) -> int:
    """Return the length of a text as Slack counts it: in UTF-16 units, so that most emoji count twice."""
    return len(text) + sum(ord(character) > 0xFFFF for character in text)


def escaped(text: str) -> str:
    """Return a text in which nothing is an entity for Slack: no mention, no channel, no link."""
    return "".join(_ESCAPES.get(character, character) for character in text)


def is_marked(text: str) -> bool:
    """Say whether Slack's markup would style a text or put a picture in it."""
    return _MARKS.search(text) is not None


def cut(text: str, most: int, *, weigh: Callable[[str], int] = size) -> str:
    """Return a text of at most so many units, ending in an ellipsis when something was cut off."""
    if weigh(text) <= most:
        return text
    left = most - 1
    for index, character in enumerate(text):
        left -= weigh(character)
        if left < 0:
            return text[:index] + ELLIPSIS
    return text


def escaped_size(text: str) -> int:
    """Return the length of a text after its escaping."""
    return sum(size(_ESCAPES.get(character, character)) for character in text)


def typed(text: str, name_of: Callable[[str], str | None]) -> str:
    """Return what a person typed, with Slack's entities and escapes undone; `name_of` knows people by id.

    A person who is in the catalog is written as @key, anybody else as @U123, whatever the label says.
    """
    spoken = _ENTITY.sub(lambda found: _spoken(str(found[1]), name_of), text)
    return spoken.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _spoken(inside: str, name_of: Callable[[str], str | None]) -> str:
    target, _, label = inside.partition("|")
    match target[:1]:
        case "@":
            return f"@{name_of(target[1:]) or target[1:]}"
        case "#":
            return f"#{label or target[1:]}"
        case "!":
            command = target[1:].partition("^")[0]
            return label or f"@{command}"
        case _:
            return label if label and _same_address(target, label) else target


def _same_address(url: str, label: str) -> bool:
    """Say whether a link is only the address that was typed, which Slack made a link by itself."""
    return url.partition(":")[2].removeprefix("//").rstrip("/") == label.rstrip("/")


def after_mention(text: str, bot: str) -> str:
    """Return what follows the mention of the bot; an unknown bot is the first who is mentioned."""
    pattern = rf"<@{re.escape(bot)}(?:\|[^>]*)?>" if bot else r"<@[^>]*>"
    found = re.search(pattern, text)
    return text[found.end() :].strip() if found else text.strip()


def quoted(text: str) -> str:
    """Return a text as one quoted word of the grammar, whatever quotes and backslashes it holds."""
    plain = _DOUBLE_QUOTES.sub('"', text)
    return '"' + re.sub(r'(["\\])', r"\\\1", plain) + '"'
