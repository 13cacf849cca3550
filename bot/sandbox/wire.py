"""A web API on loopback that plays somebody else's: it remembers every exchange and fails on request.

To play another system: a class with `routes`, each named as faults are set, and `carry_out`, which answers
as that system does.
"""

from __future__ import annotations

import asyncio
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Self, assert_never

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox.faults import Drop, Faults, Hold, Reply

LARGEST_BODY = 20 * 1024 * 1024


@dataclass(slots=True)
class Exchange:
    """One request and its answer, without credentials; `status` is None when nothing was answered."""

    at: datetime
    operation: str
    method: str
    path_qs: str
    content_type: str
    request: bytes
    status: int | None = None
    response: bytes = b""
    response_type: str = ""


class Wire(ABC):
    """A server listening on loopback while it is entered: `async with X(now=clock) as x: x.url`.

    Port 0 takes a free one. Faults are set by operation: `x.faults.add("create_issue", Drop())`.
    """

    name: str

    def __init__(self, *, now: Callable[[], datetime], port: int = 0) -> None:
        self.now = now
        self.port = port
        self.faults = Faults()
        self.journal: list[Exchange] = []
        self.url = ""
        self._changed = asyncio.Condition()
        self._runner: web.AppRunner

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """Return every route, named as faults are set; `url` is known by now."""

    @abstractmethod
    async def carry_out(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request that meets no fault."""

    async def __aenter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = web.Application(middlewares=[self._record, self._answer], client_max_size=LARGEST_BODY)
        app.add_routes(list(self.routes()))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.release()
        await self._runner.cleanup()

    async def wait(self, wanted: Callable[[Self], bool], *, within_s: float = 10.0) -> None:
        """Return as soon as a request has made a condition true; `TimeoutError` lists what was asked."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(lambda: wanted(self))
        except TimeoutError:
            asked = ", ".join(f"{each.operation} {each.status}" for each in self.journal[-20:])
            raise TimeoutError(
                f"it did not happen within {within_s} s; {self.name} was asked: {asked}"
            ) from None

    def asked(self, operation: str) -> list[Exchange]:
        """Return the requests of one operation so far."""
        return [each for each in self.journal if each.operation == operation]

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        operation = request.match_info.route.name or "unknown"
        # Reading a form here would leave nothing for its handler.
        body = b"" if request.content_type.startswith("multipart/") else await request.read()
        asked = Exchange(self.now(), operation, request.method, request.path_qs, request.content_type, body)
        self.journal.append(asked)
        await self._tell()
        try:
            answer = await handler(request)
        finally:
            await self._tell()
        if isinstance(answer, web.Response) and request.transport and not request.transport.is_closing():
            asked.status, asked.response_type = answer.status, answer.content_type
            asked.response = answer.body if isinstance(answer.body, bytes) else b""
            await self._tell()
        return answer

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        fault = self.faults.take(request.match_info.route.name or "")
        match fault:
            case None:
                return await self.carry_out(request, handler)
            case Drop(when):
                if when == "after":
                    await self.carry_out(request, handler)
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case Reply(status, body, headers, kind, when):
                if when == "after":
                    await self.carry_out(request, handler)
                return web.Response(status=status, text=body, headers=headers, content_type=kind)
            case Hold(released, when):
                if when == "before":
                    await released.wait()
                answer = await self.carry_out(request, handler)
                await self._tell()
                await released.wait()
                return answer
            case _:
                assert_never(fault)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
