"""A page of Statuspage, over its REST API: an incident of it is opened once, then updated, or looked for.

Nothing is retried here. An answer that was lost is `Ambiguous`: whoever asked looks before asking again, by
the mark and the number that each request leaves in the incident's metadata.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from urllib.parse import quote

import aiohttp
from pydantic import SecretStr

from integrations.contract import IntegrationError, Json
from integrations.refusals import RateLimited, asked_rest, because

Status = Literal["investigating", "identified", "monitoring", "resolved"]
Impact = Literal["critical", "major", "minor", "none"]

TIMEOUT_S = 20.0
SPACING = timedelta(seconds=1)
"""How far apart requests are: a key may make 60 in a minute."""
REST = timedelta(minutes=1)
LONGEST_REST = timedelta(hours=1)
NEWEST = 100
"""How many incidents one look goes through; the one that is looked for was opened a moment ago."""
_TOO_MANY = frozenset({420, 429})


class Ambiguous(IntegrationError):
    """Whether Statuspage did what was asked is not known."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)


class Gone(IntegrationError):
    """There is no such page, or no such incident on it."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


@dataclass(frozen=True, slots=True)
class Page:
    """A page by its id, and the key that may write to it."""

    id: str
    key: SecretStr
    url: str


@dataclass(frozen=True, slots=True)
class Post:
    """What customers read. `mark` and `number` tell it from every other one, so that it is found again.

    `components` are states by the id of a component.
    """

    mark: str
    number: int
    name: str
    status: Status
    impact: Impact
    body: str
    components: Mapping[str, str]

    def as_json(self) -> dict[str, Json]:
        """Return what opens an incident; an update leaves out the name, which people may have changed."""
        whole: dict[str, Json] = {
            "name": self.name,
            "status": self.status,
            "impact_override": self.impact,
            "body": self.body,
            "metadata": {"backstop": {"ref": self.mark, "update": self.number}},
        }
        if self.components:
            whole["component_ids"] = list(self.components)
            whole["components"] = dict(self.components)
        return whole


@dataclass(frozen=True, slots=True)
class Posted:
    """An incident as it is on the page; `number` is that of the newest post that Backstop made there."""

    id: str
    url: str
    mark: str
    number: int


class Statuspage:
    """Speaks with one page; requests keep their distance, and a page that asks for rest is left alone."""

    def __init__(
        self,
        page: Page,
        session: Callable[[], aiohttp.ClientSession],
        *,
        now: Callable[[], datetime],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._page = page
        self._session = session
        self._now = now
        self._pause = pause
        self._timeout_s = timeout_s
        self._turn = asyncio.Lock()
        self._asked: datetime | None = None
        self._rest: tuple[datetime, datetime] | None = None

    async def open(self, post: Post) -> Posted:
        """Open an incident, and return it."""
        return _posted(await self._ask("POST", "/incidents.json", {"incident": post.as_json()}))

    async def update(self, id: str, post: Post) -> Posted:
        """Say more in an incident, and return it, or raise Gone."""
        said = {name: value for name, value in post.as_json().items() if name != "name"}
        return _posted(await self._ask("PATCH", f"/incidents/{quote(id, safe='')}.json", {"incident": said}))

    async def incident(self, id: str) -> Posted | None:
        """Return an incident, or None when it is gone."""
        try:
            return _posted(await self._ask("GET", f"/incidents/{quote(id, safe='')}.json"))
        except Gone:
            return None

    async def find(self, mark: str) -> Posted | None:
        """Return the incident with a mark, or None when none of the newest has it."""
        found = await self._ask("GET", f"/incidents.json?limit={NEWEST}")
        if not isinstance(found, list):
            raise Ambiguous("Statuspage answered something else where it lists incidents.")
        return next((each for each in map(_posted, found) if each.mark == mark), None)

    async def name(self) -> str:
        """Return what the page is called; it changes nothing."""
        return str(_of(await self._ask("GET", ".json"), "name"))

    async def component(self, id: str) -> str | None:
        """Return what a component of the page is called, or None when there is none of that id."""
        try:
            return str(_of(await self._ask("GET", f"/components/{quote(id, safe='')}.json"), "name"))
        except Gone:
            return None

    async def _ask(self, method: str, path: str, body: Json = None) -> Json:
        await self._in_turn()
        url = f"{self._page.url.rstrip('/')}/v1/pages/{quote(self._page.id, safe='')}{path}"
        headers = {"Authorization": f"OAuth {self._page.key.get_secret_value()}"}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session() as session,
                session.request(method, url, json=body, headers=headers, allow_redirects=False) as answer,
            ):
                status, after = answer.status, answer.headers.get("Retry-After", "")
                content = await answer.read()
        except aiohttp.ClientConnectorError:
            raise IntegrationError("Statuspage cannot be reached.", permanent=False) from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
            # Only the kind of the problem: its text repeats what was sent.
            raise Ambiguous(f"Statuspage did not answer ({type(problem).__name__}).") from None
        return self._taken(method, status, after, _read(content))

    async def _in_turn(self) -> None:
        """Return when a request may be made; moments yet to come are of a clock that was set back since."""
        async with self._turn:
            now = self._now()
            if self._rest and self._rest[0] <= now < self._rest[1]:
                raise self._resting((self._rest[1] - now).total_seconds())
            if self._asked and self._asked <= now < self._asked + SPACING:
                await self._pause((self._asked + SPACING - now).total_seconds())
            self._asked = self._now()

    def _taken(self, method: str, status: int, after: str, content: Json) -> Json:
        """Return what was answered to a request that was carried out, or raise why it was not."""
        if 200 <= status < 300:
            if content is None:
                raise Ambiguous(f"Statuspage answered {method} with something that is no JSON.")
            return content
        if status in _TOO_MANY:
            now = self._now()
            asked = asked_rest(after, now=now)
            rest = min(max(REST if asked is None else asked, SPACING), LONGEST_REST)
            self._rest = (now, now + rest)
            raise self._resting(rest.total_seconds())
        if status >= 500 or status == 408:
            raise Ambiguous(f"Statuspage answered {status}.")
        raise self._refused(status, content)

    def _resting(self, seconds: float) -> RateLimited:
        text = f"Statuspage has had too many requests and asks to wait {seconds:.0f} s."
        return RateLimited(text, retry_after=seconds)

    def _refused(self, status: int, content: Json) -> IntegrationError:
        errors = content.get("error", "") if isinstance(content, dict) else ""
        words = [str(each) for each in errors] if isinstance(errors, list) else [str(errors)]
        why = because(filter(None, words), self._page.key.get_secret_value())
        if status == 404:
            return Gone(f"Statuspage answered 404{why}. Is BACKSTOP_STATUSPAGE_PAGE right?")
        hint = " Is BACKSTOP_STATUSPAGE_KEY right?" if status in (401, 403) else ""
        return IntegrationError(f"Statuspage answered {status}{why}.{hint}", permanent=True)


def _read(content: bytes) -> Json:
    try:
        found: Json = json.loads(content)
    except ValueError:
        return None
    return found


def _of(value: Json, name: str) -> Json:
    return value.get(name) if isinstance(value, dict) else None


def _posted(value: Json) -> Posted:
    id, mine = _of(value, "id"), _of(_of(value, "metadata"), "backstop")
    if not isinstance(id, str) or not id:
        raise Ambiguous("Statuspage answered something that is no incident.")
    ref, number, url = _of(mine, "ref"), _of(mine, "update"), _of(value, "shortlink")
    return Posted(
        id,
        url if isinstance(url, str) else "",
        ref if isinstance(ref, str) else "",
        number if isinstance(number, int) else 0,
    )
