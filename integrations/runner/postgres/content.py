"""What a database holds, in a form that two databases can be compared by."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from integrations.runner.postgres.server import Session
from integrations.runner.report import Step

Held = Mapping[str, Any]
"""`tables` by quoted name, and `large_objects`: number of `rows`, and as `content` the sum of their hashes.

`sequences` by quoted name: the value given out last, None before the first, and the step to the next one.
Notes of dumps that are older than Backstop's reading of large objects and sequences do not speak of them.
"""

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
# Only superusers can read them. Zeros at an end are left out: restoring writes those that were never written.
_READABLE = "SELECT to_jsonb(has_table_privilege('pg_largeobject', 'SELECT'))"
_LARGE_OBJECTS = """
SELECT jsonb_build_object('rows', (SELECT count(*) FROM pg_largeobject_metadata), 'content',
  coalesce(sum(('x' || left(md5(loid || '.' || pageno || '.' || page::text), 16))::bit(64)::bigint::numeric),
    0)::text)
FROM (SELECT loid, pageno, btrim(data, '\\x00'::bytea) AS page FROM pg_largeobject) AS pages
WHERE length(page) > 0
"""
_SEQUENCES = """
SELECT jsonb_build_array(format('%I.%I', schemaname, sequencename), last_value, increment_by)
FROM pg_sequences WHERE NOT cycle ORDER BY 1
"""


def read(session: Session, phase: str) -> Generator[Step, None, dict[str, Any]]:
    """Read everything; the value that is returned at the end says what the database holds."""
    sizes = session.ask(_TABLES)
    done, total = 0, sum(size for _, size in sizes)
    tables = {}
    for table, size in sizes:
        yield Step(phase, done, total)
        (tables[table],) = session.ask(_CONTENT.format(table=table))
        done += size
    return {"tables": tables, "sequences": sequences(session), **_large_objects(session)}


def all_of(session: Session) -> Held:
    """Return what the database holds, without a word before."""
    steps = read(session, "")
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: Held = end.value
            return found


def names(session: Session) -> list[str]:
    """Return the quoted names of the tables."""
    return [name for name, _ in session.ask(_TABLES)]


def sequences(session: Session) -> dict[str, tuple[int | None, int]]:
    """Return where the sequences stand; a transaction sees them as they are now, not as they were."""
    return {name: (last, step) for name, last, step in session.ask(_SEQUENCES)}


def earlier(
    one: Mapping[str, tuple[int | None, int]], other: Mapping[str, tuple[int | None, int]]
) -> dict[str, tuple[int | None, int]]:
    """Return of two looks at the sequences the lesser value of each: what a dump between them has surely."""
    return {
        name: (last, step) if _behind(last, other[name]) else other[name]
        for name, (last, step) in one.items()
        if name in other
    }


@dataclass(frozen=True, slots=True)
class Comparison:
    """How a database differs from what it should hold; `wrong` names the first that is not right, if any.

    `same` tables hold exactly that, `written` ones were written to since, `newer` rows more are in them.
    """

    wrong: str
    same: int
    written: int
    newer: int


def compare(wanted: Held, found: Held, *, written_since: bool = False) -> Comparison:
    """Compare databases; with `written_since` more rows and other rows are right, fewer rows are not."""
    tables: Mapping[str, Any] = found["tables"]
    wrong = [*_sequences_wrong(wanted, found)]
    if not written_since:
        wrong += [
            f"the table {table} is not of the dump" for table in tables.keys() - wanted["tables"].keys()
        ]
    same = written = newer = 0
    for table, rows in wanted["tables"].items():
        if tables.get(table) == rows:
            same += 1
        elif problem := _rows_wrong(rows, tables.get(table), written_since=written_since):
            wrong.append(f"the table {table} {problem}")
        else:
            written, newer = written + 1, newer + tables[table]["rows"] - rows["rows"]
    if problem := _large_objects_wrong(wanted, found, written_since=written_since):
        wrong.append(f"the table of large objects {problem}")
    return Comparison(min(wrong, default=""), same, written, newer)


def _rows_wrong(wanted: Held, found: Held | None, *, written_since: bool) -> str:
    if found is None:
        return "is missing"
    if found["rows"] < wanted["rows"] or (not written_since and found["rows"] != wanted["rows"]):
        return f"has {found['rows']} rows, not {wanted['rows']}"
    return "" if written_since else "has as many rows, but not the same"


def _large_objects_wrong(wanted: Held, found: Held, *, written_since: bool) -> str:
    objects, there = wanted.get("large_objects"), found.get("large_objects")
    if objects is None or there is None or objects == there:
        return ""
    return _rows_wrong(objects, there, written_since=written_since)


def _sequences_wrong(wanted: Held, found: Held) -> Iterator[str]:
    """A sequence that is behind would give numbers a second time; one that is ahead only leaves some out."""
    there = found["sequences"]
    for name, (last, _) in wanted.get("sequences", {}).items():
        if name not in there:
            yield f"the sequence {name} is missing"
        elif last is not None and _behind(there[name][0], (last, there[name][1])):
            yield f"the sequence {name} is at {there[name][0] or 'its start'}, behind {last}"


def _behind(last: int | None, other: tuple[int | None, int]) -> bool:
    value, step = other
    if last is None or value is None:
        return value is not None
    return last < value if step > 0 else last > value


def _large_objects(session: Session) -> dict[str, Any]:
    (readable,) = session.ask(_READABLE)
    return {"large_objects": session.ask(_LARGE_OBJECTS)[0]} if readable else {}
