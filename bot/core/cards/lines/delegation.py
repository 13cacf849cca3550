"""Who approves in whose place, a line each."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.document import Line, Moment, Who
from bot.core.events import DelegationEvent


def describe_delegation(event: DelegationEvent) -> Line:
    """Return who has whose place, or has it no more."""
    match event:
        case events.Delegated(to=to, until=until, why=why):
            return (Who(to), " approves in my place until ", Moment(until), f": {why}")
        case events.DelegationEnded(person=person, to=to, how=how):
            ended = "the time is over" if how == "over" else "taken back"
            return (Who(to), " approves in the place of ", Who(person), f" no more: {ended}")
        case _:
            assert_never(event)
