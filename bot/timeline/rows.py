"""A row of the timeline as an entry, and whether it still says what was written."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Row

from bot.core.events import Entry, link, parse, payload_digest
from bot.timeline.missing import fields_of
from bot.timeline.removal import Vouched


def entry_of(row: Row[tuple[object, ...]]) -> Entry:
    """Return the entry of a row; one that was spoilt raises ValueError."""
    event = parse(row.event) if row.event is not None else None
    return Entry(row.stream, row.seq, row.occurred_at, row.recorded_at, row.by, row.via, event)


def envelope(entry: Entry) -> Sequence[str]:
    """Return what the digest of an entry covers beside its event."""
    times = (entry.occurred_at.isoformat(), entry.recorded_at.isoformat())
    return (entry.stream, str(entry.seq), *times, entry.by, entry.via)


def bare(row: Row[tuple[object, ...]]) -> Entry:
    """Return the entry of a row without its event."""
    return Entry(row.stream, row.seq, row.occurred_at, row.recorded_at, row.by, row.via, None)


def breaks_of(row: Row[tuple[object, ...]], seq: int, digest: str, vouched: Vouched) -> list[str]:
    """Return in words how a row does not follow the one of this number and digest.

    Where words were removed from it, it says what a later entry vouches for.
    """
    where = f"{row.stream} entry {row.seq}"
    payload = vouched.get(f"{row.stream}#{row.seq}", row.payload)
    found = []
    if row.seq != seq + 1:
        found.append(f"{where}: entry {seq + 1} is missing")
    if row.event is not None and payload_digest(row.salt or "", row.event) != payload:
        found.append(f"{where}: its text was changed")
    elif row.event is not None and fields_of(row.event).get("kind") != row.kind:
        found.append(f"{where}: its kind was changed")
    if row.seq == seq + 1 and link(digest, envelope(bare(row)), row.payload) != row.digest:
        found.append(f"{where}: it does not continue the chain")
    return found
