"""What customers are told through status pages: drafted, and sent only once a person says so."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from bot.core.events.kind import Kind

ExternalStatus = Literal["investigating", "identified", "monitoring", "resolved"]
ExternalImpact = Literal["critical", "major", "minor", "none"]


class ExternalDrafted(Kind):
    """Words for customers, which nobody outside has read; they are sent as they stand here.

    `replaces` is the entry of a draft that waited until now, and `promised` when these words promise more.
    `lost` is what the words end with where they say what was lost.
    """

    kind: Literal["external-drafted"] = "external-drafted"
    status: ExternalStatus
    impact: ExternalImpact
    title: str
    text: str
    component: str = ""
    state: str = ""
    promised: AwareDatetime | None = None
    replaces: int | None = None
    lost: str = ""


class ExternalSent(Kind):
    """Somebody wants the draft of this entry to be read outside, through these systems."""

    kind: Literal["external-sent"] = "external-sent"
    draft: int
    systems: tuple[str, ...]


class ExternalDropped(Kind):
    """Somebody does not want the draft of this entry to be read outside, or not to be tried any more."""

    kind: Literal["external-dropped"] = "external-dropped"
    draft: int


class ExternalTold(Kind):
    """One system has the draft of this entry, under `key`; or why not, and whether it is tried again."""

    kind: Literal["external-told"] = "external-told"
    draft: int
    system: str
    status: ExternalStatus
    key: str = ""
    url: str = ""
    why: str = ""
    trying: bool = False


ExternalEvent = ExternalDrafted | ExternalSent | ExternalDropped | ExternalTold
