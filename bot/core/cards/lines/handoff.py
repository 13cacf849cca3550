"""How the command passed, a line each."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.document import Line, Who
from bot.core.events import HandoffEvent


def describe_handoff(event: HandoffEvent) -> Line:
    """Return what became of a handover."""
    match event:
        case events.HandoffOffered(to=to, stands=stands):
            return ("Hands the command over to ", Who(to), *((f": {stands}",) if stands else ()))
        case events.HandoffUnanswered(to=to, offer=offer):
            return (f"The command offered in entry {offer} was not taken yet by ", Who(to))
        case events.HandoffEnded(to=to, how="taken"):
            return ("The command was taken by ", Who(to))
        case events.HandoffEnded(to=to, how=how):
            return ("The command does not pass to ", Who(to), f": {how}")
        case _:
            assert_never(event)
