"""Carries events to webhooks as PagerDuty does: signed, in order, again after 5xx, dropped after 4xx."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import aiohttp

ANSWER_S = 5.0
TOO_MANY_DROPPED = 3

Sign = Callable[[bytes, str], str]


@dataclass(slots=True)
class Delivery:
    """One event on its way; `statuses` are the answers so far, None for no answer in time."""

    id: str
    body: bytes
    statuses: list[int | None] = field(default_factory=list)

    @property
    def taken(self) -> bool:
        """Say whether it was received."""
        last = self.statuses[-1] if self.statuses else None
        return last is not None and last < HTTPStatus.MULTIPLE_CHOICES

    @property
    def dropped(self) -> bool:
        """Say whether it was refused for good: a 4xx but 429."""
        last = self.statuses[-1] if self.statuses else None
        return last is not None and 400 <= last < 500 and last != HTTPStatus.TOO_MANY_REQUESTS


class Courier:
    """One subscription: `url` is where events go, `secrets` sign them; after three dropped it is off."""

    def __init__(self, sign: Sign) -> None:
        self.url = ""
        self.secrets: Sequence[str] = ()
        self.disabled = False
        self.sent: list[Delivery] = []
        self._sign = sign
        self._waiting: deque[Delivery] = deque()
        self._going: asyncio.Task[None] | None = None
        self._dropped = 0

    def post(self, event: Mapping[str, Any]) -> Delivery:
        """Send an event after those that wait."""
        delivery = Delivery(str(uuid.uuid4()), json.dumps({"event": event}, ensure_ascii=False).encode())
        self.sent.append(delivery)
        if self.url and not self.disabled:
            self._waiting.append(delivery)
            self.again()
        return delivery

    def again(self) -> None:
        """Try what waits now."""
        if self._going is None or self._going.done():
            self._going = asyncio.create_task(self._go())

    async def settled(self) -> None:
        """Return when everything that could be delivered was."""
        if self._going is not None:
            await self._going

    async def once_more(self, delivery: Delivery) -> int | None:
        """Deliver something again, as PagerDuty may although it was received."""
        async with aiohttp.ClientSession() as session:
            await self._try(session, delivery)
        return delivery.statuses[-1]

    async def _go(self) -> None:
        async with aiohttp.ClientSession() as session:
            while self._waiting and not self.disabled:
                delivery = self._waiting[0]
                await self._try(session, delivery)
                if not (delivery.taken or delivery.dropped):
                    return
                self._waiting.popleft()
                self._dropped = self._dropped + 1 if delivery.dropped else 0
                self.disabled = self._dropped >= TOO_MANY_DROPPED

    async def _try(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        signatures = ",".join(self._sign(delivery.body, secret) for secret in self.secrets)
        headers = {
            "Content-Type": "application/json",
            "X-PagerDuty-Signature": signatures,
            "X-Webhook-Id": delivery.id,
            "User-Agent": "PagerDuty-Webhook/V3.0",
        }
        status: int | None = None
        try:
            async with asyncio.timeout(ANSWER_S):
                async with session.post(self.url, data=delivery.body, headers=headers) as answer:
                    await answer.read()
                    status = answer.status
        except (TimeoutError, aiohttp.ClientError):
            pass
        delivery.statuses.append(status)
