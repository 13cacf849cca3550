"""What a tracker keeps of an incident before its post-mortem: how it was declared, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from bot.core.cards.incident import incident_card
from bot.core.cards.timeline import timeline_table
from bot.core.document import (
    Block,
    Code,
    Document,
    Fields,
    Heading,
    Line,
    Link,
    Moment,
    Paragraph,
    Small,
    Who,
)
from bot.core.events import Entry, IncidentResolved, Merged, PostmortemAsked
from bot.core.evidence import NONE, Leads
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.run import Run

NEWEST = 40
"""How many entries of the timeline a record of the progress holds."""


def wanted(own: Iterable[Entry]) -> bool:
    """Say whether a post-mortem is due: the incident ended once, or somebody asked for it."""
    return any(isinstance(entry.event, IncidentResolved | Merged | PostmortemAsked) for entry in own)


def opening(incident: Incident, url: str) -> Document:
    """Return the description of an incident's issue until its post-mortem takes the place."""
    return Document(
        f"{incident.id}: {incident.title}",
        (
            Fields(tuple(_declared(incident))),
            Paragraph(("How it stands is in our comment below, and everything at ", Link(url, url), ".")),
            Small(("The post-mortem takes the place of these lines when the incident is resolved.",)),
        ),
        whole="",
    )


def _declared(incident: Incident) -> Iterator[tuple[str, Line]]:
    yield "Declared", (Moment(incident.declared_at), " by ", Who(incident.declared_by))
    yield "Service", (f"{incident.service} in {incident.environment}",)
    if incident.release:
        yield "Suspect release", (Code(incident.release),)
    if incident.change:
        yield "Change", (Code(incident.change),)


def progress(
    incident: Incident,
    story: Sequence[Entry],
    runs: Sequence[Run],
    freezes: Sequence[Freeze],
    url: str,
    leads: Leads = NONE,
) -> Document:
    """Return how an incident stands after its newest entry: the same entries always give the same text."""
    now = as_of(story)
    card = incident_card(incident, runs=runs, freezes=freezes, recent=(), now=now)
    return Document(card.title, (*card.blocks, *_update(incident), *_newest(story, url, leads)), card.whole)


def as_of(story: Sequence[Entry]) -> datetime:
    """Return when the newest entry was written."""
    return max(entry.recorded_at for entry in story)


def _update(incident: Incident) -> Iterator[Block]:
    for posted in incident.updates[-1:]:
        promise: Line = (Moment(posted.next_by),) if posted.next_by else ("none promised",)
        yield Heading(f"Update #{posted.number}", 3)
        yield Fields(
            (
                ("Conditions", (posted.conditions,)),
                ("Actions", (posted.actions,)),
                ("Needs", (posted.needs,)),
                ("Next update by", promise),
            )
        )


def _newest(story: Sequence[Entry], url: str, leads: Leads) -> Iterator[Block]:
    yield Heading("Timeline", 3)
    if len(story) > NEWEST:
        newest = f"The newest {NEWEST} of {len(story)} entries; all of them at "
        yield Paragraph((newest, Link(url, url), "."))
    yield timeline_table(story, leads, newest=NEWEST)
