"""An Alertmanager on loopback: its silences, as strict as Alertmanager, and able to fail on request."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hmac import compare_digest
from http import HTTPStatus
from typing import Any

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler

from bot.sandbox.wire import Wire

Labels = Mapping[str, str]


class Problem(Exception):
    """An answer that says what is wrong."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


@dataclass
class Kept:
    """A silence; one that ended is kept, as Alertmanager does for some days."""

    id: str
    labels: Labels
    starts: datetime
    ends: datetime
    updated: datetime
    by: str
    comment: str

    def state(self, now: datetime) -> str:
        """Return whether it is in force."""
        if self.ends <= now:
            return "expired"
        return "pending" if now < self.starts else "active"


class AlertmanagerStandIn(Wire):
    """An Alertmanager listening on loopback; with a `token` it wants it, or with a `user` both."""

    name = "Alertmanager"

    def __init__(
        self, *, now: Callable[[], datetime], port: int = 0, token: str = "", user: str = ""
    ) -> None:
        super().__init__(now=now, port=port)
        self.token = token
        self.user = user
        self.in_place = True
        """Whether a silence is made longer in its place; old versions put a new one there instead."""
        self.silences: list[Kept] = []

    def silent(self, labels: Labels) -> bool:
        """Say whether nobody hears of an alert with these labels now."""
        return any(each.labels.items() <= labels.items() for each in self.in_force)

    @property
    def in_force(self) -> list[Kept]:
        """Return the silences that are in force now."""
        return [each for each in self.silences if each.state(self.now()) == "active"]

    def end(self, silence: Kept) -> None:
        """End a silence now, as a person does there."""
        silence.ends = silence.updated = self.now()

    def routes(self) -> Iterable[web.RouteDef]:
        """Return the operations that concern silences."""
        return [
            web.get("/api/v2/status", self._status, name="get_status"),
            web.get("/api/v2/silences", self._list, name="list_silences"),
            web.post("/api/v2/silences", self._post, name="post_silence"),
            web.delete("/api/v2/silence/{id}", self._delete, name="delete_silence"),
        ]

    async def carry_out(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer as Alertmanager does, also what is wrong."""
        try:
            self._let_in(request.headers.get(hdrs.AUTHORIZATION, ""))
            return await handler(request)
        except Problem as problem:
            return web.json_response(problem.text, status=problem.status)

    def _let_in(self, given: str) -> None:
        pair = base64.b64encode(f"{self.user}:{self.token}".encode()).decode()
        expected = f"Basic {pair}" if self.user else f"Bearer {self.token}"
        if self.token and not compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape")):
            raise Problem(HTTPStatus.UNAUTHORIZED, "Unauthorized")

    async def _status(self, _request: web.Request) -> web.Response:
        version = dict.fromkeys(("revision", "branch", "buildUser", "buildDate", "goVersion"), "stand-in")
        return web.json_response(
            {
                "cluster": {"status": "disabled"},
                "versionInfo": {"version": "0.28.1", **version},
                "config": {"original": ""},
                "uptime": _stamp(self.now()),
            }
        )

    async def _list(self, request: web.Request) -> web.Response:
        wanted = [_matcher(text) for text in request.query.getall("filter", [])]
        shown = [each for each in self.silences if all(one in each.labels.items() for one in wanted)]
        return web.json_response([self._whole(each) for each in shown])

    async def _post(self, request: web.Request) -> web.Response:
        asked = await self._read(request)
        now = self.now()
        old = self._named(asked["id"]) if asked.get("id") else None
        given = _given(asked, now)
        if old and old.state(now) == "active":
            same = (old.labels, _stamp(old.starts)) == (given.labels, _stamp(given.starts))
            if same and self.in_place:
                old.ends, old.updated, old.comment = given.ends, now, given.comment
                return web.json_response({"silenceID": old.id})
            self.end(old)
        given.starts = max(given.starts, now)
        self.silences.append(given)
        return web.json_response({"silenceID": given.id})

    async def _read(self, request: web.Request) -> dict[str, Any]:
        try:
            asked = await request.json()
        except json.JSONDecodeError:
            raise Problem(HTTPStatus.BAD_REQUEST, "parsing silence body failed") from None
        needed = {"matchers", "startsAt", "endsAt", "createdBy", "comment"}
        if not isinstance(asked, dict) or not asked.keys() >= needed:
            raise Problem(HTTPStatus.BAD_REQUEST, "a field is required")
        return asked

    async def _delete(self, request: web.Request) -> web.Response:
        found = self._named(request.match_info["id"])
        if found.state(self.now()) != "expired":
            self.end(found)
        return web.Response()

    def _named(self, id: str) -> Kept:
        found = [each for each in self.silences if each.id == id]
        if not found:
            raise Problem(HTTPStatus.NOT_FOUND, "silence not found")
        return found[0]

    def _whole(self, kept: Kept) -> dict[str, Any]:
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in kept.labels.items()
        ]
        return {
            "id": kept.id,
            "matchers": matchers,
            "startsAt": _stamp(kept.starts),
            "endsAt": _stamp(kept.ends),
            "updatedAt": _stamp(kept.updated),
            "createdBy": kept.by,
            "comment": kept.comment,
            "status": {"state": kept.state(self.now())},
            "annotations": {},
        }


def _given(asked: Mapping[str, Any], now: datetime) -> Kept:
    """Return the silence that is asked for, or say what is wrong with it."""
    matchers = asked["matchers"]
    if not matchers or any(each["isRegex"] or not each.get("isEqual", True) for each in matchers):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "invalid silence: at least one matcher required, and only equal"
        )
    labels = {each["name"]: each["value"] for each in matchers}
    if not any(labels.values()):
        raise Problem(
            HTTPStatus.BAD_REQUEST, "invalid silence: at least one matcher must not match the empty string"
        )
    starts, ends = (datetime.fromisoformat(asked[name]) for name in ("startsAt", "endsAt"))
    if ends <= starts:
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid silence: start time must be before end time")
    if ends < now:
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid silence: end time can't be in the past")
    return Kept(str(uuid.uuid4()), labels, starts, ends, now, asked["createdBy"], asked["comment"])


def _matcher(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not value.startswith('"') or not value.endswith('"'):
        raise Problem(HTTPStatus.BAD_REQUEST, f"bad matcher format: {text}")
    return name, value[1:-1]


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
