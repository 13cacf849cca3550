"""Jobs as they lie on the disk: one directory a key, written so that any crash leaves a readable state.

spec.json says what was asked and exists from the moment it counts as asked. pid.json is written under the
target's lock just before the program begins. exit.json says how it ended. A program of the runner's own also
writes word.json at its end, which counts where no supervisor was left to see it. The file `supervised` is
locked from before spec.json exists until the supervisor is gone, whatever ends it.
"""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from signal import Signals
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from integrations.runner import files, processes, servers
from integrations.runner.params import Refused, shown

_LONGEST_KEY = 200
_TAIL = 16_384
_WORD = "word.json"


class Spec(NamedTuple):
    """What a job does; `token` is the fencing token of its target, seconds for times.

    `backstop` is the id of the Backstop that asked; empty for one of a version before it had any.
    """

    key: str
    operation: str
    target: str
    params: dict[str, Any]
    argv: tuple[str, ...]
    timeout_s: float
    token: int | None
    env: dict[str, str]
    secret_env: dict[str, str]
    leaves_daemon: bool
    asked_at: str
    starts_server: bool = False
    backstop: str = ""

    def same(self, other: Spec) -> bool:
        """Say whether two specs ask for the same act."""
        return (self.operation, self.target, self.params, self.token) == (
            other.operation,
            other.target,
            other.params,
            other.token,
        )


class Ground:
    """What the runner remembers of one target: its lock, the highest token and the last holder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = path / "lock"
        self.token = path / "token.json"
        self.holder = path / "holder.json"

    def job(self, key: str) -> Job:
        """Return a job of the same runner."""
        return Job(self.path.parents[1], key)

    def busy_with(self) -> str | None:
        """Return the key of the job that has the target, or None when nobody has it."""
        if not files.held(self.lock):
            return None
        return str((files.read(self.holder) or {}).get("key", "an unknown job"))


class Job:
    """One job's directory."""

    def __init__(self, state: Path, key: str) -> None:
        self.key = key
        self.path = state / "jobs" / directory(key)
        self.supervised = self.path / "supervised"
        self.log = self.path / "out.log"
        self.cancelled = self.path / "cancel"
        self.pulse = self.path / "pulse"
        self._spec = self.path / "spec.json"
        self._claim = self.path / "pid.json"
        self._exit = self.path / "exit.json"
        self._word = self.path / _WORD
        self._state = state

    def spec(self) -> Spec | None:
        """Return what was asked, or None for a key that never counted as asked."""
        found = files.read(self._spec)
        return None if found is None else Spec(**{**found, "argv": tuple(found["argv"])})

    def ask(self, spec: Spec) -> bool:
        """Store what is asked; False when the key was asked before."""
        return files.publish(self._spec, spec._asdict())

    def ground(self, target: str) -> Ground:
        """Return what is remembered of the job's target."""
        return ground(self._state, target)

    def claim(self) -> bool:
        """Record that the program is about to begin; False when it began or ended before."""
        own = {"supervisor": os.getpid(), "begun": processes.begun(os.getpid()), "at": moment()}
        return not self._exit.exists() and files.publish(self._claim, {**own, "boot": processes.boot_id()})

    def runs_as(self, child: int) -> None:
        """Record the process that carries the job out."""
        found = files.read(self._claim) or {}
        files.replace(self._claim, {**found, "child": child, "child_begun": processes.begun(child)})

    def claimed(self) -> files.Document | None:
        """Return who carries the job out, or None when its program never began."""
        return files.read(self._claim)

    def end(self, outcome: dict[str, Any]) -> None:
        """Record how the job ended; the first word stands."""
        files.publish(self._exit, {**outcome, "ended_at": moment()})

    def marks(self) -> tuple[int, ...]:
        """Return what differs when something was written about the job since; it costs next to nothing."""
        return tuple(_mark(path) for path in (self._exit, self._claim, self.log))

    def left(self) -> tuple[int, ...]:
        """Return the pids of what still acts of it: its program, everything with its mark, and its server.

        What a step may leave behind carries no mark, and only its program counts. A server counts until its
        recovery is over.
        """
        claim = self.claimed() or {}
        child, since = claim.get("child", 0), claim.get("child_begun", "")
        here = claim.get("boot") == processes.boot_id()
        program = (child,) if here and since and processes.lives(child, since) else ()
        server = servers.acting(self.path)
        own = (server,) if server else ()
        return tuple(dict.fromkeys((*program, *processes.marked(self.path), *own)))

    def end_left(self, pid: int, number: Signals) -> None:
        """Send a signal to one of those that still act."""
        claim = self.claimed() or {}
        if pid == claim.get("child"):
            processes.end_that(pid, claim["child_begun"], number)
        processes.end(pid, self.path, number)

    def silent_s(self, *, by_figures: bool) -> float:
        """Return how long ago the program showed a sign of life: it wrote, computed, or began.

        One that asks for figures computes whether they move or not: what it writes of them counts alone.
        """
        places = (self.log, self._claim) if by_figures else (self.pulse, self.log, self._claim)
        signs = [path.stat().st_mtime for path in places if path.exists()]
        return max(0.0, time.time() - max(signs, default=time.time()))

    def outcome(self) -> files.Document | None:
        """Return how the job ended, or None."""
        return files.read(self._exit)

    def word(self) -> files.Document | None:
        """Return how its program says that it ended, or None for one that never came to its end."""
        return files.read(self._word)


def _mark(path: Path) -> int:
    try:
        found = path.stat()
    except FileNotFoundError:
        return -1
    return hash((found.st_ino, found.st_size, found.st_mtime_ns))


def directory(key: str) -> str:
    """Return the name of a key's directory; keys that cannot have one are refused."""
    name = quote(key, safe="").replace(".", "%2E") if isinstance(key, str) else ""
    if not key or len(name) > _LONGEST_KEY or not key.isprintable():
        raise Refused(f"A key is 1 to {_LONGEST_KEY} printable characters, not {shown(key)}.")
    return name


def ground(state: Path, target: str) -> Ground:
    """Return what is remembered of a target."""
    place = Ground(state / "targets" / target)
    place.path.mkdir(parents=True, exist_ok=True)
    return place


def seen(state: Path, target: str) -> files.Document | None:
    """Return the highest token that a target has seen, with the key it came with, or None."""
    return files.read(Ground(state / "targets" / target).token)


def keys(state: Path) -> list[str]:
    """Return the keys of all jobs that were asked, oldest first."""
    specs = sorted((state / "jobs").glob("*/spec.json"), key=lambda path: path.stat().st_mtime_ns)
    return [unquote(path.parent.name) for path in specs]


def status(state: Path, key: str) -> dict[str, Any]:
    """Say where a job is: unknown, running, done, refused or lost, and whether anything of it still lives."""
    job = Job(state, key)
    # The lock is looked at first: a supervisor that ends between the two looks has written its exit by then.
    supervised = files.held(job.supervised)
    spec, claim, outcome = job.spec(), job.claimed(), job.outcome()
    if spec is None and outcome is not None:
        return {"key": key, "alive": False, **outcome}
    if spec is None:
        # Somebody who was held up while asking may still come to it.
        return {"state": "running" if supervised else "unknown", "key": key}
    if claim is None and outcome is None and not supervised:
        because = "The job was asked for and never began; it may be started again under its key."
        return {"state": "unknown", "key": key, "alive": False, "because": because}
    known = {
        "key": key,
        "operation": spec.operation,
        "target": spec.target,
        "asked_at": spec.asked_at,
        "started_at": (claim or {}).get("at"),
        **_reported(job.log),
    }
    if outcome is not None:
        return {**known, "alive": False, **outcome}
    if supervised:
        by_figures = known.get("progress", {}).get("by_figures") is True
        silent_s = job.silent_s(by_figures=by_figures)
        return {**known, "state": "running", "alive": True, "silent_s": silent_s}
    return {**known, **_unattended(job, spec, claim or {})}


def moment() -> str:
    """Return the time now as text."""
    return datetime.now(UTC).isoformat()


def give_word(job: Path, code: int) -> None:
    """Record in a job's directory that its program comes to its end now; written by the program itself."""
    files.publish(job / _WORD, {"code": code, "ended_at": moment()})


def _unattended(job: Job, spec: Spec, claim: files.Document) -> dict[str, Any]:
    """Say how a job is whose supervisor is gone: its program may have come to its end all the same."""
    found = _lost(job, spec, claim)
    word = job.word()
    # While anything of it acts it has not ended, whatever was said.
    if word is None or found["alive"]:
        return {"state": "lost", **found}
    return {"state": "done", "alive": False, "reason": "none", **word}


def _lost(job: Job, spec: Spec, claim: files.Document) -> dict[str, Any]:
    if claim.get("boot") != processes.boot_id():
        return {"alive": False, "because": "The host was restarted while the job ran."}
    if _alive(job, spec):
        return {"alive": True, "because": "The supervisor is gone; processes of the job still run."}
    gone = "The supervisor is gone and nothing of the job runs any more."
    return {"alive": False, "because": f"{gone} {servers.told(job.path)}".rstrip()}


def _alive(job: Job, spec: Spec) -> bool:
    return bool(job.left()) or (not spec.leaves_daemon and job.ground(spec.target).busy_with() == job.key)


def _reported(log: Path) -> dict[str, Any]:
    # A program reports on lines of its own: `::progress {...}` while it works, `::evidence {...}` at the end.
    try:
        with log.open("rb") as file:
            file.seek(0, os.SEEK_END)
            begin = max(file.tell() - _TAIL, 0)
            file.seek(begin)
            # A line that was cut in two says nothing, and half a secret would not be masked.
            lines = file.read().decode("utf-8", "replace").splitlines()[1 if begin else 0 :]
    except FileNotFoundError:
        return {}
    found: dict[str, Any] = {}
    for line in lines:
        word, _, rest = line.partition(" ")
        if word in {"::progress", "::evidence"}:
            if (report := _object(rest)) is not None:
                found[word[2:]] = report
        elif line.strip():
            found["said"] = line.strip()
    return found


def _object(text: str) -> files.Document | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
