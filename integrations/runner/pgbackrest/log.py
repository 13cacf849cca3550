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

    `timeline` is the one the cluster is on; `reached` is None while no server of this cluster runs.
    """

    archive: Archive
    repository: Repository
    cluster: Cluster
    timeline: int
    reached: int | None = None

    def ends(self, timeline: int) -> int | None:
        """Return the number of the newest segment that can be read on the way to a timeline."""
        last = self.archive.last(timeline)
        if self.reached is None or timeline != self.timeline:
            return last
        return max(last or 0, self.archive.number(self.reached))

    def unarchived(self, number: int, timeline: int) -> bool:
        """Say whether a segment is only with the running server yet, which is still to archive it."""
        local = self._local(number, timeline)
        if local is None or self.archive.holder(number, timeline) is not None:
            return False
        return not (local.parent / "archive_status" / f"{local.name}.done").exists()

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
            if self.archive.holder(begin, timeline) is None and self._local(begin, timeline) is None:
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
        local = self._local(number, timeline)
        if local is None:
            return False
        with suppress(FileNotFoundError):
            shutil.copyfile(local, place)
            os.chown(place, self.cluster.owner.uid, self.cluster.owner.gid)
            return True
        return False

    def _local(self, number: int, timeline: int) -> Path | None:
        if self.reached is None or timeline != self.timeline or number > self.archive.number(self.reached):
            return None
        path = self.cluster.data / "pg_wal" / self.archive.name(timeline, number)
        return path if path.exists() else None


def log_of(repository: Repository, cluster: Cluster, archive_id: str, identity: str) -> Log:
    """Return the log of the cluster whose data a repository holds."""
    control = None
    with suppress(Problem):
        control = cluster.control()
    size = control.segment_bytes if control else 16 * 1024 * 1024
    place = f"archive/{repository.stanza}/{archive_id}"
    archive = archive_of(repository.listed(place), size)
    histories = {
        timeline: ancestors_in(repository.text(f"{place}/{timeline:08X}.history"))
        for timeline in archive.ancestors
    }
    ours = control is not None and control.identity == identity
    if control and ours and control.timeline not in histories:
        with suppress(FileNotFoundError):  # not archived yet
            own = cluster.data / "pg_wal" / f"{control.timeline:08X}.history"
            histories[control.timeline] = ancestors_in(own.read_text(encoding="utf-8"))
    archive = replace(archive, ancestors=histories)
    newest = max(archive.timelines, default=1)
    timeline = max(newest, control.timeline) if control and ours else newest
    return Log(archive, repository, cluster, timeline, _reached(cluster) if ours else None)


def _reached(cluster: Cluster) -> int | None:
    if cluster.pid() is None:
        return None
    with suppress(Problem):
        found = cluster.ask(
            "SELECT to_jsonb(CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_lsn() END)"
        )
        return position(found) if found else None
    return None


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
