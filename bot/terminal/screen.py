"""What is written to a terminal; a text from elsewhere can never move the cursor or turn a line round."""

from __future__ import annotations

import os
import sys
from typing import TextIO

from bot.core.literal import visible


class NobodyReads(Exception):
    """Whoever read what a command writes went away, as `head` does."""


def tell(text: str) -> None:
    """Write a text and a line's end to standard output."""
    _write(sys.stdout, text)


def warn(text: str) -> None:
    """Write a text and a line's end to standard error."""
    _write(sys.stderr, text)


def end() -> None:
    """Write what is still held back, or raise NobodyReads."""
    try:
        sys.stdout.flush()
    except BrokenPipeError as gone:
        raise NobodyReads from gone


def hush() -> None:
    """Let what is still held back go nowhere, so that the interpreter does not complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _write(stream: TextIO, text: str) -> None:
    try:
        stream.write(visible(text).rstrip("\n") + "\n")
        stream.flush()
    except BrokenPipeError as gone:
        raise NobodyReads from gone
