"""A restic repository: its snapshots as recovery points of a folder, and what restic says while it works."""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from integrations.runner import files, processes
from integrations.runner.copies import LABELS, Note, removable
from integrations.runner.report import Problem, Step

HOLD = "hold-until="
"""How the tag of a held snapshot begins; `restic forget` spares it only with `--keep-tag`."""

_UNREAD = 3
_NAMED = 8
_LOOK_S = 0.5
_LONGEST = 400
_PASSING = ("locked", "connection", "timeout", "temporar")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot. `id` stays when tags change; `now` is what restic calls it at the moment."""

    id: str
    now: str
    at: datetime
    tree: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Repository:
    """Where restic keeps what it backed up of one folder; in `notes` stands what was proved of a snapshot."""

    program: Path
    url: str
    password_file: Path
    path: Path
    notes: Path

    def identity(self) -> str:
        """Return what names this repository for good."""
        return str(json.loads(self._said("cat", "config"))["id"])

    def version(self) -> str:
        """Return which restic this is."""
        return " ".join(self._said("version").split()[:2])

    def snapshots(self) -> list[Snapshot]:
        """Return the snapshots that hold the folder, newest first."""
        found = json.loads(self._said("snapshots", "--json", f"--path={self.path}")) or []
        return sorted(map(_snapshot, found), key=lambda snapshot: snapshot.at, reverse=True)

    def snapshot(self, point: str) -> Snapshot:
        """Return one snapshot by the id of its recovery point."""
        found = next((each for each in self.snapshots() if each.id == point), None)
        if found is None:
            raise Problem(f"There is no snapshot {point} of {self.path} in {self.url}.")
        return found

    def guard(self) -> dict[str, Any]:
        """Say whether whoever backs up like this could delete snapshots too; nothing is tried."""
        if self.url.startswith("/"):
            return removable(Path(self.url))
        if self.url.startswith("rest:"):
            why = "the server decides: with `--append-only` it deletes nothing for this user"
            return {"deletes": None, "because": why}
        return {
            "deletes": None,
            "because": "the rights of its storage decide",
        }

    def points(self) -> list[Note]:
        """Return what is known of every snapshot, newest first."""
        return [self._note(snapshot) for snapshot in self.snapshots()]

    def size(self, snapshot: Snapshot) -> int:
        """Return how many bytes a restore writes."""
        return int(
            json.loads(self._said("stats", "--json", "--mode=restore-size", snapshot.now))["total_size"]
        )

    def entries(self, snapshot: Snapshot) -> Iterator[Mapping[str, Any]]:
        """Yield every file, directory and link of the folder as the snapshot has it."""
        for line in self._said("ls", "--json", "--recursive", snapshot.now, str(self.path)).splitlines():
            entry = json.loads(line)
            if entry.get("struct_type") == "node":
                yield entry

    def backup(self, labels: Mapping[str, str | None]) -> Iterator[Step]:
        """Take a snapshot; one that misses files it could not read is noted as partial and refused."""
        tags = [f"--tag={name}={labels[name]}" for name in LABELS if labels.get(name)]
        taken = ""
        with self._running("backup", "--json", *tags, str(self.path)) as (process, errors):
            for line in process.stdout or ():
                said = _message(line)
                if said.get("message_type") == "status":
                    yield Step("copying", int(said.get("bytes_done", 0)), said.get("total_bytes"))
                taken = str(said.get("snapshot_id", taken))[:_NAMED]
            process.wait()
            if process.returncode == _UNREAD and taken:
                self._keep(taken, {"health": "partial", "problem": "some files could not be read"})
                raise Problem(f"restic could not read every file of {self.path}: {taken} is not whole.")
            _must(process, errors)
        yield Step("done")

    def restore(self, snapshot: Snapshot, under: Path) -> Iterator[Step]:
        """Restore the folder under a directory and read back every file that was written."""
        total = self.size(snapshot)
        words = ("restore", snapshot.now, f"--include={self.path}", f"--target={under}", "--verify")
        files.room(under, total)
        yield Step("copying", 0, total)
        with self._running(*words, out=subprocess.DEVNULL) as (process, errors):
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_S)
                yield Step("copying", min(processes.written(process.pid), total), total)
            _must(process, errors)
        yield Step("copied", total, total)

    def prove(self, point: str) -> dict[str, Any]:
        """Read the folder whole out of a snapshot, which checks every piece, and note what was found."""
        snapshot = self.snapshot(point)
        with self._running("dump", snapshot.now, str(self.path), out=subprocess.DEVNULL) as (process, errors):
            process.wait()
            problem = "" if process.returncode == 0 else _words(errors)
        self._keep(point, {"verified_at": None if problem else _now(), "problem": problem})
        found = problem or "every piece of it was read and is right"
        return {"ok": not problem, "found": found, "digest": snapshot.tree}

    def hold(self, point: str, until: str | None) -> dict[str, Any]:
        """Keep a snapshot from being forgotten until a moment, by its tag; None releases it."""
        snapshot = self.snapshot(point)
        old = [f"--remove={tag}" for tag in snapshot.tags if tag.startswith(HOLD)]
        new = [f"--add={HOLD}{until}"] if until else []
        if old or new:
            self._said("tag", *old, *new, snapshot.now)
        return {"point": point, "held_until": until}

    def _note(self, snapshot: Snapshot) -> Note:
        known = files.read(self.notes / f"{snapshot.id}.json") or {}
        tags = dict(tag.partition("=")[::2] for tag in snapshot.tags if "=" in tag)
        problem = known.get("problem")
        health = known.get("health") or ("invalid" if problem else "unknown")
        if known.get("verified_at"):
            health = "valid"
        return {
            "id": snapshot.id,
            "as_of": snapshot.at.isoformat(),
            "digest": snapshot.tree,
            "health": health,
            "problem": problem,
            "verified_at": known.get("verified_at"),
            "held_until": tags.get(HOLD.rstrip("=")),
            **{name: tags.get(name) for name in LABELS},
        }

    def _keep(self, point: str, known: Mapping[str, Any]) -> None:
        self.notes.mkdir(parents=True, exist_ok=True)
        file = self.notes / f"{point}.json"
        files.replace(file, {**(files.read(file) or {}), **known})

    def _said(self, *words: str) -> str:
        with self._running(*words) as (process, errors):
            output = process.stdout.read() if process.stdout else ""
            process.wait()
            _must(process, errors)
        return output

    @contextmanager
    def _running(
        self, *words: str, out: int = subprocess.PIPE
    ) -> Iterator[tuple[subprocess.Popen[str], IO[str]]]:
        reach = (f"--repo={self.url}", f"--password-file={self.password_file}")
        cache = f"--cache-dir={self.notes / 'cache'}"
        # A pipe that nobody reads would stop restic when it has much to complain about.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
            try:
                process = subprocess.Popen(
                    [self.program, *reach, cache, *words],
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=errors,
                    encoding="utf-8",
                    errors="replace",
                )
            except OSError as error:
                raise Problem(f"{self.program} cannot be run: {error.strerror}.") from error
            with process:
                yield process, errors


def _must(process: subprocess.Popen[str], errors: IO[str]) -> None:
    """Raise Problem with restic's own words when it failed."""
    if process.returncode != 0:
        words = _words(errors)
        raise Problem(f"restic: {words}", permanent=not any(sign in words for sign in _PASSING))


def _words(errors: IO[str]) -> str:
    """Return what restic gave as its reason: the first fatal line, else the last one."""
    errors.seek(0)
    lines = [line.strip() for line in errors if line.strip()]
    fatal = [line.removeprefix("Fatal: ") for line in lines if line.startswith("Fatal: ")]
    return next(iter([*fatal, *lines[-1:]]), "it failed and said nothing")[:_LONGEST]


def _snapshot(found: Mapping[str, Any]) -> Snapshot:
    id = str(found.get("original") or found["id"])[:_NAMED]
    at = datetime.fromisoformat(found["time"]).astimezone(UTC)
    return Snapshot(id, found["id"], at, found["tree"], tuple(found.get("tags") or ()))


def _message(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _now() -> str:
    return datetime.now(UTC).isoformat()
