"""Carrying payloads to the app: interactive ones once, events again when nobody acknowledged them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import replace

from bot.sandbox.slack.deliveries import GENUINE, Delivery, Reply, Seal, Transport
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.journal import Journal
from bot.sandbox.slack.refusals import Wire


class Courier:
    """Deliveries over the transport in use; `retries` are the seconds before each retry of an event."""

    def __init__(
        self, journal: Journal, faults: Faults, transport: Transport, *, retries: Sequence[float]
    ) -> None:
        self.transport = transport
        self._faults = faults
        self._journal = journal
        self._retries = tuple(retries)
        self._tasks: set[asyncio.Task[None]] = set()

    async def deliver(self, delivery: Delivery, seal: Seal = GENUINE) -> Reply:
        """Deliver once and keep what the app answered; in an outage nothing leaves Slack."""
        if self._faults.down:
            reply = Reply(delivery, None, failure="connection_failed")
        else:
            reply = await self.transport.send(delivery, seal)
        self._journal.delivered(reply)
        return reply

    async def event(self, payload: Wire) -> Reply:
        """Deliver an event and return the first answer; retries go on by themselves."""
        reply = await self.deliver(Delivery("events_api", payload))
        if self._wanted_again(reply):
            self._spawn(self._retry(reply))
        return reply

    def event_soon(self, payload: Wire) -> None:
        """Deliver an event without anybody waiting for it."""

        async def carry() -> None:
            await self.event(payload)

        self._spawn(carry())

    async def _retry(self, reply: Reply) -> None:
        for number, seconds in enumerate(self._retries, start=1):
            await asyncio.sleep(seconds)
            again = replace(reply.delivered, retry_num=number, retry_reason=reply.failure)
            reply = await self.deliver(again)
            if not self._wanted_again(reply):
                return

    def _wanted_again(self, reply: Reply) -> bool:
        refused = any(name.lower() == "x-slack-no-retry" for name in reply.headers)
        return not reply.answered and not refused

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    @property
    def busy(self) -> bool:
        """Return whether anything is on its way, retries too."""
        return bool(self._tasks)

    async def arrived(self) -> None:
        """Wait until everything that is on its way has arrived, retries too."""
        while self._tasks:
            await asyncio.wait(set(self._tasks))

    async def stop(self) -> None:
        """Drop what is not delivered yet."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
