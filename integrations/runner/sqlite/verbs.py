"""What a sqlite target can be asked and made to do."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from integrations.runner import files
from integrations.runner.attempts import Attempt
from integrations.runner.copies import LABELS
from integrations.runner.prepared import Prepared
from integrations.runner.report import Problem, Step, prove
from integrations.runner.sqlite import points, questions, salvage
from integrations.runner.sqlite.database import select
from integrations.runner.sqlite.prepare import discard, found, prepare
from integrations.runner.sqlite.restore import Restore, done, keep, restore, room_to_keep


def answer(given: argparse.Namespace) -> Mapping[str, Any]:
    """Return what a question finds."""
    match given.verb:
        case "health":
            return questions.health(given.database, given.points, given.kept, given.record)
        case "points":
            return {"points": points.copies(given.points).listed()}
        case "work":
            size = points.copies(given.points).content(given.point).stat().st_size
            left = Prepared(given.kept, str(given.database)).to_copy(given.point, size)
            looked = points.copies(given.points).looked_at(given.point)
            room = files.room_for(given.database.parent, left)
            room |= room_to_keep(given.database, given.kept)
            return {"copying": left, "copied": left, **room, **looked}
        case "look":
            return points.look(given.points, given.point)
        case "guard":
            return points.copies(given.points).guard()
        case "integrity":
            return questions.sound(given.database)
        case "restored":
            return questions.restored(given.database, given.points, given.kept, given.point, given.digest)
        case "prove":
            return points.prove(given.points, given.point)
        case "hold":
            return points.copies(given.points).hold(given.point, given.until)
        case _:
            return select(given.database, given.query, json.loads(given.values or "{}"))


def work(given: argparse.Namespace, key: str) -> Iterator[Step]:
    """Carry out a job under its key, naming each stage once it is reached."""
    match given.verb:
        case "verify":
            proof = points.prove(given.points, given.point)
            prove(proof)
            if not proof["ok"]:
                raise Problem(f"{given.point} is damaged: {proof['found']}")
        case "backup":
            labels = {name: getattr(given, name) for name in LABELS}
            yield from points.backup(given.database, given.points, labels, key=key)
            prove(points.copies(given.points).taken(key))
        case "keep":
            yield from keep(given.database, given.kept, key=key)
            prove({"kept": str(given.kept)})
        case "prepare":
            what = _restoring(given, key)
            yield from prepare(what)
            prove(found(what))
        case "discard":
            yield from discard(given.database, given.kept)
        case "salvage":
            yield from salvage.salvage(given.database, given.kept, given.restore, given.table, key=key)
            prove(salvage.found(given.kept, given.restore, key))
        case _:
            yield from _restore(_restoring(given, key))


def _restoring(given: argparse.Namespace, key: str) -> Restore:
    return Restore(given.database, given.points, Attempt(given.kept, key, given.point), given.digest)


def _restore(what: Restore) -> Iterator[Step]:
    try:
        yield from restore(what)
    finally:
        if (evidence := done(what))["restored_at"]:
            prove(evidence)
