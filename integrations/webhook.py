"""CloudEvents to an address over HTTP, each signed, so that a receiver knows who sent it and when.

The signature is that of Standard Webhooks: HMAC-SHA256 over id, second and body. Nothing is retried here.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

import aiohttp
from pydantic import SecretStr

from integrations.contract import IntegrationError
from integrations.refusals import asked_rest

TIMEOUT_S = 10.0
LONGEST_REST = timedelta(hours=1)
KIND = "application/cloudevents+json; charset=utf-8"
_PREFIX = "whsec_"
_PASSING = frozenset({408, 425, 429})


class NotTaken(IntegrationError):
    """A receiver did not say that it took an event; `retry_after` is how long it wants to be left alone.

    `unsure` is True where it may have taken it all the same.
    """

    def __init__(
        self, message: str, *, permanent: bool, retry_after: float | None = None, unsure: bool = False
    ) -> None:
        super().__init__(message, permanent=permanent)
        self.retry_after = retry_after
        self.unsure = unsure


class Webhook:
    """Sends CloudEvents to one address; with a secret it signs them."""

    def __init__(
        self,
        url: SecretStr,
        secret: SecretStr | None,
        session: Callable[[], aiohttp.ClientSession],
        *,
        now: Callable[[], datetime],
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self._url = url
        self._secret = secret
        self._session = session
        self._now = now
        self._timeout_s = timeout_s

    @property
    def place(self) -> str:
        """Return whom it sends to; the rest of an address may hold a secret."""
        return _place(self._url.get_secret_value())

    async def send(self, event: Mapping[str, object]) -> None:
        """Return once the receiver took an event, or raise NotTaken."""
        body = json.dumps(event, separators=(",", ":")).encode()
        headers = {"Content-Type": KIND, **self._signed(str(event["id"]), body)}
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                self._session() as session,
                session.post(
                    self._url.get_secret_value(), data=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                status, after = answer.status, answer.headers.get("Retry-After", "")
        except aiohttp.ClientConnectorError:
            raise NotTaken(f"{self.place} cannot be reached.", permanent=False) from None
        except (aiohttp.ClientError, TimeoutError, ValueError) as problem:
            # Only the kind of the problem: its text repeats the address.
            text = f"{self.place} did not answer ({type(problem).__name__})."
            raise NotTaken(text, permanent=False, unsure=True) from None
        if not 200 <= status < 300:
            raise self._refused(status, after)

    def _signed(self, id: str, body: bytes) -> dict[str, str]:
        at = str(int(self._now().timestamp()))
        named = {"webhook-id": id, "webhook-timestamp": at}
        if self._secret is None:
            return named
        return {**named, "webhook-signature": signature(self._secret.get_secret_value(), id, at, body)}

    def _refused(self, status: int, after: str) -> NotTaken:
        text = f"{self.place} answered {status} and took nothing."
        passing = status in _PASSING or status >= 500
        return NotTaken(text, permanent=not passing, retry_after=_rest(after, self._now()))


def signature(secret: str, id: str, at: str, body: bytes) -> str:
    """Return the signature of a body under a secret, which may be `whsec_` and base64, or any text."""
    message = b".".join((id.encode(), at.encode(), body))
    digest = hmac.new(_key(secret), message, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _key(secret: str) -> bytes:
    if secret.startswith(_PREFIX):
        try:
            return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            pass
    return secret.encode()


def _place(url: str) -> str:
    try:
        return urlsplit(url).hostname or "the receiver"
    except ValueError:
        return "the receiver"


def _rest(after: str, now: datetime) -> float | None:
    asked = asked_rest(after, now=now)
    return None if asked is None else min(max(asked, timedelta(seconds=1)), LONGEST_REST).total_seconds()
