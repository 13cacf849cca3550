"""What can be asked of a PostgreSQL database without changing it."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

from integrations.runner import attempts, files
from integrations.runner.postgres import content, renaming
from integrations.runner.postgres.dumps import copies
from integrations.runner.postgres.server import Server, running
from integrations.runner.report import Problem

_ABOUT = """
SELECT jsonb_build_object(
  'system', (SELECT system_identifier::text FROM pg_control_system()),
  'server', current_setting('server_version'),
  'major', current_setting('server_version_num')::int / 10000,
  'standby', pg_is_in_recovery(),
  'superuser', rolsuper,
  'creates', rolsuper OR rolcreatedb,
  'bytes', (SELECT pg_database_size(oid) FROM pg_database WHERE datname = :'database'),
  'made', (SELECT oid::text FROM pg_database WHERE datname = :'database'),
  'slots', (SELECT count(*) FROM pg_replication_slots WHERE database = :'database'),
  'replaced', (SELECT coalesce(jsonb_object_agg(datname, CASE
      WHEN has_database_privilege(oid, 'CONNECT') THEN pg_size_pretty(pg_database_size(oid)) END), '{}')
    FROM pg_database WHERE starts_with(datname, :'replaced')))
FROM pg_roles WHERE rolname = current_user
"""


def health(server: Server, database: str, points: Path, kept: Path, record: Path) -> dict[str, Any]:
    """Say which database this is and whether it could be restored.

    A missing database is a problem to show, not a reason to call the target unhealthy: restoring it is what
    the target is there for. Its identity is remembered from when the server could last be asked.
    """
    obstacles = [
        f"The directory {place} is missing or cannot be written."
        for place in (points, kept.parent)
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK)
    ]
    place = {"host": server.host, "port": server.port, "database": database}
    problems: list[str] = []
    notes: list[str] = []
    absent: list[str] = []
    try:
        (about,) = server.ask(_ABOUT, database=database, replaced=renaming.kept(database))
    except Problem as problem:
        obstacles.append(str(problem))
        known = files.read(record) or {}
        about = known if place.items() <= known.items() else {**place, "system": "unknown", "server": ""}
    else:
        obstacles += _obstacles(server, about)
        problems, notes = _problems(server, about), [*_notes(about), *_kept(server, kept, about["replaced"])]
        absent = [f"There is no database {database}."] if about["bytes"] is None else []
        record.parent.mkdir(parents=True, exist_ok=True)
        files.replace(record, {**place, "system": about["system"], "server": about["server"]})
    beside = renaming.beside(server, database, kept)
    return {
        "ok": not obstacles and not about.get("standby"),
        "identity": f"{database}#{about['system']}",
        "server": f"postgresql:{about['system']}",
        "version": f"PostgreSQL {about['server'] or 'unknown'}",
        "problems": [*obstacles, *problems, *beside.unfinished()],
        "notes": [*notes, *beside.ready_one()],
        "absent": absent,
        "bytes": about.get("bytes"),
        "made": about.get("made"),
    }


def restored(
    server: Server, database: str, points: Path, kept: Path, point: str, approved: str | None
) -> dict[str, Any]:
    """Prove that a database holds what a dump held: every row of every table.

    After a restore, which compares everything before it replaces anything, rows that were written since do
    not disturb the proof; a table with fewer rows does.
    """
    note, _ = copies(points).approved(point, approved)
    restored_at = attempts.last(kept, point).get("done_at")
    said = {"point": point, "digest": note["digest"], "restored_at": restored_at}
    with server.session(database) as session:
        session.ask("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = content.all_of(session)
    compared = content.compare(note, found, written_since=restored_at is not None)
    words = f"{compared.same} of {len(note['tables'])} tables hold exactly what was dumped"
    if compared.written:
        words += f", {compared.written} were written to since ({compared.newer} rows more)"
    if compared.wrong:
        words += f"; {compared.wrong}"
    return {**said, "ok": not compared.wrong, "found": words, "newer": compared.newer}


def _obstacles(server: Server, about: dict[str, Any]) -> list[str]:
    found = []
    if not about["creates"]:
        found.append(f"{server.user} may not create databases; grant it CREATEDB or make it a superuser.")
    for program in ("pg_dump", "pg_restore"):
        with running(server.programs / program, "--version") as (process, _):
            said = process.stdout.read() if process.stdout else ""
        major = re.search(r"\d+", said)
        if major is None or int(major[0]) < about["major"]:
            found.append(
                f"{server.programs / program} ({said.strip() or 'it does not run'}) is older than it; "
                f"set `programs` to those of PostgreSQL {about['major']}."
            )
    return found


def _notes(about: dict[str, Any]) -> list[str]:
    found = []
    if about["standby"]:
        found.append("The server is a standby; restore on the one it follows.")
    if about["slots"]:
        found.append(
            f"{about['slots']} logical replication slots stay with the database that is replaced; "
            "whoever reads them must begin anew."
        )
    return found


def _kept(server: Server, kept: Path, replaced: dict[str, str | None]) -> list[str]:
    """Return what a restore left in the server on purpose, and how it is dropped when nobody needs it."""
    restores = attempts.finished(kept)
    marks = {renaming.mark(str(each["key"])): each for each in restores}
    found = []
    for name, size in sorted(replaced.items()):
        by = marks.get(name.rpartition("_")[2], {})
        since = (
            f"since {str(by['done_at'])[:16]}Z, when {by['key']} replaced it"
            if by
            else "by an earlier restore"
        )
        drop = shlex.join(
            (
                str(server.programs / "dropdb"),
                "-h",
                str(server.host),
                "-p",
                server.port,
                "-U",
                server.user,
                name,
            )
        )
        found.append(
            f"{name} ({size or 'of unknown size'}) is kept {since}. It is there to look into and for "
            f"`salvage`; once nobody needs it: `{drop}`."
        )
    return found


def _problems(server: Server, about: dict[str, Any]) -> list[str]:
    found = []
    if not about["superuser"]:
        found.append(
            f"{server.user} is no superuser: objects of others cannot be given back to them, nor sessions of "
            "superusers be ended."
        )
    return found
