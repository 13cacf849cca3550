"""A feature-flag service as the how-to about own engines describes it, on loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web


@dataclass
class Flagship:
    """Keeps versions of the flags and remembers the key of every change; `restored` counts the changes."""

    versions: dict[str, datetime] = field(default_factory=dict)
    shown: str = "v3"
    changes: dict[str, str] = field(default_factory=dict)
    restored: int = 0
    url: str = ""

    async def about(self, _: web.Request) -> web.Response:
        return web.json_response({"id": "shop-1", "version": "4.1", "shown": self.shown})

    async def list(self, _: web.Request) -> web.Response:
        known = [
            {"number": int(name[1:]), "at": at.isoformat(), "release": f"2.{name[1:]}.0"}
            for name, at in self.versions.items()
        ]
        return web.json_response({"versions": known})

    async def restore(self, request: web.Request) -> web.Response:
        asked = await request.json()
        if asked["key"] not in self.changes:
            self.changes[asked["key"]] = "done"
            self.shown = asked["version"]
            self.restored += 1
        return web.json_response({"state": self.changes[asked["key"]]})

    async def change(self, request: web.Request) -> web.Response:
        state = self.changes.get(request.match_info["key"])
        return web.json_response({"state": state}, status=200) if state else web.Response(status=404)

    async def refuse(self, request: web.Request) -> web.Response:
        self.changes.setdefault(request.match_info["key"], "refused")
        return web.json_response({})


@asynccontextmanager
async def flagship() -> AsyncIterator[Flagship]:
    """Serve flags whose versions are ten minutes apart, the newest five minutes old."""
    newest = datetime.now(UTC) - timedelta(minutes=5)
    service = Flagship({f"v{n}": newest - timedelta(minutes=10 * (3 - n)) for n in (1, 2, 3)})
    app = web.Application()
    app.add_routes(
        [
            web.get("/", service.about),
            web.get("/versions", service.list),
            web.post("/restore", service.restore),
            web.get("/changes/{key}", service.change),
            web.delete("/changes/{key}", service.refuse),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    service.url = f"http://{host}:{port}"
    try:
        yield service
    finally:
        await runner.cleanup()
