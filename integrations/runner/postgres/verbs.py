"""What a postgres target can be asked and made to do."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from integrations.runner.attempts import Attempt
from integrations.runner.copies import LABELS, Note
from integrations.runner.postgres import checks, dumps, partial, questions, replication, salvage
from integrations.runner.postgres.asking import select
from integrations.runner.postgres.dumps import copies
from integrations.runner.postgres.prepare import discard, found, prepare
from integrations.runner.postgres.renaming import Renaming, apart, beside, done, restore, room_for
from integrations.runner.postgres.server import Server
from integrations.runner.report import Problem, Step, prove


def answer(given: argparse.Namespace) -> Mapping[str, Any]:
    """Return what a question finds."""
    match given.verb:
        case "health":
            return questions.health(_server(given), given.database, given.points, given.kept, given.record)
        case "points":
            return {"points": copies(given.points).listed()}
        case "work":
            size = int(copies(given.points).note(given.point)["bytes"])
            left = beside(_server(given), given.database, given.kept).to_copy(given.point, size)
            room = room_for(_server(given), left)
            return {"copying": left, "copied": left, **room, **copies(given.points).looked_at(given.point)}
        case "look":
            return dumps.look(given.programs, given.points, given.point)
        case "guard":
            return copies(given.points).guard()
        case "restored":
            place = (given.database, given.points, given.kept)
            return questions.restored(_server(given), *place, given.point, given.digest)
        case "prove":
            return dumps.prove(given.programs, given.points, given.point)
        case "in_step":
            return replication.in_step(_server(given), int(given.within_s), given.as_of)
        case "select" | "rows" | "recovered_to" | "schema" | "amcheck":
            return _check(given)
        case _:
            return copies(given.points).hold(given.point, given.until)


def _check(given: argparse.Namespace) -> Mapping[str, Any]:
    database = given.database
    match given.verb:
        case "select":
            return select(_reader(given), database, given.query, json.loads(given.values or "{}"))
        case "rows":
            bounds = {name: _number(getattr(given, name)) for name in ("at_least", "at_most", "of_point")}
            return checks.rows(_reader(given), database, given.table, bounds, _note(given))
        case "recovered_to":
            moments = {"not_before": given.not_before, "not_after": given.not_after}
            return checks.recovered_to(_reader(given), database, given.table, given.column, moments)
        case "schema":
            return checks.same_schema(_server(given), database, _note(given), given.equals)
        case _:
            return checks.amcheck(_server(given), database)


def work(given: argparse.Namespace, key: str) -> Iterator[Step]:
    """Carry out a job under its key, naming each stage once it is reached."""
    match given.verb:
        case "verify":
            proof = dumps.prove(given.programs, given.points, given.point)
            prove(proof)
            if not proof["ok"]:
                raise Problem(f"{given.point} is damaged: {proof['found']}")
        case "backup":
            labels = {name: getattr(given, name) for name in LABELS}
            server = _server(given)
            yield from dumps.backup(server, given.database, given.points, labels, key=key, jobs=given.jobs)
            prove({"point": copies(given.points).taken(key)["id"]})
        case "prepare":
            what = _renaming(given, key)
            yield from prepare(what)
            prove(found(what))
        case "discard":
            yield from discard(_renaming(given, key))
        case "salvage":
            place = (given.database, given.kept, given.restore, given.table)
            yield from salvage.salvage(_server(given), *place, key=key)
            prove(salvage.found(given.kept, given.restore, key))
        case "restore_partial" | "drop_partial" | "extract" | "drop_extracted":
            yield from _partly(given, key)
        case _:
            yield from _restore(_renaming(given, key))


def _partly(given: argparse.Namespace, key: str) -> Iterator[Step]:
    match given.verb:
        case "restore_partial":
            yield from partial.restore_partial(_renaming(given, key))
            prove({"point": given.point, "database": apart(given.database, given.point)})
        case "drop_partial":
            yield from partial.drop_partial(_renaming(given, key))
        case "extract":
            wish = partial.wish(given.tables, given.mark, given.column, given.values)
            yield from partial.extract(_renaming(given, key), wish)
            prove(partial.extracted(_server(given), given.database, given.mark))
        case _:
            yield from partial.drop_extracted(_server(given), given.database, given.mark)


def _renaming(given: argparse.Namespace, key: str) -> Renaming:
    # By this name what a killed attempt left running inside the server is found.
    server = replace(_server(given), application=f"backstop restore {given.database}"[:63])
    point, jobs, digest = (getattr(given, name, None) for name in ("point", "jobs", "digest"))
    attempt = Attempt(given.kept, key, point or "")
    return Renaming(server, given.database, copies(given.points), attempt, jobs or "1", digest)


def _restore(what: Renaming) -> Iterator[Step]:
    try:
        yield from restore(what)
    finally:
        if what.attempt.record.get("done_at"):
            prove(done(what))


def _server(given: argparse.Namespace) -> Server:
    return Server(given.programs, given.host, given.port, given.user)


def _reader(given: argparse.Namespace) -> Server:
    return Server(given.programs, given.host, given.port, given.reader, application="backstop check")


def _note(given: argparse.Namespace) -> Note | None:
    return copies(given.points).approved(given.point, given.digest)[0] if given.point else None


def _number(text: str | None) -> int | None:
    return None if text is None else int(text)
