"""Messages that stand in Slack once: posted, edited, found again after a crash, posted again when deleted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from bot.slack.api import Api, SlackTrouble
from bot.slack.messages import Payload
from bot.timeline.records import Records

# Slack's clock and ours may differ by this much when a message is looked for by its time.
CLOCKS_DIFFER = timedelta(minutes=10)
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a message stands: a channel, or a thread of it."""

    channel: str
    thread: str | None = None


@dataclass(frozen=True, slots=True)
class Urgency:
    """How soon an edit must be seen: at most one `every` so long, leaving `spare` edits to what is sooner."""

    every: timedelta = timedelta()
    spare: float = 0


AT_ONCE = Urgency()
CARD = Urgency(every=timedelta(seconds=3), spare=5)
PROGRESS = Urgency(every=timedelta(seconds=3), spare=15)


class TooSoon(Exception):
    """An edit has to wait; `at` is when it may be made."""

    def __init__(self, at: datetime) -> None:
        super().__init__("This edit has to wait.")
        self.at = at


class Posts:
    """Keeps one message for each key. What is remembered: channel, thread, ts, mark and when it was sent."""

    def __init__(self, api: Api, records: Records, now: Callable[[], datetime]) -> None:
        self._api = api
        self._records = records
        self._now = now
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def put(self, key: str, spot: Spot, payload: Payload, urgency: Urgency = AT_ONCE) -> str:
        """Make the message of a key say this, at this spot, and return its ts.

        Raises `TooSoon` when an edit has to wait. A message that stands elsewhere is left behind.
        """
        # Lanes that find the same message gone would each post it again.
        async with self._turns.setdefault(key, asyncio.Lock()):
            return await self._put(key, spot, payload, urgency)

    async def _put(self, key: str, spot: Spot, payload: Payload, urgency: Urgency) -> str:
        known = await self._records.remote(key) or {}
        if known.get("channel") == spot.channel:
            if "ts" in known:
                return await self._edit(key, spot, payload, urgency, known)
            ts = await self._find(key, spot, known)
            if ts:
                found = {"channel": spot.channel, "ts": ts, "mark": "", "at": known["at"]}
                await self._records.remember(key, found)
                return await self._edit(key, spot, payload, AT_ONCE, found)
        return await self._post(key, spot, payload)

    async def known(self, key: str) -> Mapping[str, str] | None:
        """Return what is remembered of a message that was surely sent, or None."""
        found = await self._records.remote(key)
        return found if found and "ts" in found else None

    async def due(self, key: str, urgency: Urgency) -> None:
        """Raise `TooSoon` when an edit would have to wait, before anything is read for it."""
        if known := await self.known(key):
            self._wait(known, urgency)

    def _wait(self, known: Mapping[str, str], urgency: Urgency) -> None:
        """Raise `TooSoon` after a fresh edit; one that is yet to come was made by a clock set back since."""
        at = datetime.fromisoformat(known["at"])
        if at <= self._now() < at + urgency.every:
            raise TooSoon(at + urgency.every)

    async def _edit(
        self, key: str, spot: Spot, payload: Payload, urgency: Urgency, known: Mapping[str, str]
    ) -> str:
        ts = known["ts"]
        if known.get("mark") == payload.mark:
            return ts
        self._wait(known, urgency)
        if later := self._api.edits.take(self._now(), spare=urgency.spare):
            raise TooSoon(later)
        try:
            await self._api.edit(spot.channel, ts, payload)
        except SlackTrouble as trouble:
            if trouble.code not in _GONE:
                raise
            return await self._post(key, spot, payload)
        await self._sent(key, spot, ts, payload.mark)
        return ts

    async def _post(self, key: str, spot: Spot, payload: Payload) -> str:
        sending = {"channel": spot.channel, "at": self._now().isoformat()}
        await self._records.remember(key, sending)
        try:
            ts = await self._api.post(spot.channel, payload, thread=spot.thread, key=key)
        except SlackTrouble as trouble:
            if not trouble.unsure:
                await self._records.forget(key)
            raise
        await self._sent(key, spot, ts, payload.mark)
        return ts

    async def _sent(self, key: str, spot: Spot, ts: str, mark: str) -> None:
        at = self._now().isoformat()
        within = {"thread": spot.thread} if spot.thread else {}
        known = {"channel": spot.channel, "ts": ts, "mark": mark, "at": at, **within}
        await self._records.remember(key, known)

    async def _find(self, key: str, spot: Spot, sending: Mapping[str, str]) -> str | None:
        """Look for a message that was being sent when this process, or the answer to it, was lost."""
        oldest = datetime.fromisoformat(sending["at"]) - CLOCKS_DIFFER
        async for message in self._told(spot, f"{oldest.timestamp():.6f}"):
            payload = (message.get("metadata") or {}).get("event_payload") or {}
            if payload.get("key") == key:
                return str(message["ts"])
        return None

    def _told(self, spot: Spot, oldest: str) -> AsyncIterator[Mapping[str, Any]]:
        where: dict[str, object] = {"channel": spot.channel, "oldest": oldest, "include_all_metadata": True}
        if spot.thread:
            return self._api.pages("conversations.replies", "messages", ts=spot.thread, limit=200, **where)
        return self._api.pages("conversations.history", "messages", limit=200, **where)
