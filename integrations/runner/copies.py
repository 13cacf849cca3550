"""Copies of a database in a directory as recovery points; the note beside each makes it count."""

from __future__ import annotations

import getpass
import hashlib
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.report import Problem

Note = dict[str, Any]
"""What is known of a point: id, size, digest, as_of, finished_at, verified_at, held_until and its labels."""

LABELS = ("release", "commit", "environment")
_PATIENCE_S = 5.0
_LONGEST_WORD = 60
LOOK_S = 5.0
"""How long a copy is read while a plan is made of it."""


@dataclass(frozen=True, slots=True)
class Copies:
    """A directory of copies, each a file or a directory whose name has this ending."""

    place: Path
    ending: str

    def listed(self) -> list[Note]:
        """Return the notes of all points, newest first; `health` is what can be said without reading them."""
        notes = [self._looked_at(path) for path in self.place.glob("*.json")]
        known = {note["id"] for note in notes}
        contents = self.place.glob(f"*{self.ending}")
        notes += [_unfinished(path) for path in contents if path.stem not in known]
        return sorted(notes, key=lambda note: (note["as_of"], note["id"]), reverse=True)

    def note(self, point: str) -> Note:
        """Return the note of one point."""
        found = files.read(self._note_file(point))
        if found is None:
            raise Problem(f"There is no recovery point {point} in {self.place}.")
        return found

    def content(self, point: str) -> Path:
        """Return where the content of one point lies."""
        path = self.place / f"{point}{self.ending}"
        if not path.exists():
            raise Problem(f"The content of {point} is not in {self.place}.")
        return path

    def approved(self, point: str, digest: str | None) -> tuple[Note, Path]:
        """Return a point's note and content; one that is not the content that was approved is refused."""
        note, path = self.note(point), self.content(point)
        if digest is not None and digest != note["digest"]:
            raise Problem(f"{point} is not the content that was approved.")
        return note, path

    def growing(self, of: str, key: str, begun: datetime) -> Path:
        """Return where a new copy of something grows; its name will be that of the point."""
        self.place.mkdir(parents=True, exist_ok=True)
        # An id is a word that can be typed, whatever is copied is called.
        word = re.sub(r"[^A-Za-z0-9]+", "-", of).strip("-")[:_LONGEST_WORD] or "copy"
        return self.place / f".{word}-{begun:%Y%m%dT%H%M%SZ}-{_mark(key)}.part"

    def publish(self, grown: Path, as_of: datetime, labels: Mapping[str, str], **known: Any) -> Note:
        """Let a copy that has grown count as a recovery point; its note is written last."""
        point = grown.stem.removeprefix(".")
        note = {
            "id": point,
            "size": files.size(grown),
            "digest": files.digest(grown),
            "as_of": as_of.isoformat(),
            "finished_at": _now(),
            "verified_at": None,
            "held_until": None,
            **{label: labels.get(label) for label in LABELS},
            **known,
        }
        grown.rename(self.place / f"{point}{self.ending}")
        files.publish(self._note_file(point), note)
        return note

    def taken(self, key: str) -> Note:
        """Return the note of the point that was taken under a key."""
        return next(note for note in self.listed() if note["id"].endswith(_mark(key)))

    def prove(self, point: str, problem: str) -> dict[str, Any]:
        """Note whether a point was found right, and return that; an empty `problem` says that it was."""
        seen = files.marks(self.content(point)) if problem else None
        self._add(point, verified_at=None if problem else _now(), problem=problem, seen=seen)
        return {"ok": not problem, "found": problem or "digest and integrity are right"}

    def looked_at(self, point: str, *, within_s: float = LOOK_S) -> dict[str, Any]:
        """Say before anybody approves it whether a point is what was backed up, as far as time allows.

        One that is not counts no more until its files change: the next choice is another.
        """
        path = self.content(point)
        found = files.digest_within(path, within_s)
        if found is None:
            size = files.size(path) / 1e9
            why = f"{size:.1f} GB take too long. Have it verified."
            return {"unread": f"{point} was not read before this plan: {why}"}
        problem = self.changed(point, found)
        if not problem:
            return {}
        self.prove(point, problem)
        return {
            "damaged": f"{point} is damaged: {problem}. Plan again: another one is chosen where there is "
            "one, and this one is read again once its files were put right."
        }

    def look(self, point: str, shape: Callable[[Path], str], *, within_s: float = LOOK_S) -> dict[str, Any]:
        """Say whether a point is what was backed up, as far as time allows, and note nothing.

        Of one that takes too long `shape` looks at what it can without reading all, and says what is wrong.
        """
        path = self.content(point)
        found = files.digest_within(path, within_s)
        problem = shape(path) if found is None else self.changed(point, found)
        if problem:
            return {"ok": False, "found": f"{point} is damaged: {problem}"}
        if found is None:
            size = f"{files.size(path) / 1e9:.1f} GB"
            return {"ok": True, "found": f"{point} opens; its {size} were not read, have it verified"}
        return {"ok": True, "found": f"{point} was read and is what was backed up"}

    def hold(self, point: str, until: str | None) -> dict[str, Any]:
        """Keep a point from being expired until a moment; None releases it."""
        self._add(point, held_until=until)
        return {"point": point, "held_until": until}

    def guard(self) -> dict[str, Any]:
        """Say whether this user, who takes the copies, could delete them."""
        return removable(self.place)

    def changed(self, point: str, digest: str) -> str:
        """Return what is wrong with a point whose content has this digest, empty when nothing is."""
        noted = str(self.note(point)["digest"])
        if digest == noted:
            return ""
        return f"its content is not what was backed up: digest {digest[:12]}, not {noted[:12]}"

    def _add(self, point: str, **known: Any) -> None:
        busy = f"Somebody else is changing the notes in {self.place}."
        with files.alone(self.place / ".lock", otherwise=busy, patience_s=_PATIENCE_S):
            files.replace(self._note_file(point), {**self.note(point), **known})

    def _note_file(self, point: str) -> Path:
        return self.place / f"{point}.json"

    def _looked_at(self, path: Path) -> Note:
        note = files.read(path) or {}
        content = self.place / f"{path.stem}{self.ending}"
        whole = {"id": path.stem, "as_of": "", "digest": None, "size": None, **note}
        if note.get("id") != path.stem or not note.get("as_of"):
            at = _written(path)
            return {**whole, "as_of": at, "health": "invalid", "problem": "its note cannot be read"}
        if not content.exists() or files.size(content) != note.get("size"):
            return {**whole, "health": "invalid", "problem": "its content is missing or of another size"}
        if note.get("problem"):
            # What changed since it was read is not what was found damaged: it counts as never read.
            mended = note.get("seen") not in (None, files.marks(content))
            return {**whole, "health": "unknown", "problem": ""} if mended else {**whole, "health": "invalid"}
        return {**whole, "health": "valid" if note.get("verified_at") else "unknown"}


def removable(place: Path) -> dict[str, Any]:
    """Say whether this user could remove what lies in a directory; nothing is tried."""
    user = getpass.getuser()
    if os.access(place, os.W_OK | os.X_OK):
        return {"deletes": True, "because": f"{user} may write in {place}"}
    return {"deletes": False, "because": f"{user} may not write in {place}"}


def _unfinished(path: Path) -> Note:
    return {
        "id": path.stem,
        "size": files.size(path),
        "digest": None,
        "as_of": _written(path),
        "health": "partial",
        "problem": "the backup did not finish",
    }


def _mark(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:6]


def _written(path: Path) -> str:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC).isoformat()


def _now() -> str:
    return datetime.now(UTC).isoformat()
