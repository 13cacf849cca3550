"""A replica as Litestream keeps it, and transactions of it as copies of the whole database."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from integrations.runner import files
from integrations.runner.copies import Copies, Note, removable
from integrations.runner.guards import of_storage
from integrations.runner.reasons import without_secrets
from integrations.runner.report import Problem, Step
from integrations.runner.sqlite.points import copies, prove

_POINT = re.compile(r"tx-([0-9a-f]{16})")
_LOOK_S = 0.2
_LONGEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Replica:
    """Where Litestream writes; `fetched` are the transactions that were made whole databases of."""

    program: Path
    url: str
    fetched: Path

    def points(self) -> list[Note]:
        """Return every transaction that can be restored, newest first: where its files end."""
        listed = json.loads(self._said("ltx", "-json", "-level", "all", self.url) or "[]") or []
        known = {note["id"]: note for note in self.copies.listed()}
        ends: dict[str, Mapping[str, Any]] = {}
        for each in listed:
            earlier = ends.get(each["max_txid"])
            # The same transaction on a higher level was written later; it is as old as its first file.
            if earlier is None or each["timestamp"] < earlier["timestamp"]:
                ends[each["max_txid"]] = each
        return [_note(end, known) for _, end in sorted(ends.items(), reverse=True)]

    @property
    def copies(self) -> Copies:
        """Return the transactions that were fetched, as copies."""
        return copies(self.fetched)

    def version(self) -> str:
        """Return which Litestream this is."""
        return f"Litestream {self._said('version').strip()}"

    def guard(self) -> dict[str, Any]:
        """Say whether this user could delete the replica; nothing is tried."""
        place = self.url.removeprefix("file://")
        if place.startswith("/"):
            return removable(Path(place))
        kind, _, _ = self.url.partition(":")
        return of_storage(kind, without_secrets(self.url))

    def fetch(self, point: str, digest: str | None = None) -> Iterator[Step]:
        """Make a whole database of a transaction, checked by SQLite, unless it lies there already.

        A replica that was begun anew gives the same numbers to other transactions, of other moments; only the
        one whose `digest` was approved is taken.
        """
        found = next((each for each in self.points() if each["id"] == point), None)
        if found is not None and digest not in (None, found["digest"]):
            where, at = without_secrets(self.url), found["as_of"]
            raise Problem(
                f"{point} is not the transaction that was approved: {where} was begun anew or written over, "
                f"and its {point} is of {at}. Nothing was changed; plan again."
            )
        with suppress(Problem):
            note, _ = self.copies.approved(point, None)
            if found is None or note["as_of"] == found["as_of"]:
                return
        transaction = _POINT.fullmatch(point)
        if found is None or transaction is None:
            raise Problem(f"There is no transaction {point} in {without_secrets(self.url)}.")
        self.fetched.mkdir(parents=True, exist_ok=True)
        grown = self.fetched / f".{point}.part"
        grown.unlink(missing_ok=True)
        words = ("restore", "-o", str(grown), "-txid", transaction[1], "-integrity-check", "full", self.url)
        yield from self._watched(words, grown)
        files.sync(grown)
        self._forget(point)
        self.copies.publish(grown, datetime.fromisoformat(found["as_of"]), {})
        prove(self.fetched, point)

    def forget_others(self, point: str) -> None:
        """Remove what was fetched of other transactions; the replica still has them."""
        for note in self.copies.listed():
            if note["id"] != point:
                self._forget(note["id"])

    def _forget(self, point: str) -> None:
        for ending in ("json", "db"):
            (self.fetched / f"{point}.{ending}").unlink(missing_ok=True)

    def _watched(self, words: tuple[str, ...], grown: Path) -> Iterator[Step]:
        with subprocess.Popen(
            [str(self.program), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process:
            while process.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_S)
                yield Step("fetching", files.size(grown) if grown.exists() else 0, by_figures=True)
            said = process.stdout.read() if process.stdout else ""
        if process.returncode:
            grown.unlink(missing_ok=True)
            raise Problem(f"Litestream could not restore it: {_last(said)}")

    def _said(self, *words: str) -> str:
        if shutil.which(self.program) is None:
            raise Problem(f"There is no program {self.program}; set `litestream` to where it is.")
        try:
            done = subprocess.run(
                [str(self.program), *words], capture_output=True, text=True, check=False, timeout=_LONGEST_S
            )
        except subprocess.TimeoutExpired as late:
            raise Problem(
                f"{without_secrets(self.url)} did not answer in {_LONGEST_S:g} s.", permanent=False
            ) from late
        if done.returncode:
            why = _last(done.stderr or done.stdout)
            raise Problem(f"Litestream cannot read {without_secrets(self.url)}: {why}")
        return done.stdout


def _identity(end: Mapping[str, Any]) -> str:
    """Return what names a transaction for good: its number and its moment, which no compaction changes."""
    return files.text_digest(f"{end['max_txid']} {end['timestamp']}")


def _note(end: Mapping[str, Any], known: Mapping[str, Note]) -> Note:
    id = f"tx-{end['max_txid']}"
    as_of = datetime.fromisoformat(end["timestamp"]).astimezone(UTC).isoformat()
    same = known.get(id, {})
    fetched = same if same.get("as_of") == as_of else {}
    return {
        "id": id,
        "as_of": as_of,
        "size": fetched.get("size"),
        "digest": _identity(end),
        "health": fetched.get("health", "unknown"),
        "verified_at": fetched.get("verified_at"),
        "problem": fetched.get("problem"),
    }


def _last(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return without_secrets(lines[-1].removeprefix("Error: ")) if lines else "it said nothing"
