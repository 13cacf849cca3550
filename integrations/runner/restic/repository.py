"""A restic repository: its snapshots as recovery points of a folder, and what restic says while it works."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from integrations.runner import files, processes
from integrations.runner.copies import LABELS, Note, removable
from integrations.runner.guards import of_storage
from integrations.runner.obstacles import growing
from integrations.runner.reasons import ended, first_errors, without_secrets
from integrations.runner.report import Problem, Step
from integrations.runner.restic import locks, tree, wrong

HOLD = "hold-until="
"""How the tag of a held snapshot begins; `restic forget` spares it only with `--keep-tag`."""

_UNREAD = 3
_NAMED = 8
_LOOK_S = 0.5
_PATIENCE_S = 5.0
_STOPPED = "signal interrupt received"
_FATAL = "Fatal: "
_COUNTED = re.compile(r"^There were \d+ errors")
_LOCKED = "already locked"
_PASSING = ("locked", "connection", "timeout", "temporar")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One snapshot. `id` stays when tags change; `now` is what restic calls it at the moment.

    `host` is where it was taken.
    """

    id: str
    now: str
    at: datetime
    tree: str
    tags: tuple[str, ...]
    host: str


@dataclass(frozen=True, slots=True)
class Repository:
    """Where restic keeps what it backed up of one folder; in `notes` stands what was proved of a snapshot.

    `restores` is the folder as its snapshots name it: another than `path` where that is a stand-in of it.
    """

    program: Path
    url: str
    password_file: Path
    path: Path
    notes: Path
    restores: Path

    def identity(self) -> str:
        """Return what names this repository for good."""
        return str(json.loads(self._said("cat", "config", locks.LOOKING))["id"])

    def version(self) -> str:
        """Return which restic this is."""
        return " ".join(self._said("version").split()[:2])

    def snapshots(self) -> list[Snapshot]:
        """Return the snapshots that hold the folder, newest first."""
        found = json.loads(self._said("snapshots", "--json", f"--path={self.restores}", locks.LOOKING)) or []
        return sorted(map(_snapshot, found), key=lambda snapshot: snapshot.at, reverse=True)

    def snapshot(self, point: str) -> Snapshot:
        """Return one snapshot by the id of its recovery point."""
        found = next((each for each in self.snapshots() if each.id == point), None)
        if found is None:
            raise Problem(
                f"There is no snapshot {point} of {self.restores} in {without_secrets(self.url)}. Where "
                f"{self.path} is a stand-in, `restores` in runner.toml names the folder it stands for."
            )
        return found

    def of_another_host(self, snapshot: Snapshot) -> dict[str, str]:
        """Say that a snapshot was taken elsewhere while this host has some of its own of the same folder."""
        here = socket.gethostname()
        own = sum(each.host == here for each in self.snapshots())
        if snapshot.host == here or not own:
            return {}
        return {
            "elsewhere": f"{snapshot.id} was taken on {snapshot.host}, and this host, {here}, has {own} "
            f"snapshots of its own of {self.restores}: look whether it is the right folder's."
        }

    def guard(self) -> dict[str, Any]:
        """Say whether whoever backs up like this could delete snapshots too; nothing is tried."""
        if self._here:
            return removable(Path(self.url.removeprefix("local:")))
        return of_storage(self.url.partition(":")[0], without_secrets(self.url))

    def points(self) -> list[Note]:
        """Return what is known of every snapshot, newest first."""
        return [self._note(snapshot) for snapshot in self.snapshots()]

    def size(self, snapshot: Snapshot) -> int:
        """Return how many bytes a restore writes."""
        words = ("stats", "--json", "--mode=restore-size", snapshot.now, locks.LOOKING)
        return int(json.loads(self._said(*words))["total_size"])

    def place(self, snapshot: Snapshot) -> PurePosixPath:
        """Return where the folder lies in the tree of a snapshot; Problem where that cannot be told."""
        return tree.place(self._said, snapshot.now, self.restores)

    def locked(self) -> list[str]:
        """Return what an owner should know of those who have the repository."""
        return locks.noted(locks.locks(self._said))

    def entries(self, snapshot: Snapshot) -> Iterator[Mapping[str, Any]]:
        """Yield every file, directory and link of the folder as the snapshot has it."""
        place = self.place(snapshot)
        words = ("ls", "--json", "--recursive", snapshot.now, str(place), locks.LOOKING)
        for line in self._said(*words).splitlines():
            entry = json.loads(line)
            if entry.get("struct_type") == "node":
                yield {**entry, "path": str(self.path / PurePosixPath(entry["path"]).relative_to(place))}

    def backup(self, labels: Mapping[str, str | None]) -> Iterator[Step]:
        """Take a snapshot; one that misses files it could not read is noted as partial and refused."""
        tags = [f"--tag={name}={labels[name]}" for name in LABELS if labels.get(name)]
        taken = ""
        yield from locks.waited(self._said, "backup")
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
            self._must(process, errors)
        yield Step("done")

    def restore(self, snapshot: Snapshot, under: Path) -> Iterator[Step]:
        """Restore the folder under a directory and read back every file that was written."""
        total, place = self.size(snapshot), self.place(snapshot)
        words = ("restore", snapshot.now, f"--include={place}", f"--target={under}", "--verify")
        files.room(under, total)
        yield from locks.waited(self._said, "restore")
        yield Step("copying", 0, total)
        with growing(under, total), self._running(*words, out=subprocess.DEVNULL) as (process, errors):
            while process.poll() is None:
                self._wait(process, errors)
                # Once all is written it only reads it back, which no figure shows.
                done = min(processes.written(process.pid), total)
                yield Step("copying", done, total, by_figures=done < total)
            self._must(process, errors)
        tree.put(under, place, self.path)
        yield Step("copied", total, total)

    def prove(self, point: str) -> dict[str, Any]:
        """Read the folder whole out of a snapshot, which checks every piece, and note what was found."""
        snapshot = self.snapshot(point)
        place = self.place(snapshot)
        with self._running("dump", snapshot.now, str(place), out=subprocess.DEVNULL) as (process, errors):
            while process.poll() is None:
                self._wait(process, errors)
            problem = self._why(process.returncode, _lines(errors)) if process.returncode else ""
        self._keep(point, {"verified_at": None if problem else _now(), "problem": problem})
        found = problem or "every piece of it was read and is right"
        return {"ok": not problem, "found": found, "digest": snapshot.tree}

    def hold(self, point: str, until: str | None) -> dict[str, Any]:
        """Keep a snapshot from being forgotten until a moment, by its tag; None releases it.

        While others have the repository nobody can set a tag. A restore that is kept from nothing else goes
        on: it replaces the folder only once the whole snapshot was read.
        """
        snapshot = self.snapshot(point)
        old = [f"--remove={tag}" for tag in snapshot.tags if tag.startswith(HOLD)]
        new = [f"--add={HOLD}{until}"] if until else []
        if not old and not new:
            return {"point": point, "held_until": None}
        others = locks.cleared(self._said)
        if not others:
            self._said("tag", *old, *new, snapshot.now)
            self._keep(point, {"not_held": None})
            return {"point": point, "held_until": until}
        why = (
            f"{point} was not held while it was restored, for the repository was locked by "
            f"{locks.holders(others)}: look whether it is still there before you rely on it again."
        )
        self._keep(point, {"not_held": why})
        return {"point": point, "held_until": None, "because": why}

    def not_held(self, point: str) -> str:
        """Return why a snapshot could not be held when that was asked last, empty when it was."""
        return (files.read(self.notes / f"{point}.json") or {}).get("not_held") or ""

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

    @property
    def _here(self) -> bool:
        return self.url.startswith(("/", "local:"))

    def _said(self, *words: str) -> str:
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output,
            self._running(*words, out=output.fileno()) as (process, errors),
        ):
            while process.poll() is None:
                self._wait(process, errors)
            self._must(process, errors)
            output.seek(0)
            return output.read()

    def _wait(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        """Wait a moment, and end restic where it only asks again for what is not there."""
        with suppress(subprocess.TimeoutExpired):
            process.wait(_LOOK_S)
        if process.poll() is None and wrong.hopeless(_lines(errors), here=self._here):
            # Asked to, it takes its lock with it.
            process.send_signal(signal.SIGINT)
            try:
                process.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _must(self, process: subprocess.Popen[str], errors: IO[str]) -> None:
        """Raise Problem with what is wrong and restic's own words when it failed."""
        if process.returncode != 0:
            lines = _lines(errors)
            told = [line for line in lines if _LOCKED in line] or _fatal(lines) or lines[-1:]
            passing = any(sign in line for line in told for sign in _PASSING)
            raise Problem(self._why(process.returncode, lines), permanent=not passing)

    def _why(self, code: int, lines: Sequence[str]) -> str:
        """Return what is wrong and what to do where that is known, with restic's own words."""
        url, file = without_secrets(self.url), str(self.password_file)
        locked = any(_LOCKED in line for line in lines)
        meaning = "" if locked else wrong.explained(lines, url=url, password_file=file, version=self.version)
        return f"{meaning} restic: {_reason(code, lines)}".strip()

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


def _reason(code: int, lines: Sequence[str]) -> str:
    """Return what restic gave as its reason: its fatal lines, with the errors that these only count."""
    if locked := [line for line in lines if _LOCKED in line]:
        # What it says last, to remove the lock, is no advice: whoever has it may be at work.
        return first_errors(locked)
    fatal = _fatal(lines)
    others = [line for line in lines if not line.startswith(_FATAL)]
    if fatal and _COUNTED.search(fatal[0]):
        fatal += others
    return first_errors(fatal or others[-1:]) or ended(code)


def _fatal(lines: Sequence[str]) -> list[str]:
    return [line.removeprefix(_FATAL) for line in lines if line.startswith(_FATAL)]


def _lines(errors: IO[str]) -> list[str]:
    # Read apart from where restic writes, with which the place in the file is shared.
    said = os.pread(errors.fileno(), os.fstat(errors.fileno()).st_size, 0).decode("utf-8", "replace")
    return [line.strip() for line in said.splitlines() if line.strip() and _STOPPED not in line]


def _snapshot(found: Mapping[str, Any]) -> Snapshot:
    id = str(found.get("original") or found["id"])[:_NAMED]
    at = datetime.fromisoformat(found["time"]).astimezone(UTC)
    return Snapshot(
        id, found["id"], at, found["tree"], tuple(found.get("tags") or ()), str(found.get("hostname", ""))
    )


def _message(line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _now() -> str:
    return datetime.now(UTC).isoformat()
