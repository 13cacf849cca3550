"""Is it alive, and can it serve? Neither answer tells anything about an incident."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress

from aiohttp import web

from bot.jobs import SILENT, STANDING_BY
from bot.web.answers import Health
from bot.web.request import DESK, json_of
from integrations.contract import IntegrationError

LOOK_S = 3.0
WORKS = ("ok", STANDING_BY)
Parts = Callable[[], Mapping[str, str]]
PARTS: web.AppKey[Parts] = web.AppKey("parts")
"""The state of each part by name. It begins with a word, `ok` when it is well; the rest is for people."""


async def alive(request: web.Request) -> web.Response:
    """Answer 200 while the process works or stands by, 503 when its dispatcher does neither.

    It is 503 as well, with since when, where it stands by for one that does not move: nobody works then.
    """
    parts = await _parts(request)
    dispatcher = parts.get("dispatcher", "ok")
    ok = dispatcher in WORKS
    return json_of(Health(ok=ok, parts={"dispatcher": dispatcher}), 200 if ok else 503)


async def ready(request: web.Request) -> web.Response:
    """Answer 200 when the database can be read; other parts are named, and may be down."""
    parts = await _parts(request)
    try:
        async with asyncio.timeout(LOOK_S):
            await request.app[DESK].timeline.lookup.freezes()
    except (IntegrationError, TimeoutError):
        return json_of(Health(ok=False, parts={**parts, "database": "down"}), 503)
    return json_of(Health(ok=True, parts={**parts, "database": "ok"}))


async def _parts(request: web.Request) -> dict[str, str]:
    parts = {name: _word(state) for name, state in request.app[PARTS]().items()}
    if parts.get("dispatcher") == SILENT:
        with suppress(IntegrationError, TimeoutError):
            async with asyncio.timeout(LOOK_S):
                if silence := await request.app[DESK].timeline.pulse.silence():
                    parts["dispatcher"] = (
                        f"{SILENT}: the bot that holds the database has not moved since "
                        f"{silence.since_when}; `backstop doctor` on its host says what to do"
                    )
    return parts


def _word(state: str) -> str:
    """Return the first word of a state: the rest may tell strangers what only people here should read."""
    return (state.split() or ["unknown"])[0].strip(":;,.")
