"""Putting a folder back by swap: the restored tree grows beside it and takes its place by one exchange.

A crash at any moment leaves either the old or the restored folder in place, whole, and the old one is never
lost. Carried out again under the same key, a restore goes on from where it was; once done it does nothing.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from integrations.runner import files, processes
from integrations.runner.attempts import Attempt, give_up
from integrations.runner.prepared import TOUCHED, Prepared
from integrations.runner.report import PartlyDone, Problem, Step

Fill = Callable[[Path], Iterator[Step]]
"""Writes a restored tree under an empty directory, at the folder's own absolute path inside it."""


@dataclass(frozen=True, slots=True)
class Swap:
    """Which folder is replaced by which recovery point, and where the old one is kept.

    `digest` is of the content of the point, when that is known.
    """

    path: Path
    attempt: Attempt
    digest: str = ""

    @property
    def prepared(self) -> Path:
        """Return the directory in which a tree lies ready that was made before anybody decided."""
        return self.path.with_name(f".{self.path.name}.prepared")

    @property
    def beside(self) -> Prepared:
        """Return what is known of that tree."""
        return Prepared(self.attempt.kept, str(self.path))

    @property
    def fresh(self) -> Path:
        """Return the directory in which the tree grows, on the disk of the folder."""
        return self.path.with_name(f".{self.path.name}.restore.{self.attempt.name}")

    @property
    def root(self) -> Path:
        """Return the restored folder inside it; after the exchange this is the old one."""
        return inside(self.fresh, self.path)

    @property
    def old(self) -> Path:
        """Return where the replaced folder is kept."""
        return self.attempt.shelf / self.path.name

    @property
    def replaced(self) -> Path:
        """Return where the replaced folder is: kept by this attempt, or by the one it goes on from."""
        return Path(self.attempt.record.get("kept") or self.old)


def put_back(what: Swap, fill: Fill) -> Iterator[Step]:
    """Restore a folder, naming each stage once it is durable."""
    with what.attempt.alone(str(what.path)):
        if what.attempt.is_done:
            yield Step("done")
            return
        if not _is_restored(what, what.path) and not _goes_on(what):
            _put_away_leftovers(what)
            # The swap asks again; asked only there, the answer would come after minutes of copying.
            _unused(what.path)
            yield from _grow(what, fill)
            _unused(what.path)
            _exchange(what)
        yield Step("swapped")
        _shelve(what)
        yield Step("kept")
        what.attempt.finish()
        yield Step("done")
    _nobody_works_in_the_old(what)


def done(what: Swap) -> dict[str, Any]:
    """Return what a finished restore proves."""
    record = what.attempt.record
    return {
        "point": what.attempt.point,
        "restored_at": record.get("done_at"),
        "prepared": bool(record.get("prepared")),
        **({"caution": TOUCHED} if record.get("touched") else {}),
        "kept": str(what.replaced) if what.replaced.exists() else None,
        "goes_on_from": record.get("goes_on_from", []),
    }


def obstacles(path: Path, kept: Path) -> list[str]:
    """Return in words what would keep a folder from being swapped."""
    found = []
    if not os.access(path.parent, os.R_OK | os.W_OK | os.X_OK):
        found.append(f"The directory {path.parent} is missing or cannot be written.")
    elif path.is_symlink():
        found.append(f"{path} is a symbolic link; name the folder itself.")
    elif path.is_mount():
        found.append(f"{path} is a mount point, which cannot be swapped; name a folder inside it.")
    elif not files.on_one_disk(kept, path.parent):
        found.append(f"{kept} is on another disk than {path}; a folder is kept by a rename.")
    if kept.is_relative_to(path):
        found.append(f"{kept} lies inside {path}, which is replaced as a whole.")
    return found


def _grow(what: Swap, fill: Fill) -> Iterator[Step]:
    if _is_restored(what, what.root):
        return
    waited = what.beside.holds(what.attempt.point)
    adopted = _adopted(what)
    if not adopted:
        yield from grow(what, what.fresh, fill)
    # By its inode the tree is recognised after a crash, under whichever name it has then.
    known = {"prepared": adopted, "touched": waited and not adopted, "within": _within(what.root)}
    what.attempt.ready(inode=what.root.stat().st_ino, **known)
    yield Step("proved")


def _goes_on(what: Swap) -> bool:
    return what.attempt.take_over(
        what.path,
        lambda record: record.get("within") == _within(what.path),
        partial(_put_away_leftovers, what),
        names=("prepared", "touched", "within"),
    )


def grow(what: Swap, under: Path, fill: Fill) -> Iterator[Step]:
    """Restore the tree under a directory beside the folder and bring it to the disk."""
    under.mkdir(mode=0o700)
    try:
        yield from fill(under)
        if not inside(under, what.path).is_dir():
            raise Problem(f"{what.attempt.point} does not hold the folder {what.path}.")
    except (Problem, OSError):
        # Nobody goes on with it, and it may take up the room that is missing.
        shutil.rmtree(under, ignore_errors=True)
        raise
    files.sync_all(what.path.parent)


def inside(under: Path, path: Path) -> Path:
    """Return where a folder lies under the directory it was restored to."""
    return under / path.relative_to("/")


def _adopted(what: Swap) -> bool:
    """Take the tree that lies ready if it is of this point and as it was when it was read back."""
    ready = is_ready(what)
    if ready:
        what.prepared.rename(what.fresh)
    # One of another point, or that somebody changed, is not for this restore and only takes up room.
    shutil.rmtree(what.prepared, ignore_errors=True)
    what.beside.forget()
    return ready


def is_ready(what: Swap) -> bool:
    """Say whether the tree that was made beforehand is of this point and unchanged."""
    root = inside(what.prepared, what.path)
    return root.is_dir() and what.beside.is_ready(what.attempt.point, digest=what.digest, tree=marks(root))


def marks(root: Path) -> str:
    """Return by what a change anywhere in a tree is noticed without reading its files again."""
    return _marks(root, (root, *root.rglob("*")))


def _within(root: Path) -> str:
    """Return the same of what is in it, as the exchange of names marks the folder itself."""
    return _marks(root, root.rglob("*"))


def _marks(root: Path, there: Iterable[Path]) -> str:
    return files.text_digest("".join(f"{_mark(each)} {each.relative_to(root)}\n" for each in sorted(there)))


def _mark(path: Path) -> str:
    now = path.lstat()
    return f"{now.st_ino} {now.st_mode} {now.st_size} {now.st_mtime_ns} {now.st_ctime_ns}"


def _exchange(what: Swap) -> None:
    try:
        files.exchange(what.root, what.path)
    except OSError as error:
        raise Problem(
            f"{what.path} cannot be exchanged with what was restored: {error.strerror}. Its file system must "
            "exchange two names at once, as ext4, xfs and btrfs do."
        ) from error
    files.sync(what.path.parent)


def _is_restored(what: Swap, path: Path) -> bool:
    return path.exists() and what.attempt.is_ready(inode=path.stat().st_ino)


def _put_away_leftovers(what: Swap) -> None:
    """Finish what restores that were broken off left beside the folder, and start them anew."""
    begin = f".{what.path.name}.restore."
    for left in what.path.parent.glob(f"{begin}*"):
        if left == what.fresh and _is_restored(what, what.root):
            continue
        shelf = what.attempt.kept / left.name.removeprefix(begin)
        root = left / what.path.relative_to("/")
        record = files.read(shelf / "restore.json") or {}
        if record.get("state") == "ready" and root.exists() and root.stat().st_ino != record["inode"]:
            root.rename(shelf / what.path.name)
            files.sync(shelf)
        # Given up before its inode is free to be used again, so that it is never taken for swapped.
        give_up(shelf)
        shutil.rmtree(left)


def _unused(path: Path) -> None:
    if users := processes.inside(path):
        raise Problem(f"{path} is in use by {_named(users)}; stop it first.", permanent=False)


def _shelve(what: Swap) -> None:
    if what.root.exists():
        what.root.rename(what.old)
        files.sync(what.attempt.shelf)
    shutil.rmtree(what.fresh, ignore_errors=True)


def _nobody_works_in_the_old(what: Swap) -> None:
    if users := processes.inside(what.replaced):
        raise PartlyDone(
            f"The restored folder is in place, but {_named(users)} still works in the replaced one and "
            "would write to it: restart it before anything relies on the restored data."
        )


def _named(pids: tuple[int, ...]) -> str:
    return ", ".join(f"{processes.title(pid)} (process {pid})" for pid in pids)
