"""What can be asked of a release, and the job that rolls it back.

Helm has no lock of its own: two rollbacks at once both succeed and nobody knows what came of it. The lock of
the target keeps them apart. Before Helm begins, the newest revision is noted under the job's key; after a
crash the history shows whether that job had not begun, is half done, or was done.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.attempts import alone
from integrations.runner.helm.release import DEPLOYED, PENDING_ROLLBACK, Release, Revision
from integrations.runner.jobs import directory
from integrations.runner.report import Problem, Step, prove


def answer(given: argparse.Namespace) -> Mapping[str, Any]:
    """Return what a question finds."""
    release = _release(given)
    match given.verb:
        case "health":
            return _health(release)
        case "points":
            return {"points": [_note(release, each) for each in release.history()]}
        case "outcome":
            return _outcome(release, files.read(_record(given.kept, given.restore)))
        case "restored":
            history = release.history()
            return _deployed(history[0], _approved(release, history, given))
        case _:
            return _deployed(release.history()[0])


def work(given: argparse.Namespace, key: str) -> Iterator[Step]:
    """Carry the rollback out under its key; a key whose rollback is done already is done."""
    release = _release(given)
    with alone(given.kept, f"the release {release.name}"):
        yield Step("looking")
        history = release.history()
        wanted = _approved(release, history, given)
        record = _record(given.kept, key)
        known = files.read(record)
        if known is not None and known["to"] != wanted.number:
            raise Problem(f"{key} rolled back to {known['to']}; another rollback needs another key.")
        if known is None or _outcome(release, known)["outcome"] != "done":
            _must_be_idle(history, given)
            files.replace(record, {"key": key, "before": history[0].number, "to": wanted.number})
            yield from _carry_out(release, wanted)
        yield Step("done")
        prove(_evidence(release.history()[0], wanted))


def _carry_out(release: Release, wanted: Revision) -> Iterator[Step]:
    try:
        yield from release.roll_back(wanted.number)
    except Problem as problem:
        newest = release.history()[0]
        left = f"revision {newest.number} is {newest.status}"
        if newest.status == PENDING_ROLLBACK:
            left += "; another rollback is accepted and ends it, an upgrade is not"
        raise Problem(f"{problem}; {left}.", permanent=problem.permanent) from problem


def _must_be_idle(history: Sequence[Revision], given: argparse.Namespace) -> None:
    """Refuse while somebody else may be at work; a rollback of our own that was left half is taken up."""
    newest = history[0]
    if not newest.pending or given.although_pending:
        return
    if newest.status == PENDING_ROLLBACK and _is_ours(given.kept, newest):
        return
    raise Problem(
        f"Revision {newest.number} is {newest.status} since {newest.updated}: somebody may be at work on it. "
        "End that first, then roll back with `although_pending: yes`."
    )


def _is_ours(kept: Path, newest: Revision) -> bool:
    records = (files.read(path) or {} for path in kept.glob("[!.]*.json"))
    return any((each["to"], each["before"] + 1) == (newest.undoes_to, newest.number) for each in records)


def _outcome(release: Release, record: files.Document | None) -> dict[str, Any]:
    """Say what the history shows of a rollback that was noted before it began."""
    if record is None:
        return {"outcome": "not begun", "found": "Helm had not begun"}
    newer = [each for each in release.history() if each.number > record["before"]]
    own = next((each for each in reversed(newer) if each.undoes_to == record["to"]), None)
    if own is None:
        return {"outcome": "not begun", "found": "Helm had not begun"}
    said = f"revision {own.number} ({own.description}) is {own.status}"
    # A later operation makes it superseded, which only what was deployed can become.
    done = own.status in {DEPLOYED, "superseded"}
    outcome = "done" if done else "pending" if own.pending else "failed"
    return {"outcome": outcome, "found": said, "revision": own.number, "status": own.status}


def _approved(release: Release, history: Sequence[Revision], given: argparse.Namespace) -> Revision:
    wanted = next((each for each in history if str(each.number) == given.point), None)
    if wanted is None:
        kept = ", ".join(str(each.number) for each in history)
        raise Problem(f"There is no revision {given.point} of {release.name}; Helm keeps {kept}.")
    if given.digest is not None and given.digest != release.digest(wanted):
        raise Problem(f"Revision {given.point} is not the one that was approved.")
    return wanted


def _health(release: Release) -> dict[str, Any]:
    """Say which install of the release it is, and what state its last operation left."""
    newest = release.history()[0]
    problems = []
    if newest.status != DEPLOYED:
        problems.append(f"Revision {newest.number} is {newest.status} ({newest.description}).")
    return {
        "ok": True,
        "identity": f"{release.namespace}/{release.name}#{release.first_deployed()}",
        "version": release.version(),
        "problems": problems,
        "bytes": None,
    }


def _deployed(newest: Revision, wanted: Revision | None = None) -> dict[str, Any]:
    """Say whether the newest revision is deployed, and whether it is, or goes back to, the wanted one."""
    same = wanted is None or wanted.number in {newest.number, newest.undoes_to}
    other = f"; it is not what revision {wanted.number} was" if wanted and not same else ""
    found = f"revision {newest.number} is {newest.status}: {newest.description}{other}"
    figures = {"revision": newest.number, "status": newest.status}
    return {"ok": same and newest.status == DEPLOYED, "found": found, **figures}


def _note(release: Release, revision: Revision) -> dict[str, Any]:
    return {
        "id": str(revision.number),
        "as_of": revision.updated,
        "digest": release.digest(revision),
        "health": revision.health,
        "release": revision.app_version or None,
    }


def _evidence(newest: Revision, wanted: Revision) -> dict[str, Any]:
    return {"revision": newest.number, "status": newest.status, "content_of": wanted.number}


def _release(given: argparse.Namespace) -> Release:
    return Release(given.helm, given.release, given.namespace, given.kubeconfig, given.patience)


def _record(kept: Path, key: str) -> Path:
    return kept / f"{directory(key)}.json"
