"""Requests over HTTP and what their answers mean: what every engine shares that speaks with a web API.

A text may hold `{secret:NAME}`, which is filled in only while sending and shown nowhere, and `{name}` of a
value that is known by then. Redirects are never followed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import aiohttp

from integrations.connections import Connections
from integrations.contract import IntegrationError, Json
from integrations.refusals import asked_rest

_MASK = "•••"
_REFERENCE = re.compile(r"\{(secret:)?([A-Za-z][A-Za-z0-9_.-]{0,63})\}")
_LARGEST_BODY = 8 * 1024 * 1024
_LONGEST_REST = timedelta(hours=1)
_BRIEF_REST = timedelta(seconds=60)
_TOO_MANY = 429
_DECLINED = frozenset({*range(300, 400), 400, 401, 403, 404, 405, 410, 413, 415, 422})


class Declined(IntegrationError):
    """A server said no and did nothing; 409 and the like may speak of what an earlier request did."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, secrets masked; names of headers are in lower case."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Json:
        """Return the content as JSON, or None when it is none."""
        try:
            found: Json = json.loads(self.text)
        except ValueError:
            return None
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it will be sent, secrets by name."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Json = None

    def shown(self) -> str:
        """Return the request as it is previewed."""
        return f"{self.method} {self.url}{'' if self.body is None else f' {same(self.body)}'}"

    def typed(self) -> str:
        """Return what a person types to send it."""
        headers = [f"-H {quoted(f'{name}: {value}')}" for name, value in sorted(self.headers.items())]
        body = [] if self.body is None else [f"--json {quoted(same(self.body))}"]
        return " ".join(["curl -sS -i", f"-X {self.method}", *headers, *body, quoted(self.url)])


class Filling:
    """Puts secrets and known values in place of their references, and takes secrets out of answers."""

    def __init__(self, known: Mapping[str, str], secret: Callable[[str], str]) -> None:
        self._known = known
        self._secret = secret
        self._used: set[str] = set()

    def text(self, text: str) -> str:
        """Return a text with its references filled in; a secret that is not there raises."""
        return _REFERENCE.sub(self._one, text)

    def value(self, value: Json) -> Json:
        """Return JSON with the references in its texts filled in."""
        match value:
            case str():
                return self.text(value)
            case dict():
                return {name: self.value(item) for name, item in value.items()}
            case list():
                return [self.value(item) for item in value]
            case _:
                return value

    def headers(self, asked: Asked) -> Asked:
        """Return a request with its headers filled in; what callers give stands in its address and body."""
        return replace(asked, headers={name: self.text(value) for name, value in asked.headers.items()})

    def whole(self, asked: Asked) -> Asked:
        """Return a request with everything in it filled in."""
        return replace(self.headers(asked), url=self.text(asked.url), body=self.value(asked.body))

    def masked(self, text: str) -> str:
        """Return a text without the secrets that were filled in."""
        for secret in sorted(self._used, key=len, reverse=True):
            text = text.replace(secret, _MASK)
        return text

    def _one(self, found: re.Match[str]) -> str:
        if not found[1]:
            return self._known.get(found[2], found[0])
        secret = self._secret(found[2])
        self._used.add(secret)
        return secret


async def send(
    connections: Connections,
    asked: Asked,
    masked: Callable[[str], str],
    *,
    timeout_s: float,
    largest: int = _LARGEST_BODY,
) -> Answer:
    """Send a request that is filled in and return its answer, `masked` and cut at `largest` bytes.

    Raises what aiohttp raises, and TimeoutError; `why` says it without an address.
    """
    async with (
        asyncio.timeout(timeout_s),
        connections.session() as session,
        session.request(
            asked.method, asked.url, headers=asked.headers, json=asked.body, allow_redirects=False
        ) as response,
    ):
        content = await _capped(response.content, largest)
        said = {name.lower(): masked(value) for name, value in response.headers.items()}
    return Answer(response.status, masked(content.decode("utf-8", "replace")), said)


class Api:
    """The web API of one kind of system; a server that asked for rest is left alone until then."""

    def __init__(self, connections: Connections, system: str, *, timeout_s: float = 20.0) -> None:
        self._connections = connections
        self._system = system
        self._timeout_s = timeout_s
        self._rests: dict[str, datetime] = {}

    async def ask(self, asked: Asked, *, expect: Collection[int] = (200,), plain: bool = False) -> Answer:
        """Send a request and return its answer, which has one of the expected states.

        Anything else raises in a sentence: for good what the server refuses, else what may pass. An answer
        with content is JSON unless `plain`.
        """
        place = asked.url.split("/")[2]
        now = self._connections.now()
        if (until := self._rests.get(place, now)) > now:
            raise self._resting(place, until)
        fill = Filling({}, self._connections.secret)
        try:
            answer = await send(
                self._connections, fill.headers(asked), fill.masked, timeout_s=self._timeout_s
            )
        except (TimeoutError, aiohttp.ClientError) as error:
            text = f"{self._system} at {place} did not answer {asked.method}: {why(error)}."
            raise IntegrationError(text, permanent=False) from None
        if rest := _rest(answer, now):
            self._rests[place] = now + rest
            raise self._resting(place, now + rest)
        if answer.status not in expect:
            raise self._refused(place, asked, answer)
        if not plain and answer.text.strip() and answer.json is None:
            kind = answer.headers.get("content-type", "something else").partition(";")[0]
            text = f"{self._system} at {place} answered {asked.method} with {kind} and not with JSON."
            raise IntegrationError(f"{text} Is something in between?", permanent=False)
        return answer

    def _resting(self, place: str, until: datetime) -> IntegrationError:
        text = (
            f"{self._system} at {place} has had too many requests and asks to wait until {until:%H:%M:%S}Z."
        )
        return IntegrationError(text, permanent=False)

    def _refused(self, place: str, asked: Asked, answer: Answer) -> IntegrationError:
        said = at(answer.json, "message") or at(answer.json, "error") or ""
        words = f": {str(said)[:300]}" if said else ""
        path = "/" + asked.url.split("/", 3)[-1].partition("?")[0]
        text = f"{self._system} at {place} answered {answer.status} to {asked.method} {path}{words}."
        text = text.replace("..", ".")
        if answer.status in _DECLINED:
            return Declined(text)
        return IntegrationError(text, permanent=400 <= answer.status < 500 and answer.status != 408)


def _rest(answer: Answer, now: datetime) -> timedelta | None:
    """Return how long a server wants to be left alone: GitHub says it with 403 or 429 and either header."""
    after, remaining = answer.headers.get("retry-after"), answer.headers.get("x-ratelimit-remaining")
    limited = answer.status == _TOO_MANY or (answer.status == 403 and (after is not None or remaining == "0"))
    if not limited and not (answer.status == 503 and after is not None):
        return None
    asked = asked_rest(after or "", now=now)
    reset = answer.headers.get("x-ratelimit-reset", "")
    if asked is None and reset.isdigit():
        asked = datetime.fromtimestamp(int(reset), UTC) - now
    rest = _BRIEF_REST if asked is None else asked
    return min(max(rest, timedelta(seconds=1)), _LONGEST_REST)


def at(value: Json, path: str) -> Json:
    """Return what is at a path such as `items.0.id`, or None; an empty path is the value itself."""
    for part in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def same(body: Json) -> str:
    """Return JSON text that does not depend on the order of keys: a kept playbook has another one."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def why(error: Exception) -> str:
    """Say what went wrong; aiohttp puts addresses into its messages, and those may hold a secret."""
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__


def quoted(text: str) -> str:
    """Return a text as one word of a shell, for people to type."""
    return "'" + text.replace("'", "'\\''") + "'"


async def _capped(stream: aiohttp.StreamReader, largest: int) -> bytes:
    parts = b""
    while len(parts) < largest and (part := await stream.read(largest - len(parts))):
        parts += part
    return parts
