"""What web APIs say when they do not do what was asked: how long to wait, and why not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from integrations.contract import IntegrationError

_LONGEST_WORDS = 300
_LONGEST_REST_S = 10**9
_UNREADABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class RateLimited(IntegrationError):
    """A system did nothing and asks for a pause; `retry_after` is in seconds, None when it does not say."""

    def __init__(self, message: str, *, retry_after: float | None) -> None:
        super().__init__(message, permanent=False)
        self.retry_after = retry_after


def asked_rest(given: str, *, now: datetime | None) -> timedelta | None:
    """Return the pause that Retry-After asks for: a number of seconds, or a date by the clock `now` is of.

    None is for what cannot be read, and for a date where nobody knows the time.
    """
    given = given.strip()
    if given.isascii() and given.isdigit():
        return timedelta(seconds=min(int(given), _LONGEST_REST_S))
    return until - now if (until := moment(given)) and now else None


def moment(given: str) -> datetime | None:
    """Return the moment in a header such as Date, or None when it cannot be read or has no zone."""
    try:
        found = parsedate_to_datetime(given)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else None


def because(messages: Iterable[str], secret: str) -> str:
    """Return the reasons of a refusal as the end of a sentence, on one line and without the secret."""
    words = " ".join("; ".join(messages).replace(secret, "…").split())
    words = _UNREADABLE.sub("", words).rstrip(".")
    return f": {words[:_LONGEST_WORDS]}{'…' if len(words) > _LONGEST_WORDS else ''}" if words else ""
