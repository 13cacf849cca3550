"""A Statuspage on loopback: one page, stateful, as strict as Statuspage, and able to fail on request."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.sandbox.wire import Wire

STATUSES = ("investigating", "identified", "monitoring", "resolved")
IMPACTS = ("none", "minor", "major", "critical")
STATES = ("operational", "under_maintenance", "degraded_performance", "partial_outage", "major_outage")
TAKES = {"name", "status", "impact_override", "body", "metadata", "component_ids", "components"}
WINDOW, MOST = timedelta(seconds=60), 60


class Problem(Exception):
    """An answer that says what is wrong."""

    def __init__(self, status: int, *error: str) -> None:
        super().__init__(*error)
        self.status = status
        self.body = {"error": list(error) if status == HTTPStatus.UNPROCESSABLE_ENTITY else error[0]}


@dataclass
class Shown:
    """An incident as customers see it, its updates oldest first."""

    id: str
    name: str
    at: datetime
    status: str = "investigating"
    impact: str = "none"
    metadata: dict[str, dict[str, Any]] = field(default_factory=dict)
    updates: list[dict[str, str]] = field(default_factory=list)


class StatuspageStandIn(Wire):
    """A page listening on loopback; `components` are their states by id.

    `seen_at` is where customers look, which links lead to.
    """

    name = "Statuspage"

    def __init__(self, *, now: Callable[[], datetime], port: int = 0, key: str = "", page: str = "") -> None:
        super().__init__(now=now, port=port)
        self.key = key or secrets.token_urlsafe(15)
        self.page = page or secrets.token_hex(6)
        self.incidents: list[Shown] = []
        self.components: dict[str, str] = {}
        self.seen_at = ""
        self._asked: list[datetime] = []

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the operations of the page."""
        page = "/v1/pages/{page}"
        return [
            web.get(f"{page}.json", self._about, name="get_page"),
            web.get(f"{page}/components/{{id}}.json", self._component, name="get_component"),
            web.get(f"{page}/incidents.json", self._list, name="list_incidents"),
            web.post(f"{page}/incidents.json", self._open, name="open_incident"),
            web.get(f"{page}/incidents/{{id}}.json", self._show, name="get_incident"),
            web.patch(f"{page}/incidents/{{id}}.json", self._change, name="update_incident"),
        ]

    async def carry_out(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer as Statuspage does, also what is wrong."""
        try:
            given, expected = request.headers.get(hdrs.AUTHORIZATION, ""), f"OAuth {self.key}"
            if not compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")):
                raise Problem(HTTPStatus.UNAUTHORIZED, "Could not authenticate")
            self._counted()
            if request.match_info.get("page") != self.page:
                raise Problem(HTTPStatus.NOT_FOUND, "Record not found")
            return await handler(request)
        except Problem as problem:
            return web.json_response(problem.body, status=problem.status)

    def _counted(self) -> None:
        now = self.now()
        self._asked = [at for at in self._asked if now - WINDOW < at <= now]
        if len(self._asked) >= MOST:
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, "Rate limit exceeded")
        self._asked.append(now)

    async def _about(self, _request: web.Request) -> web.Response:
        return web.json_response({"id": self.page, "name": "The shop", "url": "status.example.com"})

    async def _component(self, request: web.Request) -> web.Response:
        id = request.match_info["id"]
        if id not in self.components:
            raise Problem(HTTPStatus.NOT_FOUND, "Record not found")
        return web.json_response({"id": id, "name": id.title(), "status": self.components[id]})

    async def _list(self, request: web.Request) -> web.Response:
        newest = self.incidents[::-1][: int(request.query.get("limit", "100"))]
        return web.json_response([self._whole(each) for each in newest])

    async def _show(self, request: web.Request) -> web.Response:
        return web.json_response(self._whole(self._named(request)))

    async def _open(self, request: web.Request) -> web.Response:
        asked = await self._read(request)
        if not str(asked.get("name", "")).strip():
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "Name can't be blank")
        made = Shown(f"p31zjtct2j{len(self.incidents) + 1:02}", asked["name"], self.now())
        self.incidents.append(made)
        self._say(made, asked)
        return web.json_response(self._whole(made), status=HTTPStatus.CREATED)

    async def _change(self, request: web.Request) -> web.Response:
        shown, asked = self._named(request), await self._read(request)
        shown.name = asked.get("name", shown.name)
        self._say(shown, asked)
        return web.json_response(self._whole(shown))

    def _named(self, request: web.Request) -> Shown:
        found = [each for each in self.incidents if each.id == request.match_info["id"]]
        if not found:
            raise Problem(HTTPStatus.NOT_FOUND, "Record not found")
        return found[0]

    async def _read(self, request: web.Request) -> dict[str, Any]:
        """Return what is asked for an incident, or say everything that is wrong with it."""
        try:
            asked = (await request.json())["incident"]
        except (json.JSONDecodeError, KeyError, TypeError):
            raise Problem(HTTPStatus.BAD_REQUEST, "incident is missing") from None
        wrong = [f"{name} is not permitted" for name in asked.keys() - TAKES]
        for name, known in (("status", STATUSES), ("impact_override", IMPACTS)):
            if asked.get(name, known[0]) not in known:
                wrong.append(f"{name} is not included in the list")
        if not all(isinstance(value, dict) for value in asked.get("metadata", {}).values()):
            wrong.append("Metadata must be an object of objects")
        parts = asked.get("components", {})
        if set(parts) != set(asked.get("component_ids", ())) or not parts.keys() <= self.components.keys():
            wrong.append("Component is not on this page")
        wrong += [f"Component status {state} is not known" for state in parts.values() if state not in STATES]
        if wrong:
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, *wrong)
        return dict(asked)

    def _say(self, shown: Shown, asked: dict[str, Any]) -> None:
        shown.status = asked.get("status", shown.status)
        shown.impact = asked.get("impact_override", shown.impact)
        shown.metadata |= asked.get("metadata", {})
        self.components |= asked.get("components", {})
        if asked.get("body"):
            shown.updates.append({"status": shown.status, "body": asked["body"], "at": _stamp(self.now())})

    def _whole(self, shown: Shown) -> dict[str, Any]:
        updates = [
            {
                "body": each["body"],
                "status": each["status"],
                "created_at": each["at"],
                "incident_id": shown.id,
            }
            for each in reversed(shown.updates)
        ]
        return {
            "id": shown.id,
            "name": shown.name,
            "status": shown.status,
            "impact": shown.impact,
            "impact_override": shown.impact,
            "created_at": _stamp(shown.at),
            "page_id": self.page,
            "metadata": shown.metadata,
            "shortlink": self.seen_at or f"https://stspg.example/{shown.id}",
            "incident_updates": updates,
            "components": [{"id": id, "status": state} for id, state in self.components.items()],
        }


def _stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
