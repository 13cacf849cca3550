"""What can be asked of a SQLite database without changing it."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from integrations.runner import attempts, files
from integrations.runner.files import digest
from integrations.runner.prepared import Prepared
from integrations.runner.report import Problem
from integrations.runner.sqlite.database import explained, integrity, reading
from integrations.runner.sqlite.points import copies


def health(database: Path, points: Path, kept: Path, record: Path) -> dict[str, Any]:
    """Say which database this is and whether it could be restored.

    A missing or damaged database is a problem to show, not a reason to call the target unhealthy: restoring
    it is what the target is there for. Its identity is remembered from when it could last be read.
    """
    obstacles = [
        f"The directory {place} is missing or cannot be written."
        for place in (database.parent, points)
        if not os.access(place, os.R_OK | os.W_OK | os.X_OK)
    ]
    absent = [] if database.exists() else [f"There is no database at {database}."]
    found, problems = ({}, []) if absent else _looked_at(database)
    beside = Prepared(kept, str(database))
    known = files.read(record)
    if known is None or known.get("path") != str(database):
        known = {"path": str(database), "application_id": found.get("application_id")}
        if found:
            record.parent.mkdir(parents=True, exist_ok=True)
            files.replace(record, known)
    elif found and found["application_id"] != known["application_id"]:
        obstacles.append(
            f"{database} belongs to another application: id {found['application_id']}, "
            f"not {known['application_id']}."
        )
    application = known["application_id"]
    return {
        "ok": not obstacles,
        "identity": f"{database}#{'unknown' if application is None else application}",
        "version": f"SQLite {sqlite3.sqlite_version}, schema {found.get('user_version', 'unknown')}",
        "problems": [*obstacles, *problems, *beside.unfinished()],
        "notes": beside.ready_one(),
        "absent": absent,
        "made": files.made(database),
        "bytes": database.stat().st_size if database.exists() else None,
    }


def sound(database: Path) -> dict[str, Any]:
    """Carry out SQLite's own check of structure and references."""
    said = integrity(database, settled=False)
    if said == "ok":
        with reading(database) as connection:
            broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        said = f"a row of {broken[0]} refers to a row of {broken[2]} that is not there" if broken else "ok"
    return {"ok": said == "ok", "found": said}


def restored(database: Path, points: Path, kept: Path, point: str, approved: str | None) -> dict[str, Any]:
    """Prove that a database holds what a point holds: byte for byte, or every row of every table.

    Rows that were written after the restore are counted and do not disturb the proof.
    """
    note, content = copies(points).approved(point, approved)
    record = attempts.last(kept, point)
    said = {"point": point, "restored_at": record.get("done_at"), "digest": note["digest"]}
    if digest(content) != note["digest"]:
        return {
            **said,
            "ok": False,
            "found": f"{point} itself is damaged, so nothing can be compared with it",
        }
    if digest(database) == note["digest"] and not _has_log(database):
        return {**said, "ok": True, "found": "identical to the point", "missing": 0, "newer": 0}
    return {**said, **_compared(database, content)}


def _compared(database: Path, content: Path) -> dict[str, Any]:
    with reading(database) as connection, explained(database):
        connection.execute("ATTACH ? AS point", (f"{content.absolute().as_uri()}?mode=ro&immutable=1",))
        schemas = [_schema(connection, name) for name in ("main", "point")]
        if schemas[0] != schemas[1]:
            return {"ok": False, "found": "the tables are not those of the point"}
        missing = newer = 0
        for table in _tables(connection):
            missing += _difference(connection, "point", "main", table)
            newer += _difference(connection, "main", "point", table)
    words = f"{missing} rows of the point missing or changed, {newer} rows written since"
    return {"ok": missing == 0, "found": words, "missing": missing, "newer": newer}


def _schema(connection: sqlite3.Connection, name: str) -> tuple[Any, ...]:
    rows = connection.execute(f"SELECT type, name, sql FROM {name}.sqlite_schema ORDER BY type, name")  # noqa: S608
    version = connection.execute(f"PRAGMA {name}.user_version").fetchone()[0]
    return (version, *rows.fetchall())


def _tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute("SELECT name FROM point.sqlite_schema WHERE type = 'table'")
    return [str(row[0]).replace('"', '""') for row in rows]


def _difference(connection: sqlite3.Connection, one: str, other: str, table: str) -> int:
    # A table's name cannot be bound; it comes from the schema and is quoted.
    query = f'SELECT count(*) FROM (SELECT * FROM {one}."{table}" EXCEPT SELECT * FROM {other}."{table}")'  # noqa: S608
    return int(connection.execute(query).fetchone()[0])


def _has_log(database: Path) -> bool:
    log = database.with_name(f"{database.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _looked_at(database: Path) -> tuple[dict[str, Any], list[str]]:
    try:
        with reading(database) as connection:
            application, version = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("application_id", "user_version")
            )
    except Problem as problem:
        return {}, [str(problem)]
    return {"application_id": application, "user_version": version}, []
