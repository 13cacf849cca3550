"""Restores under their keys: the shelf that keeps what each replaced, and the record of how far it came."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.jobs import directory
from integrations.runner.report import Problem

_RECORD = "restore.json"


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

    def finish(self, **known: Any) -> None:
        """Note that the target is restored, and what is known of it since."""
        self._write({**self.record, **known, "state": "done", "done_at": _now()})

    def _write(self, record: files.Document) -> None:
        files.replace(self.shelf / _RECORD, record)


@contextmanager
def alone(kept: Path, what: str) -> Iterator[None]:
    """Keep restores of the same thing away while a copy beside it is made, taken or removed."""
    kept.mkdir(parents=True, exist_ok=True)
    with files.alone(kept / ".lock", otherwise=f"Another restore of {what} is running."):
        yield


def give_up(shelf: Path) -> None:
    """Note that what a restore made is taken away; said before, lest its marks be those of something else."""
    if record := files.read(shelf / _RECORD):
        files.replace(shelf / _RECORD, {**record, "state": "given up"})


def last(kept: Path, point: str) -> files.Document:
    """Return the record of the last restore that put a recovery point in place, empty when there is none."""
    records = (files.read(path) or {} for path in kept.glob(f"*/{_RECORD}"))
    of_point = (record for record in records if record.get("point") == point and record.get("done_at"))
    return max(of_point, key=lambda record: str(record["done_at"]), default={})


def _now() -> str:
    return datetime.now(UTC).isoformat()
