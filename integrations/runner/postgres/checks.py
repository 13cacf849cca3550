"""What is checked of a database after it came back: its rows, newest moments, schema and pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integrations.runner.copies import Note
from integrations.runner.postgres import schema
from integrations.runner.postgres.asking import asking
from integrations.runner.postgres.server import Server, Session
from integrations.runner.report import Problem

_TABLE = """
SELECT to_jsonb(format('%I.%I', nspname, relname)) FROM pg_class
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE pg_class.oid = to_regclass(:'table') AND relkind IN ('r', 'p', 'v', 'm', 'f')
"""
_COLUMN = """
SELECT to_jsonb(atttypid IN ('timestamptz'::regtype, 'timestamp'::regtype, 'date'::regtype))
FROM pg_attribute WHERE attrelid = to_regclass(:'table') AND attname = :'column' AND NOT attisdropped
"""
_AMCHECK = """
SELECT to_jsonb(format('%I', nspname)) FROM pg_extension
JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'amcheck'
"""
_DAMAGES = """
DO $backstop$
DECLARE
  found record; damage text; said jsonb := '[]'; tables int := 0; indexes int := 0;
BEGIN
  FOR found IN SELECT c.oid, relkind FROM pg_class AS c JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE relpersistence = 'p' AND (relkind IN ('r', 'm', 't') OR
      relkind = 'i' AND relam = (SELECT oid FROM pg_am WHERE amname = 'btree') AND
      (SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = c.oid))
    ORDER BY relkind = 'i', c.oid
  LOOP
    BEGIN
      IF found.relkind = 'i' THEN
        indexes := indexes + 1;
        PERFORM {schema}.bt_index_check(found.oid::regclass, true);
      ELSE
        tables := tables + 1;
        FOR damage IN SELECT concat('block ', blkno, ', row ', offnum, ': ', msg)
          FROM {schema}.verify_heapam(found.oid::regclass) LIMIT 3
        LOOP said := said || to_jsonb(concat(found.oid::regclass, ' ', damage)); END LOOP;
      END IF;
    EXCEPTION
      WHEN index_corrupted OR data_corrupted OR internal_error THEN
        said := said || to_jsonb(concat(found.oid::regclass, ': ', SQLERRM));
    END;
    EXIT WHEN jsonb_array_length(said) >= 20;
  END LOOP;
  PERFORM set_config('backstop.damages',
    jsonb_build_object('damages', said, 'tables', tables, 'indexes', indexes)::text, true);
END $backstop$;
SELECT current_setting('backstop.damages')::jsonb
"""


def rows(
    server: Server, database: str, table: str, bounds: Mapping[str, int | None], note: Note | None
) -> dict[str, Any]:
    """Count the rows of a table against bounds, or against the share of those a dump has, in percent."""
    with asking(server, database, table=table) as session:
        name = _table(session, table, database)
        (count,) = session.ask(f"SELECT to_jsonb(count(*)) FROM {name}")  # noqa: S608  # quoted by the server
    least, most = bounds["at_least"], bounds["at_most"]
    wants = [f"at least {least}"] if least is not None else []
    wants += [f"at most {most}"] if most is not None else []
    right = (least is None or count >= least) and (most is None or count <= most)
    if note is not None and bounds["of_point"] is not None:
        dumped = _dumped(note, name)
        # Of a whole number of rows; one row too few is too few.
        right = right and count * 100 >= dumped * bounds["of_point"]
        wants.append(f"at least {bounds['of_point']} % of the {dumped} rows in {note['id']}")
    found = f"{name} has {count} rows, expected {' and '.join(wants)}"
    return {"ok": right, "found": found, "table": name, "rows": count}


def recovered_to(
    server: Server, database: str, table: str, column: str, bounds: Mapping[str, str | None]
) -> dict[str, Any]:
    """Look whether the newest moment in a column lies where the restored state ends."""
    with asking(server, database, table=table, column=column, **_said(bounds)) as session:
        name = _table(session, table, database)
        if session.ask(_COLUMN) != [True]:
            raise Problem(f"{name} has no column {column} of a date or a time.")
        after = ":'not_before'" if bounds["not_before"] else "NULL"
        before = ":'not_after'" if bounds["not_after"] else "NULL"
        (found,) = session.ask(
            "SELECT jsonb_build_object('newest', to_jsonb(newest) #>> '{}', 'ok', newest IS NOT NULL AND "  # noqa: S608
            f"coalesce(newest >= {after}, true) AND coalesce(newest <= {before}, true)) "
            f'FROM (SELECT max(:"column")::timestamptz AS newest FROM {name}) AS found'
        )
    words = {"not before": bounds["not_before"], "not after": bounds["not_after"]}
    wants = " and ".join(f"{word} {at}" for word, at in words.items() if at)
    said = (
        f"the newest {column} in {name} is {found['newest'] or 'missing, as there is none'}, expected {wants}"
    )
    return {"ok": found["ok"], "found": said, "table": name, "newest": found["newest"]}


def same_schema(server: Server, database: str, note: Note | None, expected: str | None) -> dict[str, Any]:
    """Compare the schema with that of a dump, or its fingerprint with the one expected."""
    with server.session(database) as session:
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = schema.objects(session)
    own = schema.fingerprint(found)
    said = {"fingerprint": own, "objects": len(found)}
    if note is None:
        right = own == expected
        words = f"the schema is {own}" + ("" if right else f", expected {expected}")
        return {**said, "ok": right, "found": words}
    if "schema" not in note:
        words = f"{note['id']} was dumped before schemas were noted, so nothing can be compared with it"
        return {**said, "ok": False, "found": words}
    differ = schema.differences(note["schema"], found).words
    words = f"the schema ({own}) differs from that of {note['id']}: {differ}"
    return {
        **said,
        "ok": not differ,
        "found": words if differ else f"the schema ({own}) is that of {note['id']}",
    }


def amcheck(server: Server, database: str) -> dict[str, Any]:
    """Read every table and B-tree index with the extension amcheck, and say what is damaged on the disk."""
    with server.session(database) as session:
        session.ask("BEGIN READ ONLY; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '15min'")
        place = session.ask(_AMCHECK)
        if not place:
            raise Problem(
                f"{database} has no extension amcheck; a superuser adds it with `CREATE EXTENSION amcheck`."
            )
        (found,) = session.ask(_DAMAGES.format(schema=place[0]))
    damages = found["damages"]
    words = f"{found['tables']} tables and {found['indexes']} indexes are sound"
    if damages:
        more = f" and {len(damages) - 1} more" if len(damages) > 1 else ""
        words = f"damaged: {damages[0]}{more}"
    return {"ok": not damages, "found": words, **found}


def _table(session: Session, table: str, database: str) -> str:
    found = session.ask(_TABLE)
    if not found:
        raise Problem(
            f"There is no table {table} in {database}; write it with its schema, as `public.orders`."
        )
    return str(found[0])


def _dumped(note: Note, table: str) -> int:
    held = note["tables"].get(table)
    if held is None:
        raise Problem(f"{note['id']} has no table {table}, so nothing can be compared with it.")
    return int(held["rows"])


def _said(bounds: Mapping[str, str | None]) -> dict[str, str]:
    return {name: value for name, value in bounds.items() if value is not None}
