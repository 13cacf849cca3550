"""One release as Helm 3 and 4 speak of it: its history, its status, and the rollback itself."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from integrations.runner.report import Problem, Step

DEPLOYED, FAILED = "deployed", "failed"
PENDING_ROLLBACK = "pending-rollback"

_SOUND = frozenset({DEPLOYED, "superseded"})
_PASSING = ("unreachable", "connection refused", "timeout", "timed out", "EOF")
_LOOK_S = 0.5
_LONGEST = 400


@dataclass(frozen=True, slots=True)
class Revision:
    """One row of the history. Its number is never given again, and `updated` never changes."""

    number: int
    updated: str
    status: str
    chart: str
    app_version: str
    description: str

    @property
    def pending(self) -> bool:
        """Say whether an operation has begun it and not ended it."""
        return self.status.startswith("pending")

    @property
    def health(self) -> str:
        """Return what it is worth as a recovery point."""
        if self.status in _SOUND:
            return "unknown"
        return "partial" if self.pending else "invalid"

    @property
    def undoes_to(self) -> int | None:
        """Return the revision whose content it has, when a rollback made it."""
        word, _, number = self.description.rpartition(" ")
        return int(number) if word == "Rollback to" and number.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Release:
    """A release in a namespace of the cluster that a kubeconfig names; `patience` is Helm's own timeout."""

    program: Path
    name: str
    namespace: str
    kubeconfig: Path
    patience: str

    def version(self) -> str:
        """Return which Helm this is."""
        return self._said("version", "--template={{.Version}}").strip()

    def history(self) -> list[Revision]:
        """Return its revisions, newest first."""
        rows = _json(self._said("history", self.name, *self._reach(), "--output=json"))
        found = [
            Revision(
                int(row["revision"]),
                str(row["updated"]),
                str(row["status"]),
                str(row["chart"]),
                str(row.get("app_version") or ""),
                str(row.get("description") or ""),
            )
            for row in rows
        ]
        if not found:
            raise Problem(f"Helm has no history of {self.namespace}/{self.name}.")
        return sorted(found, key=lambda revision: revision.number, reverse=True)

    def first_deployed(self) -> str:
        """Return when it was installed, which tells it from another of its name."""
        status = _json(self._said("status", self.name, *self._reach(), "--output=json"))
        return str(status["info"]["first_deployed"])

    def digest(self, revision: Revision) -> str:
        """Return what names a revision for good: another install of the same name has other ones."""
        own = (revision.number, revision.updated, revision.chart, revision.app_version)
        text = json.dumps([self.namespace, self.name, *own], ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def roll_back(self, number: int) -> Iterator[Step]:
        """Let Helm roll back and wait until everything is ready, or say what kept it."""
        words = ("rollback", self.name, str(number), *self._reach(), "--wait", f"--timeout={self.patience}")
        # A pipe that nobody reads would stop Helm when it has much to complain about.
        with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
            process = self._begin(words, stdout=subprocess.DEVNULL, stderr=errors)
            while process.poll() is None:
                yield Step("rolling back")
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_LOOK_S)
            errors.seek(0)
            _must(process.returncode, errors.read())

    def _reach(self) -> tuple[str, ...]:
        return (f"--namespace={self.namespace}", f"--kubeconfig={self.kubeconfig}")

    def _said(self, *words: str) -> str:
        process = self._begin(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        output, errors = process.communicate()
        _must(process.returncode, errors)
        return str(output)

    def _begin(self, words: tuple[str, ...], **streams: Any) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                [self.program, *words],
                stdin=subprocess.DEVNULL,
                encoding="utf-8",
                errors="replace",
                **streams,
            )
        except OSError as error:
            raise Problem(f"{self.program} cannot be run: {error.strerror}.") from error


def _must(code: int, errors: str) -> None:
    """Raise Problem with Helm's own words when it failed."""
    if code == 0:
        return
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    fatal = [line.removeprefix("Error: ") for line in lines if line.startswith("Error: ")]
    killed = f"it was ended by signal {-code}" if code < 0 else "it failed and said nothing"
    words = next(iter([*fatal, *lines[-1:]]), killed)[:_LONGEST]
    raise Problem(f"helm: {words}", permanent=not any(sign in words for sign in _PASSING))


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise Problem("Helm answered with something that is not JSON; look at its version.") from error
