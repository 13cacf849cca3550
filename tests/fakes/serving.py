"""What stand-ins of web APIs share: they are served on loopback, and fail as servers fail."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fault = Callable[[web.Request], bool]


@dataclass
class Faults:
    """What goes wrong with the next requests that a fault is meant for; each fault is used up once."""

    instead: list[tuple[str, web.Response]] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)

    def answer(
        self, method: str, status: int, text: str = "", kind: str = "application/json", **headers: str
    ) -> None:
        """Answer the next request of a method with this and do nothing."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.instead.append(
            (method, web.Response(status=status, text=text, content_type=kind, headers=named))
        )

    def lose_answer(self, method: str) -> None:
        """Do what the next request of a method asks, and hang up instead of answering."""
        self.unanswered.append(method)


@web.middleware
async def _failing(request: web.Request, handler: Handler) -> web.StreamResponse:
    faults = request.app[FAULTS]
    for fault in list(faults.instead):
        if fault[0] == request.method:
            faults.instead.remove(fault)
            return fault[1]
    answer = await handler(request)
    if request.method in faults.unanswered:
        faults.unanswered.remove(request.method)
        assert request.transport is not None
        request.transport.abort()
    return answer


FAULTS = web.AppKey("faults", Faults)


def an_app(faults: Faults) -> web.Application:
    """Return an application whose answers go wrong as its faults say."""
    app = web.Application(middlewares=[_failing])
    app[FAULTS] = faults
    return app


@asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """Serve an application on loopback and yield its address."""
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield "http://{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()
