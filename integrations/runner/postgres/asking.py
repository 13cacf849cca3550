"""Questions to a database in the SQL of a playbook: one SELECT, in a transaction that can only read.

The text becomes part of one statement inside the server and is never seen by psql, whose own commands could
start programs. What is outside of quotes is looked through here, so that it is one statement and its :names
stand for values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from integrations.runner.postgres.server import Server, Session
from integrations.runner.report import Problem

_LONGEST_TEXT = 1000
_BEGIN = """
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
SET LOCAL statement_timeout = '10min';
SET LOCAL lock_timeout = '10s';
SET LOCAL idle_in_transaction_session_timeout = '1min';
SELECT to_jsonb(length(set_config(name, '1s', true))) FROM pg_settings
  WHERE name = 'client_connection_check_interval'
"""
_KEEP = "SELECT to_jsonb(length(set_config('backstop.question', :'question', true)))"
# Inside the parentheses only what returns rows and changes none is a statement at all.
_PREPARE = r"""
DO $backstop$ BEGIN EXECUTE format(E'PREPARE backstop_question AS SELECT to_jsonb(row_to_json(answer)::text)
  FROM (%s\n) AS answer LIMIT 100', current_setting('backstop.question')); END $backstop$
"""
_PIECE = re.compile(
    r"""
      --[^\n]*
    | /\* (?: (?!/\*|\*/) . )* \*/
    | [Ee]'(?: [^'\\] | \\. | '' )*'
    | '(?: [^'] | '' )*'
    | "(?: [^"] | "" )*"
    | \$(?P<tag>(?:[^\W\d]\w*)?)\$ .*? \$(?P=tag)\$
    | [^\W\d][\w$]*
    | \d[\w$.]*
    | ::
    | :(?P<name>[^\W\d]\w*)
    | (?P<stray>;|/\*|['"\\])
    """,
    re.VERBOSE | re.DOTALL,
)


@contextmanager
def asking(server: Server, database: str, **values: str) -> Iterator[Session]:
    """Keep a connection that can only read and waits for nobody, with the database's own search path."""
    with replace(server, search_path=None).session(database, **values) as session:
        session.ask(_BEGIN)
        yield session


def select(server: Server, database: str, query: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first rows of one SELECT."""
    question, names = numbered(query)
    if unknown := [name for name in names if name not in values]:
        raise Problem(f"The query speaks of :{unknown[0]}, and `values` has none of that name.")
    given = {f"v{place}": str(values[name]) for place, name in enumerate(names) if values[name] is not None}
    words = [f":'v{place}'" if f"v{place}" in given else "NULL" for place in range(len(names))]
    with asking(server, database, question=question, **given) as session:
        session.ask(_KEEP)
        session.ask(_PREPARE)
        rows = session.ask(f"EXECUTE backstop_question{'(' + ', '.join(words) + ')' if words else ''}")
    # Two columns may have one name, so a row is read as pairs.
    found = [json.loads(row, object_pairs_hook=list) for row in rows]
    return {
        "columns": [name for name, _ in found[0]] if found else [],
        "rows": [[_plain(value) for _, value in row] for row in found],
    }


def numbered(query: str) -> tuple[str, list[str]]:
    """Return a query with `$1` for its first :name and so on, and the names; two statements are refused."""
    names: list[str] = []

    def number(found: re.Match[str]) -> str:
        if found["stray"]:
            raise Problem(f"The query must be one SELECT; `{found['stray']}` does not belong there.")
        if found["name"] is None:
            return found[0]
        if found["name"] not in names:
            names.append(found["name"])
        return f"${names.index(found['name']) + 1}"

    return _PIECE.sub(number, query), names


def _plain(value: Any) -> Any:
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)[:_LONGEST_TEXT]
    return value[:_LONGEST_TEXT] if isinstance(value, str) else value
