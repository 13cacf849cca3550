"""What doctor reads from the database beside whether it can be read at all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.settings import Settings
from bot.terminal.here import Wrong, as_it_is
from bot.timeline import Timeline
from integrations.contract import IntegrationError

TRY_S = 8.0

_Found = TypeVar("_Found")


async def told(settings: Settings, ask: Callable[[Timeline], Awaitable[_Found]]) -> _Found | None:
    """Return what the timeline answers in time, or None: the line of the database says why it does not."""
    try:
        async with as_it_is(settings) as timeline, asyncio.timeout(TRY_S):
            return await ask(timeline)
    except (IntegrationError, TimeoutError, Wrong):
        return None
