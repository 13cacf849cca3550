"""Eyes of their own: on a timeline that another process writes, and on processes of jobs while they live."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.timeline.database import reading
from bot.timeline.tables import entry
from integrations.contract import IntegrationError
from integrations.runner import processes

_LOOK_S = 0.03
_SAMPLE_S = 0.05


class Eyes(Protocol):
    """Whoever looks on while a run is played."""

    async def look(self) -> None:
        """Look until cancelled."""
        ...


class Watch:
    """Knows every kind of event that stands on the timeline, as `approved` or `step-started:restore`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._moments: set[str] = set()
        self.last = 0
        self._changed = asyncio.Event()

    async def look(self) -> None:
        """Look until cancelled."""
        while True:
            with contextlib.suppress(IntegrationError):
                await self._take()
            await asyncio.sleep(_LOOK_S)

    async def _take(self) -> None:
        new = select(entry.c.id, entry.c.kind, entry.c.event).where(entry.c.id > self.last)
        async with reading(self._engine) as connection:
            found = (await connection.execute(new.order_by(entry.c.id))).all()
        for id, kind, event in found:
            self.last = id
            self._moments |= {kind, f"{kind}:{json.loads(event).get('step')}"}
            self._changed.set()
            self._changed = asyncio.Event()

    def has(self, *moments: str) -> bool:
        """Say whether something of one of these kinds stands on the timeline."""
        return not self._moments.isdisjoint(moments)

    async def came(self, *moments: str) -> None:
        """Return once something of one of these kinds stands on the timeline."""
        while not self.has(*moments):
            await self._changed.wait()

    async def news(self, after: int, within_s: float) -> None:
        """Return when there is more than there was after an entry, or after so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(within_s, 0)):
                while self.last <= after:
                    await self._changed.wait()


@dataclass(frozen=True, slots=True)
class Life:
    """A process of a job's key, and when it was first and last seen alive."""

    key: str
    pid: int
    first: datetime
    last: datetime


class Lives:
    """Looks at every process of the machine again and again, whoever started it, and notes those of jobs."""

    def __init__(self, state: Path) -> None:
        self._mark = os.fsencode(f"{processes.MARK}={state / 'jobs'}/")
        self._seen: dict[tuple[str, int], Life] = {}

    async def look(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.to_thread(self._take)
            await asyncio.sleep(_SAMPLE_S)

    @property
    def all(self) -> tuple[Life, ...]:
        """Return everything that was seen."""
        return tuple(self._seen.values())

    def _take(self) -> None:
        # The moment before the look: whoever is found then has lived at least until then.
        now = datetime.now(UTC)
        for place in Path("/proc").iterdir():
            if place.name.isdigit() and (key := self._key(place)):
                who = (key, int(place.name))
                self._seen[who] = Life(*who, self._seen[who].first if who in self._seen else now, now)

    def _key(self, place: Path) -> str:
        try:
            words = (place / "environ").read_bytes()
        except OSError:
            return ""
        begin = words.find(self._mark)
        if begin < 0 or not processes.runs(int(place.name)):
            return ""
        name = words[begin + len(self._mark) :].split(b"\0", 1)[0]
        return unquote(os.fsdecode(name))
