"""The timeline as a table for people and as rows for programs, in the order things happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from bot.core.cards.lines import describe
from bot.core.document import Block, Document, Line, Moment, Paragraph, Table, Who, say
from bot.core.events import Entry
from bot.core.incident import Incident

HEADER = ("UTC", "Who", "Event", "Source")


def ordered(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries as things happened; what was told later stands where it belongs."""
    return sorted(entries, key=lambda e: (e.occurred_at, e.recorded_at, e.stream, e.seq))


def timeline_table(entries: Sequence[Entry]) -> Block:
    """Return the timeline as a table, or a sentence when it is empty."""
    if not entries:
        return Paragraph(("Nothing is recorded.",))
    return Table(HEADER, [_row(entry) for entry in ordered(entries)])


def _row(entry: Entry) -> tuple[Line, ...]:
    stream = entry.stream.partition("/")[2] or entry.stream
    late = " (told later)" if (entry.recorded_at - entry.occurred_at).total_seconds() >= 1 else ""
    source = f"{stream}#{entry.seq} {entry.via}{late}"
    return ((Moment(entry.occurred_at),), (Who(entry.by),), describe(entry), (source,))


def whole_of(incident: str) -> str:
    """Return what to type to see every text of an incident in full."""
    return f"backstop timeline {incident}"


def timeline_document(entries: Sequence[Entry], incident: Incident) -> Document:
    """Return the timeline of an incident with its runs and freezes, every text in full."""
    return Document(f"{incident.id} timeline: {incident.title}", (timeline_table(entries),), whole="")


def timeline_json(entries: Sequence[Entry]) -> list[dict[str, object]]:
    """Return every entry as JSON values, its event whole and in words."""
    return [_json(entry) for entry in ordered(entries)]


def _json(entry: Entry) -> dict[str, object]:
    return {
        "stream": entry.stream,
        "seq": entry.seq,
        "occurred_at": entry.occurred_at.astimezone(UTC).isoformat(),
        "recorded_at": entry.recorded_at.astimezone(UTC).isoformat(),
        "by": entry.by,
        "via": entry.via,
        "text": say(describe(entry)),
        "event": entry.event.model_dump(mode="json") if entry.event is not None else None,
    }
