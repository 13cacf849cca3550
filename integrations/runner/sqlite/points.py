"""Recovery points of a SQLite database: whole copies of its file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.copies import Copies
from integrations.runner.obstacles import growing
from integrations.runner.report import Problem, Step
from integrations.runner.sqlite.database import copy_online, integrity, reading

_SIZES = ("page_count", "page_size")


def copies(points: Path) -> Copies:
    """Return the copies in a directory."""
    return Copies(points, ".db")


def backup(database: Path, points: Path, labels: Mapping[str, str], *, key: str) -> Iterator[Step]:
    """Take a recovery point of a database that is in use."""
    as_of = datetime.now(UTC)
    fresh = copies(points).growing(database.stem, key, as_of)
    fresh.unlink(missing_ok=True)
    with growing(fresh, files.size(database) if database.exists() else None):
        for step in copy_online(database, fresh, "copying"):
            # The first report comes when the snapshot is taken.
            as_of = datetime.now(UTC) if step.done == 0 else as_of
            yield step
        files.sync(fresh)
    yield Step("checking")
    found = integrity(fresh, settled=True)
    if found != "ok":
        fresh.unlink()
        raise Problem(f"The copy is not sound, so it was not kept: {found}")
    size = copies(points).publish(fresh, as_of, labels)["size"]
    yield Step("done", size, size)


def prove(points: Path, point: str) -> dict[str, Any]:
    """Read a point whole, compare it with its note, and write into the note what was found."""
    known = copies(points)
    found = files.digest(known.content(point))
    problem = known.changed(point, found)
    if not problem and (said := integrity(known.content(point), settled=True)) != "ok":
        problem = f"SQLite finds it damaged: {said}"
    return {**known.prove(point, problem), "digest": found}


def look(points: Path, point: str) -> dict[str, Any]:
    """Say whether a point is what was backed up, without noting it."""
    return copies(points).look(point, shape)


def shape(content: Path) -> str:
    """Return what is wrong with a copy that is too big to be read whole, as far as its head shows it."""
    try:
        with reading(content, settled=True) as connection:
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            pages, page = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in _SIZES)
    except Problem as problem:
        return str(problem)
    size = content.stat().st_size
    return "" if size == pages * page else f"its file has {size} bytes and should have {pages * page}"
