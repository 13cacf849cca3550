"""What is kept of an incident, drawn from its entries: description, progress, and the files at its end."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.core import freeze as freezes
from bot.core import run as runs
from bot.core.adf import adf
from bot.core.cards import timeline_document, timeline_json
from bot.core.document import Document, Line, Link, markdown
from bot.core.events import (
    Entry,
    Event,
    IncidentClosed,
    IncidentResolved,
    Merged,
    PostmortemAsked,
)
from bot.core.evidence import NONE, Leads
from bot.core.incident import Incident
from bot.core.postmortem import postmortem
from bot.core.postmortem.story import ALONE, History
from bot.core.record import as_of, opening, progress, wanted
from bot.core.written import Written
from integrations.parts import Part

POSTMORTEM = "postmortem.md"


@dataclass(frozen=True, slots=True)
class Pages:
    """The texts of one incident. `attached` are files, none before there is a post-mortem."""

    incident: Incident
    description: Written
    progress: Written
    attached: Mapping[str, bytes]
    document: Document | None = None

    @property
    def comment(self) -> Part:
        """Return the mark of the comment that says how the incident stands."""
        return Part.named("progress", self.incident.id)


def pages(
    incident: Incident,
    own: Sequence[Entry],
    story: Sequence[Entry],
    url: str,
    *,
    beside: Sequence[Entry] = (),
    leads: Leads = NONE,
    history: History = ALONE,
) -> Pages:
    """Return what is to be kept of an incident now.

    `own` are its entries, `story` those of its runs too; `beside` and `history` are for the post-mortem,
    and `leads` is where the evidence of entries is.
    """
    streams: dict[str, list[Entry]] = {}
    for entry in sorted(story, key=lambda entry: entry.seq):
        streams.setdefault(entry.stream, []).append(entry)
    carried = [run for name, told in streams.items() if name.startswith("run/") and (run := runs.fold(told))]
    placed = [
        freeze
        for name, told in streams.items()
        if name.startswith("freeze/") and (freeze := freezes.fold(told))
    ]
    told = progress(incident, story, carried, placed, url, leads)
    shown = Written(told, ("The rest is at ", Link(url, url), "."))
    if not wanted(own):
        first = opening(incident, url)
        return Pages(incident, Written(first, ("More is at ", Link(url, url), ".")), shown, {})
    written = postmortem(
        incident,
        story,
        carried,
        placed,
        now=as_of(story),
        beside=beside,
        leads=leads,
        history=history,
    )
    rest: Line = (f"The rest is in the attachment {POSTMORTEM} and at ", Link(url, url), ".")
    return Pages(incident, Written(written, rest), shown, _files(written, incident, story, leads), written)


def attached_for(own: Sequence[Entry]) -> int:
    """Return the number of the newest entry that wants the files attached, 0 for none."""
    moments: tuple[type[Event], ...] = (IncidentResolved, IncidentClosed, Merged, PostmortemAsked)
    return max((entry.seq for entry in own if isinstance(entry.event, moments)), default=0)


def as_adf(document: Document) -> bytes:
    """Return a document as a file of Atlassian Document Format, for those who bring it to a Jira by hand."""
    return (json.dumps(adf(document), indent=1) + "\n").encode()


def _files(
    document: Document, incident: Incident, story: Sequence[Entry], leads: Leads
) -> Mapping[str, bytes]:
    timeline = timeline_document(story, incident, leads)
    whole = json.dumps(timeline_json(story, leads), indent=1, ensure_ascii=False)
    return {
        POSTMORTEM: markdown(document).encode(),
        "timeline.md": markdown(timeline).encode(),
        "timeline.json": (whole + "\n").encode(),
    }
