"""What a sqlite target can be asked and made to do."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from typing import Any

from integrations.runner.attempts import Attempt
from integrations.runner.copies import LABELS
from integrations.runner.report import Problem, Step, prove
from integrations.runner.sqlite import points, questions
from integrations.runner.sqlite.database import select
from integrations.runner.sqlite.restore import Restore, done, keep, restore


def answer(given: argparse.Namespace) -> Mapping[str, Any]:
    """Return what a question finds."""
    match given.verb:
        case "health":
            return questions.health(given.database, given.points, given.record)
        case "points":
            return {"points": points.copies(given.points).listed()}
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
            found = points.prove(given.points, given.point)
            prove(found)
            if not found["ok"]:
                raise Problem(f"{given.point} is damaged: {found['found']}")
        case "backup":
            labels = {name: getattr(given, name) for name in LABELS}
            yield from points.backup(given.database, given.points, labels, key=key)
            prove(points.copies(given.points).taken(key))
        case "keep":
            yield from keep(given.database, given.kept, key=key)
            prove({"kept": str(given.kept)})
        case _:
            yield from _restore(given, key)


def _restore(given: argparse.Namespace, key: str) -> Iterator[Step]:
    what = Restore(given.database, given.points, Attempt(given.kept, key, given.point), given.digest)
    try:
        yield from restore(what)
    finally:
        if (evidence := done(what))["restored_at"]:
            prove(evidence)
