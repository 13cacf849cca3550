"""The incidents that turned out to be the same event as one that goes on."""

from __future__ import annotations

from typing import assert_never

from bot.core.events import MergedIn, Parted

Duplicates = tuple[MergedIn, ...]


def after(duplicates: Duplicates, event: MergedIn | Parted) -> Duplicates:
    """Return what is merged into an incident after one more event."""
    match event:
        case MergedIn():
            return (*duplicates, event)
        case Parted(incident=id):
            return tuple(each for each in duplicates if each.incident != id)
        case _:
            assert_never(event)
