"""Every address of the HTTP door and what one must hold to use it. To add one, add its line here.

`/healthz`, `/readyz` and `/openapi.json` need no token and tell nothing of an incident; `/slack/events` and
`/pagerduty/events` check the signatures of those themselves; `/metrics` needs no token only where nobody but
this machine can ask.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.settings import Settings
from bot.web import alerts, ask, health, metrics, openapi, pages, read, speak
from bot.web.keys import Caller, Scheme, Scope, caller
from bot.web.request import DESK
from bot.web.within import within
from bot.web.wrong import UNREADABLE, UNREADABLE_NEXT, Wrong
from integrations.here import is_here

LOOK_S = 2.0

Asked = Callable[[web.Request, Caller], Awaitable[web.Response]]


@dataclass(frozen=True, slots=True)
class Guarded:
    """An address that wants a token with a scope; a browser may send it as a password only to read."""

    method: Literal["GET", "POST"]
    path: str
    scope: Scope
    answer: Asked
    schemes: tuple[Scheme, ...] = ("bearer",)


_BOTH: tuple[Scheme, ...] = ("bearer", "basic")

GUARDED: tuple[Guarded, ...] = (
    Guarded("GET", "/v1/gate", "gate", ask.gate),
    Guarded("POST", "/v1/say", "say", speak.speak),
    Guarded("POST", "/v1/releases", "gate", speak.release),
    Guarded("POST", "/v1/alerts", "alerts", alerts.alerts),
    Guarded("GET", "/v1/incidents/{id}", "read", read.incident, _BOTH),
    Guarded("GET", "/v1/incidents/{id}/timeline", "read", read.timeline, _BOTH),
    Guarded("GET", "/v1/incidents/{id}/postmortem", "read", read.record, _BOTH),
    Guarded("GET", "/v1/runs/{id}", "read", read.run, _BOTH),
    Guarded("GET", "/v1/freezes", "read", read.in_force, _BOTH),
    Guarded("GET", "/incidents", "read", pages.incidents, _BOTH),
    Guarded("GET", "/incidents/{id}", "read", pages.incident, _BOTH),
    Guarded("GET", "/runs/{id}", "read", pages.run, _BOTH),
    Guarded("GET", "/drills/{id}", "read", pages.drill, _BOTH),
    Guarded("GET", "/freezes", "read", pages.frozen, _BOTH),
)


def routes(settings: Settings, slack: Handler | None, pagerduty: Handler | None) -> Iterator[web.RouteDef]:
    """Yield every route of the door."""
    yield web.get("/healthz", health.alive)
    yield web.get("/readyz", health.ready)
    yield web.get("/openapi.json", openapi.show)
    if slack:
        yield web.post("/slack/events", slack)
    if pagerduty:
        yield web.post("/pagerduty/events", pagerduty)
    if is_here(settings.host):
        yield web.get("/metrics", metrics.show)
    else:
        yield _route(Guarded("GET", "/metrics", "read", _metrics, _BOTH))
    for guarded in GUARDED:
        yield _route(guarded)


def _route(guarded: Guarded) -> web.RouteDef:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            look = caller(request, request.app[DESK], scope=guarded.scope, schemes=guarded.schemes)
            who = await within(LOOK_S, look)
        except TimeoutError:
            raise Wrong(503, UNREADABLE, UNREADABLE_NEXT, {"Retry-After": "5"}) from None
        return await guarded.answer(request, who)

    return web.get(guarded.path, handle) if guarded.method == "GET" else web.post(guarded.path, handle)


async def _metrics(request: web.Request, _caller: Caller) -> web.Response:
    return await metrics.show(request)
