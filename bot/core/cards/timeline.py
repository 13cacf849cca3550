"""The timeline as a table for people and as rows for programs, in the order things happened."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

from bot.core.cards.lines import describe
from bot.core.document import Block, Document, Line, Moment, Paragraph, Table, Who, say
from bot.core.events import Entry
from bot.core.evidence import NONE, Leads, evidence, name_of, source
from bot.core.incident import Incident

HEADER = ("UTC", "Who", "Event", "Source")


def ordered(entries: Sequence[Entry]) -> list[Entry]:
    """Return entries as things happened; what was told later stands where it belongs."""
    return sorted(entries, key=lambda e: (e.occurred_at, e.recorded_at, e.stream, e.seq))


def timeline_table(entries: Sequence[Entry], leads: Leads = NONE, *, newest: int | None = None) -> Block:
    """Return the timeline, or its newest rows, as a table, or a sentence when it is empty.

    The number of each entry leads to its evidence.
    """
    if not entries:
        return Paragraph(("Nothing is recorded.",))
    found = evidence(entries, leads)
    shown = ordered(entries)[-newest:] if newest else ordered(entries)
    return Table(HEADER, [_row(entry, found.get(name_of(entry))) for entry in shown])


def _row(entry: Entry, address: str | None) -> tuple[Line, ...]:
    when, who = (Moment(entry.occurred_at),), (Who(entry.by),)
    return (when, who, describe(entry), source(entry, address))


def whole_of(incident: str) -> str:
    """Return what to type to see every text of an incident in full."""
    return f"backstop timeline {incident}"


def timeline_document(entries: Sequence[Entry], incident: Incident, leads: Leads = NONE) -> Document:
    """Return the timeline of an incident with its runs and freezes, every text in full."""
    return Document(f"{incident.id} timeline: {incident.title}", (timeline_table(entries, leads),), whole="")


def timeline_json(entries: Sequence[Entry], leads: Leads = NONE) -> list[dict[str, object]]:
    """Return every entry as JSON values, its event whole and in words, with the address of its evidence."""
    found = evidence(entries, leads)
    return [_json(entry, found.get(name_of(entry))) for entry in ordered(entries)]


def _json(entry: Entry, address: str | None) -> dict[str, object]:
    return {
        "stream": entry.stream,
        "seq": entry.seq,
        "occurred_at": entry.occurred_at.astimezone(UTC).isoformat(),
        "recorded_at": entry.recorded_at.astimezone(UTC).isoformat(),
        "by": entry.by,
        "via": entry.via,
        "text": say(describe(entry)),
        "evidence": address,
        "event": entry.event.model_dump(mode="json") if entry.event is not None else None,
        **({"corrected_by": entry.corrected.seq} if entry.corrected else {}),
    }
