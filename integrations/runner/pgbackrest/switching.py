"""Putting the copy beside in the place of the cluster: both stop, their directories are exchanged, it starts.

A crash at any moment leaves a whole directory under each name, and the replaced cluster is never lost.
Carried out again under the same key, a restore goes on from where it was; once done it does nothing.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.attempts import Attempt
from integrations.runner.pgbackrest import auto_settings
from integrations.runner.pgbackrest.aim import Aim
from integrations.runner.pgbackrest.beside import (
    Beside,
    aimed,
    clear,
    inode,
    marks,
    put_away_replaced,
    ready,
    resolved,
)
from integrations.runner.pgbackrest.broken_off import broken_off, never_wrote, replays
from integrations.runner.pgbackrest.cluster import Cluster
from integrations.runner.pgbackrest.kept import make_harmless
from integrations.runner.pgbackrest.replay import Replay
from integrations.runner.pgbackrest.stanza import Stanza
from integrations.runner.prepared import TOUCHED
from integrations.runner.report import PartlyDone, Problem, Step

_ARCHIVED_S = 60
_LOOK_S = 0.02
_TIMELINE = "SELECT to_jsonb(left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))"
_WRITES = """
SELECT jsonb_build_object('segment', pg_walfile_name(at), 'ended', pg_switch_wal()::text)
  FROM pg_create_restore_point('restored') at
"""
"""A marker, which uses up no number of a transaction, and the end of the segment that it stands in.

Transactions of this timeline may get the numbers of those that were undone, which people still go by.
"""


@dataclass(frozen=True, slots=True)
class Switch:
    """Which copy takes the place of its cluster, under which attempt."""

    beside: Beside
    attempt: Attempt

    @property
    def stanza(self) -> Stanza:
        """Return the stanza of the cluster."""
        return self.beside.stanza

    @property
    def data(self) -> Path:
        """Return the data directory that is replaced."""
        return self.stanza.cluster.data

    @property
    def old(self) -> Path:
        """Return where the replaced cluster is kept."""
        return self.attempt.shelf / "data"

    @property
    def log(self) -> Path:
        """Return the file that the server writes to until its own log takes over."""
        return self.stanza.kept / "server.log"


def restore(what: Switch) -> Iterator[Step]:
    """Restore the cluster, naming each stage once it is durable."""
    with what.attempt.alone(str(what.data)):
        if what.attempt.is_done:
            yield Step("done")
            return
        if not _is_restored(what) and not _goes_on(what):
            put_away_replaced(what.beside)
            yield from _exchange(what)
        yield Step("swapped")
        _shelve(what)
        put_by(what)
        yield Step("kept")
        yield from bring_up(what, leaves=int(what.attempt.record["timeline"]))
        yield Step("done")
    archives(what)


def done(what: Switch) -> dict[str, Any]:
    """Return what a finished restore proves."""
    record = what.attempt.record
    known = {name: record.get(name) for name in ("digest", "lsn", "last", "timeline", "prepared")}
    kept = _kept(what)
    about = {"kept": str(kept) if kept else None, "about_kept": record.get("about_kept")}
    known["goes_on_from"] = record.get("goes_on_from", [])
    if record.get("touched"):
        known["caution"] = TOUCHED
    return {"point": what.attempt.point, "restored_at": record.get("done_at"), **about, **known}


def put_by(what: Switch) -> None:
    """See to it that the replaced cluster can be looked at and does no harm where it is kept."""
    if kept := _kept(what):
        about = f"what it replaced is kept in {kept} and {make_harmless(what.stanza.cluster, kept)}"
        what.attempt.note(about_kept=about)


def _kept(what: Switch) -> Path | None:
    noted = what.attempt.record.get("kept") or what.old
    return Path(noted) if Path(noted).exists() else None


def _exchange(what: Switch) -> Iterator[Step]:
    beside, side, owner = what.beside, what.stanza.side, what.stanza.repository.owner
    before = beside.known.record
    prepared = before.get("state") == "ready"
    aim = yield from ready(beside)
    told = beside.known.record
    yield Step("stopping")
    with ThreadPoolExecutor() as both:
        list(both.map(Cluster.settle, (what.stanza.cluster, side)))
    for _ in side.end(settled=True):
        pass
    _still_resting(what, aim)
    auto_settings.change(beside.data, _in_place(what), owner)
    # By its inode the copy is recognised after a crash, under whichever name it has then.
    known = {name: told.get(name) for name in ("digest", "lsn", "last")}
    if (other := broken_off(what.stanza.cluster, what.attempt)) and other.kept:
        known["kept"] = str(other.kept)
    copy, mine = marks(beside.data, aim), told["key"] == what.attempt.key
    known["touched"] = prepared and mine and aimed(aim).items() <= before.items()
    # An attempt that was broken off before it exchanged the two would seem to have done it.
    what.attempt.give_up_others(inode=copy["inode"])
    what.attempt.ready(**copy, **known, replaced=inode(what.data), prepared=prepared and not mine)
    for _ in what.stanza.cluster.end(settled=True):
        yield Step("stopping")
    _swap(what)
    beside.known.forget()


def _still_resting(what: Switch, aim: Aim) -> None:
    control = what.stanza.side.control()
    if control.state != "shut down in recovery" or control.timeline != aim.timeline:
        clear(what.beside)
        raise Problem(
            f"The copy beside is not what was made: it is {control.state} on timeline {control.timeline}. "
            "It was removed; restore again, and let nobody promote it.",
            permanent=False,
        )


def _in_place(what: Switch) -> dict[str, str | None]:
    """Return the settings that differ where the copy takes part in the world again."""
    fetch = auto_settings.setting(what.beside.data, "restore_command") or ""
    return {
        "archive_mode": None,
        "recovery_target_action": "promote",
        "restore_command": fetch.replace(f"--pg1-path={what.beside.data}", f"--pg1-path={what.data}"),
    }


def _swap(what: Switch) -> None:
    for each in (what.stanza.cluster, what.stanza.side):
        each.must_rest()
    try:
        files.exchange(what.beside.data, what.data)
    except OSError as error:
        raise Problem(
            f"{what.data} cannot be exchanged with the copy beside: {error.strerror}. Its file system must "
            "exchange two names at once, as ext4, xfs and btrfs do."
        ) from error
    files.sync(what.data.parent)


def _is_restored(what: Switch) -> bool:
    """Say whether the two were exchanged; the inode alone may be that of another directory by now."""
    record = what.attempt.record
    left = {inode(what.beside.data), inode(what.old)} - {None}
    exchanged = record.get("replaced") in left or bool(record.get("exchanged"))
    return exchanged and what.attempt.is_ready(inode=inode(what.data))


def _goes_on(what: Switch) -> bool:
    """Take over the exchange of another attempt for this goal that was broken off before anybody could write.

    What that one replaced is the damaged cluster; to exchange again would keep the restored one in its stead.
    """
    for shelf, record in what.attempt.broken_off(inode=inode(what.data)):
        there = {inode(what.beside.data), inode(shelf / "data")} - {None}
        exchanged = record.get("replaced") in there or bool(record.get("exchanged"))
        if not exchanged or not never_wrote(what.stanza.cluster, int(record["timeline"])):
            continue
        aim = resolved(what.stanza, what.beside.goal).aim
        if aim is None or not marks(what.data, aim).items() <= record.items():
            continue
        put_away_replaced(what.beside)
        kept = record.get("kept") or shelf / "data"
        known = {
            name: record.get(name) for name in ("digest", "lsn", "last", "prepared", "replaced", "touched")
        }
        there_now = str(kept) if Path(kept).exists() else None
        what.attempt.goes_on_from(record, kept=there_now, **marks(what.data, aim), **known, exchanged=True)
        return True
    return False


def _shelve(what: Switch) -> None:
    what.beside.known.forget()
    if what.beside.data.exists() and not what.old.exists():
        what.stanza.side.must_rest()
        what.beside.data.rename(what.old)
        files.sync(what.attempt.shelf)
    what.attempt.note(exchanged=True)
    what.attempt.give_up_others(over=what.attempt.record.get("replaced"))


def bring_up(what: Switch, *, leaves: int) -> Iterator[Step]:
    """Start the restored cluster, wait until it takes part in the world, and note where it came to rest.

    The replay ends on the timeline that it `leaves`, and the cluster goes on on a new one.
    """
    cluster, log = what.stanza.cluster, what.log
    since = log.stat().st_size if log.exists() else 0
    process = None
    if cluster.pid() is None:
        _aim_again(what, leaves)
        yield Step("starting")
        process = cluster.launch(log)
    else:
        cluster.answer_for()
    replay = Replay(cluster, log, since, 0, 0)
    resting = yield from replay.follow(process, until="ended")
    yield Step("checking")
    timeline = int(str(cluster.ask(_TIMELINE)), 16)
    if timeline <= leaves:
        raise Problem(
            f"PostgreSQL came up on timeline {timeline}, which it was to leave: it replayed past the goal, "
            "so that what was to be undone is there, and it takes writes. Stop it, and restore again."
        )
    if (identity := cluster.control().identity) != what.stanza.identity:
        raise Problem(f"The restored cluster is {identity} and not {what.stanza.identity}.")
    before = what.attempt.record
    rested = {"lsn": resting.lsn or before.get("lsn"), "last": resting.last or before.get("last")}
    what.attempt.finish(**rested, timeline=timeline)


def _aim_again(what: Switch, leaves: int) -> None:
    """See to it that a replay that was broken off at its very end stops at its goal again.

    PostgreSQL takes the signal of a recovery away before it notes its new timeline. Killed between the two
    and begun without it, it replays all that lies there of the old one, past the goal.
    """
    signal = what.data / "recovery.signal"
    if not signal.exists() and replays(what.stanza.cluster.control(), leaves):
        what.stanza.repository.owner.mark(signal)


def archives(what: Switch) -> None:
    """Make sure that the restored cluster writes, and that its log comes to the repository again.

    The first segment of its timeline is a part of every later restore, which would follow the one that was
    left without it. Beside its log PostgreSQL says what is still to be archived.
    """
    with suppress(Problem):
        segment = str(what.stanza.cluster.ask(_WRITES)["segment"])
        history = f"{int(segment[:8], 16):08X}.history"
        status = what.data / "pg_wal" / "archive_status"
        waiting = [status / f"{name}.ready" for name in (history, segment)]
        until = time.monotonic() + _ARCHIVED_S
        while any(path.exists() for path in waiting) and time.monotonic() < until:
            time.sleep(_LOOK_S)
        if not any(path.exists() for path in waiting) and what.stanza.archived(history):
            return
    raise PartlyDone(
        "The cluster is restored and works, but its log is not archived: look at its archive_command before "
        "anything relies on a later restore, then take a full backup."
    )
