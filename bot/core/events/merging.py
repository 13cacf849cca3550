"""What happens when two incidents turn out to be one event."""

from __future__ import annotations

from typing import Literal

from bot.core.events.kind import Kind


class Merged(Kind):
    """It is the same event as another incident, in which everything goes on: this one is closed.

    `room` is the name of the channel where that one is talked about, and `url` leads there, where it has one.
    """

    kind: Literal["merged"] = "merged"
    into: str
    why: str
    room: str | None = None
    url: str | None = None


class MergedIn(Kind):
    """Another incident is the same event as this one; `people` worked on it, `url` leads to its channel."""

    kind: Literal["merged-in"] = "merged-in"
    incident: str
    title: str
    why: str
    people: tuple[str, ...] = ()
    url: str | None = None


class Parted(Kind):
    """What was merged into this incident is another event after all, and goes on by itself."""

    kind: Literal["parted"] = "parted"
    incident: str
    why: str


MergeEvent = Merged | MergedIn | Parted
