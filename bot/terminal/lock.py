"""The lock in the home: whoever holds it works alone on the database of this home."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = "backstop.lock"


class Held(Exception):
    """Another Backstop works in this home."""


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold the lock until the block ends, or raise Held at once."""
    home.mkdir(parents=True, exist_ok=True)
    with (home / LOCK_FILE).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise Held(f"Another Backstop works in {home}. Stop it first.") from held
        yield
