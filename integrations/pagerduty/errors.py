"""What went wrong with PagerDuty, said in one sentence that holds no secret and no header."""

from __future__ import annotations

import json
import re
from http import HTTPStatus

import httpx2
import pagerduty

from integrations.contract import IntegrationError

# Everything the library raises for a request: its own errors, those of httpx2, and ValueError for what is
# not JSON. RuntimeError is how httpx2 says that a response was used in the wrong order.
TROUBLE = (pagerduty.Error, pagerduty.UrlError, httpx2.HTTPError, httpx2.InvalidURL, ValueError)

_LONGEST = 300
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class RateLimited(IntegrationError):
    """PagerDuty did nothing and asks for a pause; `retry_after` is in seconds, None when it does not say."""

    def __init__(self, message: str, *, retry_after: float | None) -> None:
        super().__init__(message, permanent=False)
        self.retry_after = retry_after


class Ambiguous(IntegrationError):
    """PagerDuty may or may not have done what was asked: the answer was lost or made no sense."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)


class Unauthorized(IntegrationError):
    """The token is not accepted, so nothing at all can be done until somebody sets another one."""

    def __init__(self) -> None:
        super().__init__(
            "PagerDuty does not accept the API token: make a new one and set BACKSTOP_PAGERDUTY_TOKEN.",
            permanent=True,
        )


def refused(status: int, content: bytes, *, doing: str, secret: str) -> IntegrationError:
    """Return what a refusal means for the caller who was `doing` something."""
    because = _because(content, secret)
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return Unauthorized()
        case HTTPStatus.FORBIDDEN:
            text = f"PagerDuty does not allow {doing}{because}: the token needs to write, not only to read."
        case HTTPStatus.PAYMENT_REQUIRED:
            text = f"This PagerDuty account cannot do it: {doing}{because}."
        case _:
            text = f"PagerDuty refused {doing} (HTTP {status}){because}."
    return IntegrationError(text, permanent=True)


def _because(content: bytes, secret: str) -> str:
    try:
        body = json.loads(content)
    except ValueError:
        return ""
    words = _UNREADABLE.sub("", " ".join("; ".join(_messages(body)).replace(secret, "…").split()))
    words = words.rstrip(".")
    return f": {words[:_LONGEST]}{'…' if len(words) > _LONGEST else ''}" if words else ""


def _messages(body: object) -> list[str]:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return []
    errors = error.get("errors")
    return [
        str(each) for each in (error.get("message"), *(errors if isinstance(errors, list) else ())) if each
    ]
