"""What is written to a terminal; a text from elsewhere can never move the cursor or turn a line round."""

from __future__ import annotations

import sys

from bot.core.literal import visible


def tell(text: str) -> None:
    """Write a text and a line's end to standard output."""
    sys.stdout.write(visible(text).rstrip("\n") + "\n")
    sys.stdout.flush()


def warn(text: str) -> None:
    """Write a text and a line's end to standard error."""
    sys.stderr.write(visible(text).rstrip("\n") + "\n")
    sys.stderr.flush()
