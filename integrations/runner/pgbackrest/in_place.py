"""Restoring over the cluster itself, where there is no room for another copy or most of it is the same.

The damaged state is kept first, unless the plan says why not. From then on until the replay is over the data
directory is no whole cluster: a restore that was broken off is gone on with, by its own key or another.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal, cast

from integrations.runner import files
from integrations.runner.pgbackrest import auto_settings
from integrations.runner.pgbackrest.aim import Aim
from integrations.runner.pgbackrest.beside import close_log, resolved
from integrations.runner.pgbackrest.cluster import links_out
from integrations.runner.pgbackrest.quiet import quiet
from integrations.runner.pgbackrest.stanza import put_by_control
from integrations.runner.pgbackrest.switching import Switch, archives, bring_up
from integrations.runner.report import Problem, Step

_LOOK_S = 0.5


def restore_in_place(what: Switch, keep: str) -> Iterator[Step]:
    """Restore over the data directory, naming each stage once it is durable."""
    with what.attempt.alone(str(what.data)):
        if what.attempt.is_done:
            yield Step("done")
            return
        if keep == "copy" and not what.attempt.record:
            _can_be_kept(what)
        record = what.attempt.record or _begin(what)
        if not record.get("copied"):
            with quiet(what.stanza.repository):
                for _ in what.stanza.cluster.end():
                    yield Step("stopping")
                if keep == "copy":
                    yield from _keep(what)
                yield from _copy(what, record)
            what.attempt.note(copied=True)
        yield from bring_up(what)
        what.attempt.finish()
        yield Step("done")
    archives(what.stanza)


def _can_be_kept(what: Switch) -> None:
    """Find out before the cluster is stopped whether there is a way and room to keep it."""
    if links := links_out(what.data):
        where = f"{', '.join(links)} of {what.data} lie elsewhere and cannot be kept"
        raise Problem(f"{where}; nothing was begun.")
    if (what.data / "global" / "pg_control").exists():
        files.room(what.attempt.shelf, files.size(what.data))


def _begin(what: Switch) -> dict[str, Any]:
    """Pin everything before the cluster is touched, as afterwards it cannot be asked any more."""
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
    return what.attempt.record


def _keep(what: Switch) -> Iterator[Step]:
    """Copy the damaged cluster, sharing its blocks where the file system can; a half-restored one is none."""
    data, part = what.data, what.old.with_name("data.part")
    if what.old.exists() or not (data / "global" / "pg_control").exists():
        return
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    total = files.size(data)
    files.room(what.attempt.shelf, total)
    words = ("/bin/cp", "--archive", "--reflink=auto", "--no-target-directory", str(data), str(part))
    with subprocess.Popen(words, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while process.poll() is None:
            yield Step("keeping", min(files.size(part), total), total)
            with suppress(subprocess.TimeoutExpired):
                process.wait(_LOOK_S)
        if process.returncode:
            said = process.stderr.read().decode("utf-8", "replace") if process.stderr else ""
            raise Problem(f"The damaged cluster cannot be kept: {said.strip()[:300]}")
    files.sync_all(what.attempt.shelf)
    part.rename(what.old)
    files.sync(what.attempt.shelf)


def _copy(what: Switch, record: dict[str, Any]) -> Iterator[Step]:
    how = cast(Literal["time", "lsn", "xid", "immediate"], record["how"])
    aim = Aim(what.attempt.point, int(record["timeline_of_goal"]), how, str(record["target"]))
    words = (f"--pg1-path={what.data}", "--delta", "--target-action=promote", *aim.options())
    yield from what.stanza.repository.restore(*words, total=int(record["bytes"]))
    auto_settings.change(what.data, aim.settings(), what.stanza.repository.owner)
