"""What a litestream target can be asked and made to do; the swap is that of SQLite databases."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from integrations.runner.attempts import Attempt
from integrations.runner.litestream.replica import Replica
from integrations.runner.reasons import without_secrets
from integrations.runner.report import Problem, Step, prove
from integrations.runner.sqlite import questions
from integrations.runner.sqlite.prepare import discard, found, prepare
from integrations.runner.sqlite.restore import Restore, done, restore

_LAG = timedelta(minutes=1)


def answer(given: argparse.Namespace) -> Mapping[str, Any]:
    """Return what a question finds."""
    replica = _replica(given)
    match given.verb:
        case "health":
            return _health(replica, given)
        case "points":
            return {"points": replica.points()}
        case "guard":
            return replica.guard()
        case "prove":
            return _proved(replica, given.point, replica.fetch(given.point))
        case _:
            for _ in replica.fetch(given.point, given.digest):
                pass
            return questions.restored(given.database, replica.fetched, given.kept, given.point, None)


def work(given: argparse.Namespace, key: str) -> Iterator[Step]:
    """Carry out a job under its key, naming each stage once it is reached."""
    if given.verb == "discard":
        yield from discard(given.database, given.kept)
        return
    replica = _replica(given)
    match given.verb:
        case "verify":
            yield from replica.fetch(given.point)
            proof = _proved(replica, given.point, ())
            prove(proof)
            if not proof["ok"]:
                raise Problem(f"{given.point} is damaged: {proof['found']}")
        case "prepare":
            yield from replica.fetch(given.point, given.digest)
            what = _restoring(replica, given, key)
            yield from prepare(what)
            prove({**found(what), "digest": given.digest})
        case _:
            yield from _restore(replica, _restoring(replica, given, key), given.digest)


def _proved(replica: Replica, point: str, steps: Iterable[Step]) -> dict[str, Any]:
    """Return whether a transaction could be made a whole database of, after the steps that do it."""
    for _ in steps:
        pass
    note = replica.copies.note(point)
    sound = note.get("verified_at") is not None
    return {"ok": sound, "found": "it can be read whole" if sound else str(note.get("problem"))}


def _restore(replica: Replica, what: Restore, digest: str | None) -> Iterator[Step]:
    if not what.attempt.is_done:
        yield from replica.fetch(what.attempt.point, digest)
    try:
        yield from restore(what)
        replica.forget_others(what.attempt.point)
    finally:
        if (evidence := done(what))["restored_at"]:
            # What was approved is a transaction; nobody knew the digest of the database made of it.
            prove({**evidence, "digest": digest})


def _restoring(replica: Replica, given: argparse.Namespace, key: str) -> Restore:
    return Restore(given.database, replica.fetched, Attempt(given.kept, key, given.point))


def _health(replica: Replica, given: argparse.Namespace) -> dict[str, Any]:
    replica.fetched.mkdir(parents=True, exist_ok=True)
    health = questions.health(given.database, replica.fetched, given.kept, given.record)
    try:
        version, late = replica.version(), _late(replica, given.database)
    except Problem as problem:
        return {**health, "ok": False, "problems": [str(problem), *health["problems"]]}
    return {**health, "version": f"{version}, {health['version']}", "problems": [*health["problems"], *late]}


def _late(replica: Replica, database: Path) -> list[str]:
    """Say so when the database was written to and the replica does not know of it."""
    points = replica.points()
    log = database.with_name(f"{database.name}-wal")
    written = max((path.stat().st_mtime for path in (database, log) if path.exists()), default=None)
    if not points:
        return [f"Nothing was replicated to {without_secrets(replica.url)}: is Litestream running?"]
    newest = datetime.fromisoformat(points[0]["as_of"])
    if written is not None and datetime.fromtimestamp(written, UTC) - newest > _LAG:
        return [f"The replica ends at {newest.isoformat()}, before the last write: is Litestream running?"]
    return []


def _replica(given: argparse.Namespace) -> Replica:
    return Replica(given.litestream, given.replica, given.kept / "fetched")
