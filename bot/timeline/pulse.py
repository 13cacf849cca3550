"""The sign of life of the process that has the duty: one that is frozen keeps the lock and does nothing.

On PostgreSQL the lock is taken from it. Nobody can take one from a process on a SQLite file, and whatever it
held in its hands would go on when it wakes: there people are told, and say what becomes of it.
"""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from bot.timeline.duty import Duty
from bot.timeline.records import Records
from integrations.contract import IntegrationError

BEAT = timedelta(seconds=5)
SILENT = timedelta(seconds=30)
_KEY = "pulse"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Silence:
    """A process that has the duty and has not moved since a moment."""

    since: datetime
    process: str
    host: str

    @property
    def since_when(self) -> str:
        """Return the moment for people."""
        return f"{self.since:%Y-%m-%d %H:%M:%SZ}"

    def __str__(self) -> str:
        return (
            f"The bot that holds the database (process {self.process} on {self.host}) has not moved since "
            f"{self.since_when}: no run, timer or message goes on. It is frozen, or cannot write. "
            f"Wake it there with `kill -CONT {self.process}`, or end it with `kill -KILL {self.process}`: "
            "one that stands by then goes on, or `backstop serve` does, and nothing is done twice."
        )


class Pulse:
    """What whoever has the duty leaves in the database, and what others make of it."""

    def __init__(self, records: Records, duty: Duty, now: Callable[[], datetime]) -> None:
        self._records = records
        self._duty = duty
        self._now = now

    async def beat(self) -> None:
        """Leave a sign of life."""
        sign = {"at": self._now().isoformat(), "process": str(os.getpid()), "host": platform.node()}
        await self._records.remember(_KEY, sign)

    @asynccontextmanager
    async def beating(self) -> AsyncIterator[None]:
        """Leave signs of life until the block ends."""
        task = asyncio.create_task(self._beat(), name="pulse")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def silence(self) -> Silence | None:
        """Return who has the duty and does not move; None when it moves, or nobody else has it."""
        sign = await self._records.remote(_KEY)
        if sign is None or self._duty.held:
            return None
        since = datetime.fromisoformat(sign["at"])
        if self._now() - since < SILENT or not await self._duty.taken():
            return None
        return Silence(since, sign["process"], sign["host"])

    async def _beat(self) -> NoReturn:
        while True:
            try:
                await self.beat()
            except IntegrationError as problem:
                log.warning("no sign of life left error=%s", problem)
            await asyncio.sleep(BEAT.total_seconds())
