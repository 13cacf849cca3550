"""Slack's Web API, with one error: whatever goes wrong is a `SlackTrouble`.

Nothing is retried here; the queue of effects does that, and it can wait as long as Slack asks.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.slack.messages import Payload
from integrations.contract import IntegrationError

EDITS_A_MINUTE = 45
TIMEOUT = 10

# What an operator or Slack itself mends; everything else that Slack says no to stays a no.
_PASSING = frozenset(
    {
        "accesslimited",
        "account_inactive",
        "ekm_access_denied",
        "fatal_error",
        "internal_error",
        "invalid_auth",
        "missing_scope",
        "not_authed",
        "org_login_required",
        "ratelimited",
        "request_timeout",
        "service_unavailable",
        "team_access_not_granted",
        "token_expired",
        "token_revoked",
        "two_factor_setup_required",
    }
)
_BLOCKS_REFUSED = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long"}
)


class SlackTrouble(IntegrationError):
    """Slack could not or would not do something; `code` is Slack's word for it, if it said one.

    `unsure` is True when it may have been done all the same; `retry_after` is how long Slack wants to be left
    alone, in seconds.
    """

    def __init__(
        self, message: str, *, code: str = "", unsure: bool = False, retry_after: float | None = None
    ) -> None:
        super().__init__(message, permanent=bool(code) and code not in _PASSING)
        self.code = code
        self.unsure = unsure
        self.retry_after = retry_after


@dataclass(slots=True)
class Bucket:
    """How many edits may still be made; it fills up again by itself."""

    per_minute: float
    left: float
    at: datetime

    def take(self, now: datetime, *, spare: float = 0) -> datetime | None:
        """Take one and return None, or return when one can be had that leaves `spare` for others."""
        passed = max((now - self.at).total_seconds(), 0)
        self.left = min(self.per_minute, self.left + passed * self.per_minute / 60)
        self.at = now
        if self.left >= 1 + spare:
            self.left -= 1
            return None
        return now + timedelta(seconds=(1 + spare - self.left) * 60 / self.per_minute)


class Api:
    """The methods Backstop uses, called with the bot's token."""

    def __init__(self, token: str, url: str, *, now: Callable[[], datetime]) -> None:
        self._client = AsyncWebClient(token=token, base_url=url, timeout=TIMEOUT, retry_handlers=[])
        self._now = now
        self.edits = Bucket(EDITS_A_MINUTE, EDITS_A_MINUTE, now())
        self.last_good: datetime | None = None

    async def call(self, method: str, **args: object) -> Mapping[str, Any]:
        """Call a method and return what it answers, or raise `SlackTrouble`."""
        form = {name: _form(value) for name, value in args.items() if value is not None}
        try:
            answer = await self._client.api_call(method, data=form)
        except SlackApiError as refusal:
            raise _trouble(method, refusal) from None
        except aiohttp.ClientConnectorError as problem:
            raise SlackTrouble(f"Slack cannot be reached for {method}: {type(problem).__name__}.") from None
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as problem:
            raise SlackTrouble(
                f"Slack did not answer {method}: {type(problem).__name__}.", unsure=True
            ) from None
        self.last_good = self._now()
        data = answer.data
        return data if isinstance(data, dict) else {}

    async def pages(self, method: str, key: str, **args: object) -> AsyncIterator[Mapping[str, Any]]:
        """Yield what a listing holds, page after page."""
        cursor = ""
        while True:
            answer = await self.call(method, **args, cursor=cursor or None)
            for item in answer.get(key) or ():
                yield item
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    async def post(self, channel: str, payload: Payload, *, thread: str | None = None, key: str) -> str:
        """Post a message that carries a key it can be found by, and return its ts."""
        metadata = {"event_type": "backstop", "event_payload": {"key": key}}
        answer = await self._show(
            "chat.postMessage",
            payload,
            channel=channel,
            thread_ts=thread,
            metadata=metadata,
            unfurl_links=False,
            unfurl_media=False,
        )
        return str(answer["ts"])

    async def edit(self, channel: str, ts: str, payload: Payload) -> None:
        """Replace what a message says."""
        await self._show("chat.update", payload, channel=channel, ts=ts)

    async def whisper(self, channel: str, user: str, payload: Payload, *, thread: str | None = None) -> None:
        """Show a message to one member of a channel."""
        await self._show("chat.postEphemeral", payload, channel=channel, user=user, thread_ts=thread)

    async def respond(self, hook: str, payload: Payload) -> None:
        """Show a message to one person through the address that Slack sent along with what they did."""
        client = AsyncWebhookClient(hook, timeout=TIMEOUT, retry_handlers=[])
        try:
            answer = await client.send(
                text=payload.text, blocks=list(payload.blocks), response_type="ephemeral"
            )
        except (aiohttp.ClientError, SlackClientError, TimeoutError, OSError) as problem:
            # Not in its words: those may hold the address, and who has that can write to the channel.
            raise SlackTrouble(f"Slack did not take an answer: {type(problem).__name__}.") from None
        if answer.status_code != 200:
            raise SlackTrouble(f"Slack did not take an answer: status {answer.status_code}.", code="hook")
        self.last_good = self._now()

    async def direct(self, user: str) -> str:
        """Return the channel of the direct messages with a person."""
        answer = await self.call("conversations.open", users=user)
        return str(answer["channel"]["id"])

    async def _show(self, method: str, payload: Payload, **args: object) -> Mapping[str, Any]:
        try:
            return await self.call(method, text=payload.text, blocks=list(payload.blocks), **args)
        except SlackTrouble as trouble:
            if trouble.code not in _BLOCKS_REFUSED:
                raise
            # Words without buttons are better than silence; the text says the same as the blocks.
            return await self.call(method, text=payload.text, blocks=[], **args)


def _form(value: object) -> str:
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case list() | dict():
            return json.dumps(value)
        case _:
            return str(value)


def _trouble(method: str, refusal: SlackApiError) -> SlackTrouble:
    response = refusal.response
    status = int(getattr(response, "status_code", 0) or 0)
    data = getattr(response, "data", None)
    code = str(data.get("error", "")) if isinstance(data, dict) else ""
    if status == 429 or code in ("ratelimited", "rate_limited"):
        wait = _seconds(response)
        return SlackTrouble(f"Slack wants {method} to wait {wait:g} s.", code="ratelimited", retry_after=wait)
    if not code:
        return SlackTrouble(f"Slack is in trouble: {method} was answered with status {status}.", unsure=True)
    needed = f" (needs the scope {data['needed']})" if isinstance(data, dict) and data.get("needed") else ""
    return SlackTrouble(f"Slack refused {method}: {code}{needed}.", code=code)


def _seconds(response: object) -> float:
    headers = getattr(response, "headers", None) or {}
    try:
        return max(float(headers.get("Retry-After", "1")), 1.0)
    except ValueError:
        return 1.0
