"""The shop's directory: its database and journal, what is wanted of it, and what is so now."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import BaseModel, ConfigDict


class ShopError(Exception):
    """The shop cannot do what was asked; the text says why and what to do."""


class Desired(BaseModel):
    """What the controller is asked to bring about; `generation` grows with every change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    replicas: int
    generation: int = 0


class Actual(BaseModel):
    """What the controller found when it last looked; `error` is why the wanted release does not run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: str
    replicas: int
    generation: int
    url: str
    pid: int | None = None
    restarts: int = 0
    error: str = ""


class Home:
    """One shop's directory, shared by the processes that run, scale, release and watch it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.database = path / "orders.db"
        self.journal = path / "journal.jsonl"
        self.log = path / "serve.log"
        self._desired = path / "desired.json"
        self._actual = path / "actual.json"

    def desired(self) -> Desired | None:
        """Return what is wanted, or None before the first `up`."""
        text = _read(self._desired)
        return None if text is None else Desired.model_validate_json(text)

    def actual(self) -> Actual | None:
        """Return what the controller last reported, or None when there never was one."""
        text = _read(self._actual)
        return None if text is None else Actual.model_validate_json(text)

    def report(self, actual: Actual) -> None:
        """Store what is so now."""
        _replace(self._actual, actual.model_dump_json())

    def want(self, *, version: str | None = None, replicas: int | None = None) -> Desired:
        """Change what is wanted and return it with its new generation; None leaves a part as it is."""
        with self.locked("desired.lock"):
            before = self.desired()
            if before is None:
                raise ShopError(f"There is no shop in {self.path}; start one with `up` first.")
            after = Desired(
                version=before.version if version is None else version,
                replicas=before.replicas if replicas is None else replicas,
                generation=before.generation + 1,
            )
            _replace(self._desired, after.model_dump_json())
            return after

    def found(self, desired: Desired) -> None:
        """Store the first wish of a new shop."""
        _replace(self._desired, desired.model_dump_json())

    @contextmanager
    def locked(self, name: str, *, wait: bool = True) -> Iterator[None]:
        """Hold a lock file; without `wait`, raise BlockingIOError when another process holds it."""
        with (self.path / name).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield


def _read(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None


def _replace(path: Path, text: str) -> None:
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(path)
