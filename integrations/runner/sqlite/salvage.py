"""Rows of a kept SQLite database that the restored one lacks, or has otherwise."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from integrations.runner.attempts import Attempt
from integrations.runner.report import Problem, Step
from integrations.runner.salvage import Key, Row, Salvage, Table, begun, chosen
from integrations.runner.sqlite.database import explained, reading
from integrations.runner.sqlite.restore import damaged

_TABLES = """
SELECT name FROM sqlite_schema WHERE type = 'table'
  AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND sql NOT LIKE 'CREATE VIRTUAL %' ORDER BY name
"""


class _Text(bytes):
    """Text of a row as its bytes, which need not be right UTF-8."""


def salvage(database: Path, kept: Path, restore: str, table: str | None, *, key: str) -> Iterator[Step]:
    """Compare the database that a restore replaced with the one that took its place."""
    attempt = begun(kept, restore)
    old = _replaced(database, attempt)
    if not old.exists():
        raise Problem(f"The restore {restore} kept no database: it replaced none, or it was moved since.")
    with reading(old) as replaced, reading(database) as restored:
        for connection in (replaced, restored):
            connection.text_factory = _Text
            # One moment for all tables of a database.
            connection.execute("BEGIN")
        names = chosen(_names(replaced), table)
        tables = (_table(name, replaced, old, restored, database) for name in names)
        yield from Salvage(attempt, key).salvage(names, tables)


def found(kept: Path, restore: str, key: str) -> dict[str, Any]:
    """Return what a finished salvage proves."""
    return Salvage(begun(kept, restore), key).found()


def _replaced(database: Path, attempt: Attempt) -> Path:
    """Return where a restore kept what it replaced; one that was broken off may have left it beside."""
    kept, beside = attempt.record.get("kept"), damaged(database, attempt)
    if beside.exists() and not (database.exists() and beside.samefile(database)):
        return beside
    return Path(kept or attempt.shelf / database.name)


def _names(connection: sqlite3.Connection) -> list[str]:
    return [_plain(name) or "" for (name,) in connection.execute(_TABLES)]


def _table(
    name: str, replaced: sqlite3.Connection, old: Path, restored: sqlite3.Connection, database: Path
) -> Table | Problem:
    try:
        with explained(old):
            ours = _columns(replaced, name)
        with explained(database):
            theirs = _columns(restored, name)
    except Problem as problem:
        return problem
    both = [column for column in ours if column in theirs]
    primary = [column for column, place in sorted(ours.items(), key=lambda item: item[1]) if place]
    known = bool(primary) and all(theirs.get(column) == ours[column] for column in primary)
    order = primary if known else both
    columns = list(ours)
    return Table(
        name=name,
        columns=columns,
        key=primary if known else (),
        compared=[columns.index(column) for column in both],
        kept=_rows(replaced, old, name, order, columns),
        restored=_rows(restored, database, name, order, [c if c in theirs else None for c in columns])
        if both
        else (),
    )


def _columns(connection: sqlite3.Connection, table: str) -> dict[str, int]:
    """Return the columns of a table with their places in its primary key, 0 for those outside of it."""
    rows = connection.execute("SELECT name, pk FROM pragma_table_info(?)", (table,))
    return {_plain(name) or "": place for name, place in rows}


def _rows(
    connection: sqlite3.Connection,
    path: Path,
    table: str,
    order: Sequence[str],
    columns: Sequence[str | None],
) -> Iterator[Row]:
    # Names cannot be bound; they come from the schema and are quoted.
    key = [f"{_quoted(column)} COLLATE BINARY" for column in order]
    wanted = ["NULL" if column is None else _quoted(column) for column in columns]
    words = f"SELECT {', '.join([*key, *wanted])} FROM {_quoted(table)}"  # noqa: S608
    by = f" ORDER BY {', '.join(str(place + 1) for place in range(len(key)))}" if key else ""
    with explained(path):
        for row in connection.execute(words + by):
            yield _key(row[: len(key)]), [_plain(value) for value in row[len(key) :]]


def _key(values: Sequence[Any]) -> Key:
    """Return values so that they are in the order in which SQLite sorts: NULL, numbers, texts, bytes."""
    return tuple(_ranked(value) for value in values)


def _ranked(value: Any) -> tuple[int, Any]:
    match value:
        case None:
            return 0, 0
        case _Text():
            return 2, bytes(value)
        case bytes():
            return 3, value
        case _:
            return 1, value


def _plain(value: Any) -> str | None:
    match value:
        case None:
            return None
        case _Text():
            return value.decode("utf-8", "surrogateescape")
        case bytes():
            return f"\\x{value.hex()}"
        case float():
            return repr(value)
        case _:
            return str(value)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
