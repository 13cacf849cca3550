"""What a pgbackrest target can be asked and made to do."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from integrations.runner.attempts import Attempt
from integrations.runner.pgbackrest import beside, questions, salvage, switching
from integrations.runner.pgbackrest.aim import Goal
from integrations.runner.pgbackrest.beside import Beside
from integrations.runner.pgbackrest.guard import guard
from integrations.runner.pgbackrest.in_place import restore_in_place
from integrations.runner.pgbackrest.stanza import LABELS, Stanza, goal_of, stanza_of
from integrations.runner.pgbackrest.switching import Switch
from integrations.runner.postgres.replication import in_step
from integrations.runner.report import Problem, Step, prove

_ARCHIVED_S = 120
_MARK = """
SELECT jsonb_build_object('lsn', pg_create_restore_point(:'name')::text, 'xid', txid_current(),
  'timeline', (SELECT timeline_id FROM pg_control_checkpoint()))
"""


def answer(given: argparse.Namespace) -> Mapping[str, Any]:
    """Return what a question finds."""
    stanza = stanza_of(given)
    match given.verb:
        case "health":
            return questions.health(stanza, given.record)
        case "points":
            return {"points": questions.points(stanza)}
        case "window":
            return questions.window(stanza)
        case "resolve":
            return questions.resolved(stanza, goal_of(given))
        case "log_continuous":
            return questions.log_continuous(stanza, goal_of(given))
        case "guard":
            return guard(stanza.repository)
        case "in_step":
            return in_step(stanza.cluster.server, int(given.within_s), given.as_of)
        case "restored":
            return questions.restored(stanza, given.point)
        case "prove":
            return questions.prove(stanza, given.point)
        case _:
            return questions.hold(stanza, given.point, given.until)


def work(given: argparse.Namespace, key: str) -> Iterator[Step]:
    """Carry out a job under its key, naming each stage once it is reached."""
    stanza = stanza_of(given)
    match given.verb:
        case "verify":
            found = questions.prove(stanza, given.point)
            prove(found)
            if not found["ok"]:
                raise Problem(f"{given.point} is damaged: {found['found']}")
        case "mark":
            yield from mark(stanza, given.name, key)
        case "prepare":
            approved(stanza, given)
            copy = Beside(stanza, key, goal_of(given))
            yield from beside.prepare(copy)
            prove(beside.found_by(copy))
        case "salvage":
            yield from salvage.salvage(stanza, given.restore, given.table, key=key)
            prove(salvage.found(stanza, given.restore, key))
        case "discard":
            yield from beside.discard(Beside(stanza, key, Goal()))
        case "restore" | "restore_in_place":
            approved(stanza, given)
            attempt = Attempt(stanza.kept, key, given.point)
            what = Switch(Beside(stanza, key, goal_of(given)), attempt)
            try:
                if given.verb == "restore":
                    yield from switching.restore(what)
                else:
                    yield from restore_in_place(what, given.keep)
            finally:
                if attempt.record.get("done_at"):
                    prove(switching.done(what))
        case _:
            yield from backup(stanza, given.type or "incr", {name: getattr(given, name) for name in LABELS})


def approved(stanza: Stanza, given: argparse.Namespace) -> None:
    """Refuse a backup that is not the one that was approved."""
    if given.digest is not None and given.digest != stanza.digest(given.point):
        raise Problem(f"{given.point} is not the content that was approved.")


def mark(stanza: Stanza, name: str, key: str) -> Iterator[Step]:
    """Set a marker in the log, note where it stands, and wait until the log up to it is archived.

    A name stands for one place for good: given twice, a release would be undone to the wrong one.
    """
    note = stanza.notes.marker(name)
    if note is None:
        note = {**stanza.cluster.ask(_MARK, name=name), "at": datetime.now(UTC).isoformat(), "key": key}
        stanza.notes.mark(name, note)
    elif note["key"] != key:
        raise Problem(f"There is a marker {name} already, of {note['at']}; choose another name.")
    yield Step("archiving")
    stanza.repository.check(_ARCHIVED_S)
    yield Step("done")
    prove(note)


def backup(stanza: Stanza, kind: str, labels: Mapping[str, str]) -> Iterator[Step]:
    """Take a backup with its labels; what one that was broken off copied is used by the next."""
    yield from stanza.repository.backup(kind, labels)
    taken = max(stanza.repository.info()["backup"], key=lambda each: int(each["timestamp"]["stop"]))
    yield Step("done", int(taken["info"]["size"]), int(taken["info"]["size"]))
    prove({"point": taken["label"], "kind": taken["type"]})
