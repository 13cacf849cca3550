"""The audit trail: entries for receivers that collect them, and how far each of them took each stream.

A receiver's place is kept for each stream by the number of the entry, never by the order in which rows were
written: on PostgreSQL a row may appear behind one that was written later, and would be passed over.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, String, and_, bindparam, func, literal, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.audit import Record
from bot.core.events import Entry
from bot.timeline import tables
from bot.timeline.database import at_one_moment, reading, writing
from bot.timeline.removal import Vouched, vouched
from bot.timeline.rows import bare, breaks_of, entry_of


class Trail:
    """Reads entries with their digests, each looked at against the one before it."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def behind(self, sink: str, most: int) -> list[Record]:
        """Return the oldest entries that a receiver has not taken yet, those of a stream in their order."""
        async with reading(self._engine) as connection:
            await at_one_moment(connection)
            rows = (await connection.execute(_behind(), {"sink": sink, "most": most})).all()
            # A freeze may be of another incident now than the one in which words of it were removed.
            moving = any(row.stream.startswith("freeze/") for row in rows)
            of = None if moving else {row.incident for row in rows if row.incident}
            removed = await vouched(connection, of)
        heads: dict[str, tuple[int, str]] = {}
        found = []
        for row in rows:
            head = heads.get(row.stream, (row.taken_seq, row.taken_digest))
            found.append(_record(row, head, removed))
            heads[row.stream] = (row.seq, row.digest)
        return found

    async def took(self, sink: str, records: Sequence[Record]) -> None:
        """Keep that a receiver has these entries, which are the next of their streams."""
        dialect = sqlite if self._engine.dialect.name == "sqlite" else postgresql
        last = {record.entry.stream: record for record in records}
        async with writing(self._engine) as connection:
            for stream, record in last.items():
                place = {"seq": record.entry.seq, "digest": record.digest}
                statement: postgresql.Insert | sqlite.Insert = dialect.insert(tables.taken)
                statement = statement.values(sink=sink, stream=stream, **place)
                await connection.execute(
                    statement.on_conflict_do_update(index_elements=["sink", "stream"], set_=place)
                )

    async def waiting(self, sink: str) -> int:
        """Return how many entries a receiver has not taken yet."""
        taken, stream = tables.taken, tables.stream
        has = func.coalesce(taken.c.seq, 0)
        query = select(func.coalesce(func.sum(stream.c.seq - has), 0)).select_from(
            stream.outerjoin(taken, _of_it(literal(sink)))
        )
        async with reading(self._engine) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def whole(self, since: datetime | None = None) -> AsyncIterator[Record]:
        """Yield every entry in the order it was written, or those recorded since a moment."""
        entry, stream = tables.entry, tables.stream
        query = (
            select(*(column for column in entry.c if column.name != "id"), stream.c.incident)
            .outerjoin_from(entry, stream, stream.c.name == entry.c.stream)
            .order_by(entry.c.id)
        )
        heads: dict[str, tuple[int, str]] = {}
        async with reading(self._engine) as connection:
            await at_one_moment(connection)
            removed = await vouched(connection)
            rows = await connection.stream(query)
            async for row in rows:
                record = _record(row, heads.get(row.stream, (0, "")), removed)
                heads[row.stream] = (row.seq, row.digest)
                if since is None or row.recorded_at >= since:
                    yield record


def _of_it(sink: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(tables.taken.c.stream == tables.stream.c.name, tables.taken.c.sink == sink)


def _behind() -> Select[tuple[object, ...]]:
    """Return the question for what follows a receiver's place; only streams that went on are looked into."""
    entry, stream, taken = tables.entry, tables.stream, tables.taken
    has = func.coalesce(taken.c.seq, 0)
    return (
        select(
            *(column for column in entry.c if column.name != "id"),
            stream.c.incident,
            has.label("taken_seq"),
            func.coalesce(taken.c.digest, literal("")).label("taken_digest"),
        )
        .select_from(
            stream.outerjoin(taken, _of_it(bindparam("sink", type_=String))).join(
                entry, and_(entry.c.stream == stream.c.name, entry.c.seq > has)
            )
        )
        .where(stream.c.seq > has)
        .order_by(entry.c.id)
        .limit(bindparam("most", type_=Integer))
    )


def _record(row: Any, before: tuple[int, str], removed: Vouched) -> Record:
    breaks = breaks_of(row, *before, removed)
    return Record(_readable(row), row.kind, row.incident, row.payload, row.digest, "; ".join(breaks))


def _readable(row: Any) -> Entry:
    try:
        return entry_of(row)
    except ValueError:
        # What was spoilt cannot be read; that it was is said of the entry.
        return bare(row)
