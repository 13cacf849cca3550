"""From the words a shell passed to the line that the grammar of all doors reads."""

from __future__ import annotations

import re
from collections.abc import Sequence

_OPTION = re.compile(r"([a-zA-Z][a-zA-Z0-9_-]*):(?!\s)(.*)", re.DOTALL)
_BARE = re.compile(r"[A-Za-z0-9@._,=+/<>-]+")
# The grammar takes typographic quotes for plain ones, so they end a text as well.
_ENDING = re.compile(r'[\\"“”„‟«»＂]')


def line_of(words: Sequence[str]) -> str:
    """Return the line that means exactly these words.

    `why:the disk is full` as one word is an option, as `why:"the disk is full"` was in the shell; a text
    with a blank after its colon (`Cause: the disk`) and an address (`https://…`) are words.
    """
    return " ".join(_word(word) for word in words)


def _word(word: str) -> str:
    option = _OPTION.fullmatch(word)
    if option and not option[1].lower().startswith("http"):
        return f"{option[1]}:{_quoted(option[2])}"
    return _quoted(word)


def _quoted(text: str) -> str:
    if _BARE.fullmatch(text):
        return text
    escaped = _ENDING.sub(lambda mark: f"\\{mark[0]}", text)
    return f'"{escaped}"'
