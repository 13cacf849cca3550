"""Notes as they read after they were corrected; what was written stays in the entry."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from bot.core.events import Corrected, Correction, Entry


def with_corrections(entries: Iterable[Entry]) -> list[Entry]:
    """Return entries where each knows its correction, and stands where that says it happened."""
    read = list(entries)
    known = _corrections(read)
    return [_corrected(entry, known.get((entry.stream, entry.seq))) for entry in read]


def _corrections(entries: Iterable[Entry]) -> Mapping[tuple[str, int], Correction]:
    """A later correction says only what it changes: the text, the time, or both."""
    known: dict[tuple[str, int], Correction] = {}
    for entry in entries:
        match entry.event:
            case Corrected(of=of, text=text, at=at):
                before = known.get((entry.stream, of), Correction(entry.seq, entry.by))
                known[entry.stream, of] = Correction(
                    entry.seq, entry.by, before.text if text is None else text, at or before.at
                )
            case _:
                pass
    return known


def _corrected(entry: Entry, correction: Correction | None) -> Entry:
    if correction is None:
        return entry
    return replace(entry, corrected=correction, occurred_at=correction.at or entry.occurred_at)
