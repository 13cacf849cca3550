"""A receiver of CloudEvents: it looks at each as a strict one does, and fails as servers fail."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.fakes.serving import Faults, an_app, served

SECRET = "whsec_" + base64.b64encode(b"a key of the receiver's own").decode()
_KEY = b"a key of the receiver's own"


@dataclass
class Hooks:
    """What came, in order, also what came again; `url` is where it listens."""

    url: str = ""
    came: list[dict[str, Any]] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)

    @property
    def ids(self) -> list[str]:
        """The ids of everything that came, in order."""
        return [event["id"] for event in self.came]

    @property
    def kept(self) -> list[str]:
        """The ids as a receiver keeps them: what it knows already is let go."""
        return list(dict.fromkeys(self.ids))


def _signed(request: web.Request, body: bytes) -> bool:
    id, at = request.headers["webhook-id"], request.headers["webhook-timestamp"]
    digest = hmac.new(_KEY, f"{id}.{at}.".encode() + body, hashlib.sha256).digest()
    return request.headers.get("webhook-signature") == f"v1,{base64.b64encode(digest).decode()}"


@asynccontextmanager
async def receiving() -> AsyncIterator[Hooks]:
    """Listen on loopback until the block ends."""
    hooks = Hooks()

    async def take(request: web.Request) -> web.Response:
        body = await request.read()
        assert request.content_type == "application/cloudevents+json"
        if not _signed(request, body):
            return web.Response(status=401, text="who are you?")
        event = await request.json()
        assert event["specversion"] == "1.0"
        assert request.headers["webhook-id"] == event["id"]
        assert {"source", "type"} <= event.keys()
        hooks.came.append(event)
        return web.Response(status=202)

    app = an_app(hooks.faults)
    app.router.add_post("/hook", take)
    async with served(app) as url:
        hooks.url = f"{url}/hook"
        yield hooks
