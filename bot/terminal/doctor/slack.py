"""Slack: its token, what the app may do there, the clock, the channel, and the groups that approve."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

from pydantic import SecretStr

from bot.manifest import SCOPES
from bot.settings import Settings
from bot.terminal.access import Access
from bot.terminal.client import Client, Reply, Unreachable
from bot.terminal.doctor.finding import Finding
from bot.terminal.here import TRY_S, utc_now
from playbooks.catalog import Catalog

_APART = timedelta(minutes=1)
_AGAIN = "Make the app anew from `backstop manifest`, install it again"


async def slack(settings: Settings, catalog: Catalog | None) -> list[Finding]:
    """Return what is wrong between Slack and Backstop; everything is only asked about."""
    if settings.slack_mode == "off":
        return [Finding("slack", "off", "BACKSTOP_SLACK_MODE is off")]
    wanted: dict[str, SecretStr | None] = {"BACKSTOP_SLACK_BOT_TOKEN": settings.slack_bot_token}
    if settings.slack_mode == "socket":
        wanted["BACKSTOP_SLACK_APP_TOKEN"] = settings.slack_app_token
    else:
        wanted["BACKSTOP_SLACK_SIGNING_SECRET"] = settings.slack_signing_secret
    missing = [name for name, value in wanted.items() if value is None]
    if missing or settings.slack_bot_token is None:
        says = f"{', '.join(missing)} is missing."
        return [Finding("slack", "wrong", says, "Set it, or BACKSTOP_SLACK_MODE=off.")]
    asked = _Slack(settings, settings.slack_bot_token)
    try:
        return [found async for found in asked.findings(catalog)]
    except Unreachable:
        says = f"{settings.slack_api_url} does not answer."
        return [Finding("slack", "wrong", says, "Look at the network.")]


@dataclass(frozen=True, slots=True)
class _Slack:
    settings: Settings
    token: SecretStr

    async def findings(self, catalog: Catalog | None) -> AsyncIterator[Finding]:
        """Yield what is to be said; without a token that Slack takes there is nothing more to ask."""
        reply = await self._asked("auth.test", self.token)
        if refused := _refused(reply):
            says = f"Slack refuses the bot token: {refused}."
            yield Finding("slack", "wrong", says, "Install the app again and set BACKSTOP_SLACK_BOT_TOKEN.")
            return
        mode = self.settings.slack_mode
        yield Finding("slack", "ok", f"{reply.text('user')} in {reply.text('team')}, {mode} mode")
        for found in (*_scopes(reply.headers), *clock(reply.headers, utc_now())):
            yield found
        for more in (self._app_token(), self._channel(), self._groups(catalog)):
            async for found in more:
                yield found

    async def _app_token(self) -> AsyncIterator[Finding]:
        token = self.settings.slack_app_token
        if token is None or self.settings.slack_mode != "socket":
            return
        # The address that this opens is thrown away; nothing connects to it.
        if refused := _refused(await self._asked("apps.connections.open", token)):
            says = f"Slack refuses the app token: {refused}."
            yield Finding("slack", "wrong", says, "Make one with the scope connections:write.")

    async def _channel(self) -> AsyncIterator[Finding]:
        home = self.settings.slack_home_channel
        if not home:
            return
        reply = await self._asked("conversations.info", self.token, channel=home)
        channel = reply.json.get("channel")
        if refused := _refused(reply):
            says = f"the home channel {home} cannot be seen: {refused}."
            yield Finding("slack", "wrong", says, "Set BACKSTOP_SLACK_HOME_CHANNEL to a channel's id.")
        elif not (isinstance(channel, Mapping) and channel.get("is_member")):
            yield Finding(
                "slack", "wrong", f"Backstop is not in the home channel {home}.", "Invite it there."
            )

    async def _groups(self, catalog: Catalog | None) -> AsyncIterator[Finding]:
        """Yield the groups of the catalog that nobody is in, so that nothing could be approved by them."""
        for name, group in (catalog.groups if catalog else {}).items():
            if not (catalog and group.slack_group):
                continue
            reply = await self._asked("usergroups.users.list", self.token, usergroup=group.slack_group)
            if (refused := _refused(reply)) == "ratelimited":
                yield Finding(
                    "groups", "unwise", f"{name} and those after it were not looked at.", "Ask again."
                )
                return
            users = reply.json.get("users")
            ids = {group.slack_group: [str(one) for one in users]} if isinstance(users, list) else {}
            if catalog.members(name, ids):
                continue
            why = refused or f"none of its {len(ids.get(group.slack_group, ()))} members is in the catalog"
            says = f"nobody is in {name}, whose Slack group is {group.slack_group}: {why}."
            yield Finding(
                "groups", "wrong", says, "Add people with their Slack ids to the catalog, or to the group."
            )

    async def _asked(self, method: str, token: SecretStr, **words: str) -> Reply:
        url = self.settings.slack_api_url.rstrip("/")
        client = Client(Access(url, token.get_secret_value()), TRY_S)
        return await asyncio.to_thread(client.get, f"/{method}", words)


def _refused(reply: Reply) -> str:
    """Return Slack's word for what it does not do, or nothing when it does it."""
    return "" if reply.json.get("ok") is True else reply.text("error") or str(reply.status)


def _scopes(headers: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what the app may not do; Slack tells the scopes of a token with every answer."""
    told = headers.get("x-oauth-scopes")
    if told is None:
        return
    held = {scope.strip() for scope in told.split(",")}
    for scope, purpose in SCOPES.items():
        if scope not in held:
            yield Finding("slack", "wrong", f"the app may not {purpose}: {scope} is missing.", f"{_AGAIN}.")


def clock(headers: Mapping[str, str], now: datetime) -> Iterator[Finding]:
    """Yield a word when the clocks differ: signatures count for five minutes, and damage is dated by ours."""
    try:
        apart = now - parsedate_to_datetime(headers.get("date", ""))
    except ValueError:
        return
    if abs(apart) > _APART:
        ahead = "ahead of" if apart > timedelta(0) else "behind"
        says = f"this machine's clock is {abs(apart).total_seconds():.0f} s {ahead} Slack's."
        yield Finding("clock", "wrong", says, "Let it follow a time server: moments of damage come from it.")
