"""A dump restored beside a live database, and rows taken from it into new tables of the live one.

Nothing of the live database is changed: what is taken gets tables of its own, which say in their comment
where they come from and are dropped only by that. People merge from there.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from integrations.runner.attempts import Attempt, alone
from integrations.runner.postgres.renaming import Renaming, apart, drop, end_predecessors, grow, oid
from integrations.runner.postgres.server import Server, complaint, must
from integrations.runner.report import Problem, Step

_NAME_BYTES = 63
_MADE = "backstop extract "
_FEWER = "not all rows arrived"
_TABLE = """
SELECT jsonb_build_object('schema', nspname, 'table', relname, 'name', format('%I.%I', nspname, relname),
  'columns', (SELECT jsonb_agg(
      jsonb_build_array(quote_ident(attname), format_type(atttypid, atttypmod), attname) ORDER BY attnum)
    FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped))
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE pg_class.oid = to_regclass(:'table') AND relkind IN ('r', 'p')
"""
_TAKEN = """
SELECT jsonb_build_array(format('%I.%I', nspname, relname),
  coalesce(obj_description(pg_class.oid, 'pg_class'), ''))
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
"""
_ONE = "WHERE nspname = :'schema' AND relname = :'new'"
# The comment goes along when people rename a table into use; its name is no longer ours then.
_MARKED = (
    "WHERE relkind = 'r' AND starts_with(obj_description(pg_class.oid, 'pg_class'), :'made') "
    "AND right(relname, length(:'ending')) = :'ending'"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What is taken out: tables, and where a column is named only its rows with one of the values."""

    tables: Sequence[str]
    mark: str
    column: str | None = None
    values: Sequence[str] = ()


def restore_partial(what: Renaming) -> Iterator[Step]:
    """Restore a dump into a database of its own that only its owner and superusers can connect to."""
    name, own = apart(what.database, what.attempt.point), _own(what)
    with alone(what.attempt.kept, f"the database {what.database}"):
        end_predecessors(what)
        there = oid(what.server, name)
        if there is None or not own.is_ready(oid=there):
            drop(what.server, name)
            own.shelf.mkdir(parents=True, exist_ok=True)
            note = yield from grow(what, name)
            what.server.ask('REVOKE ALL ON DATABASE :"name" FROM PUBLIC', name=name)
            own.ready(oid=oid(what.server, name), digest=note["digest"])
    yield Step("proved")


def drop_partial(what: Renaming) -> Iterator[Step]:
    """Drop the database beside again; where there is none, nothing is done."""
    with alone(what.attempt.kept, f"the database {what.database}"):
        end_predecessors(what)
        drop(what.server, apart(what.database, what.attempt.point))
    yield Step("removed")


def extract(what: Renaming, wish: Wish) -> Iterator[Step]:
    """Copy rows into new tables of the live database, each whole in one transaction or not at all."""
    name = apart(what.database, what.attempt.point)
    there = oid(what.server, name)
    if there is None or not _own(what).is_ready(oid=there):
        raise Problem(
            f"{what.attempt.point} is not restored beside {what.database}; restore_partial does that."
        )
    with alone(what.attempt.kept, f"the database {what.database}"):
        for done, table in enumerate(wish.tables):
            yield Step("copying", done, len(wish.tables), "items")
            _take(what, wish, name, _described(what.server, name, table, wish.column))
    yield Step("done", len(wish.tables), len(wish.tables), "items")


def drop_extracted(server: Server, database: str, mark: str) -> Iterator[Step]:
    """Drop the tables that were made under a mark; a table of that name that says nothing of it stays."""
    made = {"made": f"{_MADE}{mark} ", "ending": f"_restored_{mark}"}
    for name, _ in server.ask(_TAKEN + _MARKED, database, **made):
        server.ask(f"DROP TABLE {name}", database)
    yield Step("removed")


def extracted(server: Server, database: str, mark: str) -> dict[str, Any]:
    """Return the tables that were made under a mark, with the number of their rows."""
    made = {"made": f"{_MADE}{mark} ", "ending": f"_restored_{mark}"}
    names = [name for name, _ in server.ask(_TAKEN + _MARKED, database, **made)]
    counts = (server.ask(f"SELECT to_jsonb(count(*)) FROM {name}", database)[0] for name in names)  # noqa: S608
    return {"tables": dict(list(zip(names, counts, strict=True))[:50])}


def wish(tables: str, mark: str, column: str | None, values: str | None) -> Wish:
    """Return what is wanted, as it stands in an argument list."""
    return Wish(json.loads(tables), mark, column, json.loads(values) if values else ())


def _own(what: Renaming) -> Attempt:
    """Return what is known of the database beside, which is that of a point whoever made it."""
    return Attempt(what.attempt.kept, f"partial {what.attempt.point}", what.attempt.point)


def _described(server: Server, database: str, table: str, column: str | None) -> dict[str, Any]:
    found = server.ask(_TABLE, database, table=table)
    if not found:
        raise Problem(f"The dump has no table {table}; write it with its schema, as `public.orders`.")
    described: dict[str, Any] = found[0]
    if column is not None and column not in [name for _, _, name in described["columns"]]:
        raise Problem(f"{described['name']} has no column {column}; nothing of it was taken.")
    return described


def _take(what: Renaming, wish: Wish, source: str, table: dict[str, Any]) -> None:
    new = _cut(table["table"], f"_restored_{wish.mark}")
    comment = f"{_MADE}{wish.mark} of {table['name']} from {what.attempt.point} by {what.attempt.key}"
    place = f"{_identifier(table['schema'])}.{_identifier(new)}"
    there = what.server.ask(_TAKEN + _ONE, what.database, schema=table["schema"], new=new)
    if [said for _, said in there] == [comment]:
        return
    if there:
        raise Problem(f"{what.database} has a table {there[0][0]} already; choose another mark.")
    columns = ", ".join(quoted for quoted, _, _ in table["columns"])
    rows = f"SELECT {columns} FROM {table['name']}{_where(table, wish)}"  # noqa: S608  # all of it quoted
    (count,) = what.server.ask(f"SELECT to_jsonb(count(*)) FROM ({rows}) AS rows", source)  # noqa: S608
    shape = ", ".join(f"{quoted} {kind}" for quoted, kind, _ in table["columns"])
    statements = (
        f"CREATE TABLE {place} ({shape})",
        f"COPY {place} FROM STDIN",
        f"COMMENT ON TABLE {place} IS {_literal(comment)}",
        whole(place, count),
    )
    pipe(what.server, source, f"COPY ({rows}) TO STDOUT", what.database, statements)


def whole(table: str, count: int) -> str:
    """Return the statement that fails unless all rows arrived: who gives them may die on the way."""
    return (
        f"DO $backstop$ BEGIN IF (SELECT count(*) FROM {table}) <> {count} THEN "  # noqa: S608
        f"RAISE EXCEPTION '{_FEWER}'; END IF; END $backstop$"
    )


def pipe(server: Server, source: str, copy: str, target: str, statements: Sequence[str]) -> None:
    """Let rows that one database gives become part of a transaction in another, all of them or none."""
    plain = ("--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1")
    commands = (f"--command={statement}" for statement in statements)
    with server.running("psql", server.at(source), *plain, f"--command={copy}") as (giving, said):
        rows = giving.stdout.fileno() if giving.stdout else subprocess.DEVNULL
        words = (server.at(target), *plain, "--single-transaction", *commands)
        with server.running("psql", *words, stdin=rows) as (taking, problems):
            if taking.wait() and _FEWER not in complaint(taking, problems):
                # Who gives would wait forever for somebody to take the rest.
                giving.kill()
                must(taking, problems)
            giving.wait()
            must(giving, said)
            must(taking, problems)


def _where(table: dict[str, Any], wish: Wish) -> str:
    if wish.column is None:
        return ""
    quoted, kind = next((quoted, kind) for quoted, kind, name in table["columns"] if name == wish.column)
    values = ", ".join(f"{_literal(value)}::{kind}" for value in wish.values)
    return f" WHERE {quoted} IN ({values})"


def _cut(name: str, ending: str) -> str:
    """Return a name of at most as many bytes as the server keeps."""
    room = _NAME_BYTES - len(ending.encode())
    return name.encode()[:room].decode(errors="ignore") + ending


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
