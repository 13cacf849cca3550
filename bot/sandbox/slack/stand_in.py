"""`SlackStandIn`: the whole workspace, to be used as an asynchronous context manager."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self

import aiohttp

from bot.sandbox.slack import payloads
from bot.sandbox.slack.acts import Acts
from bot.sandbox.slack.courier import Courier
from bot.sandbox.slack.deliveries import Delivery, HttpTransport, Reply, Transport
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.journal import Journal
from bot.sandbox.slack.limits import Limits
from bot.sandbox.slack.records import BOT_USER, TEAM, Channel, Message
from bot.sandbox.slack.refusals import Wire
from bot.sandbox.slack.server import Server, new_tokens
from bot.sandbox.slack.sockets import Connection, DisconnectReason, Sockets
from bot.sandbox.slack.workspace import Workspace

PEOPLE = {
    "ana": ("U0ANA00001", "ana@example.com"),
    "bo": ("U0BO000001", "bo@example.com"),
    "cy": ("U0CY000001", "cy@example.com"),
}
GROUPS = {"dba": ("bo",)}

SCOPES = frozenset(
    {
        "commands",
        "chat:write",
        "channels:manage",
        "channels:join",
        "channels:read",
        "channels:history",
        "groups:write",
        "groups:read",
        "groups:history",
        "users:read",
        "users:read.email",
        "usergroups:read",
        "bookmarks:write",
        "pins:write",
        "reactions:read",
        "reactions:write",
        "files:read",
        "files:write",
        "im:write",
        "app_mentions:read",
        "connections:write",
    }
)
EVENTS = frozenset(
    {
        "app_mention",
        "app_home_opened",
        "channel_archive",
        "group_archive",
        "member_joined_channel",
        "reaction_added",
        "app_uninstalled",
        "tokens_revoked",
    }
)


EVENT_SCOPES = {"reaction_added": "reactions:read", "message": "channels:history"}
"""The scope without which Slack does not tell of an event, where there is one."""


def _system_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Terms:
    """How Slack treats the app: its scopes and event subscriptions, and how patient it is.

    `patience` is how long an acknowledgement may take, `retries` the waits before an event comes again,
    both in seconds; `wall` dates signatures, because apps check those by their own clock.
    """

    scopes: frozenset[str] = SCOPES
    events: frozenset[str] = EVENTS
    patience: float = 3.0
    retries: Sequence[float] = (0.0, 60.0, 300.0)
    wall: Callable[[], datetime] = _system_clock
    host: str = "127.0.0.1"


class SlackStandIn(Acts):
    """A workspace on loopback with people, groups (handle → names) and channels (name → names).

    Deliveries go over Socket Mode until `deliver_over` says otherwise. Close the app's sockets before
    leaving the context, or its client keeps reconnecting.
    """

    bot_user_id = BOT_USER
    team_id = TEAM
    _http: aiohttp.ClientSession

    def __init__(
        self,
        people: Mapping[str, tuple[str, str]] = PEOPLE,
        *,
        outsiders: Mapping[str, tuple[str, str]] | None = None,
        groups: Mapping[str, Iterable[str]] = GROUPS,
        channels: Mapping[str, Iterable[str]] | None = None,
        now: Callable[[], datetime] = _system_clock,
        port: int = 0,
        terms: Terms = Terms(),
    ) -> None:
        tokens = new_tokens()
        self.bot_token = tokens.bot
        self.app_token = tokens.app
        self.signing_secret = tokens.signing_secret
        self.workspace = Workspace(now=now, scopes=terms.scopes)
        self.faults = Faults()
        self._terms = terms
        self._port = port
        self._subscribed = set(terms.events)
        self._journal = Journal()
        self._sockets = Sockets(self.workspace, self.faults, self._journal, patience=terms.patience)
        self._courier = Courier(self._journal, self.faults, self._sockets, retries=terms.retries)
        self._server = Server(self.workspace, self._journal, self.faults, self._sockets, tokens)
        everybody = [*people, *(outsiders or {})]
        here = {"general": everybody} if channels is None else channels
        self.workspace.settle(people, outsiders or {}, groups, here)
        self.workspace.announce = self._announced
        self.faults.on_down = self._sockets.break_off

    async def __aenter__(self) -> Self:
        self.workspace.base_url = await self._server.start(self._terms.host, self._port)
        # A connection per delivery: a pooled one could be half-closed by an app that restarts.
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        self._http = aiohttp.ClientSession(connector=connector)
        return self

    async def __aexit__(self, *reason: object) -> None:
        self.faults.clear()
        await self._courier.stop()
        await self._http.close()
        await self._server.stop()

    @property
    def url(self) -> str:
        """Return the address of the workspace, without a slash at its end."""
        return self.workspace.base_url

    @property
    def api_url(self) -> str:
        """Return the base URL for the SDK's web client."""
        return f"{self.url}/api/"

    @property
    def limits(self) -> Limits:
        """Return the rate limits; `limits.on = True` switches them on."""
        return self._server.limits

    @property
    def changes(self) -> int:
        """Return a number that grows with everything that happens here; `wait` tells when it did."""
        return self._journal.changes

    async def news(self, seen: int, timeout: float = 20.0) -> None:
        """Wait until `changes` is not what was seen, at most so many seconds."""
        with suppress(TimeoutError):
            await self.wait(lambda: self.changes != seen, timeout)

    def ring(self) -> None:
        """Tell whoever waits that something changed that no call of the app shows."""
        self._journal.rang()

    @property
    def connections(self) -> list[Connection]:
        """Return the open Socket Mode connections."""
        return self._sockets.connections

    @property
    def deliveries(self) -> list[Reply]:
        """Return every delivery so far with what the app answered."""
        return self._journal.deliveries

    def deliver_over(self, way: Literal["socket", "http"], url: str = "") -> None:
        """Choose how the app hears of things: over its sockets, or signed at its request URL."""
        if way == "socket":
            self._courier.transport = self._sockets
        else:
            terms = self._terms
            self._courier.transport = HttpTransport(
                self._http, url, secret=self.signing_secret, wall=terms.wall, patience=terms.patience
            )

    def deliver_with(self, transport: Transport) -> None:
        """Deliver through a transport of the caller's own, such as one that acknowledges everything."""
        self._courier.transport = transport

    async def connected(self, count: int = 1) -> None:
        """Wait until the app holds so many sockets."""
        await self.wait(lambda: len(self.connections) >= count)

    async def delivered(self) -> None:
        """Wait until the app was given every event, or Slack gave up on it."""
        await self._courier.arrived()

    @property
    def delivering(self) -> bool:
        """Return whether the app is being told something."""
        return self._courier.busy

    def subscribe(self, event: str) -> None:
        """Let the app hear of one more kind of event from now on, as a changed manifest does."""
        self._subscribed.add(event)

    async def refresh(self, reason: DisconnectReason = "refresh_requested") -> None:
        """Ask every socket to reconnect."""
        await self._sockets.refresh(reason)

    async def ping(self) -> None:
        """Ping every socket."""
        await self._sockets.ping()

    async def verify_url(self) -> Reply:
        """Send the challenge that Slack sends when a request URL is entered."""
        payload = {"type": "url_verification", "token": payloads.VERIFICATION_TOKEN, "challenge": "3eZbrw1a"}
        return await self._courier.deliver(Delivery("events_api", payload, answerable=True))

    def _announced(self, event: Wire) -> None:
        self._journal.rang()
        scope = EVENT_SCOPES.get(event["type"])
        if event["type"] not in self._subscribed or (scope and scope not in self._terms.scopes):
            return
        where = event.get("channel") or (event.get("item") or {}).get("channel") or ""
        channel = self.workspace.channels.get(str(where))
        if channel is None or BOT_USER in channel.members:
            self._courier.event_soon(payloads.event(self.workspace, event))

    def join(self, user: str, channel: str) -> None:
        """Let a person enter a channel."""
        self.workspace.enter(self.workspace.channel(channel), self.workspace.person(user))

    def settle_bot(self, channel: str) -> None:
        """Let the bot have been in a channel all along, of which nobody needs to be told."""
        self.workspace.channel(channel).members.append(BOT_USER)

    def invite_bot(self, channel: str) -> None:
        """Bring the bot into a channel."""
        self.workspace.enter(self.workspace.channel(channel), self.workspace.people[BOT_USER])

    def remove_bot(self, channel: str) -> None:
        """Remove the bot from a channel."""
        self.workspace.channel(channel).members.remove(BOT_USER)
        self._journal.rang()

    def archive(self, user: str, channel: str) -> None:
        """Archive a channel as a person."""
        found = self.workspace.channel(channel)
        found.archived = True
        kind = "group_archive" if found.kind == "private" else "channel_archive"
        actor = self.workspace.person(user).id
        ts = self.workspace.new_ts()
        self._announced({"type": kind, "channel": found.id, "user": actor, "event_ts": ts})

    def delete(self, message: Message) -> None:
        """Delete a message, as an administrator can."""
        self._gone(self.current(message))

    def channel(self, name: str) -> Channel:
        """Return a channel by name or id: topic, members, pins, bookmarks."""
        return self.workspace.channel(name)

    def file(self, name: str) -> bytes:
        """Return the content of a shared file by its name."""
        for upload in self.workspace.uploads.values():
            if upload.completed and upload.content is not None and name in (upload.name, upload.id):
                return upload.content
        raise FileNotFoundError(name)
