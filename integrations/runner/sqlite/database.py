"""Opening, copying and proving one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Literal

from integrations.runner.obstacles import about
from integrations.runner.report import Problem, Step, report

_PIECE = 1024 * 1024
_PAGES = 512
_BUSY_S = 5.0
_LOCKED = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_UNREADABLE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


@contextmanager
def reading(path: Path, *, settled: bool = False) -> Iterator[sqlite3.Connection]:
    """Open a database for reading; a settled one is a finished copy that nobody writes."""
    if not path.exists():
        raise Problem(f"There is no database at {path}.")
    mode = "mode=ro&immutable=1" if settled else "mode=ro"
    with explained(path), closing(_open(path, mode)) as connection:
        yield connection


@contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an existing database for writing, with transactions in the caller's hands."""
    with closing(_open(path, "mode=rw")) as connection:
        yield connection


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what SQLite says about a file into a sentence."""
    try:
        yield
    except sqlite3.Error as error:
        raise Problem(f"{path}: {error}.", permanent=not locked(error)) from error


def locked(error: sqlite3.Error) -> bool:
    """Say whether somebody else has the database locked."""
    return _code(error) in _LOCKED


def unreadable(error: sqlite3.Error) -> bool:
    """Say whether the file is damaged so far that SQLite cannot work with it."""
    return _code(error) in _UNREADABLE


def integrity(path: Path, *, settled: bool) -> str:
    """Return `ok`, or the first problem that SQLite's own check finds in a database."""
    try:
        with reading(path, settled=settled) as connection:
            return str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
    except Problem as problem:
        if not problem.permanent:
            raise
        return str(problem)


def copy_online(source: Path, destination: Path, phase: str) -> Iterator[Step]:
    """Copy a database that is in use, as it is at one moment.

    The copy reads one snapshot. In WAL mode writers go on meanwhile; in rollback mode they wait for it.
    """
    with reading(source) as connection, closing(sqlite3.connect(destination)) as copy:
        size = source.stat().st_size
        connection.isolation_level = None
        connection.execute("BEGIN")
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        yield Step(phase, 0, size)
        page = int(connection.execute("PRAGMA page_size").fetchone()[0])
        last = 0

        def told(_status: int, remaining: int, total: int) -> None:
            nonlocal last
            done = 100 * (total - remaining) // max(total, 1)
            if done >= last + 10:
                last = done
                report(Step(phase, (total - remaining) * page, total * page))

        with explained(source):
            connection.backup(copy, pages=_PAGES, progress=told, sleep=0)
    yield Step(phase, destination.stat().st_size, destination.stat().st_size)


def copy_bytes(source: Path, destination: Path, phase: str) -> Iterator[Step]:
    """Copy a file nobody writes, piece by piece."""
    size, done = source.stat().st_size, 0
    with about(destination), source.open("rb") as file, destination.open("wb") as copy:
        while piece := file.read(_PIECE):
            copy.write(piece)
            done += len(piece)
            yield Step(phase, done, size)


def select(path: Path, query: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the first rows of one SELECT; anything that is not reading is refused by SQLite itself."""
    with reading(path) as connection:
        connection.set_authorizer(_only_reading)
        rows = connection.execute(query, dict(values))
        found = rows.fetchmany(100)
        columns = [column[0] for column in rows.description or ()]
    return {"columns": columns, "rows": [[_plain(value) for value in row] for row in found]}


def _only_reading(action: int, _first: str | None, second: str | None, *_: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION and second == "load_extension":
        return sqlite3.SQLITE_DENY
    allowed = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE}
    return sqlite3.SQLITE_OK if action in allowed else sqlite3.SQLITE_DENY


def _plain(value: Any) -> Any:
    match value:
        case bytes():
            return value[:500].hex()
        case str():
            return value[:1000]
        case _:
            return value


def _open(path: Path, mode: Literal["mode=ro", "mode=rw", "mode=ro&immutable=1"] | str) -> sqlite3.Connection:
    place = f"{path.absolute().as_uri()}?{mode}"
    return sqlite3.connect(place, uri=True, timeout=_BUSY_S, isolation_level=None)


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
