"""The copy that lies ready beside a target before anybody decided to put it in place."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.runner import files

TOUCHED = (
    "The copy that lay ready was changed or removed after it had been proved, so another was made of the "
    "recovery point."
)
"""What is said of a restore that did not take the copy that waited for it."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of the one copy that may lie beside a target; `of` names the target on this host.

    It only speeds a restore up: whoever finds it changed, of another point, or not there, makes another.
    """

    kept: Path
    of: str

    @property
    def record(self) -> files.Document:
        """Return what is known of it: its state is `growing` or `ready`; empty when there is none."""
        return files.read(self._file) or {}

    def grows(self, key: str, point: str) -> None:
        """Note that a copy of a point is being made, before anything of it is there."""
        self.kept.mkdir(parents=True, exist_ok=True)
        files.replace(self._file, {"state": "growing", "key": key, "point": point, "begun_at": _now()})

    def ready(self, **marks: Any) -> None:
        """Note that it is whole and proved, and the marks by which a change of it would be noticed."""
        files.replace(self._file, {**self.record, "state": "ready", **marks, "ready_at": _now()})

    def note(self, **known: Any) -> None:
        """Note something more of it."""
        files.replace(self._file, {**self.record, **known})

    def is_ready(self, point: str, **marks: Any) -> bool:
        """Say whether what has these marks now is the copy of this point that was proved."""
        record = self.record
        return record.get("state") == "ready" and {"point": point, **marks}.items() <= record.items()

    def to_copy(self, point: str, amount: int) -> int:
        """Return how much of a point has to be copied still: nothing where its copy lies ready."""
        return 0 if self.holds(point) else amount

    def holds(self, point: str) -> bool:
        """Say whether a whole copy of a point is noted."""
        record = self.record
        return (record.get("state"), record.get("point")) == ("ready", point)

    def forget(self) -> None:
        """Note that it is gone, or became something else."""
        self._file.unlink(missing_ok=True)

    def ready_one(self) -> list[str]:
        """Return what its target's owner should know of a copy that lies ready, which is as it should be."""
        return self._told("ready", "lies ready")

    def unfinished(self) -> list[str]:
        """Return what its target's owner should know of a copy that is not whole."""
        return self._told("growing", "was begun and is not whole")

    def _told(self, state: str, how: str) -> list[str]:
        record = self.record
        if record.get("state") != state:
            return []
        return [
            f"A copy of {record['point']} {how} beside it, made by {record['key']}; "
            "the restore of that point takes it, `discard` removes it."
        ]

    @property
    def _file(self) -> Path:
        return self.kept / f".prepared-{hashlib.sha256(self.of.encode()).hexdigest()[:8]}.json"


def _now() -> str:
    return datetime.now(UTC).isoformat()
