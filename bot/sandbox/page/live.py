"""Sends a page what changed since it was drawn, part by part and item by item."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import suppress

from aiohttp import web

from bot.sandbox.page.html import Html
from bot.sandbox.page.screen import Parts, Screen
from bot.sandbox.page.seat import Seat

TOGETHER_S = 0.06
"""How long changes are gathered: one act is often several."""
PULSE_S = 10.0
MOST_KEPT = 40

Drawn = dict[str, dict[str, Html]]


class Live:
    """Remembers what pages show, and tells each of them what is otherwise by now."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._slack = screen.world.slack
        self._kept: OrderedDict[str, Drawn] = OrderedDict()
        self._ended = False

    def keep(self, parts: Parts) -> str:
        """Remember what a page was drawn with, and return the mark by which it asks for changes."""
        mark = secrets.token_urlsafe(9)
        self._kept[mark] = _drawn(parts)
        while len(self._kept) > MOST_KEPT:
            self._kept.popitem(last=False)
        return mark

    def end(self) -> None:
        """Let every page that listens go."""
        self._ended = True
        self._slack.ring()

    async def tell(self, request: web.Request, seat: Seat) -> web.StreamResponse:
        """Send changes to one page until it is closed; a page whose mark is forgotten gets everything."""
        response = web.StreamResponse(
            headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"}
        )
        await response.prepare(request)
        # What broke off may have lost something: its browser asks with an id, and gets everything.
        again = "Last-Event-ID" in request.headers
        shown = {} if again else self._kept.pop(request.query.get("mark", ""), {})
        with suppress(ConnectionResetError):
            await self._follow(response, seat, shown)
        return response

    async def _follow(self, response: web.StreamResponse, seat: Seat, shown: Drawn) -> None:
        """Send what changes until the page is closed, which ends in a ConnectionResetError."""
        number = 0
        while not self._ended:
            seen = self._slack.changes
            now = _drawn(self._screen.parts(seat))
            number += 1
            if changes := difference(shown, now):
                await response.write(f"id: {number}\ndata: {json.dumps(changes)}\n\n".encode())
            else:
                await response.write(b": still here\n\n")
            shown = now
            await self._slack.news(seen, PULSE_S)
            await asyncio.sleep(TOGETHER_S)


def _drawn(parts: Parts) -> Drawn:
    return {id: dict(items) for id, items in parts.items()}


def difference(shown: Drawn, now: Drawn) -> list[Mapping[str, object]]:
    """Return for each part that changed its new items, and the order of its keys where that changed."""
    changes: list[Mapping[str, object]] = []
    for id, items in now.items():
        before = shown.get(id, {})
        put = {key: html for key, html in items.items() if before.get(key) != html}
        keys = list(items)
        moved = id not in shown or keys != list(before)
        if put or moved:
            changes.append({"part": id, "put": put, **({"keys": keys} if moved else {})})
    return changes
