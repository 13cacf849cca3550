"""What went wrong with Jira, said in one sentence that holds no secret and no header."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from http import HTTPStatus

import requests
from jira.exceptions import JIRAError

from integrations.contract import IntegrationError
from integrations.refusals import RateLimited, asked_rest, because, moment

# Everything the library raises for a request: its own error, requests', and ValueError for what is not JSON.
TROUBLE = (JIRAError, requests.RequestException, ValueError)

_MALFORMED = (
    requests.exceptions.InvalidURL,
    requests.exceptions.MissingSchema,
    requests.exceptions.InvalidSchema,
)


class Unanswered(IntegrationError):
    """Jira may or may not have done what was asked: the answer was lost or made no sense."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=False)


def explained(error: Exception, *, doing: str, secret: str) -> IntegrationError:
    """Return what an error of the library means for the caller who was `doing` something."""
    match error:
        case JIRAError(status_code=int() as status, response=requests.Response() as response):
            return _answered(status, response, doing, secret)
        case UnicodeError():
            return _refused("Jira's e-mail or token holds a character that cannot be sent: copy it again.")
        case requests.JSONDecodeError():
            return Unanswered(f"Jira answered with a page instead of data while {doing}: in maintenance?")
        case _ if isinstance(error, _MALFORMED):
            return _refused(
                "Jira's address is not one that can be asked: it looks like https://name.atlassian.net."
            )
        case requests.exceptions.SSLError():
            return Unanswered(f"No secure connection to Jira for {doing}: check its address and certificate.")
        case requests.RequestException() if _never_sent(error):
            return IntegrationError(f"Jira cannot be reached for {doing}.", permanent=False)
        case requests.Timeout():
            return Unanswered(f"Jira did not answer in time while {doing}.")
        case requests.RequestException():
            return Unanswered(f"The connection to Jira was lost while {doing}.")
        case _:
            return Unanswered(f"Jira answered something unexpected while {doing}.")


def _answered(status: int, response: requests.Response, doing: str, secret: str) -> IntegrationError:
    because = _because(response, secret)
    match status:
        case HTTPStatus.TOO_MANY_REQUESTS:
            pause = retry_after(response)
            when = "" if pause is None else f" {pause:.0f} s"
            return RateLimited(f"Jira asks to wait{when} before {doing}.", retry_after=pause)
        case HTTPStatus.UNAUTHORIZED:
            return _refused(
                f"Jira does not accept the e-mail and API token while {doing}: "
                "tokens end after a year at most, so make a new one."
            )
        case HTTPStatus.FORBIDDEN:
            return _refused(
                f"Jira does not allow {doing}{because}: check the account's permissions in the project."
            )
        case HTTPStatus.CONFLICT:
            return IntegrationError(
                f"Jira was busy with the same issue while {doing}{because}.", permanent=False
            )
        case HTTPStatus.REQUEST_TIMEOUT:
            return Unanswered(f"Jira did not answer in time while {doing}.")
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return Unanswered(f"Jira is in trouble (HTTP {status}) while {doing}{because}.")
        case _:
            return _refused(f"Jira refused {doing} (HTTP {status}){because}.")


def refused_fields(error: JIRAError) -> frozenset[str]:
    """Return the names of the fields that Jira does not take, if that is what it says."""
    if error.status_code != HTTPStatus.BAD_REQUEST or error.response is None:
        return frozenset()
    try:
        named = error.response.json().get("errors")
    except (ValueError, AttributeError):
        return frozenset()
    return frozenset(named) if isinstance(named, dict) else frozenset()


def _refused(sentence: str) -> IntegrationError:
    return IntegrationError(sentence, permanent=True)


def _never_sent(error: BaseException | None) -> bool:
    # requests says "ConnectionError" for a refused connection and for one cut after the request alike.
    if error is None:
        return False
    known = isinstance(error, requests.ConnectTimeout | ConnectionRefusedError | socket.gaierror)
    return known or _never_sent(error.__cause__ or error.__context__)


def retry_after(response: requests.Response) -> float | None:
    """Return the pause an answer asks for in seconds; a date is measured on the server's own clock."""
    rest = asked_rest(response.headers.get("Retry-After", ""), now=moment(response.headers.get("Date", "")))
    return None if rest is None else max(0.0, rest.total_seconds())


def _because(response: requests.Response, secret: str) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    return because(_messages(body), secret)


def _messages(body: object) -> Iterator[str]:
    if not isinstance(body, dict):
        return
    messages, errors = body.get("errorMessages"), body.get("errors")
    if isinstance(messages, list):
        yield from (str(message) for message in messages)
    if isinstance(errors, dict):
        yield from (f"{field}: {message}" for field, message in errors.items())
