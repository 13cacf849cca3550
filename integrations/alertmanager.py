"""Silences of an Alertmanager, over its API v2.

Nothing is retried here. A silence carries a mark in its comment, by which it is found again, whatever became
of an answer.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import aiohttp
from pydantic import SecretStr

from integrations.contract import IntegrationError, Json
from integrations.refusals import RateLimited, asked_rest, because

Labels = Mapping[str, str]

TIMEOUT_S = 10.0
REST, LONGEST_REST = timedelta(seconds=10), timedelta(minutes=5)
_PASSING = frozenset({408, 425})
_BEGUN = timedelta(seconds=1)
"""How long ago a new silence begins by our clock; Alertmanager takes its own moment for what is past."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where an Alertmanager is; `secret` is the password of a `user`, or else a bearer token."""

    url: str
    user: str = ""
    secret: SecretStr | None = None


@dataclass(frozen=True, slots=True)
class Silenced:
    """A silence as it stands there; `began` is kept as it was said, for it must be said the same again."""

    id: str
    active: bool
    began: str
    ends: datetime
    updated: datetime


class Alertmanager:
    """Speaks with one Alertmanager, or with one of a cluster, which tells the others."""

    def __init__(
        self,
        address: Address,
        session: Callable[[], aiohttp.ClientSession],
        *,
        now: Callable[[], datetime],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._address = address
        self._session = session
        self._now = now
        self._timeout_s = timeout_s

    async def version(self) -> str:
        """Return which version answers; it changes nothing."""
        found = _of(_of(await self._ask("GET", "/status"), "versionInfo"), "version")
        return found if isinstance(found, str) and found else "of a version it does not say"

    async def find(self, labels: Labels, mark: str) -> list[Silenced]:
        """Return the silences of these labels with a mark, those that ended too, the newest first."""
        query = urlencode([("filter", f'{name}="{value}"') for name, value in sorted(labels.items())])
        listed = await self._ask("GET", f"/silences?{query}")
        if not isinstance(listed, list):
            raise _unlike("a list of silences")
        found = [_silenced(each) for each in listed if mark in str(_of(each, "comment"))]
        return sorted(found, key=lambda silence: silence.updated, reverse=True)

    async def place(
        self, labels: Labels, *, mark: str, why: str, ends: datetime, over: Silenced | None = None
    ) -> None:
        """Keep alerts with all of these labels silent until a moment; one that is there is made to last."""
        began = over.began if over else _stamp(self._now() - _BEGUN)
        whole: dict[str, Json] = {
            "matchers": [
                {"name": name, "value": value, "isRegex": False, "isEqual": True}
                for name, value in sorted(labels.items())
            ],
            "startsAt": began,
            "endsAt": _stamp(ends),
            "createdBy": "backstop",
            "comment": f"{why} [{mark}]",
        }
        if over:
            whole["id"] = over.id
        if not isinstance(_of(await self._ask("POST", "/silences", whole), "silenceID"), str):
            raise _unlike("the id of a silence")

    async def expire(self, id: str) -> None:
        """End a silence; one that is gone is none."""
        await self._ask("DELETE", f"/silence/{quote(id, safe='')}", gone=True)

    async def _ask(self, method: str, path: str, body: Json = None, *, gone: bool = False) -> Json:
        """Return what was answered; where something may be `gone`, that is no error."""
        url = f"{self._address.url.rstrip('/')}/api/v2{path}"
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session() as session,
                session.request(
                    method, url, json=body, headers=self._credentials(), allow_redirects=False
                ) as answer,
            ):
                status, after = answer.status, answer.headers.get("Retry-After", "")
                content = await answer.read()
        except aiohttp.ClientConnectorError:
            raise IntegrationError("Alertmanager cannot be reached.", permanent=False) from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
            # Only the kind of the problem: its text repeats what was sent.
            text = f"Alertmanager did not answer ({type(problem).__name__})."
            raise IntegrationError(text, permanent=False) from None
        if 200 <= status < 300 or (gone and status == 404):
            return _read(content)
        if status == 429:
            raise self._resting(after)
        raise self._refused(method, status, _read(content))

    def _credentials(self) -> dict[str, str]:
        if self._address.secret is None:
            return {}
        secret = self._address.secret.get_secret_value()
        if not self._address.user:
            return {"Authorization": f"Bearer {secret}"}
        pair = base64.b64encode(f"{self._address.user}:{secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}

    def _resting(self, after: str) -> RateLimited:
        asked = asked_rest(after, now=self._now())
        rest = min(max(REST if asked is None else asked, timedelta(seconds=1)), LONGEST_REST)
        seconds = rest.total_seconds()
        text = f"Alertmanager has had too many requests and asks to wait {seconds:.0f} s."
        return RateLimited(text, retry_after=seconds)

    def _refused(self, method: str, status: int, content: Json) -> IntegrationError:
        said = _of(content, "message") if isinstance(content, dict) else content
        secret = self._address.secret.get_secret_value() if self._address.secret else "\0"
        why = because([said] if isinstance(said, str) else (), secret)
        hint = {
            401: " Are BACKSTOP_ALERTMANAGER_USER and BACKSTOP_ALERTMANAGER_SECRET right?",
            403: " May those of BACKSTOP_ALERTMANAGER_USER and BACKSTOP_ALERTMANAGER_SECRET do that?",
            404: " Is BACKSTOP_ALERTMANAGER_URL right?",
        }.get(status, "")
        passing = status >= 500 or status in _PASSING
        return IntegrationError(
            f"Alertmanager answered {status} to {method}{why}.{hint}", permanent=not passing
        )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _read(content: bytes) -> Json:
    try:
        found: Json = json.loads(content)
    except ValueError:
        return None
    return found


def _of(value: Json, name: str) -> Json:
    return value.get(name) if isinstance(value, dict) else None


def _unlike(what: str) -> IntegrationError:
    text = f"Alertmanager answered with something that is not {what}. Is something in between?"
    return IntegrationError(text, permanent=False)


def _silenced(value: Json) -> Silenced:
    id, state = _of(value, "id"), _of(_of(value, "status"), "state")
    began, ends, updated = (_of(value, name) for name in ("startsAt", "endsAt", "updatedAt"))
    try:
        return Silenced(
            str(id),
            state != "expired",
            str(began),
            datetime.fromisoformat(str(ends)),
            datetime.fromisoformat(str(updated)),
        )
    except ValueError:
        raise _unlike("a silence") from None
