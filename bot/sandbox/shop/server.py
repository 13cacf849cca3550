"""`serve`: the shop itself, over HTTP on loopback.

It writes one line to standard output when it takes orders: `ready` and its address.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Concatenate, ParamSpec, TypeVar

from aiohttp import web
from pydantic import ValidationError

from bot.sandbox.shop.home import Home, ShopError
from bot.sandbox.shop.orders import NewOrder, Orders
from bot.sandbox.shop.releases import Release, connect, require_schema

_P = ParamSpec("_P")
_R = TypeVar("_R")

LOOPBACK = "127.0.0.1"


class Shop:
    """The routes of the shop over its orders; SQL runs in a thread of its own, never in the loop."""

    def __init__(
        self, orders: Orders, thread: ThreadPoolExecutor, release: Release, now: Callable[[], datetime]
    ) -> None:
        self._orders = orders
        self._thread = thread
        self._release = release
        self._now = now

    def application(self) -> web.Application:
        """Return the web application."""
        application = web.Application()
        application.router.add_post("/orders", self.place)
        application.router.add_get("/orders", self.newest)
        application.router.add_get("/orders/{id}", self.order)
        application.router.add_get("/healthz", self.health)
        return application

    async def place(self, request: web.Request) -> web.Response:
        """Place the order in the body and answer with what the customer is told, or with what is wrong."""
        try:
            new = NewOrder.model_validate_json(await request.read())
            order = await self._run(Orders.place, new, at=self._now())
        except ValidationError as problem:
            return _problem(422, "; ".join(f"{_path(e['loc'])}: {e['msg']}" for e in problem.errors()))
        except ShopError as problem:
            return _problem(422, str(problem))
        return web.json_response(order.model_dump(mode="json"), status=201)

    async def order(self, request: web.Request) -> web.Response:
        """Answer with one order, or 404."""
        found = await self._run(Orders.find, request.match_info["id"])
        if found is None:
            return _problem(404, "There is no such order.")
        return web.json_response(found.model_dump(mode="json"))

    async def newest(self, request: web.Request) -> web.Response:
        """Answer with the newest orders, `limit` of them (1 to 500, by default 20)."""
        text = request.query.get("limit", "20")
        if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= 500):
            return _problem(422, "limit: a number from 1 to 500")
        orders = await self._run(Orders.newest, int(text))
        return web.json_response({"orders": [order.model_dump(mode="json") for order in orders]})

    async def health(self, request: web.Request) -> web.Response:
        """Answer with the version that runs and how many orders it has."""
        count = await self._run(Orders.count)
        return web.json_response({"version": self._release.version, "orders": count})

    async def _run(
        self, act: Callable[Concatenate[Orders, _P], _R], *args: _P.args, **kwargs: _P.kwargs
    ) -> _R:
        work = self._thread.submit(act, self._orders, *args, **kwargs)
        return await asyncio.wrap_future(work)


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "body"


def _problem(status: int, text: str) -> web.Response:
    return web.json_response({"error": text}, status=status)


@asynccontextmanager
async def opened(home: Home, release: Release, now: Callable[[], datetime]) -> AsyncIterator[Shop]:
    """Open the shop of a home in its own thread; a database of another schema is refused."""

    def start() -> sqlite3.Connection:
        connection = connect(home.database)
        try:
            require_schema(connection, release)
        except ShopError:
            connection.close()
            raise
        return connection

    with ThreadPoolExecutor(max_workers=1) as thread:
        connection = await asyncio.wrap_future(thread.submit(start))
        try:
            yield Shop(Orders(connection, release), thread, release, now)
        finally:
            await asyncio.wrap_future(thread.submit(connection.close))


async def serve(home: Home, release: Release, *, port: int, now: Callable[[], datetime]) -> None:
    """Take orders until SIGTERM or SIGINT, or until the pipe given as standard input closes.

    The controller holds that pipe, so that a killed controller leaves no shop behind.
    """
    async with opened(home, release, now) as shop:
        runner = web.AppRunner(shop.application(), access_log=None, shutdown_timeout=2.0)
        await runner.setup()
        try:
            await web.TCPSite(runner, LOOPBACK, port).start()
            address = runner.addresses[0]
            sys.stdout.write(f"ready http://{address[0]}:{address[1]}\n")
            sys.stdout.flush()
            await _told_to_end()
        finally:
            await runner.cleanup()


async def _told_to_end() -> None:
    loop = asyncio.get_running_loop()
    end = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end.set)
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
        await end.wait()
        return
    transport, _ = await loop.connect_read_pipe(lambda: _Leash(end), sys.stdin)
    await end.wait()
    transport.close()


class _Leash(asyncio.Protocol):
    def __init__(self, end: asyncio.Event) -> None:
        self._end = end

    def connection_lost(self, exc: Exception | None) -> None:
        self._end.set()
