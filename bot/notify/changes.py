"""Writes to the issue of a change what the incident that it led to made necessary: one comment, edited."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.change import change_record
from bot.core.document import Link
from bot.core.events import Entry
from bot.core.incident import Incident
from bot.core.written import Written
from bot.notify.issues import Issues
from integrations.parts import Part
from integrations.tracker import FileTracker, Tracker


async def in_file(files: FileTracker, incident: Incident, story: Sequence[Entry], url: str) -> None:
    """Write the record of the change of an incident, if it has one, beside its own."""
    if incident.change:
        await files.comment(incident.id, _part(incident), _text(incident, story, url))


async def in_tracker(
    tracker: Tracker, issues: Issues, incident: Incident, key: str, story: Sequence[Entry], url: str
) -> None:
    """Keep our comment on the change of an incident current, and link it to the incident's issue `key`."""
    if incident.change is None:
        return
    await tracker.comment(incident.change, _part(incident), _text(incident, story, url))
    known = await issues.known("change", incident.id)
    if known != {"linked": key, "to": incident.change}:
        await tracker.link(key, incident.change)
        await issues.remember("change", incident.id, linked=key, to=incident.change)


def _part(incident: Incident) -> Part:
    return Part.named("change record", incident.id)


def _text(incident: Incident, story: Sequence[Entry], url: str) -> Written:
    return Written(change_record(incident, story, url), ("The rest is at ", Link(url, url), "."))
