"""The log of a cluster as it can be read now: archived segments, and what a running server still keeps."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from integrations.runner.pgbackrest.cluster import Cluster
from integrations.runner.pgbackrest.positions import (
    Archive,
    ancestors_in,
    archive_of,
    position,
)
from integrations.runner.pgbackrest.repository import Repository
from integrations.runner.report import Problem

_ENDED = re.compile(
    r"tx:\s*(\d+), lsn: ([0-9A-F]+/[0-9A-F]+), .*?desc: (COMMIT|ABORT)(?:_PREPARED)? "
    r"(?:(\d+): )?(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?) UTC"
)
_SEGMENT = re.compile(r"[0-9A-F]{24}")
_SEGMENTS_AT_ONCE = 4
_FETCHED_AT_ONCE = 2
_MOST_SEGMENTS = 512


@dataclass(frozen=True, slots=True)
class Ended:
    """A transaction that was committed or given up: its record begins at `at`."""

    xid: int
    at: int
    when: datetime
    committed: bool


@dataclass(frozen=True, slots=True)
class Log:
    """Archived segments, and those of the running server up to the position it has `reached`.

    `timeline` is the one the cluster is on; `reached` is None while no server of this cluster runs. `waiting`
    are the names of segments that only the server had before the archive was listed: whatever is written
    meanwhile is either among them or in the list, so that what is in neither is missing.
    """

    archive: Archive
    repository: Repository
    cluster: Cluster
    timeline: int
    reached: int | None = None
    waiting: frozenset[str] = frozenset()

    def ends(self, timeline: int) -> int | None:
        """Return the number of the newest segment that can be read on the way to a timeline."""
        last = self.archive.last(timeline)
        if self.reached is None or timeline != self.timeline:
            return last
        return max(last or 0, self.archive.number(self.reached))

    def unarchived(self, number: int, timeline: int) -> bool:
        """Say whether a segment was only with the running server, which archives it soon or just has."""
        return self.archive.holder(number, timeline) is None and self._waits(number, timeline)

    def missing(self, first: int, last: int, timeline: int) -> Iterator[str]:
        """Yield the names of segments on the way to a timeline that neither archive nor server has."""
        for name in self.archive.missing(first, last, timeline):
            if not self._waits(self.archive.numbered(name)[1], timeline):
                yield name

    def ended(self, first: int, timeline: int) -> Iterator[Ended]:
        """Yield transactions in the order in which they ended, from a segment on to the end of a timeline."""
        last = self.ends(timeline)
        for begin in range(first, (last if last is not None else first - 1) + 1, _SEGMENTS_AT_ONCE):
            if begin - first >= _MOST_SEGMENTS:
                raise Problem(
                    f"What was looked for is not in {_MOST_SEGMENTS} segments of the log from "
                    f"{self.archive.name(timeline, first)} on; name a position (LSN) instead."
                )
            yield from self._read(begin, min(begin + _SEGMENTS_AT_ONCE - 1, last or 0), timeline)

    def ended_backwards(self, timeline: int) -> Iterator[Ended]:
        """Yield transactions newest first."""
        last = self.ends(timeline)
        if last is None:
            return
        # What is looked for lies near the end mostly: the first piece is one segment.
        end, pieces = last, 1
        while end >= 0 and end > last - _MOST_SEGMENTS:
            begin = max(end - pieces + 1, 0)
            found = list(self._read(begin, end, timeline))
            yield from reversed(found)
            # The newest segment has no file before something is written to it.
            there = begin == last or self._waits(begin, timeline)
            if self.archive.holder(begin, timeline) is None and not there:
                return
            end, pieces = begin - 1, min(2 * pieces, _SEGMENTS_AT_ONCE)

    def _read(self, first: int, last: int, timeline: int) -> Iterator[Ended]:
        # One more than asked for: a record may reach over the end of a segment.
        with _folder(self.cluster) as folder:
            with ThreadPoolExecutor(_FETCHED_AT_ONCE) as fetching:
                numbers = range(first, last + 2)
                there = list(fetching.map(lambda number: self._get(number, timeline, folder), numbers))
            if True not in there:
                return
            begin = there.index(True)
            rest = there[begin:].index(False) if False in there[begin:] else len(there) - begin
            names = [self.archive.name(timeline, first + begin + each) for each in (0, rest - 1)]
            text = self.cluster.dumped(folder, *names)
        end = (last + 1) * self.archive.segment_bytes
        yield from (each for each in _transactions(text) if each.at < end)

    def _get(self, number: int, timeline: int, folder: Path) -> bool:
        place = folder / self.archive.name(timeline, number)
        holder = self.archive.holder(number, timeline)
        if holder is not None:
            self.repository.fetch(self.archive.name(holder, number), place)
            return True
        if not self._waits(number, timeline):
            return False
        try:
            shutil.copyfile(self.cluster.data / "pg_wal" / place.name, place)
        except FileNotFoundError:
            # The server gives a segment's file away only when it is archived.
            self.repository.fetch(place.name, place)
        else:
            os.chown(place, self.cluster.owner.uid, self.cluster.owner.gid)
        return True

    def _waits(self, number: int, timeline: int) -> bool:
        # Files of segments to come lie there under their names already.
        written = self.reached is not None and number <= self.archive.number(self.reached)
        return written and self.archive.name(timeline, number) in self.waiting


def log_of(repository: Repository, cluster: Cluster, archive_id: str, identity: str) -> Log:
    """Return the log of the cluster whose data a repository holds."""
    control = None
    with suppress(Problem):
        control = cluster.control()
    size = control.segment_bytes if control else 16 * 1024 * 1024
    ours = control is not None and control.identity == identity
    reached = _reached(cluster) if ours else None
    waiting = _waiting(cluster) if reached is not None else frozenset[str]()
    place = f"archive/{repository.stanza}/{archive_id}"
    archive = archive_of(repository.listed(place), size)
    histories = {
        timeline: ancestors_in(repository.text(f"{place}/{timeline:08X}.history"))
        for timeline in archive.ancestors
    }
    if control and ours and control.timeline not in histories:
        with suppress(FileNotFoundError):  # not archived yet
            own = cluster.data / "pg_wal" / f"{control.timeline:08X}.history"
            histories[control.timeline] = ancestors_in(own.read_text(encoding="utf-8"))
    archive = replace(archive, ancestors=histories)
    newest = max(archive.timelines, default=1)
    timeline = max(newest, control.timeline) if control and ours else newest
    return Log(archive, repository, cluster, timeline, reached, waiting)


def _reached(cluster: Cluster) -> int | None:
    if cluster.pid() is None:
        return None
    with suppress(Problem):
        found = cluster.ask(
            "SELECT to_jsonb(CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END)"
        )
        return position(found) if found else None
    return None


def _waiting(cluster: Cluster) -> frozenset[str]:
    """Return the names of the segments a server has in its log and has not archived."""
    log = cluster.data / "pg_wal"
    names = [path.name for path in log.iterdir() if _SEGMENT.fullmatch(path.name)]
    return frozenset(name for name in names if not (log / "archive_status" / f"{name}.done").exists())


def _transactions(text: str) -> Iterator[Ended]:
    for found in _ENDED.finditer(text):
        when = datetime.fromisoformat(found[5]).replace(tzinfo=UTC)
        yield Ended(int(found[4] or found[1]), position(found[2]), when, found[3] == "COMMIT")


@contextmanager
def _folder(cluster: Cluster) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="backstop-log-"))
    try:
        os.chown(folder, cluster.owner.uid, cluster.owner.gid)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
