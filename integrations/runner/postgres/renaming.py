"""Putting a database back by swap: a dump grows into a new database, is proved, and takes the old one's name.

A crash at any moment leaves either the old or the restored database under the name, whole, and the old one is
never lost: it stays in the server under another name. Carried out again under the same key, a restore goes on
from where it was; once done it does nothing.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import time
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.attempts import Attempt
from integrations.runner.copies import Copies, Note
from integrations.runner.postgres import content
from integrations.runner.postgres.items import Items
from integrations.runner.postgres.server import Server, Session, must
from integrations.runner.prepared import Prepared
from integrations.runner.report import Problem, Step

_LOOK_S = 0.5
_AGAIN_S = 0.05
_PREDECESSOR_S = 30.0
_NAME_BYTES = 40
_MARK = r"[0-9a-f]{8}"
_PREPARED = "SELECT to_jsonb(count(*)) FROM pg_prepared_xacts WHERE database = :'database'"
_END_SESSIONS = """
SELECT to_jsonb(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = :'database'
"""
_END_PREDECESSORS = """
SELECT to_jsonb(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE application_name = current_setting('application_name') AND pid <> pg_backend_pid()
"""
# Whoever lets people connect writes the row anew, also when it is undone afterwards.
_CLOSED = """
SELECT jsonb_build_object('oid', oid::text, 'row', xmin::text)
FROM pg_database WHERE datname = :'name' AND NOT datallowconn
"""
TOUCHED = (
    "The copy that lay ready was opened or changed after it had been proved, so it was dropped and another "
    "was made of the dump."
)
_DIRECTORY = "SELECT to_jsonb(setting) FROM pg_settings WHERE name = 'data_directory'"
_LEFT = "SELECT to_jsonb(datname) FROM pg_database WHERE starts_with(datname, :'begin')"
# What belongs to a database and not to what is in it, pg_restore leaves alone. A setting is taken over FROM
# CURRENT, as a list of names would become one name when it is written out.
_PROPERTIES = """
SELECT to_jsonb(words) FROM (
  SELECT 1, format('ALTER DATABASE %I OWNER TO %I', :'fresh', pg_get_userbyid(datdba))
    FROM pg_database WHERE datname = :'database'
  UNION ALL
  SELECT 2, format('ALTER DATABASE %I CONNECTION LIMIT %s', :'fresh', datconnlimit)
    FROM pg_database WHERE datname = :'database'
  UNION ALL
  SELECT 3, format('REVOKE ALL ON DATABASE %I FROM PUBLIC', :'fresh')
    FROM pg_database WHERE datname = :'database' AND datacl IS NOT NULL
  UNION ALL
  SELECT 4, format('GRANT %s ON DATABASE %I TO %s%s', privilege_type, :'fresh',
      CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
      CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
    FROM pg_database, aclexplode(datacl) WHERE datname = :'database'
  UNION ALL
  SELECT 5, format('BEGIN; SELECT to_jsonb(set_config(%L, %L, true)); ALTER %s SET %I FROM CURRENT; COMMIT',
      split_part(setting, '=', 1), substr(setting, strpos(setting, '=') + 1),
      CASE setrole WHEN 0 THEN format('DATABASE %I', :'fresh')
        ELSE format('ROLE %I IN DATABASE %I', pg_get_userbyid(setrole), :'fresh') END,
      split_part(setting, '=', 1))
    FROM pg_db_role_setting JOIN pg_database ON pg_database.oid = setdatabase, unnest(setconfig) AS setting
    WHERE datname = :'database'
) AS properties (place, words) ORDER BY place, words
"""
_OF_ITS_KIND = {
    "i": "LOCALE_PROVIDER icu ICU_LOCALE :'locale'",
    "b": "LOCALE_PROVIDER builtin BUILTIN_LOCALE :'locale'",
}


@dataclass(frozen=True, slots=True)
class Renaming:
    """Which database is replaced by which dump; `digest` is the content that was approved, when it was."""

    server: Server
    database: str
    dumps: Copies
    attempt: Attempt
    jobs: str
    digest: str | None = None

    @property
    def fresh(self) -> str:
        """Return the name under which the new database grows."""
        return f"{growing(self.database)}{self._mark}"

    @property
    def old(self) -> str:
        """Return the name that the replaced database has afterwards."""
        return replaced(self.database, self.attempt.key)

    @property
    def kept(self) -> str:
        """Return the name of what was replaced: by this attempt, or by the one it goes on from."""
        return str(self.attempt.record.get("kept") or self.old)

    @property
    def prepared(self) -> str:
        """Return the name of the database that lies ready, made before anybody decided."""
        return prepared(self.database)

    @property
    def beside(self) -> Prepared:
        """Return what is known of that database."""
        return beside(self.server, self.database, self.attempt.kept)

    @property
    def _mark(self) -> str:
        return mark(self.attempt.key)


def growing(database: str) -> str:
    """Return how the names of databases begin that restores of one are making."""
    return f"{_short(database)}_restoring_"


def prepared(database: str) -> str:
    """Return the name of the database that lies ready for a restore of another."""
    return f"{_short(database)}_prepared_{mark(database)}"


def apart(database: str, point: str) -> str:
    """Return the name of the database that holds a dump beside a live one, to take rows from."""
    return f"{_short(database)}_partial_{mark(point)}"


def beside(server: Server, database: str, kept: Path) -> Prepared:
    """Return what is known of the database that lies ready for a restore of another."""
    return Prepared(kept, f"{server.host}:{server.port}/{database}")


def replaced(database: str, key: str) -> str:
    """Return the name of the database that the restore of a key replaced."""
    return f"{kept(database)}{mark(key)}"


def kept(database: str) -> str:
    """Return how the names of databases begin that were replaced by a restored one."""
    return f"{_short(database)}_replaced_"


def restore(what: Renaming) -> Iterator[Step]:
    """Restore a database, naming each stage once it is durable."""
    with what.attempt.alone(f"the database {what.database}"):
        if what.attempt.is_done:
            yield Step("done")
            return
        end_predecessors(what)
        if not _is_restored(what, what.database) and not (yield from _goes_on(what)):
            _swappable(what)
            _put_away_leftovers(what)
            yield from _grow(what)
            _swap(what)
        yield Step("swapped")
        what.attempt.finish()
        yield Step("done")


def done(what: Renaming) -> dict[str, Any]:
    """Return what a finished restore proves."""
    record = what.attempt.record
    return {
        "point": what.attempt.point,
        "digest": record.get("digest"),
        "restored_at": record.get("done_at"),
        "prepared": bool(record.get("prepared")),
        **({"caution": TOUCHED} if record.get("touched") else {}),
        "kept": f"database {what.kept}" if oid(what.server, what.kept) else None,
        "goes_on_from": record.get("goes_on_from", []),
    }


def _goes_on(what: Renaming) -> Generator[Step, None, bool]:
    """Take over the swap of another attempt that was broken off after it, if nobody wrote since.

    What that one replaced is the damaged database; to swap again would keep the restored one in its stead.
    """
    there = oid(what.server, what.database)
    for _, record in what.attempt.broken_off(oid=there):
        note, _ = what.dumps.approved(what.attempt.point, what.digest)
        with what.server.session(what.database) as session:
            found = yield from content.read(session, "checking")
        if content.compare(note, found).wrong:
            continue
        kept = record.get("kept") or replaced(what.database, record["key"])
        known = {name: record.get(name) for name in ("digest", "prepared", "touched")} | {"oid": there}
        what.attempt.goes_on_from(record, kept=kept if oid(what.server, kept) else None, **known)
        what.attempt.give_up_others(oid=there)
        return True
    return False


def _grow(what: Renaming) -> Iterator[Step]:
    if _is_restored(what, what.fresh):
        return
    note, _ = what.dumps.approved(what.attempt.point, what.digest)
    waited = what.beside.holds(what.attempt.point)
    adopted = _adopted(what, note)
    if not adopted:
        yield from grow(what, what.fresh)
    for words in what.server.ask(_PROPERTIES, fresh=what.fresh, database=what.database):
        what.server.ask(words)
    # By its oid the database is recognised after a crash, under whichever name it has then.
    what.attempt.ready(oid=oid(what.server, what.fresh), digest=note["digest"], prepared=adopted)
    if waited and not adopted:
        what.attempt.note(touched=True)
    yield Step("proved", int(note["bytes"]), int(note["bytes"]))


def _adopted(what: Renaming, note: Note) -> bool:
    """Take the database that lies ready if it is of this dump and nobody could write to it since."""
    ready = is_ready(what, note)
    if ready:
        names = {"prepared": what.prepared, "fresh": what.fresh}
        what.server.ask('ALTER DATABASE :"prepared" RENAME TO :"fresh"', **names)
    else:
        # One of another dump, or that was opened, is not for this restore and only takes up room.
        drop(what.server, what.prepared)
    what.beside.forget()
    return ready


def is_ready(what: Renaming, note: Note) -> bool:
    """Say whether the database that was made beforehand is of this dump and was closed ever since."""
    there = closed(what)
    return bool(there) and what.beside.is_ready(what.attempt.point, digest=note["digest"], **there)


def closed(what: Renaming) -> dict[str, str]:
    """Return by what an opening of the database that lies ready is noticed; nothing of one that is open."""
    found = what.server.ask(_CLOSED, name=what.prepared)
    return dict(found[0]) if found else {}


def drop(server: Server, database: str) -> None:
    """Drop a database that restores made, if it is there."""
    server.ask('DROP DATABASE IF EXISTS :"name" WITH (FORCE)', name=database)


def grow(what: Renaming, name: str) -> Generator[Step, None, Note]:
    """Restore the dump into a new database and prove it; the dump's note is returned at the end."""
    note, dump = what.dumps.approved(what.attempt.point, what.digest)
    if files.digest(dump) != note["digest"]:
        raise Problem(f"{what.attempt.point} is damaged: its files are not those that were dumped.")
    total = int(note["bytes"])
    _room(what, total)
    _make(what, name, note)
    how = ("--no-password", "--exit-on-error", "--verbose", f"--jobs={what.jobs}")
    with what.server.running("pg_restore", what.server.at(name), *how, str(dump)) as (process, errors):
        items = Items(what.server, name, errors)
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
            done = min(_size(what, name), total)
            yield Step("copying", done, total, by_figures=True, doing=items.doing())
        must(process, errors)
    yield Step("copied", total, total)
    with what.server.session(name) as session:
        session.ask("ANALYZE")
        found = yield from content.read(session, "checking")
    if wrong := content.compare(note, found).wrong:
        raise Problem(f"What was restored is not what was dumped, so nothing was replaced: {wrong}.")
    return note


def _room(what: Renaming, needed: int) -> None:
    for place in _data(what.server):
        files.room(place, needed)


def room_for(server: Server, needed: int) -> dict[str, str]:
    """Say whether so many bytes find room in the server; it need not answer yet when that is asked."""
    with suppress(Problem):
        for place in _data(server):
            return files.room_for(place, needed)
    return {}


def _data(server: Server) -> Iterator[Path]:
    """The data directory can be looked at where the server is on this host and says where it is."""
    for place in server.ask(_DIRECTORY):
        with suppress(OSError):
            if Path(place).exists():
                yield Path(place)


def _make(what: Renaming, name: str, note: Note) -> None:
    words = (
        "CREATE DATABASE :\"fresh\" TEMPLATE template0 ENCODING :'encoding'",
        "LC_COLLATE :'collate' LC_CTYPE :'ctype'",
        _OF_ITS_KIND.get(note["provider"], ""),
    )
    shape = {name: str(note[name]) for name in ("encoding", "collate", "ctype", "locale")}
    what.server.ask(" ".join(words), fresh=name, **shape)


def _swap(what: Renaming) -> None:
    """Let both databases change names in one transaction; who is connected to the old one is thrown out."""
    names = {"database": what.database, "old": what.old, "fresh": what.fresh}
    with what.server.session(**names) as session:
        session.ask("BEGIN")
        if oid(what.server, what.database):
            _set_aside(what, session)
        # One that lay ready was closed to everybody.
        session.ask('ALTER DATABASE :"fresh" ALLOW_CONNECTIONS true')
        session.ask('ALTER DATABASE :"fresh" RENAME TO :"database"')
        session.ask("COMMIT")


def _set_aside(what: Renaming, session: Session) -> None:
    # The server waits some seconds for the last session to end, and lets nobody connect meanwhile.
    session.send('ALTER DATABASE :"database" RENAME TO :"old"')
    while session.answer(_AGAIN_S) is None:
        what.server.ask(_END_SESSIONS, database=what.database)
    # Nobody who finds it by mistake shall write there; superusers can still look.
    session.ask('ALTER DATABASE :"old" CONNECTION LIMIT 0')


def end_predecessors(what: Renaming) -> None:
    """End what an attempt that was killed still has running inside the server."""
    until = time.monotonic() + _PREDECESSOR_S
    while what.server.ask(_END_PREDECESSORS):
        if time.monotonic() >= until:
            raise Problem(
                f"Sessions of an earlier restore of {what.database} do not end; look at pg_stat_activity.",
                permanent=False,
            )
        time.sleep(_AGAIN_S)


def _swappable(what: Renaming) -> None:
    (prepared,) = what.server.ask(_PREPARED, database=what.database)
    if prepared:
        raise Problem(
            f"{what.database} has {prepared} prepared transactions, so it cannot be renamed; commit them or "
            "roll them back first, see pg_prepared_xacts."
        )


def _put_away_leftovers(what: Renaming) -> None:
    """Drop what restores that were broken off left in the server."""
    begin = growing(what.database)
    for name in what.server.ask(_LEFT, begin=begin):
        ours = re.fullmatch(_MARK, name.removeprefix(begin))
        if ours and not _is_restored(what, name):
            drop(what.server, name)


def _is_restored(what: Renaming, name: str) -> bool:
    there = oid(what.server, name)
    return there is not None and what.attempt.is_ready(oid=there)


def oid(server: Server, name: str) -> str | None:
    """Return what a database is recognised by whatever it is called, or None when there is none."""
    found = server.ask("SELECT to_jsonb(oid::text) FROM pg_database WHERE datname = :'name'", name=name)
    return str(found[0]) if found else None


def _size(what: Renaming, name: str) -> int:
    return int(what.server.ask("SELECT to_jsonb(pg_database_size(:'name'))", name=name)[0])


def _short(database: str) -> str:
    # The server cuts names that are longer than 63 bytes without a word.
    name = database.encode()
    return database if len(name) <= _NAME_BYTES else f"{name[:30].decode(errors='ignore')}_{mark(database)}"


def mark(text: str) -> str:
    """Return what stands for a key, a dump or a long name in the names of databases."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
