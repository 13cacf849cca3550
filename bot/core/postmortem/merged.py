"""The post-mortem of one event with several incidents: it stands in one of them, and the others name that."""

from __future__ import annotations

from collections.abc import Iterable

from bot.core import run as runs
from bot.core.cards.timeline import whole_of
from bot.core.document import Document, Fields, Moment, Paragraph, Who
from bot.core.events import Entry, Merged
from bot.core.incident import Incident
from bot.core.run import Run


def reference(incident: Incident, merged: Merged) -> Document:
    """Return what stands in place of a post-mortem: in which one everything is."""
    fields = Fields(
        (
            ("Date", (Moment(incident.declared_at),)),
            ("Commander", (Who(incident.commander),)),
            ("Status", (incident.stands,)),
            ("Why", (merged.why,)),
        )
    )
    where = (
        f"It is the same event as {merged.into}. What was recorded here stands in the timeline of the "
        f"post-mortem of {merged.into}, which is written there."
    )
    title = f"{incident.id} post-mortem: {incident.title}"
    return Document(title, (fields, Paragraph((where,))), whole_of(incident.id))


def runs_in(entries: Iterable[Entry]) -> tuple[Run, ...]:
    """Return the runs that some entries describe."""
    streams: dict[str, list[Entry]] = {}
    for entry in sorted(entries, key=lambda entry: entry.seq):
        streams.setdefault(entry.stream, []).append(entry)
    return tuple(run for told in streams.values() if (run := runs.fold(told)))
