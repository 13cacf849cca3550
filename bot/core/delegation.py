"""Who sits in whose place: a place has one person at a time, so that a substitute is no second yes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from bot.core.events import Delegated, DelegationEnded, DelegationEvent, Entry
from bot.core.run import Run


@dataclass(frozen=True, slots=True)
class Delegation:
    """A place that somebody else has until a moment."""

    to: str
    until: datetime


Delegations = Mapping[str, Delegation]
"""By the person whose place it is."""


def after(delegations: Delegations, entry: Entry, event: DelegationEvent) -> Delegations:
    """Return the delegations after an event."""
    match event:
        case Delegated(to=to, until=until):
            return {**delegations, entry.by: Delegation(to, until)}
        case DelegationEnded(person=person):
            return {name: each for name, each in delegations.items() if name != person}
        case _:
            assert_never(event)


def asked_of(runs: Iterable[Run]) -> tuple[str, ...]:
    """Return the runs whose approvals people are asked for."""
    return tuple(run.id for run in runs if run.gates and not run.over)


def places(delegations: Delegations, *, now: datetime, kept: Collection[str] = ()) -> Mapping[str, str]:
    """Return who sits in whose place now; those who said yes themselves have `kept` theirs."""
    return {
        person: each.to for person, each in delegations.items() if now < each.until and person not in kept
    }
