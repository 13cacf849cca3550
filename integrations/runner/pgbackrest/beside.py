"""A copy of the cluster beside it: restored, replayed to the goal and resting there, while it works on.

Its server listens nowhere but on its socket, archives nothing and carries a name that says what it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.attempts import alone, give_up, waiting
from integrations.runner.obstacles import growing
from integrations.runner.pgbackrest import apart, auto_settings
from integrations.runner.pgbackrest.aim import Aim, Found, Goal, newest
from integrations.runner.pgbackrest.positions import position
from integrations.runner.pgbackrest.quiet import quiet
from integrations.runner.pgbackrest.replay import Replay
from integrations.runner.pgbackrest.stanza import Stanza
from integrations.runner.prepared import Prepared
from integrations.runner.report import Problem, Step

_ARCHIVED_S = 120
_CLOSE = "SELECT to_jsonb(txid_current()::text)"


@dataclass(frozen=True, slots=True)
class Beside:
    """The copy beside one cluster, made for a goal under a key."""

    stanza: Stanza
    key: str
    goal: Goal

    @property
    def known(self) -> Prepared:
        """Return what is noted of the copy."""
        return Prepared(self.stanza.kept, str(self.stanza.cluster.data))

    @property
    def data(self) -> Path:
        """Return its data directory."""
        return self.stanza.side.data

    @property
    def log(self) -> Path:
        """Return the file that its server writes to."""
        return self.stanza.kept / "beside.log"

    def is_ready(self, aim: Aim) -> bool:
        """Say whether the copy rests at this very goal, as it was left there."""
        if not self.data.is_dir() or not self.known.is_ready(aim.label, **marks(self.data, aim)):
            return False
        return self.rests

    def waits_at(self, aim: Aim) -> bool:
        """Say whether it is ready, and its server runs."""
        return self.is_ready(aim) and self.stanza.side.pid() is not None

    @property
    def rests(self) -> bool:
        """Say whether it is of this database and was not promoted by anybody."""
        with suppress(Problem):
            control = self.stanza.side.control()
            return "recovery" in control.state and control.identity == self.stanza.identity
        return False


def marks(data: Path, aim: Aim) -> dict[str, Any]:
    """Return by what a copy is recognised."""
    return {"inode": data.stat().st_ino, "how": aim.how, "target": aim.target, "timeline": aim.timeline}


def aimed(aim: Aim) -> dict[str, Any]:
    """Return what is noted of a copy that was made for a goal, whatever became of it."""
    return {"point": aim.label, "how": aim.how, "target": aim.target, "timeline": aim.timeline}


def prepare(beside: Beside) -> Iterator[Step]:
    """Bring the copy to its goal and let it rest there; the cluster it may replace is not touched."""
    with alone(beside.stanza.kept, str(beside.stanza.cluster.data)):
        aim = yield from ready(beside)
        size = int(beside.stanza.told(aim.label)["info"]["size"])
        yield Step("proved", size, size)


def ready(beside: Beside) -> Generator[Step, None, Aim]:
    """The same for whoever keeps others away already; the aim is the value that is returned at the end."""
    stanza = beside.stanza
    # A copy that rests at what was pinned has reached it, so the log need not be looked at again.
    pinned = stanza.placed(beside.goal)
    if pinned and pinned.aim and beside.waits_at(pinned.aim):
        return pinned.aim
    found = resolved(stanza, beside.goal)
    aim = found.aim
    if aim is None:
        raise Problem(f"{beside.goal.label or 'The goal'} cannot be reached: {found.because}.")
    if beside.waits_at(aim):
        return aim
    close_log(stanza, found)
    with quiet(stanza.repository):
        if not _goes_on(beside, found):
            clear(beside)
            files.room(beside.data.parent, found.copy_bytes + found.replay_bytes)
            yield from _copy(beside, aim, found)
        yield from _replay(beside, aim, found)
    return aim


def resolved(stanza: Stanza, goal: Goal) -> Found:
    """Return what a pinned goal means now."""
    found = stanza.resolve(goal)
    if found.aim and goal.label and found.aim.label != goal.label:
        raise Problem(f"{goal.label} was approved, and the goal is reached from {found.aim.label} now.")
    return found


def close_log(stanza: Stanza, found: Found) -> None:
    """Let the running server archive what the replay needs, and a transaction after the goal to end it."""
    if found.closes:
        stanza.cluster.ask(_CLOSE)
        stanza.repository.check(_ARCHIVED_S)


def found_by(beside: Beside) -> dict[str, Any]:
    """Return what a finished copy proves."""
    record = beside.known.record
    checked = [
        f"PostgreSQL replayed its log up to {record['lsn']} and rests there",
        newest(record.get("last")),
    ]
    known = {name: record.get(name) for name in ("point", "digest", "ready_at", "lsn", "last", "timeline")}
    socket, port = beside.stanza.side.socket, beside.stanza.side.port
    return {**known, "checked": checked, "server": f"socket {socket}, port {port}, read only"}


def discard(beside: Beside) -> Iterator[Step]:
    """Stop the copy's server and remove it, whoever made it; where there is none, nothing is done."""
    with alone(beside.stanza.kept, str(beside.stanza.cluster.data)):
        clear(beside)
        yield Step("removed")


def clear(beside: Beside) -> None:
    """Remove the copy; what is in its place and is no copy of ours is left and said."""
    data, known = beside.data, beside.known
    if data.exists():
        put_away_replaced(beside)
    if data.exists():
        there = inode(data)
        if known.record.get("inode") != there:
            raise Problem(f"{data} is not a copy that was made here; move it away, or name another `side`.")
        for _ in beside.stanza.side.end():
            pass
        for shelf, _ in waiting(beside.stanza.kept, inode=there):
            give_up(shelf)
        shutil.rmtree(data)
    known.forget()


def put_away_replaced(beside: Beside) -> None:
    """Keep a replaced cluster that a restore which was broken off left in the place of the copy.

    It noted both directories by their inodes, which may be those of others by now: what is noted as a copy
    was never replaced.
    """
    stanza, side = beside.stanza, beside.stanza.side
    for shelf, record in waiting(stanza.kept, inode=inode(stanza.cluster.data)):
        there, place = inode(side.data), shelf / "data"
        replaced = there is not None and there == record.get("replaced")
        if replaced and there != beside.known.record.get("inode") and not place.exists():
            side.must_rest()
            side.data.rename(place)
            files.sync(shelf)
        give_up(shelf)


def inode(path: Path) -> int | None:
    """Return by what a directory is recognised under another name, None where there is none."""
    return path.stat().st_ino if path.exists() else None


def _goes_on(beside: Beside, found: Found) -> bool:
    """Say whether the copy rests before the goal, came from the same backup, and can go on from there."""
    record, aim = beside.known.record, found.aim
    if aim is None or aim.how == "immediate" or not beside.data.is_dir() or not record.get("lsn"):
        return False
    same = {
        "state": "ready",
        "point": aim.label,
        "timeline": aim.timeline,
        "inode": beside.data.stat().st_ino,
    }
    return same.items() <= record.items() and beside.rests and position(str(record["lsn"])) <= found.before


def _copy(beside: Beside, aim: Aim, found: Found) -> Iterator[Step]:
    stanza, data = beside.stanza, beside.data
    stanza.repository.owner.make(data)
    beside.known.grows(beside.key, aim.label)
    beside.known.note(inode=data.stat().st_ino)
    words = (f"--pg1-path={data}", "--archive-mode=off", "--target-action=pause", *aim.options())
    try:
        with growing(data, found.copy_bytes):
            yield from stanza.repository.restore(*words, total=found.copy_bytes)
    except Problem as failed:
        if not data.exists():
            beside.known.forget()
        raise Problem(
            f"The backup {aim.label} could not be restored ({failed}). The cluster itself is as it was. Plan "
            "again: the backup is read whole then before it is trusted.",
            permanent=failed.permanent,
        ) from failed


def _replay(beside: Beside, aim: Aim, found: Found) -> Iterator[Step]:
    stanza, known = beside.stanza, beside.known
    for _ in stanza.side.end():
        pass
    known.note(state="growing")
    # A restore that was broken off just before the exchange left it to promote.
    settings = {**aim.settings(), "recovery_target_action": "pause"}
    auto_settings.change(beside.data, settings, stanza.repository.owner)
    since = beside.log.stat().st_size if beside.log.exists() else 0
    process = stanza.side.launch(beside.log, *_alone(beside))
    replay = Replay(stanza.side, beside.log, since, found.begins, found.replay_bytes)
    resting = yield from replay.follow(process, until="paused")
    told = {"lsn": resting.lsn, "last": resting.last, "digest": stanza.digest(aim.label)}
    known.ready(**marks(beside.data, aim), **told)


def _alone(beside: Beside) -> Iterator[str]:
    name = f"backstop copy of {beside.stanza.cluster.data.name}"
    for setting, value in apart.settings(beside.stanza.side, name).items():
        yield from ("-c", f"{setting}={value}")
