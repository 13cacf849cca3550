"""`Page`: the sandbox's page on the wire, with its own small files and nothing from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from importlib.resources import files
from typing import Self
from urllib.parse import urlencode

from aiohttp import web

from bot.commands import VERBS
from bot.core.errors import Refused
from bot.sandbox.page import beside, layout
from bot.sandbox.page.acts import Acts
from bot.sandbox.page.guard import Guard
from bot.sandbox.page.live import Live
from bot.sandbox.page.screen import Screen, World
from bot.sandbox.page.seat import Seat, seat_of

HERE = "127.0.0.1"
LARGEST = 256 * 1024
LOOK_S = 1.0
STATIC = {
    "page.css": "text/css",
    "page.js": "text/javascript",
    "live.js": "text/javascript",
    "composer.js": "text/javascript",
    "dialogs.js": "text/javascript",
    "menus.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}


class Page:
    """The page, served from the beginning to the end of an `async with` block; `url` is where.

    Whoever reaches it can be anybody in the sandbox, so it listens on loopback and nowhere else.
    """

    def __init__(self, world: World, *, now: Callable[[], datetime], port: int = 0) -> None:
        self.url = ""
        self._world = world
        self._now = now
        self._port = port
        self._guard = Guard()
        self._screen = Screen(world, self._guard.token)
        self._acts = Acts(self._screen)
        self._live = Live(self._screen)
        self._files = {name: (files(__package__) / "static" / name).read_bytes() for name in STATIC}

    async def __aenter__(self) -> Self:
        site = web.Application(client_max_size=LARGEST, middlewares=[self._guard.watch])
        site.router.add_get("/", self._page)
        site.router.add_get("/live", self._changes)
        site.router.add_get("/static/{name}", self._file)
        for name in self._acts.names:
            site.router.add_post(f"/{name}", self._act)
        self._runner = web.AppRunner(site, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await self._listen()
        self._looking = asyncio.create_task(self._look(), name="page")
        return self

    async def _listen(self) -> None:
        try:
            await web.TCPSite(self._runner, HERE, self._port).start()
        except (OSError, OverflowError) as taken:
            await self._runner.cleanup()
            raise Refused(
                f"The page cannot be served on port {self._port}: {taken}. "
                "Choose another --port, or leave it out to take a free one."
            ) from taken
        self.url = f"http://{HERE}:{self._runner.addresses[0][1]}/"

    async def __aexit__(self, *reason: object) -> None:
        self._live.end()
        self._looking.cancel()
        with suppress(asyncio.CancelledError):
            await self._looking
        await self._runner.cleanup()

    async def _look(self) -> None:
        """Look at the shop again and again; whoever has the page open sees what changed."""
        while True:
            before = self._screen.shop
            self._screen.shop = await beside.look(self._world.keeper, self._now)
            if before != self._screen.shop:
                self._world.slack.ring()
            await asyncio.sleep(LOOK_S)

    def _seat(self, query: Mapping[str, str]) -> Seat:
        return seat_of(self._world.slack, dict(query), self._world.jira.issues)

    async def _page(self, request: web.Request) -> web.Response:
        seat = self._seat(request.query)
        parts = self._screen.parts(seat)
        shown = layout.whole(
            parts,
            seat,
            composer=self._screen.composer(seat),
            mark=self._live.keep(parts),
            note=request.query.get("note", "")[:500],
            verbs=((verb.name, verb.usage) for verb in VERBS.values()),
        )
        return web.Response(text=shown, content_type="text/html", charset="utf-8")

    async def _changes(self, request: web.Request) -> web.StreamResponse:
        return await self._live.tell(request, self._seat(request.query))

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in STATIC:
            return web.Response(status=404, text="There is no such file.\n")
        return web.Response(body=self._files[name], content_type=STATIC[name], charset="utf-8")

    async def _act(self, request: web.Request) -> web.Response:
        sent = await request.post()
        form = {name: [str(value) for value in sent.getall(name)] for name in sent}
        done = await self._acts.carry_out(request.path.strip("/"), form)
        if request.headers.get("Accept") == "application/json":
            return web.json_response({"go": done.seat.address, "note": done.note, "anew": done.anew})
        where = f"{done.seat.address}&{urlencode({'note': done.note})}" if done.note else done.seat.address
        return web.Response(status=303, headers={"Location": where})
