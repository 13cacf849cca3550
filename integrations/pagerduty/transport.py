"""The way to PagerDuty: every request is sent once, whatever its answer.

The library repeats what failed, sleeping, and for ever when it is asked too often; a note or a page would
come several times. What is raised here leaves its loop, and our effects are repeated after a look.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import NoReturn
from urllib.parse import urlsplit

import httpx2

from integrations.contract import IntegrationError
from integrations.here import is_here
from integrations.pagerduty.errors import Ambiguous
from integrations.refusals import RateLimited, asked_rest, moment

REAL = "https://api.pagerduty.com"
_WRITES = frozenset({"POST", "PUT"})


class Guard(httpx2.BaseTransport):
    """Sends each request once; `stand_in` is an http address on this machine that takes PagerDuty's place."""

    def __init__(self, *, stand_in: str = "", time_limits_s: tuple[float, float] = (3.0, 10.0)) -> None:
        self._inner = httpx2.HTTPTransport()
        self._stand_in = httpx2.URL(stand_in) if stand_in else None
        connect, read = time_limits_s
        self._limits = httpx2.Timeout(read, connect=connect).as_dict()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the answer, read to its end, or raise what it means."""
        writes = request.method in _WRITES
        try:
            answer = self._inner.handle_request(self._aimed(request))
            content = b"".join(answer.stream)  # type: ignore[arg-type]
            answer.close()
        except (httpx2.ConnectError, httpx2.ConnectTimeout):
            raise IntegrationError("PagerDuty cannot be reached.", permanent=False) from None
        except httpx2.TimeoutException:
            _unanswered("did not answer in time", writes=writes)
        except httpx2.TransportError:
            _unanswered("was asked and the connection was lost", writes=writes)
        _judge(answer, content, writes=writes)
        return httpx2.Response(
            answer.status_code,
            headers=answer.headers,
            stream=httpx2.ByteStream(content),
            extensions=answer.extensions,
        )

    def close(self) -> None:
        """Let go of every connection."""
        self._inner.close()

    def _aimed(self, request: httpx2.Request) -> httpx2.Request:
        request.extensions = {**request.extensions, "timeout": self._limits}
        if self._stand_in is not None:
            there = self._stand_in
            request.url = request.url.copy_with(scheme=there.scheme, host=there.host, port=there.port)
            request.headers["Host"] = there.netloc.decode()
        return request


def addresses(url: str) -> tuple[str, str]:
    """Return the address the library is given and the stand-in's, if it is one; refuse any other http."""
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return url.rstrip("/"), ""
    if parts.scheme == "http" and is_here(parts.hostname or ""):
        return REAL, url
    raise IntegrationError(
        "PagerDuty's address is not one that can be asked: it is https://api.pagerduty.com, or "
        "https://api.eu.pagerduty.com in the EU.",
        permanent=True,
    )


def _judge(answer: httpx2.Response, content: bytes, *, writes: bool) -> None:
    status = answer.status_code
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        pause = _pause(answer.headers)
        when = "" if pause is None else f" {pause:.0f} s"
        raise RateLimited(f"PagerDuty asks to wait{when}.", retry_after=pause)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status == HTTPStatus.REQUEST_TIMEOUT:
        _unanswered(f"is in trouble (HTTP {status})", writes=writes)
    if answer.is_success and content and "json" not in answer.headers.get("Content-Type", ""):
        _unanswered("answered with a page instead of data", writes=writes)


def _unanswered(what: str, *, writes: bool) -> NoReturn:
    if writes:
        raise Ambiguous(f"PagerDuty {what}: nobody knows whether it was done.")
    raise IntegrationError(f"PagerDuty {what}.", permanent=False)


def _pause(headers: httpx2.Headers) -> float | None:
    """Return the pause that is asked for in seconds; a date is measured on the server's own clock."""
    after, reset = headers.get("Retry-After", ""), headers.get("ratelimit-reset", "")
    # Seconds in either header go before a date.
    asked = ((after, None), (reset, None), (after, moment(headers.get("Date", ""))))
    rests = (asked_rest(given, now=now) for given, now in asked)
    rest = next((rest for rest in rests if rest is not None), None)
    return None if rest is None else max(0.0, rest.total_seconds())
