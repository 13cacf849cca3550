"""What a goal means for a repository now: the backup to restore, and exactly where the replay ends.

PostgreSQL finds out only at the end of a replay that it cannot end where it should. Everything that would
let it fail there is looked for before: the backup is older than the goal, every segment between them is
there, something after the goal is too, and the timeline is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from integrations.runner.pgbackrest.log import Ended, Log
from integrations.runner.pgbackrest.positions import position, written
from integrations.runner.report import Problem


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup of the stanza: where its state is consistent, and the first segment it needs."""

    label: str
    kind: str
    stopped: datetime
    timeline: int
    first: int
    consistent: int
    bytes: int
    unfit: str = ""


@dataclass(frozen=True, slots=True)
class Aim:
    """Where a replay ends: `how` and `target` are the words of PostgreSQL, None ends it once consistent."""

    label: str
    timeline: int
    how: Literal["time", "lsn", "xid", "immediate"]
    target: str = ""

    @property
    def exclusive(self) -> bool:
        """Say whether what stands at the target itself is left out, as whatever is named is the damage."""
        return self.how != "immediate"

    def options(self) -> list[str]:
        """Return the options of a restore."""
        words = [f"--set={self.label}", f"--type={self.how}", f"--target-timeline={self.timeline}"]
        words += [f"--target={self.target}"] if self.target else []
        return words + (["--target-exclusive"] if self.exclusive else [])

    def settings(self) -> dict[str, str | None]:
        """Return PostgreSQL's own settings for it; None is one that must not be set."""
        given: dict[str, str | None] = dict.fromkeys(
            ("recovery_target", "recovery_target_time", "recovery_target_lsn", "recovery_target_xid")
        )
        if self.how == "immediate":
            given["recovery_target"] = "immediate"
        else:
            given[f"recovery_target_{self.how}"] = self.target
        inclusive = "off" if self.exclusive else None
        return {
            **given,
            "recovery_target_name": None,
            "recovery_target_inclusive": inclusive,
            "recovery_target_timeline": str(self.timeline),
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """What is asked for: one of a moment, a position, a transaction or nothing, which is a backup itself."""

    at: datetime | None = None
    lsn: int | None = None
    xid: int | None = None
    timeline: int | None = None
    label: str | None = None
    marker: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """What a goal came to; with `closes` the running server must archive the rest of its log first."""

    aim: Aim | None
    because: str
    refused: Sequence[tuple[str, str]] = ()
    reaches: datetime | None = None
    goal: Goal | None = None
    replay_bytes: int = 0
    copy_bytes: int = 0
    closes: bool = False
    continuous: bool | None = None

    def told(self) -> dict[str, Any]:
        """Return it as an answer of the runner."""
        return {
            "point": self.aim.label if self.aim else None,
            "because": self.because,
            "refused": [{"point": label, "because": why} for label, why in self.refused],
            "reaches": self.reaches.isoformat() if self.reaches else None,
            "goal": _told(self.goal) if self.goal else None,
            "log_continuous": self.continuous,
            "work": {"copying": self.copy_bytes, "replaying": self.replay_bytes},
        }


@dataclass(frozen=True, slots=True)
class _End:
    """Where a replay has to end: before the position `before`, in the segment `until` at the latest."""

    timeline: int
    aim: Callable[[str], Aim]
    before: int
    until: int
    words: str
    reaches: datetime | None
    moment: datetime | None = None
    closes: bool = False


def resolve(log: Log, backups: Sequence[Backup], goal: Goal, now: datetime) -> Found:
    """Choose the backup and pin the end, or say in a sentence why the goal cannot be reached."""
    try:
        if goal.at is None and goal.lsn is None and goal.xid is None:
            return _backup_itself(log, backups, goal)
        end = _end(log, goal, now)
    except _Unreachable as why:
        return Found(None, str(why))
    return _chosen(log, backups, goal, end)


class _Unreachable(Exception):
    """The goal lies where no replay ends."""


def _chosen(log: Log, backups: Sequence[Backup], goal: Goal, end: _End) -> Found:
    refused: list[tuple[str, str]] = []
    for backup in backups:
        objection = next(_objections(log, backup, end), "")
        if goal.label and backup.label != goal.label:
            objection = objection or f"{goal.label} was asked for"
        if objection:
            refused.append((backup.label, objection))
            continue
        gaps = list(log.archive.missing(backup.first, end.until, end.timeline))
        gaps = [name for name in gaps if not log.unarchived(log.archive.numbered(name)[1], end.timeline)]
        if gaps:
            refused.append((backup.label, f"the log after it has a gap: {gaps[0]} is not archived"))
            continue
        unarchived = log.unarchived(end.until, end.timeline)
        return Found(
            end.aim(backup.label),
            f"the newest backup before it; {end.words}"
            + ("; the log up to there is archived when the restore begins" if unarchived else ""),
            tuple(refused),
            end.reaches,
            Goal(goal.at, goal.lsn, goal.xid, end.timeline, backup.label, goal.marker),
            log.archive.bytes(log.archive.number(backup.consistent), end.until),
            backup.bytes,
            closes=end.closes or unarchived,
            continuous=True,
        )
    return Found(None, _none_will_do(backups, refused, end), tuple(refused), continuous=_continuous(refused))


def _none_will_do(backups: Sequence[Backup], refused: Sequence[tuple[str, str]], end: _End) -> str:
    if not backups:
        return "there is no backup at all"
    gap = next((why for _, why in refused if "gap" in why), "")
    if gap:
        return gap
    oldest = min(backups, key=lambda backup: backup.stopped)
    if end.moment and oldest.stopped > end.moment:
        return f"it lies before the first backup, {oldest.label}, which ended at {_said(oldest.stopped)}"
    return f"none of {len(backups)} backups leads there"


def _continuous(refused: Sequence[tuple[str, str]]) -> bool | None:
    return False if any("gap" in why for _, why in refused) else None


def _objections(log: Log, backup: Backup, end: _End) -> Iterator[str]:
    if backup.unfit:
        yield backup.unfit
    late = end.moment is not None and backup.stopped.timestamp() > end.moment.timestamp()
    if late or backup.consistent > end.before:
        yield "it ended after the goal, so a replay from it could not end there"
    if not log.archive.leads(backup.timeline, backup.consistent, end.timeline):
        yield f"it was taken on timeline {backup.timeline} after timeline {end.timeline} had left it"


def _backup_itself(log: Log, backups: Sequence[Backup], goal: Goal) -> Found:
    backup = next((each for each in backups if each.label == goal.label), None)
    if backup is None:
        raise _Unreachable(f"There is no backup {goal.label}." if goal.label else "Name a backup or a goal.")
    if backup.unfit:
        return Found(None, f"{backup.label} cannot be used", ((backup.label, backup.unfit),))
    until = log.archive.number(backup.consistent)
    if gap := next(log.archive.missing(backup.first, until, backup.timeline), None):
        why = f"the log that makes it consistent has a gap: {gap} is not archived"
        return Found(None, why, ((backup.label, why),), continuous=False)
    return Found(
        Aim(backup.label, backup.timeline, "immediate"),
        f"{backup.label} was asked for: the state in which it ended at {_said(backup.stopped)}",
        reaches=backup.stopped,
        goal=Goal(timeline=backup.timeline, label=backup.label),
        replay_bytes=log.archive.bytes(backup.first, until),
        copy_bytes=backup.bytes,
        continuous=True,
    )


def _end(log: Log, goal: Goal, now: datetime) -> _End:
    if goal.timeline is not None and goal.timeline not in {*log.archive.timelines, log.timeline}:
        known = ", ".join(map(str, log.archive.timelines))
        raise _Unreachable(f"there is no timeline {goal.timeline} in the archive; there are: {known}")
    if goal.at is not None:
        return _end_in_time(log, goal.at, goal.timeline or _live(log, goal.at), now)
    if goal.lsn is not None:
        return _end_at(log, goal.lsn, goal)
    return _end_before(log, goal.xid or 0, goal.timeline or log.timeline)


def _live(log: Log, at: datetime) -> int:
    found = log.archive.live_at(at)
    # Its history may not be archived yet.
    own = log.timeline > found and log.timeline not in log.archive.begun
    return log.timeline if own and not log.archive.segments.get(found) else found


def _end_in_time(log: Log, at: datetime, timeline: int, now: datetime) -> _End:
    """A replay to a moment ends at the first transaction that is not before it, so one must be there."""
    if at > now:
        raise _Unreachable(f"{_said(at)} is still to come")
    last, first = _around(log, timeline, lambda each: each.when >= at, _begin_in_time(log, timeline, at))
    running = log.reached is not None and timeline == log.timeline
    if first is None and not running:
        newest = f", which is of {_said(last.when)}" if last else ""
        raise _Unreachable(
            f"{_said(at)} lies after the last transaction in the archived log of timeline {timeline}{newest};"
            " PostgreSQL would replay everything and then fail. Choose an earlier moment, or start the "
            "server so that the rest of its log is archived"
        )
    before = first.at if first else 1 << 64
    until = log.archive.number(first.at) if first else log.ends(timeline) or 0
    target = at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f+00")
    return _End(
        timeline,
        lambda label: Aim(label, timeline, "time", target),
        before,
        until,
        _boundary(last, first, timeline),
        at - timedelta(microseconds=1),
        at,
        closes=first is None,
    )


def _begin_in_time(log: Log, timeline: int, at: datetime) -> int:
    """Return the segment from which on transactions near a moment are looked for."""
    numbers = sorted(
        {number for each, _ in log.archive.way(timeline) for number in log.archive.segments.get(each, {})}
    )
    before = [number for number in numbers if _archived(log, number, timeline) < at]
    start = before[-1] if before else next(iter(numbers), None)
    if start is None:
        start = log.ends(timeline)
    if start is None:
        raise _Unreachable(f"nothing of timeline {timeline} is archived")
    return start


def _archived(log: Log, number: int, timeline: int) -> datetime:
    holder = log.archive.holder(number, timeline)
    never = datetime.max.replace(tzinfo=UTC)
    return log.archive.segments[holder][number].at if holder is not None else never


def _around(
    log: Log, timeline: int, beyond: Callable[[Ended], bool], begin: int
) -> tuple[Ended | None, Ended | None]:
    last = None
    for ended in log.ended(begin, timeline):
        if beyond(ended):
            return last, ended
        last = ended
    return last, None


def _end_at(log: Log, lsn: int, goal: Goal) -> _End:
    timeline = goal.timeline or log.timeline
    number = log.archive.number(lsn)
    ends = log.ends(timeline)
    if (
        ends is None
        or number > ends
        or (log.reached is not None and timeline == log.timeline and lsn > log.reached)
    ):
        raise _Unreachable(
            f"{written(lsn)} lies after the end of the archived log of timeline {timeline}; PostgreSQL would "
            "replay everything and then fail"
        )
    last, first = _around(log, timeline, lambda each: each.at >= lsn, max(number - 1, 0))
    begins = next((fork for fork in log.archive.ancestors.get(timeline, ())[-1:]), None)
    if begins and goal.timeline and lsn < begins.at:
        timeline = next(each for each, end in log.archive.way(timeline) if lsn <= end)
    return _End(
        timeline,
        lambda label: Aim(label, timeline, "lsn", written(lsn)),
        lsn,
        number,
        _boundary(last, first, timeline),
        last.when if last else None,
        closes=first is None and log.reached is not None and timeline == log.timeline,
    )


def _end_before(log: Log, xid: int, timeline: int) -> _End:
    older: Ended | None = None
    found: Ended | None = None
    for ended in log.ended_backwards(timeline):
        if found is not None:
            older = ended
            break
        if ended.xid == xid:
            found = ended
    if found is None:
        raise _Unreachable(
            f"the end of transaction {xid} is not in the log of timeline {timeline}: it has not ended, it "
            "lies further back than was looked, or its number is of another timeline"
        )
    return _End(
        timeline,
        lambda label: Aim(label, timeline, "xid", str(xid)),
        found.at,
        log.archive.number(found.at),
        _boundary(older, found, timeline),
        older.when if older else found.when - timedelta(microseconds=1),
    )


def _boundary(last: Ended | None, first: Ended | None, timeline: int) -> str:
    back = f"the last transaction that comes back is {last.xid} of {_said(last.when)}" if last else ""
    gone = (
        f"the first that does not is {first.xid} of {_said(first.when)}"
        if first
        else "nothing ended after it"
    )
    return ", ".join(part for part in (back, gone, f"on timeline {timeline}") if part)


def _told(goal: Goal) -> dict[str, Any]:
    kinds: Mapping[str, Any] = {
        "at": goal.at.isoformat() if goal.at else None,
        "lsn": written(goal.lsn) if goal.lsn is not None else None,
        "xid": goal.xid,
        "marker": goal.marker,
        "timeline": goal.timeline,
    }
    return {name: value for name, value in kinds.items() if value is not None}


def _said(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds")
    return text.replace(".000+00:00", "+00:00").replace("+00:00", "Z")


def backup_of(found: Mapping[str, Any], number: Callable[[str], tuple[int, int]], unfit: str) -> Backup:
    """Return a backup as `info` tells of it."""
    try:
        timeline, first = number(found["archive"]["start"])
        return Backup(
            label=found["label"],
            kind=found["type"],
            stopped=datetime.fromtimestamp(found["timestamp"]["stop"], UTC),
            timeline=timeline,
            first=first,
            consistent=position(found["lsn"]["stop"]),
            bytes=int(found["info"]["size"]),
            unfit=unfit,
        )
    except (KeyError, TypeError) as missing:
        label = found.get("label", "without a label")
        raise Problem(f"pgBackRest does not say {missing} of its backup {label}.") from missing
