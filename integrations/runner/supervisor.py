"""One job's supervisor: a process of its own that holds the target's lock, runs the program and ends it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from integrations.runner import files, processes, servers
from integrations.runner.jobs import Ground, Job, Spec
from integrations.runner.launch import environment

_LOOK_S = 0.5
_GRACE_S = 5.0
_PULSE_S = 1.0
_LAST_GASP_S = 0.05
_LARGEST_LOG = 8 * 1024 * 1024
NOT_BEGUN = 127


def supervise(path: Path) -> None:
    """Carry out the job in a directory; its `supervised` lock was handed down by whoever began this."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        # A cancel is a file; a signal only ends a wait for it.
        signal.signal(number, _heard)
    job = job_in(path)
    spec = job.spec()
    if spec is None or job.claimed() is not None or job.outcome() is not None:
        return
    ground = job.ground(spec.target)
    lock = files.acquire(ground.lock)
    if lock is None:
        job.end(_refused(f"{spec.target} is busy with {ground.busy_with() or 'another job'}."))
        return
    because = fenced_off(ground, spec)
    if because:
        job.end(_refused(because))
        return
    if job.claim():
        _carry_out(job, spec, lock)


def sweep(path: Path) -> None:
    """End what is left of a job whose supervisor is gone: asked first, then made to."""
    until = time.monotonic() + _GRACE_S
    asked: set[int] = set()
    job = job_in(path)
    while left := job.left():
        overdue = time.monotonic() >= until
        server = servers.acting(path)
        if left == (server,):
            # Last, as nothing is left that could begin it again.
            servers.end(path)
        for pid in left:
            if overdue or pid not in asked:
                job.end_left(pid, signal.SIGKILL if overdue else signal.SIGTERM)
        asked.update(left)
        time.sleep(_LAST_GASP_S)


def job_in(path: Path) -> Job:
    """Return the job whose directory this is."""
    found = files.read(path / "spec.json") or {}
    return Job(path.parents[1], str(found["key"]))


def fenced_off(ground: Ground, spec: Spec) -> str:
    """Say why a job must not act on its target, or take the target for it; asked under the target's lock."""
    before = files.read(ground.holder) or {}
    left = ground.job(str(before["key"])).left() if "key" in before else ()
    if left:
        return f"Processes of {before['key']} still run on {spec.target}: {', '.join(map(str, left))}."
    seen = files.read(ground.token) or {"token": -1, "key": ""}
    if spec.token is not None:
        if spec.token < seen["token"]:
            return (
                f"The token {spec.token} is older than {seen['token']}, which {spec.target} has seen: "
                "a newer attempt was allowed to act."
            )
        if spec.token == seen["token"] and spec.key != seen["key"]:
            return f"The token {spec.token} was used by {seen['key']} on {spec.target}."
        files.replace(ground.token, {"token": spec.token, "key": spec.key})
    files.replace(ground.holder, {"key": spec.key})
    return ""


class _Program:
    def __init__(self, job: Job, spec: Spec, pid: int) -> None:
        self.job = job
        self.spec = spec
        self.pid = pid
        self.code: int | None = None
        self.effort = 0
        self.feel_at = 0.0

    def feel(self, now: float) -> None:
        """Note now and then whether anything of the job computed, read or wrote since the last time."""
        if now < self.feel_at:
            return
        self.feel_at, before = now + _PULSE_S, self.effort
        self.effort = processes.effort(os.getpid())
        if self.effort != before:
            self.job.pulse.touch()

    def alone(self) -> bool:
        """Take note of every child that ended, and say whether none is left."""
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return False
                if pid == self.pid:
                    self.code = os.waitstatus_to_exitcode(status)
        return True

    def signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)
            # A stopped process hears nothing but this.
            os.killpg(self.pid, signal.SIGCONT)


def _carry_out(job: Job, spec: Spec, lock: int) -> None:
    if job.cancelled.exists():
        job.end({"state": "done", "code": 128 + signal.SIGTERM, "reason": "cancelled"})
        return
    if not spec.leaves_daemon:
        processes.adopt_orphans()
    started = time.monotonic()
    with _wakeup() as waker:
        try:
            child = _begin(job, spec, lock)
        except (OSError, ValueError) as error:
            _note(job, f"{spec.argv[0]} could not be started: {error}")
            job.end({"state": "done", "code": NOT_BEGUN, "reason": "none"})
            return
        job.runs_as(child.pid)
        program = _Program(job, spec, child.pid)
        reason = _watch(program, waker, started + spec.timeout_s)
        orphans = not spec.leaves_daemon and _end_the_rest(program, waker)
        _end_server(program, waker)
        child.returncode = program.code
    code = program.code if program.code is not None else -signal.SIGKILL
    if reason == "none" and orphans:
        reason = "orphans"
    elif reason == "none" and code < 0:
        reason = "killed"
    lasted = round(time.monotonic() - started, 3)
    # Given back first, so that whoever reads of the end finds the target free.
    os.close(lock)
    code = code if code >= 0 else 128 - code
    said = {"because": servers.told(job.path)} if code else {}
    job.end({"state": "done", "code": code, "reason": reason, "lasted_s": lasted, **said})


def _begin(job: Job, spec: Spec, lock: int) -> subprocess.Popen[bytes]:
    own = {**environment(spec.env, spec.secret_env), "BACKSTOP_KEY": spec.key}
    if not spec.leaves_daemon:
        own[processes.MARK] = str(job.path)
    with job.log.open("ab") as log:
        return subprocess.Popen(
            spec.argv,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=own,
            cwd="/",
            process_group=0,
            # The lock goes with the program: it is held for as long as anything of the job lives.
            pass_fds=() if spec.leaves_daemon else (lock,),
        )


def _watch(program: _Program, waker: int, deadline: float) -> str:
    reason = "none"
    kill_at = float("inf")
    while True:
        if program.alone() or program.code is not None:
            return reason
        now = time.monotonic()
        if reason == "none" and (program.job.cancelled.exists() or now >= deadline):
            reason = "timeout" if now >= deadline else "cancelled"
            kill_at = now + _GRACE_S
            program.signal(signal.SIGTERM)
        if now >= kill_at:
            program.signal(signal.SIGKILL)
        _cut(program.job)
        program.feel(now)
        until = kill_at if reason != "none" else deadline
        _wait(waker, min(_LOOK_S, max(until - now, _LAST_GASP_S)))


def _end_the_rest(program: _Program, waker: int) -> bool:
    """End every descendant that outlived the program, and say whether there was one.

    A server that the program was allowed to leave does not carry the mark of its job, and is left alone.
    """
    if not _outlived(program):
        return False
    kill_at = time.monotonic() + _GRACE_S
    while left := _outlived(program):
        number = signal.SIGTERM if time.monotonic() < kill_at else signal.SIGKILL
        program.signal(number)
        for pid in left:
            # Children are not reaped in between, so these pids cannot have been given away.
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        _wait(waker, _LAST_GASP_S)
    return True


def _end_server(program: _Program, waker: int) -> None:
    """End the server that the program began and did not hand over; what began it is gone by now."""
    path, until = program.job.path, time.monotonic() + _GRACE_S
    while servers.awaited(path) and not servers.acting(path) and time.monotonic() < until:
        # One that begins at this moment has no file that names it; one that failed is nobody's child.
        if program.alone():
            break
        _wait(waker, _LAST_GASP_S)
    servers.end(path)


def _outlived(program: _Program) -> tuple[int, ...]:
    if program.alone():
        return ()
    children = processes.children()
    if not program.spec.starts_server:
        return children
    marked = processes.marked(program.job.path)
    return tuple(pid for pid in children if pid in marked)


def _cut(job: Job) -> None:
    # A program that floods its log loses the middle, never the disk of the database's host.
    if job.log.stat().st_size > _LARGEST_LOG:
        os.truncate(job.log, _LARGEST_LOG // 2)
        _note(job, "[the log grew too large; what was written in between is left out]")


def _note(job: Job, text: str) -> None:
    with job.log.open("a", encoding="utf-8") as log:
        log.write(f"\n{text}\n")


def _refused(because: str) -> files.Document:
    return {"state": "refused", "because": because}


@contextmanager
def _wakeup() -> Iterator[int]:
    ours, theirs = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    before = signal.set_wakeup_fd(theirs, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, _heard)
    try:
        yield ours
    finally:
        signal.set_wakeup_fd(before)
        os.close(ours)
        os.close(theirs)


def _heard(_number: int, _frame: FrameType | None) -> None:
    """Let the signal end a wait; what it means is read from files."""


def _wait(waker: int, seconds: float) -> None:
    select.select([waker], [], [], seconds)
    with suppress(BlockingIOError):
        os.read(waker, 4096)
