"""What a goal means for a repository now: the backup to restore, and exactly where the replay ends.

PostgreSQL finds out only at the end of a replay that it cannot end where it should. Everything that would
let it fail there is looked for before: the backup is older than the goal, every segment between them is
there, something after the goal is too, and the timeline is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from integrations.runner.pgbackrest.aim import Backup, Found, Goal
from integrations.runner.pgbackrest.log import Ended, Log
from integrations.runner.pgbackrest.positions import written


@dataclass(frozen=True, slots=True)
class _End:
    """Where a replay has to end: before the position `before`, in the segment `until` at the latest."""

    timeline: int
    before: int
    until: int
    words: str
    reaches: datetime | None
    moment: datetime | None = None
    closes: bool = False
    caution: str = ""


def resolve(log: Log, backups: Sequence[Backup], goal: Goal, now: datetime) -> Found:
    """Choose the backup and pin the end, or say in a sentence why the goal cannot be reached."""
    try:
        if goal.at is None and goal.lsn is None and goal.xid is None:
            return _backup_itself(log, backups, goal)
        end = _end(log, goal, now)
    except _Unreachable as why:
        return Found(None, str(why))
    return _chosen(log, backups, goal, end)


_FIRST = datetime(1996, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)


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
        if missing := next(log.missing(backup.first, end.until, end.timeline), None):
            gap = f"the log after {backup.label} has a gap: {missing} is not archived"
            refused.append((backup.label, f"{gap}; only a goal before it can be reached"))
            continue
        unarchived = log.unarchived(end.until, end.timeline)
        pinned = replace(goal, timeline=end.timeline, label=backup.label)
        return Found(
            pinned.aim,
            f"the newest backup before it; {end.words}"
            + ("; the log up to there is archived when the restore begins" if unarchived else ""),
            tuple(refused),
            end.reaches,
            pinned,
            log.archive.bytes(backup.first, end.until),
            backup.bytes,
            begins=backup.first * log.archive.segment_bytes,
            before=end.before,
            closes=end.closes or unarchived,
            continuous=True,
            caution=end.caution,
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
        first = f"the first backup, {oldest.label}, which ended at {_said(oldest.stopped)}"
        return f"{_said(end.moment)} lies before {first}"
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
    if gap := next(log.missing(backup.first, until, backup.timeline), None):
        why = f"the log that makes it consistent has a gap: {gap} is not archived"
        return Found(None, why, ((backup.label, why),), continuous=False)
    pinned = Goal(timeline=backup.timeline, label=backup.label)
    return Found(
        pinned.aim,
        f"{backup.label} was asked for: the state in which it ended at {_said(backup.stopped)}",
        reaches=backup.stopped,
        goal=pinned,
        replay_bytes=log.archive.bytes(backup.first, until),
        copy_bytes=backup.bytes,
        begins=backup.first * log.archive.segment_bytes,
        before=backup.consistent,
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
    return _end_before(log, goal.xid or 0, goal.timeline)


def _live(log: Log, at: datetime) -> int:
    found = log.archive.live_at(at)
    # Its history may not be archived yet.
    own = log.timeline > found and log.timeline not in log.archive.begun
    return log.timeline if own and not log.archive.segments.get(found) else found


def _end_in_time(log: Log, at: datetime, timeline: int, now: datetime) -> _End:
    """A replay to a moment ends at the first transaction that is not before it, so one must be there."""
    if at > now:
        raise _Unreachable(f"{_said(at)} is still to come")
    if at < _FIRST:
        raise _Unreachable(f"{_said(at)} lies before there was PostgreSQL; write the moment anew")
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
    return _End(
        timeline,
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
    # The repository tells whole seconds, so that what was archived in that of the moment may be after it.
    before = [number for number in numbers if _archived(log, number, timeline) <= at - _SECOND]
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
    """A replay to a position ends at the first record that begins there or later, so one must be there."""
    timeline = goal.timeline or log.timeline
    number, ends = log.archive.number(lsn), log.ends(timeline)
    here = log.reached is not None and timeline == log.timeline
    if ends is None or number > ends or (here and lsn > (log.reached or 0)):
        raise _Unreachable(
            f"{written(lsn)} lies after the end of the archived log of timeline {timeline}; PostgreSQL would "
            "replay everything and then fail. Choose an earlier position"
        )
    timeline = next(each for each, end in log.archive.way(timeline) if lsn <= end)
    last, first = _around(log, timeline, lambda each: each.at >= lsn, max(number - 1, 0))
    return _End(
        timeline,
        lsn,
        number,
        _boundary(last, first, timeline),
        last.when if last else None,
        closes=first is None and here,
    )


def _end_before(log: Log, xid: int, timeline: int | None) -> _End:
    """A transaction is looked for where the cluster is now, then on the timelines that it left."""
    now = log.timeline if timeline is None else timeline
    left = [each for each in reversed(log.archive.timelines) if each < now] if timeline is None else []
    for each in (now, *left):
        older, found = _ended_before(log, xid, each)
        if found is not None:
            break
    else:
        raise _Unreachable(
            f"the end of transaction {xid} is not in the log of timeline {now}: it has not ended, it "
            "lies further back than was looked, or its number is of another timeline; name a moment or a "
            "position (LSN) instead"
        )
    return _End(
        each,
        found.at,
        log.archive.number(found.at),
        _boundary(older, found, each),
        older.when if older else found.when - timedelta(microseconds=1),
        caution="" if each == now else _left(xid, each, now, found.when),
    )


def _left(xid: int, timeline: int, now: int, at: datetime) -> str:
    """Say that a number of a transaction, which timelines share, is that of one that a restore left."""
    return (
        f"Transaction {xid} is not on timeline {now}, where the cluster is now. What is meant is the one of "
        f"{_said(at)} on timeline {timeline}, which a restore left: all that was written since then goes, "
        f"also what was written on timeline {now}."
    )


def _ended_before(log: Log, xid: int, timeline: int) -> tuple[Ended | None, Ended | None]:
    found: Ended | None = None
    for ended in log.ended_backwards(timeline):
        if found is not None:
            return ended, found
        if ended.xid == xid:
            found = ended
    return None, found


def _boundary(last: Ended | None, first: Ended | None, timeline: int) -> str:
    back = f"the last transaction that comes back is {last.xid} of {_said(last.when)}" if last else ""
    gone = (
        f"the first that does not is {first.xid} of {_said(first.when)}"
        if first
        else "nothing ended after it"
    )
    return ", ".join(part for part in (back, gone, f"on timeline {timeline}") if part)


def _said(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(sep=" ", timespec="milliseconds")
    return text.replace(".000+00:00", "+00:00").replace("+00:00", "Z")
