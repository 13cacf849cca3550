"""Which incidents are one event, a line each."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.document import Line, Strong
from bot.core.events import MergeEvent


def describe_merging(event: MergeEvent) -> Line:
    """Return which incident goes on in which, or by itself again."""
    match event:
        case events.Merged(into=into, why=why):
            return (Strong("Merged"), f" into {into}: {why}")
        case events.MergedIn(incident=incident, title=title, why=why):
            return (Strong(incident), f" ({title}) was merged into this: {why}")
        case events.Parted(incident=incident, why=why):
            return (Strong(incident), f" goes on by itself again: {why}")
        case _:
            assert_never(event)
