"""What customers are told: every draft of words for them, and what became of it.

A draft is named by the number of its entry: E14. Only the newest waits for a person; a later one replaces it.
Recovering and verifying are `identified` outside: that data is back is said once it was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, assert_never

from bot.core.events import (
    Entry,
    ExternalDrafted,
    ExternalDropped,
    ExternalEvent,
    ExternalSent,
    ExternalTold,
    Phase,
    Severity,
)
from bot.core.events.external import ExternalImpact, ExternalStatus
from bot.core.redaction import REMOVED

STATUSES: tuple[ExternalStatus, ...] = ("investigating", "identified", "monitoring", "resolved")
STATUS: Mapping[Phase, ExternalStatus] = {
    Phase.INVESTIGATING: "investigating",
    Phase.IDENTIFIED: "identified",
    Phase.RECOVERING: "identified",
    Phase.VERIFYING: "identified",
    Phase.MONITORING: "monitoring",
    Phase.RESOLVED: "resolved",
    Phase.CLOSED: "resolved",
}
IMPACT: Mapping[Severity, ExternalImpact] = {
    Severity.SEV1: "critical",
    Severity.SEV2: "major",
    Severity.SEV3: "minor",
    Severity.SEV4: "none",
}
_STATE: Mapping[Severity, str] = {
    Severity.SEV1: "major_outage",
    Severity.SEV2: "partial_outage",
    Severity.SEV3: "degraded_performance",
    Severity.SEV4: "operational",
}


@dataclass(frozen=True, slots=True)
class Draft:
    """Words for customers; `number` is that of their entry, `by` and `at` of whoever last said something."""

    number: int
    drafted: ExternalDrafted
    by: str
    at: datetime
    state: Literal["waiting", "sent", "dropped", "replaced"] = "waiting"
    systems: tuple[str, ...] = ()
    told: Mapping[str, ExternalTold] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return what people call it."""
        return f"E{self.number}"

    @property
    def words(self) -> str:
        """Return what it says without what was lost."""
        return self.drafted.text.removesuffix(self.drafted.lost).rstrip()

    @property
    def whole(self) -> bool:
        """Say whether nothing was removed from it since; what was must not be read as words of ours."""
        return REMOVED not in self.drafted.text and REMOVED not in self.drafted.title

    @property
    def open(self) -> tuple[str, ...]:
        """Return the systems that are still to be told."""
        if self.state != "sent":
            return ()
        told = self.told
        return tuple(name for name in self.systems if name not in told or told[name].trying)


@dataclass(frozen=True, slots=True)
class External:
    """Every draft, oldest first, and under which key each system goes on with what it was told last."""

    drafts: tuple[Draft, ...] = ()
    pages: Mapping[str, str] = field(default_factory=dict)

    def draft(self, number: int) -> Draft | None:
        """Return the draft of an entry."""
        return next((each for each in self.drafts if each.number == number), None)

    @property
    def waiting(self) -> Draft | None:
        """Return the draft that somebody may send."""
        return next((each for each in self.drafts if each.state == "waiting"), None)

    @property
    def read(self) -> ExternalStatus | None:
        """Return what customers read now, or are being told; None where nothing went out."""
        out = [each for each in self.drafts if each.open or any(not told.why for told in each.told.values())]
        return out[-1].drafted.status if out else None

    def due(self, system: str) -> Draft | None:
        """Return what a system is to be told next: in the order in which it was drafted."""
        return next((each for each in self.drafts if system in each.open), None)


def after(known: External, entry: Entry, event: ExternalEvent) -> External:
    """Return what became of the drafts after an event."""
    match event:
        case ExternalDrafted():
            before = tuple(
                replace(each, state="replaced") if each.state == "waiting" else each for each in known.drafts
            )
            made = Draft(entry.seq, event, entry.by, entry.occurred_at)
            return replace(known, drafts=(*before, made))
        case ExternalSent(draft=number, systems=systems):
            return _changed(known, number, entry, state="sent", systems=systems)
        case ExternalDropped(draft=number):
            return _changed(known, number, entry, state="dropped")
        case ExternalTold():
            return _told(known, event)
        case _:
            assert_never(event)


def _changed(
    known: External,
    number: int,
    entry: Entry,
    *,
    state: Literal["sent", "dropped"],
    systems: tuple[str, ...] = (),
) -> External:
    drafts = tuple(
        replace(each, state=state, systems=systems or each.systems, by=entry.by, at=entry.occurred_at)
        if each.number == number
        else each
        for each in known.drafts
    )
    return replace(known, drafts=drafts)


def _told(known: External, event: ExternalTold) -> External:
    """What was said to be resolved is not gone on with: what comes after it begins anew."""
    drafts = tuple(
        replace(each, told={**each.told, event.system: event}) if each.number == event.draft else each
        for each in known.drafts
    )
    key = "" if event.status == "resolved" else event.key
    pages = known.pages if event.why else {**known.pages, event.system: key}
    return External(drafts, pages)


def state_of(severity: Severity, status: ExternalStatus) -> str:
    """Return how a component of a status page is, in the word of Statuspage."""
    return "operational" if status == "resolved" else _STATE[severity]
