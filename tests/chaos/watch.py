"""Eyes on a timeline that another process writes: cheap to keep open, and quick to notice what is new."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from contextlib import closing
from pathlib import Path

_LOOK_S = 0.03
_NEW = "SELECT id, kind, json_extract(event, '$.step') FROM entry WHERE id > ? ORDER BY id"


class Watch:
    """Knows every kind of event that stands on the timeline, as `approved` or `step-started:restore`."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._moments: set[str] = set()
        self._last = 0
        self._changed = asyncio.Event()

    async def look(self) -> None:
        """Look until cancelled."""
        with closing(sqlite3.connect(f"{self._database.as_uri()}?mode=ro", uri=True, timeout=5)) as opened:
            while True:
                with contextlib.suppress(sqlite3.OperationalError):
                    self._take(opened)
                await asyncio.sleep(_LOOK_S)

    def _take(self, opened: sqlite3.Connection) -> None:
        for id, kind, step in opened.execute(_NEW, (self._last,)).fetchall():
            self._last = id
            self._moments |= {kind, f"{kind}:{step}"}
            self._changed.set()
            self._changed = asyncio.Event()

    async def came(self, moment: str) -> None:
        """Return once something of this kind stands on the timeline."""
        while moment not in self._moments:
            await self._changed.wait()

    async def news(self, within_s: float) -> None:
        """Return when something new is written, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), max(within_s, 0))
