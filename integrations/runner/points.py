"""Recovery points of a SQLite database: whole copies in a directory, each with a note beside it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.database import copy_online, digest, integrity
from integrations.runner.report import Problem, Step

Note = dict[str, Any]
"""What is known of a point: id, size, digest, as_of, finished_at, verified_at, held_until and its labels."""


def listed(points: Path) -> list[Note]:
    """Return the notes of all points, newest first; `health` says what can be said without reading them."""
    notes = [_looked_at(points, path) for path in points.glob("*.json")]
    known = {note["id"] for note in notes}
    notes += [_unfinished(path) for path in points.glob("*.db") if path.stem not in known]
    return sorted(notes, key=lambda note: (note["as_of"], note["id"]), reverse=True)


def note_of(points: Path, point: str) -> Note:
    """Return the note of one point."""
    found = files.read(points / f"{point}.json")
    if found is None:
        raise Problem(f"There is no recovery point {point} in {points}.")
    return found


def content_of(points: Path, point: str) -> Path:
    """Return the file of one point."""
    path = points / f"{point}.db"
    if not path.exists():
        raise Problem(f"The content of {point} is not in {points}.")
    return path


def backup(database: Path, points: Path, labels: Mapping[str, str], *, key: str) -> Iterator[Step]:
    """Take a recovery point of a database that is in use; its note is written last and makes it count."""
    points.mkdir(parents=True, exist_ok=True)
    begun = datetime.now(UTC)
    name = f"{database.stem}-{begun:%Y%m%dT%H%M%SZ}-{hashlib.sha256(key.encode()).hexdigest()[:6]}"
    fresh = points / f".{name}.part"
    fresh.unlink(missing_ok=True)
    as_of = begun
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
    size = fresh.stat().st_size
    note = {
        "id": name,
        "size": size,
        "digest": digest(fresh),
        "as_of": as_of.isoformat(),
        "finished_at": datetime.now(UTC).isoformat(),
        "verified_at": None,
        "held_until": None,
        "release": labels.get("release"),
        "commit": labels.get("commit"),
        "environment": labels.get("environment"),
    }
    fresh.rename(points / f"{name}.db")
    files.publish(points / f"{name}.json", note)
    yield Step("done", size, size)


def backed_up(points: Path, key: str) -> Note:
    """Return the note of the point that was taken under a key."""
    ending = hashlib.sha256(key.encode()).hexdigest()[:6]
    return next(note for note in listed(points) if note["id"].endswith(ending))


def prove(points: Path, point: str) -> dict[str, Any]:
    """Read a point whole, compare it with its note, and write into the note what was found."""
    note = note_of(points, point)
    path = content_of(points, point)
    found = digest(path)
    problem = ""
    if found != note["digest"]:
        problem = f"its content is not what was backed up: digest {found[:12]}, not {note['digest'][:12]}"
    elif (said := integrity(path, settled=True)) != "ok":
        problem = f"SQLite finds it damaged: {said}"
    with _noting(points):
        proved = {"verified_at": None if problem else datetime.now(UTC).isoformat(), "problem": problem}
        files.replace(points / f"{point}.json", {**note_of(points, point), **proved})
    return {"ok": not problem, "found": problem or "digest and integrity are right", "digest": found}


def hold(points: Path, point: str, until: str | None) -> dict[str, Any]:
    """Keep a point from being expired until a moment; None releases it."""
    with _noting(points):
        files.replace(points / f"{point}.json", {**note_of(points, point), "held_until": until})
    return {"point": point, "held_until": until}


@contextmanager
def _noting(points: Path) -> Iterator[None]:
    lock = files.acquire(points / ".lock", patience_s=5.0)
    if lock is None:
        raise Problem(f"Somebody else is changing the notes in {points}.", permanent=False)
    try:
        yield
    finally:
        os.close(lock)


def _looked_at(points: Path, path: Path) -> Note:
    note = files.read(path) or {}
    content = points / f"{path.stem}.db"
    whole = {"id": path.stem, "as_of": "", "digest": None, "size": None, **note}
    if not note or note.get("id") != path.stem or not note.get("as_of"):
        return {**whole, "as_of": _changed(path), "health": "invalid", "problem": "its note cannot be read"}
    if not content.exists() or content.stat().st_size != note.get("size"):
        return {**whole, "health": "invalid", "problem": "its content is missing or of another size"}
    if note.get("problem"):
        return {**whole, "health": "invalid"}
    return {**whole, "health": "valid" if note.get("verified_at") else "unknown"}


def _unfinished(path: Path) -> Note:
    return {
        "id": path.stem,
        "size": path.stat().st_size,
        "digest": None,
        "as_of": _changed(path),
        "health": "partial",
        "problem": "the backup did not finish",
    }


def _changed(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()
