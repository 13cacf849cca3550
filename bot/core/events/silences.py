"""Which alerts a run keeps silent while it acts, and what became of it in Alertmanager."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime

from bot.core.events.kind import Kind


class SilenceAsked(Kind):
    """A person wants alerts to be silent until a moment, or until the run ends: each set by its labels."""

    kind: Literal["silence-asked"] = "silence-asked"
    alerts: tuple[Mapping[str, str], ...]
    until: AwareDatetime
    why: str


class SilenceLifted(Kind):
    """A person wants every alert that the run keeps silent to be heard again."""

    kind: Literal["silence-lifted"] = "silence-lifted"
    why: str = ""


class SilencePlaced(Kind):
    """Alerts with all of these labels are silent, until this moment at the latest."""

    kind: Literal["silence-placed"] = "silence-placed"
    labels: Mapping[str, str]
    until: AwareDatetime


class SilenceEnded(Kind):
    """No silence of the run keeps alerts with these labels from being heard any more, and why.

    `elsewhere` is what somebody did in Alertmanager itself: it is not put back.
    """

    kind: Literal["silence-ended"] = "silence-ended"
    labels: Mapping[str, str]
    because: Literal["run", "person", "time", "elsewhere"]


class SilenceTroubled(Kind):
    """Alertmanager does not do what it is asked, and why not; without a reason it does again."""

    kind: Literal["silence-troubled"] = "silence-troubled"
    why: str = ""


SilenceEvent = SilenceAsked | SilenceLifted | SilencePlaced | SilenceEnded | SilenceTroubled
