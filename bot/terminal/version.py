"""`backstop --version`: which release this is."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from bot.terminal import OK, USAGE
from bot.terminal.screen import tell


def main(argv: Sequence[str]) -> int:
    """Print the version that is installed."""
    tell("usage: backstop --version" if argv else f"backstop {version('backstop')}")
    return USAGE if argv else OK
