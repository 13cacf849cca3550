"""What keeps this host from doing something: which file, of whom, and what a person can do about it."""

from __future__ import annotations

import errno
import os
import pwd
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from integrations.runner.files import in_words
from integrations.runner.report import Problem

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM)
_SAID_OF_FULL = ("no space left on device", "disk is full")


def stays(error: OSError) -> bool:
    """Say whether an error comes again until a person does something."""
    return error.errno in (*_FORBIDDEN, errno.EROFS)


def could_not(error: OSError) -> str:
    """Say what could not be done with which file, and what to do where that is known."""
    paths = [Path(os.fsdecode(name)) for name in (error.filename, error.filename2) if _named(name)]
    if error.errno in _FULL:
        return no_room(paths[-1]) if paths else "A file system has no room left. Make room, and try again."
    if error.errno in _FORBIDDEN and paths:
        return next(filter(None, map(_forbidden, paths)), f"{account()} may not change {paths[-1]}.")
    where = " and ".join(map(str, paths))
    return f"{where}: {error.strerror or error}." if where else f"{error.strerror or error}."


def no_room(path: Path, needed: int | None = None) -> str:
    """Say which file system has no room for a file, how much it has and needs, and what to do."""
    mount, left = _disk(path)
    free = f"{in_words(left)} are free"
    needs = f"{in_words(needed)} are needed and {free}" if needed else free
    return f"The file system at {mount} has no room left for {path}: {needs}. Make room there, and try again."


@contextmanager
def growing(copy: Path, needed: int | None = None) -> Iterator[None]:
    """Remove what was half written as soon as it cannot be finished: nobody goes on with it.

    It may take up the very room that is missing.
    """
    try:
        yield
    except OSError as error:
        _remove(copy)
        if error.errno in _FULL:
            raise Problem(no_room(copy, needed)) from error
        raise
    except Problem as problem:
        _remove(copy)
        full = any(sign in str(problem).lower() for sign in _SAID_OF_FULL)
        # Of another disk, as that of a repository, its own words have to do.
        if full and (needed is None or _disk(copy)[1] < needed):
            raise Problem(f"{problem} {no_room(copy, needed)}") from problem
        raise


@contextmanager
def about(path: Path) -> Iterator[None]:
    """Name the file in an error that does not, as one of a write."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = str(path)
        raise


def account(uid: int | None = None) -> str:
    """Return the name of an account, by default of the one that this runs as."""
    number = os.geteuid() if uid is None else uid
    with suppress(KeyError):
        return pwd.getpwuid(number).pw_name
    return f"user {number}"


def _disk(path: Path) -> tuple[Path, int]:
    """Return where the file system of a file is mounted, and how many bytes are free there."""
    mount = next(each for each in (path.absolute(), *path.absolute().parents) if os.path.ismount(each))
    disk = os.statvfs(mount)
    return mount, disk.f_bavail * disk.f_frsize


def _named(name: object) -> bool:
    return isinstance(name, str | bytes)


def _forbidden(path: Path) -> str:
    """Return what this account may not do with a file, empty where that does not show."""
    for folder in reversed(path.absolute().parents):
        if not _may(folder, os.X_OK):
            return _asks(f"may not enter {folder}, where {path} is", folder)
    if not os.path.lexists(path):
        return "" if _may(path.parent, os.W_OK) else _asks(f"may not make {path}", path.parent)
    if not _may(path, os.R_OK):
        return _asks(f"may not read {path}", path)
    if not _may(path, os.W_OK):
        return _asks(f"may not write {path}", path)
    return "" if _may(path.parent, os.W_OK) else _asks(f"may not rename or remove {path}", path.parent)


def _may(path: Path, how: int) -> bool:
    return os.access(path, how, effective_ids=True)


def _asks(what: str, closed: Path) -> str:
    now = closed.stat()
    return (
        f"{account()} {what}: {closed} belongs to {account(now.st_uid)}, mode {now.st_mode & 0o7777:04o}. "
        f"Give {account()} that right, or let a runner of {account(now.st_uid)} do it; then try again."
    )


def _remove(copy: Path) -> None:
    if copy.is_dir() and not copy.is_symlink():
        shutil.rmtree(copy, ignore_errors=True)
    else:
        copy.unlink(missing_ok=True)
