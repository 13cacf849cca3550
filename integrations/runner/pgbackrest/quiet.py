"""Keeping backups and expiry of a stanza away while one of its backups is restored.

pgBackRest's own `stop` would do it and would also keep a recovery from its log. Its lock for backups and
expiry does only what is wanted, and ends with whoever holds it, also by a crash.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from integrations.runner.pgbackrest.repository import Repository
from integrations.runner.report import Problem

_DEFAULT = Path("/tmp/pgbackrest")  # noqa: S108 - what pgBackRest itself takes


@contextmanager
def quiet(repository: Repository) -> Iterator[None]:
    """Hold the lock that backups and expiry of the stanza take; log is archived and fetched meanwhile."""
    place = _lock_path(repository)
    repository.owner.make(place)
    handle = os.open(place / f"{repository.stanza}-backup.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        os.fchown(handle, repository.owner.uid, repository.owner.gid)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as busy:
        raise Problem(
            f"A backup or an expiry of {repository.stanza} is running; wait for it, or end it.",
            permanent=False,
        ) from busy
    finally:
        os.close(handle)


def _lock_path(repository: Repository) -> Path:
    """Return where pgBackRest keeps its locks, as its configuration says."""
    said = repository.configuration.value("lock-path")
    return Path(said) if said else _DEFAULT
