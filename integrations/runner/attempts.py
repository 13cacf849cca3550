"""Restores under their keys: the shelf that keeps what each replaced, and the record of how far it came."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.jobs import directory
from integrations.runner.report import Problem

_RECORD = "restore.json"
_LOCK = ".lock"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One restore of a recovery point under its key; `kept` is where its target keeps what was replaced."""

    kept: Path
    key: str
    point: str

    @property
    def name(self) -> str:
        """Return what tells this attempt from others in the names of files."""
        return directory(self.key)

    @property
    def shelf(self) -> Path:
        """Return the directory that keeps what this restore replaced."""
        return self.kept / self.name

    @property
    def record(self) -> files.Document:
        """Return what is known of it: its state is `ready`, `done` or `given up`."""
        return files.read(self.shelf / _RECORD) or {}

    @property
    def is_done(self) -> bool:
        """Say whether there is nothing left to do."""
        return self.record.get("state") == "done"

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        """Keep other restores of the same thing away; one key restores one point."""
        self.shelf.mkdir(parents=True, exist_ok=True)
        with alone(self.kept, what):
            begun = self.record.get("point", self.point)
            if begun != self.point:
                raise Problem(f"{self.key} restored {begun}; another restore needs another key.")
            yield

    def is_ready(self, **known: Any) -> bool:
        """Say whether what is recognised by these marks is what this restore made."""
        record = self.record
        return record.get("state") == "ready" and known.items() <= record.items()

    def ready(self, **known: Any) -> None:
        """Note that what takes the target's place is whole, and how it is recognised after a crash."""
        self._write({"state": "ready", "key": self.key, "point": self.point, **known, "ready_at": _now()})

    def note(self, **known: Any) -> None:
        """Note something more of what this restore made."""
        self._write({**self.record, **known})

    def broken_off(self, **known: Any) -> list[tuple[Path, files.Document]]:
        """Return the shelves and records of other restores of the same point that are recognised by these."""
        found = waiting(self.kept, point=self.point, **known)
        return [(shelf, record) for shelf, record in found if shelf != self.shelf]

    def goes_on_from(self, before: files.Document, *, kept: str | None, **known: Any) -> None:
        """Note that what another restore put in place is this one's now, as is what that one replaced."""
        lineage = [*before.get("goes_on_from", ()), before["key"]]
        self.ready(**known, kept=kept, goes_on_from=lineage)

    def take_over(
        self,
        place: Path,
        same: Callable[[files.Document], bool],
        first: Callable[[], None],
        *,
        names: Iterable[str],
    ) -> bool:
        """Go on from what another attempt put in a place and was broken off after, if it is the same still.

        What that one replaced is what was damaged; to replace again would keep the restored one in its stead.
        `names` are what is known of it besides.
        """
        if not place.exists():
            return False
        inode = place.stat().st_ino
        found = next((each for each in self.broken_off(inode=inode) if same(each[1])), None)
        if found is None:
            return False
        first()
        shelf, record = found
        kept = Path(record.get("kept") or shelf / place.name)
        known = {name: record.get(name) for name in names}
        self.goes_on_from(record, kept=str(kept) if kept.exists() else None, inode=inode, **known)
        self.give_up_others(inode=inode)
        return True

    def give_up_others(self, **known: Any) -> None:
        """Note of other restores with these marks that what they are recognised by is this one's now."""
        for shelf, _ in waiting(self.kept, **known):
            if shelf != self.shelf:
                give_up(shelf)

    def finish(self, **known: Any) -> None:
        """Note that the target is restored, and what is known of it since."""
        self._write({**self.record, **known, "state": "done", "done_at": _now()})

    def _write(self, record: files.Document) -> None:
        files.replace(self.shelf / _RECORD, record)


@contextmanager
def alone(kept: Path, what: str) -> Iterator[None]:
    """Keep restores of the same thing away while a copy beside it is made, taken or removed."""
    kept.mkdir(parents=True, exist_ok=True)
    with files.alone(kept / _LOCK, otherwise=f"Another restore of {what} is running."):
        yield


def running(kept: Path) -> bool:
    """Say whether a restore is under way."""
    return files.held(kept / _LOCK)


def waiting(kept: Path, **known: Any) -> list[tuple[Path, files.Document]]:
    """Return the shelves and records of restores that did not end and are recognised by these marks."""
    return [
        (shelf, record)
        for shelf, record in _shelved(kept)
        if record.get("state") == "ready" and known.items() <= record.items()
    ]


def give_up(shelf: Path) -> None:
    """Note that what a restore made is taken away; said before, lest its marks be those of something else."""
    if record := files.read(shelf / _RECORD):
        files.replace(shelf / _RECORD, {**record, "state": "given up"})


def last(kept: Path, point: str) -> files.Document:
    """Return the record of the last restore that put a recovery point in place, empty when there is none."""
    of_point = (record for record in finished(kept) if record.get("point") == point)
    return max(of_point, key=lambda record: str(record["done_at"]), default={})


def finished(kept: Path) -> list[files.Document]:
    """Return the records of all restores that put something in place."""
    return [record for _, record in _shelved(kept) if record.get("done_at") and record.get("key")]


def _shelved(kept: Path) -> list[tuple[Path, files.Document]]:
    return [(path.parent, files.read(path) or {}) for path in sorted(kept.glob(f"*/{_RECORD}"))]


def _now() -> str:
    return datetime.now(UTC).isoformat()
