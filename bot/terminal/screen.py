"""What is written to a terminal; a text from elsewhere can never move the cursor or turn a line round."""

from __future__ import annotations

import sys

_KEPT = "\n\t\u200d"


def literal(text: str) -> str:
    """Return a text with everything that a terminal would obey made visible."""
    return "".join(mark if mark.isprintable() or mark in _KEPT else _visible(mark) for mark in text)


def _visible(mark: str) -> str:
    return mark.encode("unicode_escape").decode("ascii")


def tell(text: str) -> None:
    """Write a text and a line's end to standard output."""
    sys.stdout.write(literal(text).rstrip("\n") + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Write a text and a line's end to standard error."""
    sys.stderr.write(literal(text).rstrip("\n") + "\n")
    sys.stderr.flush()
