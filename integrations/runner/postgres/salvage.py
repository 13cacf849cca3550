"""Rows of a replaced PostgreSQL database that the restored one lacks, or has otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.runner.postgres import content
from integrations.runner.postgres.renaming import oid, replaced
from integrations.runner.postgres.server import Server, must
from integrations.runner.report import Problem, Step
from integrations.runner.salvage import Row, Salvage, Table, begun, chosen

# Every column by its quoted name, with its place in the primary key, None outside of it.
_COLUMNS = """
SELECT jsonb_build_array(format('%I.%I', nspname, relname), quote_ident(attname), attname,
  array_position(indkey::int2[], attnum))
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
JOIN pg_attribute ON attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped
LEFT JOIN pg_index ON indrelid = pg_class.oid AND indisprimary
WHERE relkind = 'r' AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
ORDER BY attrelid, attnum
"""


@dataclass(frozen=True, slots=True)
class Column:
    """A column by its quoted and its bare name; `place` is the one in the primary key, None outside of it."""

    quoted: str
    name: str
    place: int | None


@dataclass(frozen=True, slots=True)
class Copy:
    """A database that is compared, with the columns of its tables."""

    server: Server
    database: str
    columns: Mapping[str, Sequence[Column]]


def salvage(
    server: Server, database: str, kept: Path, restore: str, table: str | None, *, key: str
) -> Iterator[Step]:
    """Compare the database that a restore replaced with the one that took its place."""
    attempt = begun(kept, restore)
    old = str(attempt.record.get("kept") or replaced(database, restore))
    if oid(server, old) is None:
        raise Problem(
            f"The server has no database {old}: the restore {restore} replaced none, or it was dropped since."
        )
    kept_one, restored = copy_of(server, old), copy_of(server, database)
    there = _names(server, old)
    names = chosen(there, _with_schema(there, table))
    tables = (side_by_side(name, kept_one, restored) for name in names)
    yield from Salvage(attempt, key).salvage(names, tables)


def found(kept: Path, restore: str, key: str) -> dict[str, Any]:
    """Return what a finished salvage proves."""
    return Salvage(begun(kept, restore), key).found()


def _names(server: Server, database: str) -> list[str]:
    with server.session(database) as session:
        return content.names(session)


def _with_schema(names: Sequence[str], table: str | None) -> str | None:
    """Return the table that is meant by its bare name, where only one schema has it."""
    if table is None or table in names:
        return table
    called = [name for name in names if name.endswith((f".{table}", f'."{table}"'))]
    if len(called) > 1:
        raise Problem(f"Several tables are called {table}; name one with its schema: {', '.join(called)}.")
    return called[0] if called else table


def copy_of(server: Server, database: str) -> Copy:
    """Return a database as it is compared."""
    known: dict[str, list[Column]] = {}
    for table, quoted, name, place in server.ask(_COLUMNS, database):
        known.setdefault(table, []).append(Column(quoted, name, place))
    return Copy(server, database, known)


def side_by_side(name: str, kept: Copy, restored: Copy) -> Table:
    """Return a table of the kept copy, with what the restored one has of it."""
    ours, theirs = kept.columns.get(name, ()), restored.columns.get(name, ())
    there = {column.name: column for column in theirs}
    both = [column for column in ours if column.name in there]
    primary = sorted((column for column in ours if column.place is not None), key=lambda c: c.place or 0)
    known = bool(primary) and all(there.get(column.name) == column for column in primary)
    order = [column.quoted for column in (primary if known else both)]
    lacking = ["NULL" if column.name not in there else column.quoted for column in ours]
    return Table(
        name=name,
        columns=[column.name for column in ours],
        key=[column.name for column in primary] if known else (),
        compared=[at for at, column in enumerate(ours) if column.name in there],
        kept=_rows(kept, name, order, [column.quoted for column in ours]),
        restored=_rows(restored, name, order, lacking) if both else (),
    )


def _rows(copy: Copy, table: str, order: Sequence[str], columns: Sequence[str]) -> Iterator[Row]:
    """Yield the rows of a table; COPY streams them, where a SELECT would gather them in psql's memory."""
    key = [f"{column}::text" for column in order]
    values = ", ".join([*key, *(f"{column}::text" for column in columns)])
    by = ", ".join(f'{column} COLLATE "C" NULLS FIRST' for column in key)
    query = f"SELECT to_jsonb(ARRAY[{values}]::text[]) FROM ONLY {table}"  # noqa: S608  # quoted by the server
    wanted = f"COPY ({query}{f' ORDER BY {by}' if by else ''}) TO STDOUT"
    words = (copy.server.at(copy.database), "--no-psqlrc", "--no-password", "--quiet", f"--command={wanted}")
    with copy.server.running("psql", *words) as (process, errors):
        for line in process.stdout or ():
            # COPY doubles what JSON escapes with; line ends and tabs cannot stand in JSON as they are.
            row = json.loads(line.replace("\\\\", "\\"))
            # NULL sorts first, and cannot be compared with a text.
            yield tuple((value is not None, value or "") for value in row[: len(key)]), row[len(key) :]
        process.wait()
        must(process, errors)
