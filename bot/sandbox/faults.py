"""What can go wrong between a client and a server, to be switched on one request at a time."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

When = Literal["before", "after"]


@dataclass(frozen=True, slots=True)
class Drop:
    """Cut the connection without an answer, before or after the request was carried out."""

    when: When = "after"


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer something else, before or after the request was carried out."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    when: When = "before"


@dataclass(frozen=True, slots=True)
class Hold:
    """Let the client wait until `released` is set, before or after the request was carried out."""

    released: asyncio.Event = field(default_factory=asyncio.Event)
    when: When = "after"


Fault = Drop | Reply | Hold


def rate_limited(retry_after: str | None = None, **headers: str) -> Reply:
    """Return the answer to a client that asks too often; `Retry_After` and the like name headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(429, headers=named | ({"Retry-After": retry_after} if retry_after else {}))


def failing(status: int = 503, *, when: When = "before") -> Reply:
    """Return the answer of a server, or of a proxy in front of it, that is in trouble."""
    return Reply(status, body="upstream trouble", content_type="text/plain", when=when)


def maintenance() -> Reply:
    """Return a page for people with status 200, where a program expects JSON."""
    return Reply(200, body="<html><body>We'll be right back.</body></html>", content_type="text/html")


class Faults:
    """Faults waiting for the next requests of an operation, in order; while `down` every request fails."""

    def __init__(self) -> None:
        self.down = False
        self._waiting: dict[str, deque[Fault]] = defaultdict(deque)
        self._held: list[Hold] = []

    def add(self, operation: str, *faults: Fault) -> None:
        """Let the next requests of an operation, such as `create_issue`, meet these faults."""
        self._waiting[operation].extend(faults)

    def take(self, operation: str) -> Fault | None:
        """Return the fault the request at hand meets, if any."""
        if self.down:
            return failing()
        waiting = self._waiting[operation]
        fault = waiting.popleft() if waiting else None
        if isinstance(fault, Hold):
            self._held.append(fault)
        return fault

    def release(self) -> None:
        """Let every held request go on."""
        for hold in self._held:
            hold.released.set()
