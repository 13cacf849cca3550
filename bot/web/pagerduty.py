"""Where PagerDuty tells what happens there. It answers only once that is recorded.

PagerDuty drops for good what is answered with 4xx, and switches the webhook off after three of those: only a
signature that is none gets one. What cannot be recorded or read now gets 503 and is sent again for two days.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.core.errors import Conflict
from bot.web.request import BODY_S
from bot.web.within import within
from bot.web.wrong import UNREADABLE, UNREADABLE_NEXT, Wrong
from integrations.pagerduty import Told, read, signed

log = logging.getLogger(__name__)

ANSWER_S = 4.5
"""PagerDuty waits for 5 s."""
AGAIN = {"Retry-After": "5"}

Take = Callable[[Told], Coroutine[Any, Any, None]]


def ear(secrets: Sequence[str], take: Take) -> Handler:
    """Return what answers PagerDuty; any of the secrets may have signed, as while one replaces another."""

    async def handle(request: web.Request) -> web.StreamResponse:
        async with asyncio.timeout(BODY_S):
            body = await request.read()
        if not signed(body, request.headers.get("X-PagerDuty-Signature", ""), secrets):
            raise Wrong(
                401,
                "The signature is not PagerDuty's: nothing was recorded.",
                "Set BACKSTOP_PAGERDUTY_WEBHOOK_SECRETS to the secret of the webhook subscription.",
            )
        try:
            told = read(body.decode())
        except ValueError as problem:
            log.error("webhook unreadable error=%s", problem)
            raise Wrong(
                503, "This cannot be read: nothing was recorded.", "Look at the log.", AGAIN
            ) from None
        try:
            await within(ANSWER_S, take(told))
        except (TimeoutError, Conflict):
            raise Wrong(503, UNREADABLE, UNREADABLE_NEXT, AGAIN) from None
        return web.Response(status=202)

    return handle
