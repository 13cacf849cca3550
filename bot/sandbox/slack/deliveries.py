"""Telling the app what happened, over Socket Mode or signed HTTP, and hearing its answer within 3 s."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.slack.refusals import Wire

Kind = Literal["slash_commands", "interactive", "events_api"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """One payload for the app; `answerable` says whether Slack listens to what the app answers with it."""

    kind: Kind
    payload: Wire
    answerable: bool = False
    retry_num: int = 0
    retry_reason: str = ""


@dataclass(frozen=True, slots=True)
class Seal:
    """How a delivery over HTTP is signed: with a secret other than the real one, or with an old timestamp."""

    secret: str | None = None
    age: timedelta = timedelta()


GENUINE = Seal()


@dataclass(frozen=True, slots=True)
class Reply:
    """What the app answered: `status` is None without an answer in time, `elapsed` is in seconds.

    `failure` is Slack's word for why nothing came; `problems` says what Slack could not do with the body.
    """

    delivered: Delivery
    status: int | None
    body: Any = None
    elapsed: float = 0.0
    failure: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Return whether the app acknowledged in time."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def payload(self) -> Wire:
        """Return what was delivered."""
        return self.delivered.payload


class Transport(Protocol):
    """A way to the app."""

    async def send(self, delivery: Delivery, seal: Seal) -> Reply:
        """Deliver once and return the answer; never raises for what the app does."""
        ...


class HttpTransport:
    """Signed deliveries to the request URL; `wall` dates signatures, checked by the app's own clock."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        secret: str,
        wall: Callable[[], datetime],
        patience: float,
    ) -> None:
        self._session = session
        self._url = url
        self._secret = secret
        self._wall = wall
        self._timeout = aiohttp.ClientTimeout(total=patience)

    async def send(self, delivery: Delivery, seal: Seal) -> Reply:
        """Post the payload with its signature."""
        body, content_type = _encoded(delivery)
        headers = {"Content-Type": content_type, **self._signed(body, seal)}
        if delivery.retry_num:
            headers["X-Slack-Retry-Num"] = str(delivery.retry_num)
            headers["X-Slack-Retry-Reason"] = delivery.retry_reason
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            async with self._session.post(
                self._url, data=body, headers=headers, timeout=self._timeout
            ) as response:
                text = await response.text()
                answer = _decoded(text, response.content_type)
                return Reply(
                    delivery,
                    response.status,
                    answer,
                    clock() - started,
                    failure="" if response.ok else "http_error",
                    headers=dict(response.headers),
                )
        except TimeoutError:
            return Reply(delivery, None, elapsed=clock() - started, failure="http_timeout")
        except aiohttp.ClientError:
            return Reply(delivery, None, elapsed=clock() - started, failure="connection_failed")

    def _signed(self, body: bytes, seal: Seal) -> dict[str, str]:
        stamp = str(int((self._wall() - seal.age).timestamp()))
        secret = (seal.secret or self._secret).encode()
        digest = hmac.new(secret, f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": stamp, "X-Slack-Signature": f"v0={digest}"}


def _encoded(delivery: Delivery) -> tuple[bytes, str]:
    if delivery.kind == "events_api":
        return json.dumps(delivery.payload).encode(), "application/json"
    form = delivery.payload
    if delivery.kind == "interactive":
        form = {"payload": json.dumps(delivery.payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"


def _decoded(text: str, content_type: str) -> Any:
    if content_type == "application/json" and text:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
