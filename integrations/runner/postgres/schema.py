"""The schema of a database as one fingerprint, with a mark of every object so that differences have names."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from integrations.runner.postgres.server import Session

Objects = Mapping[str, str]
"""The mark of each object by what it is and its quoted name, as `table public.orders`."""

_MARK = 12
_OWN = """
  nspname !~ '^pg_' AND nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend AS member
    WHERE member.classid = '{catalog}'::regclass AND member.objid = {oid} AND member.deptype = 'e')
"""
# Columns stand in their order, whatever numbers they have: dropped ones leave gaps that a restore closes.
_COLUMNS = """
SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
    WHEN 'c' THEN 'type' ELSE 'table' END || format(' %I.%I', nspname, relname),
  concat_ws(' ', relkind, relpersistence, relrowsecurity, relforcerowsecurity,
    CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
    CASE WHEN relkind = 'p' THEN pg_get_partkeydef(c.oid) END, pg_get_expr(relpartbound, c.oid),
    (SELECT string_agg(concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod),
        CASE WHEN attnotnull THEN 'not null' END, attidentity, attgenerated,
        nullif(attcollation, typcollation)::regcollation, pg_get_expr(adbin, adrelid)), ', ' ORDER BY attnum)
      FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
      WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped))
FROM pg_class AS c JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'c') AND relpersistence <> 't' AND {own_c}
"""
_PARTS = """
SELECT format('constraint %I of %s', conname,
    coalesce(nullif(conrelid, 0)::regclass::text, contypid::regtype::text)),
  concat_ws(' ', pg_get_constraintdef(oid), convalidated)
FROM pg_constraint WHERE connamespace IN (SELECT oid FROM own) AND contype <> 't'
UNION ALL
SELECT format('index %s', indexrelid::regclass), concat_ws(' ', pg_get_indexdef(indexrelid), indisvalid)
FROM pg_index JOIN pg_class AS c ON c.oid = indexrelid WHERE relnamespace IN (SELECT oid FROM own)
UNION ALL
SELECT format('trigger %I of %s', tgname, tgrelid::regclass),
  concat_ws(' ', pg_get_triggerdef(t.oid), tgenabled)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid
WHERE NOT tgisinternal AND relnamespace IN (SELECT oid FROM own)
UNION ALL
SELECT format('policy %I of %s', polname, polrelid::regclass), concat_ws(' ', polcmd, polpermissive,
  pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid)) FROM pg_policy
UNION ALL
SELECT format('function %s', p.oid::regprocedure), pg_get_functiondef(p.oid)
FROM pg_proc AS p JOIN pg_namespace ON pg_namespace.oid = pronamespace WHERE prokind IN ('f', 'p') AND {own_p}
UNION ALL
SELECT format('type %s', t.oid::regtype), concat_ws(' ', typtype, nullif(typbasetype, 0)::regtype, typnotnull,
  typdefault, (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
    FROM pg_enum WHERE enumtypid = t.oid))
FROM pg_type AS t JOIN pg_namespace ON pg_namespace.oid = typnamespace WHERE typtype IN ('e', 'd') AND {own_t}
UNION ALL
SELECT format('sequence %s', seqrelid::regclass), concat_ws(' ', seqtypid::regtype, seqstart, seqincrement,
  seqmin, seqmax, seqcycle)
FROM pg_sequence JOIN pg_class AS c ON c.oid = seqrelid WHERE relnamespace IN (SELECT oid FROM own)
UNION ALL
SELECT format('extension %I', extname), extversion FROM pg_extension
"""
_OBJECTS = """
WITH own AS (SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'),
  parts (name, definition) AS ({columns} UNION ALL {parts})
SELECT jsonb_build_array(name, coalesce(definition, '')) FROM parts ORDER BY name COLLATE "C", definition
"""


@dataclass(frozen=True, slots=True)
class Differences:
    """By what a schema differs from the one it should be, each a list of names."""

    missing: Sequence[str]
    changed: Sequence[str]
    new: Sequence[str]

    @property
    def words(self) -> str:
        """Return what differs in a sentence without its end, empty when nothing does."""
        parts = (("missing", self.missing), ("changed", self.changed), ("new", self.new))
        return "; ".join(f"{word}: {_some(names)}" for word, names in parts if names)


def objects(session: Session) -> dict[str, str]:
    """Return the mark of every table, constraint, index, view, function, type, sequence and extension."""
    own = {
        "own_c": _OWN.format(catalog="pg_class", oid="c.oid"),
        "own_p": _OWN.format(catalog="pg_proc", oid="p.oid"),
        "own_t": _OWN.format(catalog="pg_type", oid="t.oid"),
    }
    query = _OBJECTS.format(columns=_COLUMNS.format(**own), parts=_PARTS.format(**own))
    return {name: _digest(definition)[:_MARK] for name, definition in session.ask(query)}


def fingerprint(known: Objects) -> str:
    """Return one word that is the same for the same schema."""
    return _digest("\n".join(f"{name} {mark}" for name, mark in sorted(known.items())))[:16]


def differences(wanted: Objects, found: Objects) -> Differences:
    """Return by what one schema differs from another."""
    changed = [name for name in wanted.keys() & found.keys() if wanted[name] != found[name]]
    missing, new = wanted.keys() - found.keys(), found.keys() - wanted.keys()
    return Differences(sorted(missing), sorted(changed), sorted(new))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5])
    return shown if len(names) <= 5 else f"{shown} and {len(names) - 5} more"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
