"""A disk that fills up under SQLite files."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field

from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import Pool

_ROOM = 1 << 30


@dataclass
class Disk:
    """The disk of every SQLite file in this process; `full` leaves a file no further page."""

    full: bool = False
    _watch: ExitStack = field(default_factory=ExitStack)

    def fill(self) -> None:
        """Let it be full from now on."""
        if not self.full:
            event.listen(Pool, "checkout", self._limit)
            self._watch.callback(event.remove, Pool, "checkout", self._limit)
        self.full = True

    def free(self) -> None:
        """Let it have room again."""
        self.full = False

    def close(self) -> None:
        """Leave every file alone that is opened later."""
        self._watch.close()

    def _limit(self, connection: DBAPIConnection, *_: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count={1 if self.full else _ROOM}")
        cursor.close()
