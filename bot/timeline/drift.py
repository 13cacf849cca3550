"""Projections that are not what the entries say: what is looked up in them is wrong until `rebuild`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, Table, create_engine, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.pool import StaticPool

from bot.core.events import Entry
from bot.timeline import tables
from bot.timeline.projections import project

_DRAWN = tuple(table for table in tables.PROJECTIONS if table is not tables.stream)

Rows = Mapping[str, frozenset[tuple[Any, ...]]]
"""The rows of each projection by its table's name."""


async def stored(connection: AsyncConnection) -> Rows:
    """Return the projections as they are."""
    return await connection.run_sync(_rows)


def drawn(entries: Iterable[Entry]) -> Rows:
    """Return the projections as the entries have them, drawn aside by what draws the real ones; blocks."""
    engine = create_engine("sqlite://", poolclass=StaticPool)
    try:
        with engine.begin() as connection:
            tables.metadata.create_all(connection, tables=_DRAWN)
            for entry in entries:
                for statement in project(entry):
                    connection.execute(statement)
            return _rows(connection)
    finally:
        engine.dispose()


def differences(there: Rows, wanted: Rows) -> Iterator[str]:
    """Yield in words each thing that a projection has otherwise than the entries."""
    for table in _DRAWN:
        has, should = there[table.name], wanted[table.name]
        for name in sorted({str(row[0]) for row in has ^ should}):
            yield f"the table {table.name} is not what the entries say of {name}"


def _rows(connection: Connection) -> Rows:
    return {table.name: _of(connection, table) for table in _DRAWN}


def _of(connection: Connection, table: Table) -> frozenset[tuple[Any, ...]]:
    return frozenset(tuple(row) for row in connection.execute(select(table)))
