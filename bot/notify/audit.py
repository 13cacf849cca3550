"""Brings the audit trail to receivers outside: the handler of the effect `audit`, one lane for each of them.

A receiver's place is stored after it took an entry, so that a crash between the two sends it once more under
the same id. Nothing is passed over: what a receiver refuses is offered again until it takes it.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Protocol

import aiohttp

from bot.core.audit import Origin, Record, cloudevent, syslog
from bot.core.effects import Effect
from bot.jobs import Again
from bot.settings import Settings
from bot.timeline import Timeline
from integrations.contract import IntegrationError
from integrations.syslog import PORT, Syslog
from integrations.webhook import Webhook

LOOK = timedelta(seconds=15)
"""How long what another process wrote may wait; what this one writes is sent at once."""
AT_ONCE = 100


class Receiver(Protocol):
    """Takes entries."""

    @property
    def most(self) -> int:
        """Return how many it is offered at once."""
        ...

    async def take(self, records: Sequence[Record]) -> None:
        """Return once the receiver has the entries, or raise IntegrationError."""
        ...


@dataclass(frozen=True, slots=True)
class ToWebhook:
    """Sends each entry as a CloudEvent."""

    webhook: Webhook
    origin: Origin
    most: int = 1

    async def take(self, records: Sequence[Record]) -> None:
        """Send them one after another."""
        for record in records:
            await self.webhook.send(cloudevent(record, self.origin))


@dataclass(frozen=True, slots=True)
class ToSyslog:
    """Sends entries as messages over one connection."""

    collector: Syslog
    origin: Origin
    most: int = AT_ONCE

    async def take(self, records: Sequence[Record]) -> None:
        """Send them all, and wait for the collector's goodbye."""
        await self.collector.send([syslog(record, self.origin) for record in records])


def origin_of(settings: Settings) -> Origin:
    """Return what tells this Backstop from others in the trails of a collector."""
    return Origin(settings.door, socket.gethostname(), version("backstop"), settings.audit_enterprise_number)


def receivers_of(
    settings: Settings, session: Callable[[], aiohttp.ClientSession], *, now: Callable[[], datetime]
) -> dict[str, Receiver]:
    """Return the receivers that the settings name."""
    origin, found = origin_of(settings), dict[str, Receiver]()
    if settings.audit_webhook_url:
        webhook = Webhook(settings.audit_webhook_url, settings.audit_webhook_secret, session, now=now)
        found["webhook"] = ToWebhook(webhook, origin)
    if settings.audit_syslog:
        found["syslog"] = ToSyslog(_collector(settings), origin)
    return found


def _collector(settings: Settings) -> Syslog:
    host, _, port = settings.audit_syslog.partition(":")
    return Syslog(
        host,
        int(port) if port else PORT,
        settings.audit_syslog_ca,
        settings.audit_syslog_certificate,
        settings.audit_syslog_key,
    )


class Audit:
    """Sends every receiver what it has not taken, in the order it was written."""

    def __init__(self, timeline: Timeline, receivers: Mapping[str, Receiver]) -> None:
        self._timeline = timeline
        self._receivers = receivers
        self._news = {name: asyncio.Event() for name in receivers}
        for news in self._news.values():
            timeline.listen(news.set)

    def effects(self) -> Iterator[Effect]:
        """Yield the effects that are asked for when Backstop starts; they are never over."""
        return (Effect("audit", name, f"audit/{name}") for name in self._receivers)

    async def handle(self, name: str) -> Again | None:
        """Bring a receiver everything and wait for more; one that no setting names gets nothing."""
        receiver = self._receivers.get(name)
        if receiver is None:
            return None
        trail, news = self._timeline.trail, self._news[name]
        while True:
            # Cleared before looking, so that what is written while it looks is looked for again.
            news.clear()
            records = await trail.behind(name, receiver.most)
            if not records:
                break
            await _taken(receiver, records)
            await trail.took(name, records)
        return Again(self._timeline.now() + LOOK, news.wait)


async def _taken(receiver: Receiver, records: Sequence[Record]) -> None:
    """Return once they are taken; a refusal is not for good, for an operator can mend what is refused."""
    try:
        await receiver.take(records)
    except IntegrationError as problem:
        if not problem.permanent:
            raise
        raise IntegrationError(str(problem), permanent=False) from problem
