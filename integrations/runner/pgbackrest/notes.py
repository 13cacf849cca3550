"""What is known beside the repository: which backups were read whole or are held, and markers in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from integrations.runner import files

_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Notes:
    """A directory of notes, one file for each backup and each marker."""

    place: Path

    def of(self, label: str) -> files.Document:
        """Return what is known of a backup: verified_at, problem, held_until."""
        return files.read(self._backups / f"{label}.json") or {}

    def prove(self, label: str, problem: str) -> None:
        """Note whether a backup was found right; an empty problem says that it was."""
        self._add(label, {"verified_at": None if problem else _now(), "problem": problem})

    def hold(self, label: str, until: str | None) -> None:
        """Note until when a backup must be kept; None releases it."""
        self._add(label, {"held_until": until})

    def held(self, now: datetime) -> dict[str, datetime]:
        """Return the backups that are held at a moment, with when that ends."""
        found = {}
        for path in self._backups.glob("*.json"):
            until = (files.read(path) or {}).get("held_until")
            if until and datetime.fromisoformat(until) > now:
                found[path.stem] = datetime.fromisoformat(until)
        return found

    def marker(self, name: str) -> files.Document | None:
        """Return where a marker stands (lsn, timeline, xid, at) and the key it was set under."""
        return files.read(self._markers / f"{name}.json")

    def mark(self, name: str, known: files.Document) -> None:
        """Note where a marker stands."""
        self._markers.mkdir(parents=True, exist_ok=True)
        files.publish(self._markers / f"{name}.json", {"name": name, **known})

    def _add(self, label: str, known: files.Document) -> None:
        self._backups.mkdir(parents=True, exist_ok=True)
        busy = f"Somebody else is changing the notes in {self.place}."
        with files.alone(self.place / ".lock", otherwise=busy, patience_s=_PATIENCE_S):
            files.replace(self._backups / f"{label}.json", {**self.of(label), **known})

    @property
    def _backups(self) -> Path:
        return self.place / "backups"

    @property
    def _markers(self) -> Path:
        return self.place / "markers"


def _now() -> str:
    return datetime.now(UTC).isoformat()
