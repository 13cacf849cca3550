"""A PagerDuty account: its requests run one after another in one thread, away from the event loop.

A cancelled call is not undone: its request goes on in the thread, and whoever asks again looks first.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from pydantic import SecretStr

from integrations.contract import Health, IntegrationError
from integrations.pagerduty.client import Called, Client, Opened, Rota, Status, Target
from integrations.pagerduty.transport import REAL

# Seconds to connect and to wait for an answer.
TIME_LIMITS_S = (3.0, 10.0)

Given = ParamSpec("Given")
Got = TypeVar("Got")


@dataclass(frozen=True, slots=True)
class Account:
    """Where PagerDuty is, and as whom: `sender` is the e-mail of a person there, whom all writes name."""

    token: SecretStr
    sender: str
    url: str = REAL


class PagerDuty:
    """What Backstop asks of a PagerDuty account; every method raises `IntegrationError` and nothing else."""

    def __init__(self, account: Account, *, time_limits_s: tuple[float, float] = TIME_LIMITS_S) -> None:
        self._account = account
        token = account.token.get_secret_value()
        self._client = Client(account.url or REAL, token, account.sender, time_limits_s)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="pagerduty")

    async def open(self, key: str, *, service: str, title: str, details: str, urgency: str) -> Opened:
        """Return the open incident of a key, opening it when there is none."""

        def ask() -> Opened:
            found = self._client.opened(key)
            if found:
                return found
            return self._client.open(key, service=service, title=title, details=details, urgency=urgency)

        return await self._run(ask)

    async def incident(self, id: str) -> Opened:
        """Return an incident by its id."""
        return await self._run(self._client.incident, id)

    async def move(self, id: str, status: Status, resolution: str = "") -> None:
        """Acknowledge, resolve or open an incident again."""
        await self._run(self._client.move, id, status, resolution)

    async def urge(self, id: str) -> None:
        """Make an incident urgent, so that people are woken."""
        await self._run(self._client.urge, id)

    async def has_note(self, id: str, mark: str) -> bool:
        """Say whether a note of an incident holds a mark."""
        return any(mark in text for text in await self._run(self._client.notes, id))

    async def note(self, id: str, text: str) -> None:
        """Add a note to an incident."""
        await self._run(self._client.note, id, text)

    async def status_update(self, id: str, text: str) -> None:
        """Publish a status update of an incident."""
        await self._run(self._client.status_update, id, text)

    async def has_asked(self, id: str, mark: str) -> bool:
        """Say whether people were asked to respond with a text that holds a mark."""
        return any(mark in text for text in await self._run(self._client.asked, id))

    async def ask(self, id: str, text: str, targets: Sequence[Target]) -> None:
        """Page people and escalation policies."""
        await self._run(self._client.ask, id, text, targets)

    async def user(self, email: str) -> str | None:
        """Return the id of the person with an e-mail, or None."""
        return await self._run(self._client.user, email)

    async def email(self, id: str) -> str:
        """Return the e-mail of a person by their id."""
        return await self._run(self._client.email, id)

    async def on_call(self, kind: Rota, ids: Sequence[str]) -> Mapping[str, tuple[Called, ...]]:
        """Return who is on call for each escalation policy, or schedule, now."""
        return await self._run(self._client.on_call, kind, ids) if ids else {}

    async def health(self, services: Mapping[str, str]) -> Health:
        """Say whether the token works, who we are there, and whether services by our names are there."""
        try:
            await self._run(self._client.me)
        except IntegrationError as error:
            return Health(ok=False, identity=self._account.sender, problems=[str(error)])
        missing = []
        for name, id in services.items():
            try:
                await self._run(self._client.service, id)
            except IntegrationError as error:
                missing.append(f"{name}: {error}")
        return Health(ok=not missing, identity=self._account.sender, problems=missing)

    async def close(self) -> None:
        """Let the request under way end, start no other, and let go of the connection."""
        await self._run(self._client.close)
        self._thread.shutdown()

    async def _run(self, ask: Callable[Given, Got], *args: Given.args, **kwargs: Given.kwargs) -> Got:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, lambda: ask(*args, **kwargs))
