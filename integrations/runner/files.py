"""Files that survive a crash whole or not at all, and the locks that end with their holders."""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from integrations.runner.report import Problem

Document = dict[str, Any]

_LOOK_AGAIN_S = 0.02
_MARGIN = 1.1
_LEAST_SHARE, _LEAST = 20, 20 * 1024**3
_BLOCK = 1024 * 1024
_UNIT = 1024
_GENERATION = 0x80087601  # FS_IOC_GETVERSION
_HERE = -100  # AT_FDCWD
_RENAME_EXCHANGE = 2


def read(path: Path) -> Document | None:
    """Return the JSON object in a file, or None when there is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def publish(path: Path, document: Mapping[str, Any]) -> bool:
    """Create a JSON file whole and durable; False when it is there already, which leaves it as it is."""
    fresh = _written(path, document)
    try:
        path.hardlink_to(fresh)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    sync(path.parent)
    return True


def replace(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file whole and durable in place of what was there."""
    _written(path, document).replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Bring a file, or the names in a directory, to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_all(path: Path) -> None:
    """Bring everything that was written on the disk of a directory to it."""
    handle = os.open(path, os.O_RDONLY)
    try:
        _libc_call("syncfs", handle)
    finally:
        os.close(handle)


def made(path: Path) -> str:
    """Return what names a file or a folder as it stands there; whatever takes its place has another name.

    A number that was free again is told from the one before by its generation, where there is one.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return ""
    generation = bytes(8)
    try:
        with suppress(OSError):
            generation = fcntl.ioctl(handle, _GENERATION, generation)
        return f"{os.fstat(handle).st_ino}.{int.from_bytes(generation, sys.byteorder)}"
    finally:
        os.close(handle)


def exchange(first: Path, second: Path) -> None:
    """Let two names change places at once; where nothing has the second name, the first takes it."""
    if not second.exists():
        first.rename(second)
        return
    names = (_HERE, os.fsencode(first), _HERE, os.fsencode(second), _RENAME_EXCHANGE)
    _libc_call("renameat2", *names)


def room(place: Path, needed: int) -> None:
    """Raise Problem unless the disk of a directory has room for so many bytes, and a tenth more."""
    if lacking := room_for(place, needed).get("no_room"):
        raise Problem(lacking)


def room_for(place: Path, needed: int) -> dict[str, str]:
    """Say before it is begun whether so many bytes find room: `no_room`, or `tight`, or nothing.

    It is tight where less than a twentieth of the disk would stay free, or less than 20 GiB of a larger one.
    """
    disk = os.statvfs(_there(place))
    free, whole = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    least = min(whole // _LEAST_SHARE, _LEAST)
    has = f"The disk of {place} has {in_words(free)} free, and {in_words(needed)}"
    if not needed:
        return {}
    if free < needed * _MARGIN:
        return {"no_room": f"{has} and a tenth more are needed: nothing was begun. Make room first."}
    if free - needed < least:
        rule = "5 % of it" if least < _LEAST else in_words(_LEAST)
        return {
            "tight": f"{has} are restored to it: {in_words(free - needed)} would stay free, less than "
            f"{rule}. What is written meanwhile needs room too."
        }
    return {}


def on_one_disk(one: Path, other: Path) -> bool:
    """Say whether two directories lie on the same file system, or would where they are made."""
    return len({_there(place).stat().st_dev for place in (one, other)}) == 1


def _there(place: Path) -> Path:
    return next(each for each in (place, *place.parents) if each.exists())


def in_words(amount: float) -> str:
    """Return a number of bytes as people say it."""
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if amount < _UNIT:
            return f"{amount:.0f} bytes" if unit == "bytes" else f"{amount:.1f} {unit}"
        amount /= _UNIT
    return f"{amount:.1f} TiB"


def size(path: Path) -> int:
    """Return how many bytes a file holds, or all files of a directory."""
    return sum(file.stat().st_size for file in _files(path))


def marks(path: Path) -> str:
    """Return by what a change of a file, or of any in a directory, is noticed without reading it."""
    there = ((file.relative_to(path), file.stat()) for file in _files(path))
    return text_digest("".join(f"{name} {_mark(now)}\n" for name, now in there))


def _mark(now: os.stat_result) -> str:
    return f"{now.st_ino} {now.st_size} {now.st_mtime_ns} {now.st_ctime_ns}"


def digest(path: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal; of a directory: that of its files and names."""
    return _digest(path, _hashed)


def digest_within(path: Path, seconds: float) -> str | None:
    """Return the same, or None when reading takes longer than so many seconds."""
    until = time.monotonic() + seconds
    try:
        return _digest(path, lambda file: _hashed_until(file, until))
    except _Late:
        return None


class _Late(Exception):
    """The time for reading is over."""


def _digest(path: Path, hashed: Callable[[Path], str]) -> str:
    if not path.is_dir():
        return hashed(path)
    return text_digest("".join(f"{hashed(file)}  {file.relative_to(path)}\n" for file in _files(path)))


def _hashed(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _hashed_until(file: Path, until: float) -> str:
    found = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            found.update(block)
            if time.monotonic() >= until:
                raise _Late
    return found.hexdigest()


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal, also of one with names that are no UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]


def _libc_call(name: str, *arguments: int | bytes) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def acquire(path: Path, *, patience_s: float = 0.3) -> int | None:
    """Take the lock of a file and return its descriptor, or None while somebody else has it.

    The patience covers those who only look whether a lock is held, which takes it for a moment.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + patience_s
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                os.close(handle)
                return None
            time.sleep(_LOOK_AGAIN_S)
        else:
            return handle


@contextmanager
def alone(path: Path, *, otherwise: str, patience_s: float = 0.3) -> Iterator[None]:
    """Hold the lock of a file; Problem with the sentence given while somebody else has it."""
    lock = acquire(path, patience_s=patience_s)
    if lock is None:
        raise Problem(otherwise, permanent=False)
    try:
        yield
    finally:
        os.close(lock)


def held(path: Path) -> bool:
    """Say whether anybody has the lock of a file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def _written(path: Path, document: Mapping[str, Any]) -> Path:
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with fresh.open("x", encoding="utf-8") as file:
            file.write(json.dumps(document, ensure_ascii=False) + "\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        fresh.unlink(missing_ok=True)
        # A write does not say which file it was; people look for the name that it was to get.
        error.filename = str(path)
        raise
    return fresh
