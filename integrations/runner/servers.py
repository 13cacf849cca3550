"""The PostgreSQL server that a job began: until its recovery is over it is the job's own, and ends with it.

It outlives its job on purpose, so nothing in its environment says whose it is. A file in the directory of the
job does, from before the server begins. From the moment at which it takes part in the world, or rests at its
goal, it is nobody's to end.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from integrations.runner import files, processes

PID_FILE = "postmaster.pid"
"""Where a server notes its process in its data directory; it stays behind when the server is killed."""

_FILE = "server.json"
_REPLAYING, _UP, _RESTING = "replaying", "up", "resting"
_STATUS_LINE, _READY = 7, "ready"
_STATE, _IN_PRODUCTION = 16, 6
"""Where the state of a cluster stands in the bytes of its pg_control, and what it is once it takes writes."""

_LOOK_S = 0.05
_PATIENCE_S = 10.0
"""Longer than the 5 s after which a server that stops at once kills those of its processes that hang."""


def answer_for(data: Path, stop: Sequence[str]) -> None:
    """Note that the server of a data directory is this job's, which `stop` ends where that is a service."""
    _note({"data": str(data), "stop": list(stop), "state": _REPLAYING, "boot": processes.boot_id()})


def begun(pid: int) -> None:
    """Note the process of the server, which stands in no file of its own yet."""
    _add(pid=pid, since=processes.begun(pid))


def hand_over(*, rests: bool) -> None:
    """Note that the server is not this job's any more: it is up, or rests as a copy."""
    _add(state=_RESTING if rests else _UP)


def acting(job: Path) -> int | None:
    """Return the process of the server that a job answers for while it recovers, else None."""
    noted = _open(job)
    if noted is None:
        return None
    if pid := pid_in(Path(noted["data"])):
        return None if is_open(Path(noted["data"])) else pid
    began = noted.get("pid", 0)
    return began if began and processes.lives(began, noted["since"]) else None


def awaited(job: Path) -> bool:
    """Say whether a job answers for a server that is not up, be it one that only begins."""
    return _open(job) is not None and not is_up(job)


def end(job: Path) -> None:
    """Stop at once the server that a job answers for, and return when nothing of it is left.

    It is made to, the harder the longer it takes; what it replayed is replayed again by whoever goes on with
    it. One that comes up meanwhile is left.
    """
    noted = _open(job)
    if noted is None:
        return
    service, asked = _service(noted["stop"]), time.monotonic()
    left: dict[int, str] = {}
    while True:
        if pid := acting(job):
            left |= {each: processes.begun(each) for each in (pid, *processes.children(pid))}
        left = {each: since for each, since in left.items() if processes.lives(each, since)}
        stopping, up = service is not None and service.poll() is None, is_up(job)
        if not stopping and (up or not left):
            break
        waited = time.monotonic() - asked
        if pid and not up and (waited >= _PATIENCE_S or not stopping):
            processes.end_that(pid, left.get(pid, ""), signal.SIGQUIT)
        if waited >= 2 * _PATIENCE_S and not up:
            _kill(left, service)
        time.sleep(_LOOK_S)


def is_up(job: Path) -> bool:
    """Say whether the server of a job takes part in the world, be it that the job had no time to note it."""
    noted = files.read(job / _FILE) or {}
    return noted.get("state") in (_REPLAYING, _UP) and is_open(Path(noted["data"]))


def told(job: Path) -> str:
    """Return what people have to know of the server of a job that did not end well, empty when nothing."""
    noted = files.read(job / _FILE) or {}
    if is_up(job):
        return (
            f"PostgreSQL in {noted['data']} had ended its recovery before: it is up and takes writes. Look "
            "whether it holds what it should and whether its log is archived, or restore again."
        )
    if noted.get("state") == _REPLAYING and acting(job) is None:
        return (
            f"PostgreSQL in {noted['data']} had not ended its recovery and is stopped: it takes no writes, "
            "and another attempt goes on."
        )
    return ""


def pid_in(data: Path) -> int | None:
    """Return the process of the server that has a data directory, or None when none lives."""
    try:
        pid = int(_pid_file(data)[0])
    except (ValueError, IndexError):
        return None
    return pid if processes.runs(pid) and _has(pid, data) else None


def status_in(data: Path) -> str:
    """Return what a server notes of itself, `ready` once it may be read; empty when nothing."""
    lines = _pid_file(data)
    return lines[_STATUS_LINE].strip() if len(lines) > _STATUS_LINE else ""


def forget_socket(folder: Path, port: str, data: Path) -> None:
    """Remove the lock of the socket at which the server of a data directory answered that lives no more."""
    lock = folder / f".s.PGSQL.{port}.lock"
    with suppress(OSError, ValueError, IndexError):
        pid, place = lock.read_text(encoding="utf-8").splitlines()[:2]
        if place == str(data) and not processes.runs(int(pid)):
            lock.unlink()


def is_open(data: Path) -> bool:
    """Say whether a server lives in a data directory whose recovery is over, so that it takes writes.

    What a server notes of itself is `ready` as soon as it may be read, and what a backup brings says that it
    is in production until the recovery began: only both together tell.
    """
    return pid_in(data) is not None and status_in(data) == _READY and _state(data) == _IN_PRODUCTION


def _state(data: Path) -> int:
    try:
        with (data / "global" / "pg_control").open("rb") as file:
            return int.from_bytes(os.pread(file.fileno(), 4, _STATE), sys.byteorder)
    except OSError:
        return -1


def _pid_file(data: Path) -> list[str]:
    try:
        return (data / PID_FILE).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []


def _has(pid: int, data: Path) -> bool:
    """Say whether a process is a server of this very directory, in which servers work.

    The pid of a server that was killed may be another program's by now, or another server's.
    """
    if not processes.title(pid).startswith("post"):
        return False
    try:
        return Path(f"/proc/{pid}/cwd").samefile(data)
    except OSError:
        # It may not be looked at; a server that might be ours is never taken for stopped.
        return True


def _open(job: Path) -> files.Document | None:
    """Return what is noted of a server that the job answers for, in the boot in which it began."""
    noted = files.read(job / _FILE) or {}
    here = noted.get("boot") == processes.boot_id()
    return noted if here and noted.get("state") == _REPLAYING else None


def _service(words: Sequence[str]) -> subprocess.Popen[bytes] | None:
    """Have a service stopped that begins the server, if one does; nobody reads what that says."""
    nothing = subprocess.DEVNULL
    with suppress(OSError):
        if words:
            return subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=nothing, cwd="/")
    return None


def _kill(left: Mapping[int, str], service: subprocess.Popen[bytes] | None) -> None:
    for pid, since in left.items():
        processes.end_that(pid, since, signal.SIGKILL)
    if service and service.poll() is None:
        service.kill()


def _of_this_job() -> Path | None:
    # By hand there is no job, and whoever typed it sees to the server.
    own = Path(os.environ.get(processes.MARK, ""))
    return own if own.is_absolute() and own.is_dir() else None


def _note(document: files.Document) -> None:
    if own := _of_this_job():
        files.replace(own / _FILE, document)


def _add(**known: int | str) -> None:
    if own := _of_this_job():
        files.replace(own / _FILE, {**(files.read(own / _FILE) or {}), **known})
