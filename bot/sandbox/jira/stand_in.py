"""A Jira site on loopback: stateful, strict about what Jira is strict about, and able to fail on request."""

from __future__ import annotations

import asyncio
import secrets
import socket
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from http import HTTPStatus
from types import TracebackType
from typing import Self, assert_never

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.sandbox.jira.faults import Drop, Faults, Hold, Reply
from bot.sandbox.jira.routes import API, routes
from bot.sandbox.jira.site import Issue, Problem, Site

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


@dataclass(slots=True)
class JiraStandIn:
    """A Jira site listening on loopback: `async with JiraStandIn(now=clock) as jira: jira.url`.

    Port 0 takes a free one. Faults are set by operation: `jira.faults.add("create_issue", Drop())`.
    """

    now: Callable[[], datetime]
    port: int = 0
    project: str = "OPS"
    email: str = "backstop@example.org"
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    faults: Faults = field(default_factory=Faults, init=False)
    journal: list[Exchange] = field(default_factory=list, init=False, repr=False)
    url: str = field(default="", init=False)
    site: Site = field(init=False, repr=False)
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition, init=False, repr=False)
    _runner: web.AppRunner = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.site = Site(project=self.project, now=self.now)

    @property
    def issues(self) -> dict[str, Issue]:
        """Return the issues by key, in the order they were created."""
        return self.site.issues

    async def __aenter__(self) -> Self:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = web.Application(middlewares=[self._record, self._answer], client_max_size=LARGEST_BODY)
        app.add_routes(routes(self.site, url=self.url, email=self.email))
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        await web.SockSite(self._runner, listener).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.release()
        await self._runner.cleanup()

    async def wait(self, wanted: Callable[[JiraStandIn], bool], *, within_s: float = 10.0) -> None:
        """Return as soon as a request has made a condition true; `TimeoutError` lists what was asked."""
        try:
            async with asyncio.timeout(within_s), self._changed:
                await self._changed.wait_for(lambda: wanted(self))
        except TimeoutError:
            asked = ", ".join(f"{each.operation} {each.status}" for each in self.journal[-20:])
            raise TimeoutError(f"it did not happen within {within_s} s; Jira was asked: {asked}") from None

    def asked(self, operation: str) -> list[Exchange]:
        """Return the requests of one operation so far."""
        return [each for each in self.journal if each.operation == operation]

    @web.middleware
    async def _record(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        operation = request.match_info.route.name or "unknown"
        # Reading a form here would leave nothing for its handler.
        body = b"" if request.content_type.startswith("multipart/") else await request.read()
        asked = Exchange(
            self.site.now(), operation, request.method, request.path_qs, request.content_type, body
        )
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
                return await self._carry_out(request, handler)
            case Drop(when):
                if when == "after":
                    await self._carry_out(request, handler)
                assert request.transport is not None
                request.transport.close()
                return web.Response()
            case Reply(status, body, headers, kind, when):
                if when == "after":
                    await self._carry_out(request, handler)
                return web.Response(status=status, text=body, headers=headers, content_type=kind)
            case Hold(released, when):
                if when == "before":
                    await released.wait()
                answer = await self._carry_out(request, handler)
                await self._tell()
                await released.wait()
                return answer
            case _:
                assert_never(fault)

    async def _carry_out(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path.startswith(API) and request.path != f"{API}/serverInfo":
                self._authenticate(request)
            return await handler(request)
        except Problem as problem:
            return web.json_response(problem.body, status=problem.status)
        except web.HTTPNotFound:
            return web.json_response(
                {"errorMessages": ["dead link"], "errors": {}}, status=HTTPStatus.NOT_FOUND
            )

    def _authenticate(self, request: web.Request) -> None:
        expected = "Basic " + b64encode(f"{self.email}:{self.token}".encode()).decode()
        given = request.headers.get(hdrs.AUTHORIZATION, "")
        if not compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")):
            raise Problem(HTTPStatus.UNAUTHORIZED, "Client must be authenticated to access this resource.")

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
