"""Is it alive, and can it serve? Neither answer tells anything about an incident."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from aiohttp import web

from bot.jobs import STANDING_BY
from bot.web.answers import Health
from bot.web.request import DESK, json_of
from integrations.contract import IntegrationError

LOOK_S = 3.0
WORKS = ("ok", STANDING_BY)
Parts = Callable[[], Mapping[str, str]]
PARTS: web.AppKey[Parts] = web.AppKey("parts")
"""The state of each part by name. It begins with a word, `ok` when it is well; the rest is for people."""


async def alive(request: web.Request) -> web.Response:
    """Answer 200 while the process works or stands by, 503 when its dispatcher does neither."""
    dispatcher = _word(request.app[PARTS]().get("dispatcher", "ok"))
    ok = dispatcher in WORKS
    return json_of(Health(ok=ok, parts={"dispatcher": dispatcher}), 200 if ok else 503)


async def ready(request: web.Request) -> web.Response:
    """Answer 200 when the database can be read; other parts are named, and may be down."""
    parts = {name: _word(state) for name, state in request.app[PARTS]().items()}
    try:
        async with asyncio.timeout(LOOK_S):
            await request.app[DESK].timeline.lookup.freezes()
    except (IntegrationError, TimeoutError):
        return json_of(Health(ok=False, parts={**parts, "database": "down"}), 503)
    return json_of(Health(ok=True, parts={**parts, "database": "ok"}))


def _word(state: str) -> str:
    """Return the first word of a state: the rest may tell strangers what only people here should read."""
    return (state.split() or ["unknown"])[0].strip(":;,.")
