"""Slack messages on the timeline: added by a shortcut or a reaction, and looked at again later.

What a message says is always what Slack showed: the signed payload of the shortcut, or what the Web API
answers.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.response import BoltResponse

from bot.commands import Answer, Desk, Place
from bot.commands.capture import as_shown, shown_as
from bot.core import incident as incidents
from bot.core.captured import Captured
from bot.core.effects import Effect
from bot.core.events import Event, MessageDeleted, MessageEdited, SlackFile
from bot.core.incident import Incident, stream_of
from bot.jobs import Again, Handler
from bot.manifest import CAPTURE
from bot.slack.api import SlackTrouble
from bot.slack.hear import VIA, Hear
from bot.slack.letterbox import Letterbox
from bot.slack.payloads import Body, is_shared, sender_of
from bot.slack.rooms import Ground
from bot.slack.said import Said, Sender
from bot.slack.text import typed
from bot.timeline import Change
from integrations.contract import IntegrationError

log = logging.getLogger(__name__)

CHANGES = ("message_changed", "message_deleted")
_GONE = frozenset({"message_not_found", "thread_not_found"})
_UNSEEN = frozenset({"not_in_channel", "channel_not_found", "missing_scope", "is_archived"})
"""What Slack says where Backstop may not look; that tells nothing about the message."""

Next = Callable[[], Awaitable[BoltResponse]]


class CapturedMessages:
    """The shortcut, the reaction and the events of messages, and the effects that follow from them."""

    def __init__(self, desk: Desk, ground: Ground, hear: Hear, box: Letterbox) -> None:
        self._desk = desk
        self._timeline = desk.timeline
        self._ground = ground
        self._hear = hear
        self._box = box

    def attach(self, app: AsyncApp) -> None:
        """Register every listener, once."""
        app.shortcut(CAPTURE)(self._added)
        app.event("reaction_added", middleware=[self._reacted])(_nothing)
        app.event("message", middleware=[self._changed])(_nothing)

    def handlers(self) -> dict[str, Handler]:
        """Return the handlers by the kind of effect."""
        return {
            "capture": self.capture,
            "captured": self.captured,
            "recheck": self.recheck,
            "reread": self.reread,
        }

    async def _added(self, body: Body, ack: AsyncAck) -> None:
        """Take the shortcut: the message comes along, so that Backstop need not be in its channel."""
        message, channel, sender = body["message"], str(body["channel"]["id"]), sender_of(body)
        hook = str(body.get("response_url") or "")
        place = Place(channel, message.get("thread_ts"), sender.user, reply="hook", hook=hook)
        line, delivery = f"capture {channel}/{message['ts']}", f"slack:{body['trigger_id']}"
        said = Said(sender, line, place, delivery)
        try:
            await self._keep(channel, message)
        except IntegrationError as problem:
            await self._box.tell(said, Answer.refused(str(problem)))
            await ack()
        else:
            await self._box.carry(said, ack)

    async def _reacted(self, body: Body, next: Next) -> BoltResponse | None:
        event = body["event"]
        item, user = event.get("item") or {}, str(event.get("user") or "")
        wanted = bool(event.get("reaction")) and event["reaction"] == self._ground.settings.slack_capture
        if not wanted or item.get("type") != "message" or is_shared(body):
            return await next()
        subject = "/".join((item["channel"], item["ts"], user, str(body["event_id"])))
        return await self._asked(Effect("capture", subject, f"capture/{item['channel']}"), next)

    async def _changed(self, body: Body, next: Next) -> BoltResponse | None:
        event = body["event"]
        before = event.get("previous_message") or event.get("message") or {}
        if event.get("subtype") not in CHANGES or self._is_own(before):
            return await next()
        ts = event.get("deleted_ts") or (event.get("message") or {}).get("ts") or ""
        channel = str(event["channel"])
        return await self._asked(Effect("recheck", f"{channel}/{ts}", f"capture/{channel}"), next)

    async def _asked(self, effect: Effect, next: Next) -> BoltResponse | None:
        """Store what follows from an event before it is acknowledged, or have Slack deliver it again."""
        try:
            await self._timeline.effects.ask(effect)
        except IntegrationError as problem:
            log.warning("event not stored error=%s", problem)
            return BoltResponse(status=503)
        return await next()

    async def capture(self, subject: str) -> Again | None:
        """Have a message captured that somebody reacted to, where an incident is open that lacks it."""
        channel, ts, user, event = subject.split("/")
        here = await self._open(channel)
        if not here or any(f"{channel}/{ts}" in incident.captured for incident in here):
            return None
        message = await self._read(channel, ts)
        if message is None or self._is_own(message):
            return None
        await self._keep(channel, message)
        place = Place(channel, message.get("thread_ts"), user, reply="ephemeral")
        sender = Sender(user, self._ground.settings.slack_team or self._ground.identity.team)
        said = Said(sender, f"capture {channel}/{ts}", place, f"slack:{event}")
        await self._timeline.letters.take(said.letter(self._timeline.now()))
        return None

    async def captured(self, message: str) -> Again | None:
        """Forget what was kept until a message was captured: the timeline has it now."""
        channel, _, ts = message.partition("/")
        await self._timeline.records.forget(shown_as(channel, ts))
        return None

    async def recheck(self, message: str) -> Again | None:
        """Look at a message that changed, if an open incident has it."""
        for incident in await self._open():
            if message in incident.captured:
                await self._compare(incident, [message])
        return None

    async def reread(self, id: str) -> Again | None:
        """Look at every message of an incident once more, now that it is over."""
        incident = incidents.fold(await self._timeline.read(stream_of(id)))
        if incident:
            await self._compare(incident, list(incident.captured))
        return None

    async def _open(self, channel: str | None = None) -> list[Incident]:
        listed = await self._timeline.lookup.incidents(only_open=True, channel=channel)
        folded = [incidents.fold(await self._timeline.read(f"incident/{item.id}")) for item in listed]
        return [incident for incident in folded if incident]

    async def _compare(self, incident: Incident, messages: list[str]) -> None:
        """Record what messages say now where that is something else than what the record says last."""
        events: list[Event] = []
        for name in messages:
            channel, _, ts = name.partition("/")
            try:
                now = await self._read(channel, ts)
            except SlackTrouble as trouble:
                if trouble.code not in _UNSEEN:
                    raise
                log.info("not looked at again message=%s error=%s", name, trouble)
                continue
            event = self._difference(channel, ts, incident.captured[name], now)
            events += [event] if event else []
        change = {stream_of(incident.id): Change(incident.seq, tuple(events))}
        await self._timeline.append(change if events else {}, by="backstop", via=VIA)

    def _difference(
        self, channel: str, ts: str, known: Captured, now: Mapping[str, Any] | None
    ) -> Event | None:
        if known.gone:
            return None
        if now is None:
            return MessageDeleted(channel=channel, ts=ts, of=known.seq, author=known.author)
        text, files = self._text(now), _files(now)
        if known.redacted or (text, files) == (known.text, known.files):
            # What was removed from the record may still stand in Slack; it does not come back from there.
            return None
        return MessageEdited(
            channel=channel, ts=ts, of=known.seq, author=known.author, text=text, files=files
        )

    async def _read(self, channel: str, ts: str) -> Mapping[str, Any] | None:
        """Return a message as it stands now, also a reply in a thread, or None when it is gone."""
        try:
            answer = await self._ground.api.call("conversations.replies", channel=channel, ts=ts, limit=1)
        except SlackTrouble as trouble:
            if trouble.code in _GONE:
                return None
            raise
        found = (message for message in answer.get("messages") or () if message.get("ts") == ts)
        return next((message for message in found if message.get("subtype") != "tombstone"), None)

    async def _keep(self, channel: str, message: Mapping[str, Any]) -> None:
        ts, user = str(message["ts"]), str(message.get("user") or "")
        author = self._ground.name_of(user) or user or str(message.get("username") or "a bot")
        shown = as_shown(author, self._text(message), self._url(channel, message), _files(message))
        own = {"own": "yes"} if self._is_own(message) else {}
        await self._timeline.records.remember(shown_as(channel, ts), {**shown, **own})

    def _is_own(self, message: Mapping[str, Any]) -> bool:
        return message.get("user") == self._ground.identity.bot_user

    def _text(self, message: Mapping[str, Any]) -> str:
        texts = [message.get("text"), *(each.get("fallback") for each in message.get("attachments") or ())]
        return typed("\n".join(str(text) for text in texts if text), self._ground.name_of)

    def _url(self, channel: str, message: Mapping[str, Any]) -> str:
        return self._ground.identity.url_of(channel, str(message["ts"]), message.get("thread_ts")) or ""


def _files(message: Mapping[str, Any]) -> tuple[SlackFile, ...]:
    return tuple(
        SlackFile(
            name=str(file.get("title") or file.get("name") or file.get("id") or "a file"),
            url=str(file.get("permalink") or ""),
        )
        for file in message.get("files") or ()
    )


async def _nothing(body: Body, ack: AsyncAck) -> None:
    await ack()
