"""What can be known of processes: which boot this is, who descends from whom, who has a file open."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

MARK = "BACKSTOP_JOB"
"""The environment variable that marks every process of a job with the directory of the job."""

_PROC = Path("/proc")
_PR_SET_CHILD_SUBREAPER = 36


def boot_id() -> str:
    """Return what names this boot of the machine, or an empty text where the system does not say."""
    try:
        return (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def begun(pid: int) -> str:
    """Return when a process began, in ticks since boot: with the pid it names one process for certain."""
    fields = _stat(pid)
    return fields[19] if fields else ""


def adopt_orphans() -> bool:
    """Make descendants whose parent died children of this process; False where the system cannot."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def children(of: int | None = None) -> tuple[int, ...]:
    """Return the pids whose parent is a process, by default this one."""
    own = str(of or os.getpid())
    return tuple(pid for pid in _pids() if (_stat(pid) or ["", ""])[1] == own)


def marked(job: Path) -> tuple[int, ...]:
    """Return the pids of living processes that carry a job's mark, however far they wandered.

    The mark is the job's directory: another runner on the host may have a job of the same key.
    """
    return tuple(pid for pid in _pids() if _mark(job) in _environment(pid) and runs(pid))


def end(pid: int, job: Path, number: signal.Signals) -> None:
    """Send a signal to a process if it still carries the mark of a job."""
    _send(pid, number, lambda: _mark(job) in _environment(pid))


def end_that(pid: int, since: str, number: signal.Signals) -> None:
    """Send a signal to a process if it is the one that began then."""
    _send(pid, number, lambda: begun(pid) == since)


def lives(pid: int, since: str) -> bool:
    """Say whether the process of this pid that began then still lives."""
    return begun(pid) == since and runs(pid)


def _send(pid: int, number: signal.Signals, still: Callable[[], bool]) -> None:
    # The handle pins the process, so that a pid that was given away meanwhile is never hit.
    with suppress(ProcessLookupError, PermissionError):
        handle = os.pidfd_open(pid)
        try:
            if still():
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)


def runs(pid: int) -> bool:
    """Say whether a process is there and has not ended."""
    fields = _stat(pid)
    return fields is not None and fields[0] not in "ZX"


def using(path: Path) -> tuple[int, ...]:
    """Return the pids of other processes that have a file open, as far as this user may see."""
    try:
        wanted = path.stat()
    except FileNotFoundError:
        return ()
    return tuple(pid for pid in _pids() if pid != os.getpid() and _has_open(pid, wanted))


def inside(folder: Path) -> tuple[int, ...]:
    """Return the pids of other processes that work in a folder or have something of it open."""
    return tuple(pid for pid in _pids() if pid != os.getpid() and _is_inside(pid, folder))


def effort(ancestor: int) -> int:
    """Return what differs when a descendant of a process computed, read or wrote anything, came or went."""
    return hash(tuple((pid, *_labour(pid)) for pid in _descendants(ancestor)))


def written(pid: int) -> int:
    """Return how many bytes a process has written, 0 where the system does not say."""
    with suppress(OSError):
        for line in (_PROC / str(pid) / "io").read_text(encoding="ascii").splitlines():
            if line.startswith("wchar: "):
                return int(line.removeprefix("wchar: "))
    return 0


def title(pid: int) -> str:
    """Return the name of a process's program."""
    try:
        return (_PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "?"


def _descendants(pid: int) -> Iterator[int]:
    with suppress(OSError):
        for thread in (_PROC / str(pid) / "task").iterdir():
            with suppress(OSError):
                for child in (thread / "children").read_text(encoding="ascii").split():
                    yield int(child)
                    yield from _descendants(int(child))


def _labour(pid: int) -> tuple[str, ...]:
    try:
        moved = (_PROC / str(pid) / "io").read_text(encoding="ascii")
    except OSError:
        # Of another user: its time is known all the same.
        moved = ""
    return (*(_stat(pid) or [])[11:15], moved)


def _mark(job: Path) -> bytes:
    return os.fsencode(f"{MARK}={job}")


def _pids() -> Iterator[int]:
    with suppress(FileNotFoundError):
        for entry in _PROC.iterdir():
            if entry.name.isdigit():
                yield int(entry.name)


def _stat(pid: int) -> list[str] | None:
    # The fields after the program's name, which may itself hold blanks and brackets: state, parent, group …
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return text.rpartition(") ")[2].split()


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _is_inside(pid: int, folder: Path) -> bool:
    with suppress(OSError):
        place = _PROC / str(pid)
        for entry in (place / "cwd", *(place / "fd").iterdir()):
            with suppress(OSError):
                found = entry.readlink()
                if folder in (found, *found.parents):
                    return True
    return False


def _has_open(pid: int, wanted: os.stat_result) -> bool:
    with suppress(OSError):
        for entry in (_PROC / str(pid) / "fd").iterdir():
            with suppress(OSError):
                found = entry.stat()
                if (found.st_dev, found.st_ino) == (wanted.st_dev, wanted.st_ino):
                    return True
    return False
