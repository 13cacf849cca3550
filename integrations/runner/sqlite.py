"""`backstop-runner sqlite`: the operations on one database, for the runner and for a person without it."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.runner import points, questions
from integrations.runner.database import DatabaseProblem, Step, select, tell
from integrations.runner.restore import Restore, StillOpen, done, keep, restore

FAILED = 1
PARTLY = 4
"""Exit code when the act was done and something still keeps it from being right."""

_OPTIONS = {
    "database": "the database's file",
    "points": "directory of its recovery points",
    "kept": "directory for damaged databases",
    "record": "file that remembers the database's identity",
    "point": "id of a recovery point",
    "digest": "SHA-256 the point must have",
    "until": "moment with zone; left out releases",
    "query": "one SELECT",
    "values": "JSON object of named values",
    "release": "label of the recovery point",
    "commit": "label of the recovery point",
    "environment": "label of the recovery point",
}
_PATHS = ("database", "points", "kept", "record")
_VERBS = {
    "health": "database points record",
    "points": "points",
    "integrity": "database",
    "restored": "database points kept point digest?",
    "prove": "points point",
    "verify": "points point",
    "hold": "points point until?",
    "select": "database query values?",
    "keep": "database kept",
    "backup": "database points release? commit? environment?",
    "restore": "database points kept point digest?",
}


def main(argv: Sequence[str]) -> int:
    """Carry out one operation; questions answer with JSON, jobs with lines of progress and evidence."""
    given = _parser().parse_args(argv)
    try:
        match given.verb:
            case "backup" | "keep" | "restore" | "verify":
                return _job(given)
            case _:
                tell(json.dumps(_question(given)))
    except DatabaseProblem as problem:
        if given.verb in {"backup", "keep", "restore", "verify"}:
            sys.stderr.write(f"{problem}\n")
        else:
            tell(json.dumps({"error": str(problem), "permanent": problem.permanent}))
        return FAILED
    except StillOpen as problem:
        sys.stderr.write(f"{problem}\n")
        return PARTLY
    return 0


def _question(given: argparse.Namespace) -> dict[str, Any]:
    match given.verb:
        case "health":
            return questions.health(given.database, given.points, given.record)
        case "points":
            return {"points": points.listed(given.points)}
        case "integrity":
            return questions.sound(given.database)
        case "restored":
            return questions.restored(given.database, given.points, given.kept, given.point, given.digest)
        case "prove":
            return points.prove(given.points, given.point)
        case "hold":
            return points.hold(given.points, given.point, given.until)
        case _:
            return select(given.database, given.query, json.loads(given.values or "{}"))


def _job(given: argparse.Namespace) -> int:
    key = os.environ.get("BACKSTOP_KEY", f"by-hand-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}")
    match given.verb:
        case "verify":
            found = points.prove(given.points, given.point)
            tell(f"::evidence {json.dumps(found)}")
            return 0 if found["ok"] else FAILED
        case "backup":
            labels = {name: getattr(given, name) for name in ("release", "commit", "environment")}
            _reported(points.backup(given.database, given.points, labels, key=key))
            tell(f"::evidence {json.dumps(points.backed_up(given.points, key))}")
        case "keep":
            _reported(keep(given.database, given.kept, key=key))
            tell(f"::evidence {json.dumps({'kept': str(given.kept)})}")
        case _:
            return _restore(given, key)
    return 0


def _restore(given: argparse.Namespace, key: str) -> int:
    what = Restore(given.database, given.points, given.kept, given.point, key, given.digest)
    try:
        _reported(restore(what))
    finally:
        if (evidence := done(what))["restored_at"]:
            tell(f"::evidence {json.dumps(evidence)}")
    return 0


def _reported(steps: Iterator[Step]) -> None:
    for step in steps:
        tell(step.line())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="backstop-runner sqlite", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, names in _VERBS.items():
        added = verbs.add_parser(verb)
        for name in names.split():
            option = name.rstrip("?")
            added.add_argument(
                f"--{option}",
                type=Path if option in _PATHS else str,
                required=option == name,
                help=_OPTIONS[option],
            )
    return parser
