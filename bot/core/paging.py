"""What the system that pages people should know of an incident, so that it can be told at any time.

Every text carries a mark in brackets, by which it is looked for before it is sent a second time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from bot.core.events import (
    Entry,
    IncidentReopened,
    PageAsked,
    Paged,
    PagerLinked,
    Phase,
    PhaseChanged,
    RunAborted,
    RunPaused,
    RunRecovered,
    RunStarted,
    UpdateOverdue,
    UpdatePosted,
)
from bot.core.incident import Incident
from bot.core.words import at_clock, sentence
from playbooks.catalog import Paging

URGENT = 2
"""From this severity on people are woken; what is less bad is urgent only when somebody asks for people."""


@dataclass(frozen=True, slots=True)
class Note:
    """A text for those who were paged; `published` goes to stakeholders outside as well."""

    mark: str
    text: str
    published: bool = False

    @property
    def whole(self) -> str:
        """Return the text with its mark."""
        return f"[{self.mark}] {self.text}"


@dataclass(frozen=True, slots=True)
class Page:
    """Groups and people that are asked to come; `sent` when the timeline says how that went."""

    mark: str
    text: str
    groups: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    sent: bool = False

    @property
    def whole(self) -> str:
        """Return the text with its mark."""
        return f"[{self.mark}] {self.text}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What should be there: an incident or none, its state, and what was said and asked, oldest first."""

    open: bool
    title: str
    details: str
    urgency: Literal["high", "low"]
    status: Literal["triggered", "acknowledged", "resolved"]
    resolution: str
    notes: tuple[Note, ...]
    pages: tuple[Page, ...]


def wanted(incident: Incident, story: Iterable[Entry], paging: Paging | None) -> Wanted:
    """Return what should be there of an incident; `story` holds its runs too, as they were recorded."""
    told = list(story)
    bad = paging is not None and incident.severity <= paging.from_severity
    asked = tuple(_asked(incident, told))
    first = _first(incident, paging.page) if paging and bad and paging.page else ()
    sent = {entry.event.page for entry in told if isinstance(entry.event, Paged)}
    return Wanted(
        open=bad or bool(asked),
        title=f"{incident.id}: {incident.title}",
        details=(
            f"SEV{incident.severity}, {incident.service} in {incident.environment}. "
            f"Declared by {incident.declared_by} at {incident.declared_at:%H:%M:%SZ}, "
            f"commander {incident.commander}."
        ),
        urgency="high" if incident.severity <= URGENT or asked else "low",
        status=_status(incident, told),
        resolution=_resolution(incident),
        notes=tuple(_notes(incident, told)),
        pages=tuple(_known(page, sent) for page in (*first, *asked)),
    )


def _resolution(incident: Incident) -> str:
    if incident.false_alarm:
        return f"A false alarm: {incident.false_alarm.why}"
    if incident.merged:
        return f"It goes on in {incident.merged.into}: {incident.merged.why}"
    return incident.resolved.statement if incident.resolved else ""


def _status(incident: Incident, told: Iterable[Entry]) -> Literal["triggered", "acknowledged", "resolved"]:
    """An update wakes nobody, so it calms nobody either: who is on call is needed until somebody acts."""
    if not incident.open:
        return "resolved"
    acts = False
    for entry in told:
        match entry.event:
            case RunStarted():
                acts = True
            case PhaseChanged(phase=phase):
                acts = phase is not Phase.INVESTIGATING
            # What was done before did not help, or people were not needed for it and are now.
            case IncidentReopened() | PagerLinked():
                acts = False
            case _:
                pass
    return "acknowledged" if acts else "triggered"


def _notes(incident: Incident, told: Iterable[Entry]) -> Iterator[Note]:
    for entry in told:
        run = entry.stream.removeprefix("run/")
        mark = f"{run} entry {entry.seq}"
        match entry.event:
            case UpdatePosted(number=number, audience=audience) as update:
                published = audience != "responders"
                yield Note(f"{incident.id} update {number}", _update(update, entry.recorded_at), published)
            case UpdateOverdue(number=number, promised=promised):
                text = f"The update promised for {at_clock(promised, entry.recorded_at)} did not come."
                yield Note(f"{incident.id} update {number} overdue {promised:%H:%M:%SZ}", text)
            case RunStarted():
                yield Note(mark, f"{run} was started by {entry.by}.")
            case RunPaused(why=why):
                yield Note(mark, f"{run} is on hold: {why}")
            case RunRecovered(left_out=left_out):
                how = "ended without its restore" if left_out else "recovered: its checks passed"
                yield Note(mark, f"{run} {how}.")
            case RunAborted():
                yield Note(mark, f"{run} was aborted.")
            case _:
                pass


def _update(update: UpdatePosted, now: datetime) -> str:
    promise = f" Next update by {at_clock(update.next_by, now)}." if update.next_by else ""
    parts = (("Conditions", update.conditions), ("Actions", update.actions), ("Needs", update.needs))
    return " ".join(f"{name}: {sentence(text)}" for name, text in parts) + promise


def _first(incident: Incident, groups: tuple[str, ...]) -> tuple[Page, ...]:
    return (Page(f"{incident.id} page 1", f"{incident.id}: {incident.title}", groups),)


def _asked(incident: Incident, told: Iterable[Entry]) -> Iterator[Page]:
    for entry in told:
        if isinstance(entry.event, PageAsked):
            asked = entry.event
            text = f"{incident.id}: {asked.why} ({entry.by})"
            yield Page(f"{incident.id} page {entry.seq}", text, asked.groups, asked.people)


def _known(page: Page, sent: set[str]) -> Page:
    return Page(page.mark, page.text, page.groups, page.people, sent=page.mark in sent)
