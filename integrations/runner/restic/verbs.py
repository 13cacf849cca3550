"""What a restic target can be asked and made to do."""

from __future__ import annotations

import argparse
import stat
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from integrations.runner import attempts, files
from integrations.runner.attempts import Attempt
from integrations.runner.copies import LABELS
from integrations.runner.prepared import Prepared
from integrations.runner.report import Problem, Step, prove
from integrations.runner.restic import folder
from integrations.runner.restic.folder import Swap
from integrations.runner.restic.prepare import discard, found, prepare
from integrations.runner.restic.repository import Repository, Snapshot

_KINDS = {"dir": stat.S_ISDIR, "file": stat.S_ISREG, "symlink": stat.S_ISLNK, "fifo": stat.S_ISFIFO}
_SAME_S = 0.001


def answer(given: argparse.Namespace) -> Mapping[str, Any]:
    """Return what a question finds."""
    repository = _repository(given)
    match given.verb:
        case "health":
            return _health(repository, given.kept, given.record)
        case "points":
            return {"points": repository.points()}
        case "work":
            return _to_copy(repository, given)
        case "guard":
            return repository.guard()
        case "restored":
            return _restored(repository, given.kept, _approved(repository, given))
        case "prove":
            return repository.prove(given.point)
        case _:
            return repository.hold(given.point, given.until)


def work(given: argparse.Namespace, key: str) -> Iterator[Step]:
    """Carry out a job under its key, naming each stage once it is reached."""
    repository = _repository(given)
    match given.verb:
        case "verify":
            proof = repository.prove(given.point)
            prove(proof)
            if not proof["ok"]:
                raise Problem(f"{given.point} is damaged: {proof['found']}")
        case "backup":
            yield from repository.backup({name: getattr(given, name) for name in LABELS})
            prove(repository.points()[0])
        case "prepare":
            snapshot, what = _restoring(repository, given, key)
            yield from prepare(what, lambda under: repository.restore(snapshot, under))
            prove(found(what))
        case "discard":
            yield from discard(repository.path, given.kept)
        case _:
            snapshot, what = _restoring(repository, given, key)
            try:
                yield from folder.put_back(what, lambda under: repository.restore(snapshot, under))
            finally:
                if (evidence := folder.done(what))["restored_at"]:
                    prove({**evidence, "digest": snapshot.tree, **_cautions(evidence, repository, snapshot)})


def _cautions(evidence: Mapping[str, Any], repository: Repository, snapshot: Snapshot) -> dict[str, str]:
    """Return as one what people must know of a restore."""
    told = (evidence.get("caution"), repository.not_held(snapshot.id))
    return {"caution": " ".join(filter(None, told))} if any(told) else {}


def _to_copy(repository: Repository, given: argparse.Namespace) -> Mapping[str, Any]:
    """Return how much has to be copied, and whether it finds room; what cannot be found is a problem now."""
    snapshot = repository.snapshot(given.point)
    repository.place(snapshot)
    amount = Prepared(given.kept, str(repository.path)).to_copy(snapshot.id, repository.size(snapshot))
    room = files.room_for(repository.path.parent, amount)
    return {"copying": amount, **room, **repository.of_another_host(snapshot)}


def _restoring(repository: Repository, given: argparse.Namespace, key: str) -> tuple[Snapshot, Swap]:
    snapshot = _approved(repository, given)
    return snapshot, Swap(repository.path, Attempt(given.kept, key, snapshot.id), snapshot.tree)


def _repository(given: argparse.Namespace) -> Repository:
    reach = (given.restic, given.repository, given.password_file, given.path, given.notes)
    return Repository(*reach, given.restores)


def _approved(repository: Repository, given: argparse.Namespace) -> Snapshot:
    snapshot = repository.snapshot(given.point)
    if given.digest is not None and given.digest != snapshot.tree:
        raise Problem(f"{given.point} is not the content that was approved.")
    return snapshot


def _health(repository: Repository, kept: Path, record: Path) -> dict[str, Any]:
    """Say whether the folder could be restored; a missing or damaged one is what restoring is there for."""
    obstacles = folder.obstacles(repository.path, kept)
    if Path(repository.url).is_relative_to(repository.path):
        obstacles.append(f"{repository.url} lies inside {repository.path}, which is replaced as a whole.")
    known = files.read(record) or {}
    place = {"path": str(repository.path), "url": repository.url}
    version = ""
    locked: list[str] = []
    try:
        version = repository.version()
        found = {**place, "repository": repository.identity()}
        locked = repository.locked()
    except Problem as problem:
        obstacles.append(str(problem))
        found = known if place.items() <= known.items() else {**place, "repository": "unknown"}
    else:
        record.parent.mkdir(parents=True, exist_ok=True)
        files.replace(record, found)
    beside = Prepared(kept, str(repository.path))
    return {
        "ok": not obstacles,
        "identity": f"{repository.path}#{found['repository'][:12]}",
        "version": version,
        "problems": [*obstacles, *beside.unfinished()],
        "notes": [*beside.ready_one(), *locked],
        "absent": [] if repository.path.is_dir() else [f"There is no folder at {repository.path}."],
        "bytes": None,
        "made": files.made(repository.path),
    }


def _restored(repository: Repository, kept: Path, snapshot: Snapshot) -> dict[str, Any]:
    """Prove that a folder holds what a snapshot holds: every entry's kind, size and time.

    Files that were written after the restore are counted and do not disturb the proof.
    """
    restored_at = attempts.last(kept, snapshot.id).get("done_at")
    done_at = datetime.fromisoformat(restored_at) if restored_at else None
    missing, newer, count = [], 0, 0
    for entry in repository.entries(snapshot):
        count += 1
        same = _same(entry)
        if same is None or (not same and not _is_newer(entry, done_at)):
            missing.append(str(entry["path"]))
        elif not same:
            newer += 1
    words = f"{count} files and directories, {len(missing)} missing or changed, {newer} written since"
    first = f"; the first is {ascii(missing[0])[:200]}" if missing else ""
    said = {"point": snapshot.id, "digest": snapshot.tree, "restored_at": restored_at}
    return {**said, "ok": not missing, "found": words + first, "missing": len(missing), "newer": newer}


def _same(entry: Mapping[str, Any]) -> bool | None:
    """Say whether an entry is as the snapshot has it; None when it is not there, or something else is."""
    try:
        there = Path(entry["path"]).lstat()
    except OSError:
        return None
    if not _KINDS.get(entry["type"], stat.S_ISREG)(there.st_mode):
        return None
    wrote = datetime.fromisoformat(entry["mtime"]).timestamp()
    alike = there.st_size == entry.get("size", 0) and abs(there.st_mtime - wrote) < _SAME_S
    return alike or entry["type"] != "file"


def _is_newer(entry: Mapping[str, Any], done_at: datetime | None) -> bool:
    return done_at is not None and Path(entry["path"]).lstat().st_mtime > done_at.timestamp()
