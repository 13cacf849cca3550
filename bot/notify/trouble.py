"""Tells people once, in words, when a system does not take what it is told, and when it does again."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from bot.core import incident as incidents
from bot.core.events import TrackerTroubled
from bot.timeline import Change, Timeline
from integrations.contract import IntegrationError

PATIENCE = timedelta(minutes=2)
"""How long something that may pass by itself is nobody's matter."""


class Trouble:
    """Watches one system for one kind of work in incidents."""

    def __init__(self, timeline: Timeline, system: str) -> None:
        self._timeline = timeline
        self._system = system

    @asynccontextmanager
    async def told(self, id: str) -> AsyncIterator[None]:
        """Tell in an incident what fails in the block, for good or for long; it is raised all the same."""
        try:
            yield
        except IntegrationError as problem:
            if await self._is_news(id, problem):
                await self._tell(id, str(problem), for_good=problem.permanent)
            raise
        if await self._timeline.records.remote(self._key(id)) is not None:
            await self._tell(id)
            await self._timeline.records.forget(self._key(id))

    async def _is_news(self, id: str, problem: IntegrationError) -> bool:
        """Say whether it is time to tell of a failure; the first of a row is remembered."""
        now, records = self._timeline.now(), self._timeline.records
        known = await records.remote(self._key(id))
        if known is None:
            await records.remember(self._key(id), {"since": now.isoformat()})
        since = datetime.fromisoformat(known["since"]) if known else now
        rest = timedelta(seconds=getattr(problem, "retry_after", None) or 0)
        return problem.permanent or now + rest - since >= PATIENCE

    async def _tell(self, id: str, why: str = "", *, for_good: bool = False) -> None:
        incident = incidents.fold(await self._timeline.read(f"incident/{id}"))
        standing = incident.trouble if incident else None
        worse = for_good and not (standing and standing.for_good)
        if incident is None or (bool(why) == bool(standing) and not worse):
            return
        event = TrackerTroubled(system=self._system, why=why, for_good=for_good)
        change = {f"incident/{id}": Change(incident.seq, (event,))}
        await self._timeline.append(change, by="backstop", via=self._system)

    def _key(self, id: str) -> str:
        return f"away:{self._system}:{id}"
