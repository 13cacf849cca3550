"""What happens when two incidents turn out to be one event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, Field

from bot.core.events.incidents import Severity
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
    """Another incident is the same event as this one; `people` worked on it, `url` leads to its channel.

    Nothing that was stated of it is taken over. `severity` is there where it was worse, `about` where it was
    of another service or place. `facts` are what people knew there and nobody here, and `otherwise` what they
    said otherwise; `moments`, by the words of `impact`, are missing here or later. `planned` are runs, each
    with its playbook, that cannot be started any more. `decisions` are named, and all of it stands at
    `timeline`.
    """

    kind: Literal["merged-in"] = "merged-in"
    incident: str
    title: str
    why: str
    people: tuple[str, ...] = ()
    url: str | None = None
    severity: Severity | None = None
    about: str = ""
    impact: str = ""
    release: str | None = None
    change: str | None = None
    facts: Mapping[str, bool | int | float | str] = Field(default_factory=dict)
    otherwise: Mapping[str, bool | int | float | str] = Field(default_factory=dict)
    moments: Mapping[str, AwareDatetime] = Field(default_factory=dict)
    decisions: tuple[str, ...] = ()
    planned: Mapping[str, str] = Field(default_factory=dict)
    timeline: str | None = None


class Parted(Kind):
    """What was merged into this incident is another event after all, and goes on by itself."""

    kind: Literal["parted"] = "parted"
    incident: str
    why: str


MergeEvent = Merged | MergedIn | Parted
