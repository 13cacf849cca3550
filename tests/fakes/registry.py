"""A stand-in of a registry of images, which answers as the distribution API says, and of a file server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from integrations.artifacts import MANIFESTS
from tests.fakes.serving import Faults, an_app, served

TOKEN = "anybody"


@dataclass
class Registry:
    """Holds manifests by name and reference; a closed one wants a token that it gives to everybody."""

    faults: Faults = field(default_factory=Faults)
    there: set[str] = field(default_factory=lambda: {"shop/checkout:2.3.0", "shop/checkout:sha256:ab"})
    challenge: str = ""
    gives: dict[str, str] = field(default_factory=lambda: {"token": TOKEN})
    asked: list[dict[str, str]] = field(default_factory=list)
    host: str = ""

    def app(self) -> web.Application:
        app = an_app(self.faults)
        app.router.add_route("HEAD", "/v2/{name:.+}/manifests/{reference}", self.manifest)
        app.router.add_get("/token", self.token)
        app.router.add_route("HEAD", "/files/{name}", self.file)
        return app

    async def manifest(self, request: web.Request) -> web.Response:
        assert request.headers["Accept"] == MANIFESTS
        if self.challenge and request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.Response(status=401, headers={"WWW-Authenticate": self.challenge})
        known = "{name}:{reference}".format(**request.match_info) in self.there
        return web.Response(status=200 if known else 404)

    async def token(self, request: web.Request) -> web.Response:
        self.asked.append(dict(request.query))
        return web.json_response(self.gives)

    async def file(self, request: web.Request) -> web.Response:
        match request.match_info["name"]:
            case "moved.tgz":
                raise web.HTTPFound("/files/there.tgz")
            case "there.tgz":
                return web.Response()
            case _:
                raise web.HTTPNotFound


@asynccontextmanager
async def a_registry() -> AsyncIterator[Registry]:
    """Serve a registry on loopback for as long as the block lasts."""
    registry = Registry()
    async with served(registry.app()) as url:
        registry.host = url.removeprefix("http://")
        yield registry
