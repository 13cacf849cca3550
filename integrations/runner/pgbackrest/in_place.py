"""Restoring over the cluster itself, where there is no room for another copy or most of it is the same.

The damaged state is kept first, unless the plan says why not. From then on until the replay is over the data
directory is no whole cluster: a restore that was broken off is gone on with, by its own key or another.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, cast

from integrations.runner import files
from integrations.runner.obstacles import growing
from integrations.runner.pgbackrest import auto_settings
from integrations.runner.pgbackrest.aim import Aim
from integrations.runner.pgbackrest.beside import close_log, put_away_replaced, resolved
from integrations.runner.pgbackrest.broken_off import broken_off
from integrations.runner.pgbackrest.cluster import links_out
from integrations.runner.pgbackrest.quiet import quiet
from integrations.runner.pgbackrest.stanza import put_by_control
from integrations.runner.pgbackrest.switching import Switch, archives, bring_up, put_by
from integrations.runner.report import Problem, Step

_LOOK_S = 0.5
_FILES_AT_ONCE = 200


def restore_in_place(what: Switch, keep: str) -> Iterator[Step]:
    """Restore over the data directory, naming each stage once it is durable."""
    with what.attempt.alone(str(what.data)):
        if what.attempt.is_done:
            yield Step("done")
            return
        record = what.attempt.record or _begin(what, keep)
        if not record.get("copied"):
            with quiet(what.stanza.repository):
                for _ in what.stanza.cluster.end():
                    yield Step("stopping")
                if keep == "copy":
                    yield from _keep(what)
                yield from _copy(what, record)
            what.attempt.note(copied=True)
        put_by(what)
        yield from bring_up(what, leaves=int(what.attempt.record["timeline_of_goal"]))
        yield Step("done")
    archives(what)


def _can_be_kept(what: Switch) -> None:
    """Find out before the cluster is stopped whether there is a way and room to keep it."""
    if links := links_out(what.data):
        where = f"{', '.join(links)} of {what.data} lie elsewhere and cannot be kept"
        raise Problem(f"{where}; nothing was begun.")
    if (what.data / "global" / "pg_control").exists():
        files.room(what.attempt.shelf, files.size(what.data))


def _begin(what: Switch, keep: str) -> dict[str, Any]:
    """Pin everything before the cluster is touched, as afterwards it cannot be asked any more."""
    put_away_replaced(what.beside)
    before = broken_off(what.stanza.cluster, what.attempt)
    if keep == "copy" and before is None:
        _can_be_kept(what)
    found = resolved(what.stanza, what.beside.goal)
    if found.aim is None:
        raise Problem(f"The goal cannot be reached: {found.because}.")
    close_log(what.stanza, found)
    put_by_control(what.stanza)
    aim = found.aim
    known = {
        "how": aim.how,
        "target": aim.target,
        "timeline_of_goal": aim.timeline,
        "bytes": found.copy_bytes,
    }
    what.attempt.ready(**known, digest=what.stanza.digest(aim.label))
    if before:
        before.take_over(what.attempt, what.data)
    return what.attempt.record


def _keep(what: Switch) -> Iterator[Step]:
    """Put the damaged cluster aside, with a copy of what the backup has as well in its place.

    The rest is fetched anyway. A half-restored cluster is none that could be kept: the attempt that left it
    has kept what was damaged.
    """
    data, base = what.data, what.attempt.shelf / "data.part"
    if base.exists() and what.old.exists() and not data.exists():
        base.rename(data)
    if base.exists() and base.stat().st_ino == what.attempt.record.get("damaged"):
        base.rename(what.old)
    goes_on = data.exists() and data.stat().st_ino == what.attempt.record.get("over")
    if what.old.exists() or goes_on or not (data / "global" / "pg_control").exists():
        return
    files.room(what.attempt.shelf, files.size(data))
    shutil.rmtree(base, ignore_errors=True)
    what.stanza.repository.owner.make(base)
    with growing(base, files.size(data)):
        yield from _copy_unchanged(what, base)
    what.attempt.note(damaged=data.stat().st_ino, over=base.stat().st_ino)
    try:
        files.exchange(base, data)
    except OSError:
        # A file system that cannot: for a moment nothing has the name.
        data.rename(what.old)
        base.rename(data)
    else:
        base.rename(what.old)
    for folder in (data.parent, what.attempt.shelf):
        files.sync(folder)


def _copy_unchanged(what: Switch, place: Path) -> Iterator[Step]:
    """Copy what was not written since the backup began, sharing its blocks where the file system can."""
    data, begun = what.data, int(what.stanza.told(what.attempt.point)["timestamp"]["start"])
    found = [(path, path.lstat()) for path in sorted(data.rglob("*")) if path.is_symlink() or path.is_file()]
    # By PG_VERSION pgBackRest sees that this is a data directory.
    same = [(path, known) for path, known in found if known.st_mtime < begun or path.name == "PG_VERSION"]
    total, done = sum(known.st_size for _, known in same), 0
    yield Step("keeping", 0, total)
    for first in range(0, len(same), _FILES_AT_ONCE):
        piece = same[first : first + _FILES_AT_ONCE]
        names = [str(path.relative_to(data)) for path, _ in piece]
        for _ in _copied(data, names, place):
            yield Step("keeping", max(done, min(files.size(place), total)), total)
        done += sum(known.st_size for _, known in piece)
    yield Step("keeping", total, total)


def _copied(folder: Path, names: Sequence[str], place: Path) -> Iterator[None]:
    words = ("/bin/cp", "--archive", "--reflink=auto", "--parents", f"--target-directory={place}", "--")
    with subprocess.Popen(
        (*words, *names), stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=folder
    ) as process:
        while process.poll() is None:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
                continue
            yield
        if process.returncode:
            said = process.stderr.read().decode("utf-8", "replace") if process.stderr else ""
            raise Problem(f"The damaged cluster cannot be kept: {said.strip()[:300]}")


def _copy(what: Switch, record: dict[str, Any]) -> Iterator[Step]:
    how = cast(Literal["time", "lsn", "xid", "immediate"], record["how"])
    aim = Aim(what.attempt.point, int(record["timeline_of_goal"]), how, str(record["target"]))
    what.stanza.repository.owner.make(what.data)
    what.attempt.note(over=what.data.stat().st_ino)
    words = (f"--pg1-path={what.data}", "--delta", "--target-action=promote", *aim.options())
    yield from what.stanza.repository.restore(*words, total=int(record["bytes"]))
    auto_settings.change(what.data, aim.settings(), what.stanza.repository.owner)
