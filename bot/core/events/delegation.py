"""Somebody approves in place of another for a while."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from bot.core.events.kind import Kind


class Delegated(Kind):
    """Whoever wrote this lets `to` sit in their place in every role, until a moment at most.

    `runs` are those whose approvals are to be drawn anew.
    """

    kind: Literal["delegated"] = "delegated"
    to: str
    until: AwareDatetime
    why: str
    runs: tuple[str, ...] = ()


class DelegationEnded(Kind):
    """The place of a person is theirs again: they took it back, or the time is over."""

    kind: Literal["delegation-ended"] = "delegation-ended"
    person: str
    to: str
    how: Literal["taken back", "over"]
    runs: tuple[str, ...] = ()


DelegationEvent = Delegated | DelegationEnded
