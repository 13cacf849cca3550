"""What went wrong with PagerDuty, said in one sentence that holds no secret and no header."""

from __future__ import annotations

import json
from http import HTTPStatus

import httpx2
import pagerduty

from integrations.contract import IntegrationError
from integrations.refusals import because

# Everything the library raises for a request: its own errors, those of httpx2, and ValueError for what is
# not JSON. RuntimeError is how httpx2 says that a response was used in the wrong order.
TROUBLE = (pagerduty.Error, pagerduty.UrlError, httpx2.HTTPError, httpx2.InvalidURL, ValueError)


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
    why = _because(content, secret)
    match status:
        case HTTPStatus.UNAUTHORIZED:
            return Unauthorized()
        case HTTPStatus.FORBIDDEN:
            text = f"PagerDuty does not allow {doing}{why}: the token needs to write, not only to read."
        case HTTPStatus.PAYMENT_REQUIRED:
            text = f"This PagerDuty account cannot do it: {doing}{why}."
        case _:
            text = f"PagerDuty refused {doing} (HTTP {status}){why}."
    return IntegrationError(text, permanent=True)


def _because(content: bytes, secret: str) -> str:
    try:
        body = json.loads(content)
    except ValueError:
        return ""
    return because(_messages(body), secret)


def _messages(body: object) -> list[str]:
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        return []
    errors = error.get("errors")
    return [
        str(each) for each in (error.get("message"), *(errors if isinstance(errors, list) else ())) if each
    ]
