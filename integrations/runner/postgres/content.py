"""What the tables of a database hold, in a form that two databases can be compared by."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.runner.postgres.server import Session
from integrations.runner.report import Step

Tables = Mapping[str, Mapping[str, Any]]
"""Of every table, by its quoted name: its number of `rows`, and as `content` the sum of their hashes."""

# Tables of extensions come with the extension and are dumped only as far as the extension wants.
_TABLES = """
SELECT jsonb_build_array(format('%I.%I', nspname, relname), pg_table_size(pg_class.oid))
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r' AND relpersistence <> 't' AND nspname !~ '^pg_' AND nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend
    WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype = 'e')
ORDER BY 1
"""
# A sum does not depend on the order of the rows and counts equal rows as often as they are there.
_CONTENT = """
SELECT jsonb_build_object('rows', count(*), 'content',
  coalesce(sum(('x' || left(md5((t.*)::text), 16))::bit(64)::bigint::numeric), 0)::text)
FROM ONLY {table} AS t
"""


def read(session: Session, phase: str) -> Generator[Step, None, dict[str, Any]]:
    """Read every table; the value that is returned at the end says what they hold."""
    sizes = session.ask(_TABLES)
    done, total = 0, sum(size for _, size in sizes)
    found = {}
    for table, size in sizes:
        yield Step(phase, done, total)
        (found[table],) = session.ask(_CONTENT.format(table=table))
        done += size
    return found


def all_of(session: Session) -> Tables:
    """Return what the tables hold, without a word before."""
    return {table: session.ask(_CONTENT.format(table=table))[0] for table, _ in session.ask(_TABLES)}


@dataclass(frozen=True, slots=True)
class Comparison:
    """How tables differ from what they should hold; `wrong` names the first that is not right, if any."""

    wrong: str
    same: int
    written: int
    newer: int


def compare(wanted: Tables, found: Tables, *, written_since: bool = False) -> Comparison:
    """Compare tables; with `written_since` more rows and other rows are right, fewer rows are not."""
    wrong = [] if written_since else [f"{table} is not of the dump" for table in found.keys() - wanted.keys()]
    same = written = newer = 0
    for table, rows in wanted.items():
        there = found.get(table)
        if there == rows:
            same += 1
        elif there is None:
            wrong.append(f"{table} is missing")
        elif there["rows"] < rows["rows"] or (not written_since and there["rows"] != rows["rows"]):
            wrong.append(f"{table} has {there['rows']} rows, not {rows['rows']}")
        elif not written_since:
            wrong.append(f"{table} has as many rows, but not the same")
        else:
            written, newer = written + 1, newer + there["rows"] - rows["rows"]
    return Comparison(min(wrong, default=""), same, written, newer)
