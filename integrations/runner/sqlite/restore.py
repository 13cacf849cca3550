"""Putting a SQLite database back by swap: the point is copied beside it, proved, and takes its place at once.

A crash at any moment leaves either the old or the restored database in place, whole, and the damaged one is
never lost. Carried out again under the same key, a restore goes on from where it was; once done it does
nothing.
"""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from integrations.runner import files, processes
from integrations.runner.attempts import Attempt, give_up
from integrations.runner.copies import Note
from integrations.runner.files import digest
from integrations.runner.jobs import directory
from integrations.runner.obstacles import could_not, growing, stays
from integrations.runner.prepared import TOUCHED, Prepared
from integrations.runner.report import PartlyDone, Problem, Step
from integrations.runner.sqlite.database import (
    changing,
    copy_bytes,
    copy_online,
    integrity,
    locked,
    unreadable,
)
from integrations.runner.sqlite.points import copies, prove

_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restore:
    """What is restored where. `digest` is the content that was approved, when it was."""

    database: Path
    points: Path
    attempt: Attempt
    digest: str | None = None

    @property
    def fresh(self) -> Path:
        """Return where the copy grows, beside the database so that one rename puts it in place."""
        return self.database.with_name(f".{self.database.name}.restore.{self.attempt.name}")

    @property
    def prepared(self) -> Path:
        """Return where a copy lies ready that was made before anybody decided."""
        return self.database.with_name(f".{self.database.name}.prepared")

    @property
    def beside(self) -> Prepared:
        """Return what is known of that copy."""
        return Prepared(self.attempt.kept, str(self.database))

    @property
    def damaged(self) -> Path:
        """Return the second name of the old file, by which it outlives the swap."""
        return damaged(self.database, self.attempt)

    @property
    def replaced(self) -> Path:
        """Return where the old file is kept: by this attempt, or by the one it goes on from."""
        return Path(self.attempt.record.get("kept") or self.attempt.shelf / self.database.name)


def damaged(database: Path, attempt: Attempt) -> Path:
    """Return the second name of the file that an attempt replaces."""
    return database.with_name(f".{database.name}.damaged.{attempt.name}")


def restore(what: Restore) -> Iterator[Step]:
    """Restore a point, naming each stage once it is durable."""
    attempt = what.attempt
    with attempt.alone(str(what.database)):
        if attempt.is_done:
            yield Step("done")
            return
        if not _swapped(what) and not _goes_on(what):
            _put_away_leftovers(what)
            # The swap asks again; asked only there, the answer would come after minutes of copying.
            _closed(what)
            if lacking := room_to_keep(what.database, what.attempt.kept).get("no_room"):
                raise Problem(lacking)
            waited = what.beside.holds(attempt.point)
            if _adopted(what):
                yield Step("proved")
            else:
                yield from _copy(what, touched=waited)
            yield from _swap(what)
        yield Step("swapped")
        _keep(what)
        yield Step("kept")
        attempt.finish()
        size = what.database.stat().st_size
        yield Step("done", size, size)
    _nobody_writes_to_the_old(what)


def keep(database: Path, kept: Path, *, key: str) -> Iterator[Step]:
    """Copy the damaged database aside while it is in use; one that SQLite cannot read is copied as bytes."""
    shelf = kept / directory(key)
    shelf.mkdir(parents=True, exist_ok=True)
    fresh, copy = shelf / f".{database.name}.part", shelf / database.name
    fresh.unlink(missing_ok=True)
    with growing(fresh, files.size(database) if database.exists() else None):
        try:
            yield from copy_online(database, fresh, "copying")
        except Problem as problem:
            if not problem.permanent or not database.exists():
                raise
            yield from _copy_as_it_lies(database, fresh)
        files.sync(fresh)
    fresh.replace(copy)
    files.sync(shelf)
    yield Step("done", copy.stat().st_size, copy.stat().st_size)


def done(what: Restore) -> dict[str, Any]:
    """Return what a finished restore proves."""
    record = what.attempt.record
    return {
        "point": what.attempt.point,
        "digest": record.get("digest"),
        "restored_at": record.get("done_at"),
        "prepared": bool(record.get("prepared")),
        **({"caution": TOUCHED} if record.get("touched") else {}),
        "kept": str(what.replaced) if what.replaced.exists() else None,
        "goes_on_from": record.get("goes_on_from", []),
    }


def _adopted(what: Restore) -> bool:
    """Take the copy that lies ready if it is of this point and as it was when it was proved."""
    note, _ = copies(what.points).approved(what.attempt.point, what.digest)
    ready = what.prepared.exists() and what.beside.is_ready(
        what.attempt.point, digest=note["digest"], **marks(what.prepared)
    )
    if ready:
        dress_like(what.prepared, what.database)
        what.prepared.replace(what.fresh)
        files.sync(what.database.parent)
        what.attempt.ready(inode=what.fresh.stat().st_ino, digest=note["digest"], prepared=True)
    # One of another point, or that somebody changed, is not for this restore and only takes up room.
    what.prepared.unlink(missing_ok=True)
    what.beside.forget()
    return ready


def marks(copy: Path) -> dict[str, int]:
    """Return by what a change of a proved copy is noticed without reading it again."""
    now = copy.stat()
    return {"inode": now.st_ino, "size": now.st_size, "mtime": now.st_mtime_ns, "ctime": now.st_ctime_ns}


def _copy(what: Restore, *, touched: bool) -> Iterator[Step]:
    note = yield from grow(what, what.fresh)
    # By its inode the copy is recognised after a crash, under whichever name it has then.
    what.attempt.ready(inode=what.fresh.stat().st_ino, digest=note["digest"], touched=touched)
    yield Step("proved", note["size"], note["size"])


def grow(what: Restore, copy: Path) -> Generator[Step, None, Note]:
    """Copy the point to a place beside the database and prove it; its note is returned at the end."""
    point = what.attempt.point
    note, content = copies(what.points).approved(point, what.digest)
    size = content.stat().st_size
    files.room(what.database.parent, size)
    with growing(copy, size):
        yield from copy_bytes(content, copy, "copying")
        dress_like(copy, what.database)
        files.sync(copy)
    yield Step("copied", size, size)
    problem = ""
    if digest(copy) != note["digest"]:
        problem = "its digest is not the one of its backup."
    elif (found := integrity(copy, settled=True)) != "ok":
        problem = found
    if problem:
        copy.unlink()
        # Its note must not call it verified any more; but the copy may have been spoilt on its way here.
        if prove(what.points, point)["ok"]:
            raise Problem(f"{point} is right and its copy is not; look at the disk: {problem}")
        raise Problem(f"{point} is damaged: {problem}")
    return note


def _swap(what: Restore) -> Iterator[Step]:
    with _nobody_else(what):
        yield Step("locked")
        if what.database.exists():
            what.damaged.hardlink_to(what.database)
            files.sync(what.database.parent)
        yield Step("linked")
        what.fresh.replace(what.database)
        files.sync(what.database.parent)


def _swapped(what: Restore) -> bool:
    if what.fresh.exists() or not what.database.exists():
        return False
    return what.attempt.is_ready(inode=what.database.stat().st_ino)


def room_to_keep(database: Path, kept: Path) -> dict[str, str]:
    """Say before anything is replaced that another disk, to which what is kept is copied, has no room."""
    if not database.exists() or files.on_one_disk(kept, database.parent):
        return {}
    found = files.room_for(kept, database.stat().st_size)
    return {name: words for name, words in found.items() if name == "no_room"}


def _goes_on(what: Restore) -> bool:
    return what.attempt.take_over(
        what.database,
        lambda _: _is_the_point(what),
        partial(_put_away_leftovers, what),
        names=("digest", "prepared", "touched"),
    )


def _is_the_point(what: Restore) -> bool:
    logs = (what.database.with_name(what.database.name + ending) for ending in _BESIDE)
    if any(log.exists() and log.stat().st_size for log in logs):
        return False
    note, _ = copies(what.points).approved(what.attempt.point, what.digest)
    return digest(what.database) == str(note["digest"])


@contextmanager
def _nobody_else(what: Restore) -> Iterator[None]:
    """Hold the old database so that nobody reads or writes it while it is replaced."""
    if not what.database.exists():
        _set_aside(what)
        yield
        return
    _closed(what)
    with changing(what.database) as old:
        try:
            _settle(old)
        except sqlite3.Error as error:
            if locked(error):
                text = f"{what.database} is in use by another process; stop it first."
                raise Problem(text, permanent=False) from error
            if not unreadable(error):
                raise Problem(f"{what.database}: {error}.") from error
        _set_aside(what)
        yield


def _closed(what: Restore) -> None:
    """Raise Problem while another process has the database open."""
    if users := processes.using(what.database):
        raise Problem(f"{what.database} is open in {_named(users)}; stop it first.", permanent=False)


def _settle(old: sqlite3.Connection) -> None:
    # Leaving WAL mode works only when nobody else has the database open, and folds the log into the file:
    # a log that stayed behind would be replayed into the restored database.
    mode = old.execute("PRAGMA journal_mode = DELETE").fetchone()[0]
    if mode != "delete":
        raise _busy()
    old.execute("BEGIN EXCLUSIVE")
    if old.execute("PRAGMA journal_mode").fetchone()[0] != "delete":
        raise _busy()


def _busy() -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("database is locked")
    error.sqlite_errorcode = sqlite3.SQLITE_BUSY
    return error


def _set_aside(what: Restore) -> None:
    # Logs that SQLite could not fold in belong to the old database, not to the one that takes its place.
    for ending in _BESIDE:
        beside = what.database.with_name(what.database.name + ending)
        if beside.exists():
            _shelve(beside, what.attempt.shelf / beside.name)
    files.sync(what.database.parent)


def _put_away_leftovers(what: Restore) -> None:
    """Finish what earlier restores that were broken off left beside the database."""
    name = what.database.name
    for left in what.database.parent.glob(f".{name}.restore.*"):
        # Given up before its inode is free to be used again, so that it is never taken for swapped.
        give_up(what.attempt.kept / left.name.removeprefix(f".{name}.restore."))
        left.unlink()
    for left in what.database.parent.glob(f".{name}.damaged.*"):
        if what.database.exists() and left.samefile(what.database):
            left.unlink()
        else:
            shelf = what.attempt.kept / left.name.removeprefix(f".{name}.damaged.")
            shelf.mkdir(parents=True, exist_ok=True)
            _shelve(left, shelf / name)


def _keep(what: Restore) -> None:
    place = what.attempt.shelf / what.database.name
    try:
        _shelve(what.damaged, place)
    except Problem as full:
        raise _not_kept(what, place, str(full)) from full
    except OSError as error:
        raise _not_kept(what, place, could_not(error) if stays(error) else f"{error.strerror}.") from error


def _not_kept(what: Restore, place: Path, why: str) -> Problem:
    return Problem(
        f"{what.database} is restored, but the file it replaced could not be moved to {place}: {why} It lies "
        f"whole in {what.damaged}. Make that possible and restore again: only this is done then."
    )


def _shelve(path: Path, place: Path) -> None:
    if not path.exists():
        return
    try:
        path.rename(place)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        fresh = place.with_name(f".{place.name}.part")
        with growing(fresh, files.size(path)):
            shutil.copy2(path, fresh)
            files.sync(fresh)
        fresh.replace(place)
        path.unlink()
    files.sync(place.parent)


def _copy_as_it_lies(database: Path, fresh: Path) -> Iterator[Step]:
    yield from copy_bytes(database, fresh, "copying as bytes")
    for ending in _BESIDE:
        beside = database.with_name(database.name + ending)
        copy = fresh.with_name(beside.name)
        if beside.exists():
            with growing(copy, files.size(beside)):
                shutil.copy2(beside, copy)


def dress_like(fresh: Path, old: Path) -> None:
    """Give a copy the owner and the permissions of what it is to replace."""
    if old.exists():
        was = old.stat()
        fresh.chmod(was.st_mode & 0o777)
        with suppress(PermissionError):
            os.chown(fresh, was.st_uid, was.st_gid)


def _nobody_writes_to_the_old(what: Restore) -> None:
    users = processes.using(what.replaced)
    if users:
        raise PartlyDone(
            f"The restored database is in place, but {_named(users)} still has the replaced file open and "
            "would write to it: restart it before anything relies on the restored data."
        )


def _named(pids: tuple[int, ...]) -> str:
    return ", ".join(f"{processes.title(pid)} (process {pid})" for pid in pids)
