"""The state of a local workspace and the rules every door to it shares; it does no I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Literal

from bot.sandbox.slack import checks
from bot.sandbox.slack.blocks import with_ids
from bot.sandbox.slack.records import (
    BOT_NAME,
    BOT_USER,
    OTHER_TEAM,
    SLACKBOT,
    Act,
    Channel,
    Group,
    Hook,
    Message,
    Person,
    Trigger,
    Upload,
    View,
)
from bot.sandbox.slack.refusals import SlackRefuses, Wire

HOOK_USES = 5
HOOK_LIFE = timedelta(minutes=30)
TRIGGER_LIFE = timedelta(seconds=3)


class Workspace:
    """Everything in the workspace. `now` dates it; `announce` is called with each event."""

    def __init__(self, *, now: Callable[[], datetime], scopes: frozenset[str]) -> None:
        self.now = now
        self.scopes = scopes
        self.base_url = ""
        self.announce: Callable[[Wire], None] = lambda event: None
        self.people: dict[str, Person] = {}
        self.groups: dict[str, Group] = {}
        self.channels: dict[str, Channel] = {}
        self.hidden: list[Message] = []
        self.views: dict[str, View] = {}
        self.stacks: dict[str, list[str]] = {}
        self.homes: dict[str, str] = {}
        self.triggers: dict[str, Trigger] = {}
        self.hooks: dict[str, Hook] = {}
        self.uploads: dict[str, Upload] = {}
        self.scheduled: dict[str, Wire] = {}
        self.tickets: set[str] = set()
        self.acts: list[Act] = []
        self._messages: dict[str, dict[str, Message]] = {}
        self._number = count(1)
        self._last_ts = 0
        self.add(Person("slackbot", SLACKBOT, is_bot=True))
        self.add(Person(BOT_NAME, BOT_USER, is_bot=True))

    def settle(
        self,
        people: Mapping[str, tuple[str, str]],
        outsiders: Mapping[str, tuple[str, str]],
        groups: Mapping[str, Iterable[str]],
        channels: Mapping[str, Iterable[str]],
    ) -> None:
        """Let people (name → user id and e-mail) move in, with their groups and channels (name → names)."""
        for name, (identity, email) in people.items():
            self.add(Person(name, identity, email))
        for name, (identity, email) in outsiders.items():
            self.add(Person(name, identity, email, team_id=OTHER_TEAM))
        for handle, names in groups.items():
            group = Group(self.new_id("S"), handle, tuple(self.person(name).id for name in names))
            self.groups[group.id] = group
        for channel_name, names in channels.items():
            channel = self.open_channel(channel_name, creator=SLACKBOT)
            for name in names:
                self.enter(channel, self.person(name))

    def add(self, person: Person) -> None:
        """Let one more person move in."""
        self.people[person.id] = person

    def new_id(self, letter: str) -> str:
        """Return an id nothing else has, such as C0000000001."""
        return f"{letter}0{next(self._number):09d}"

    def new_ts(self) -> str:
        """Return the time of something that happens now; it always rises, whatever the clock."""
        micro = int(self.now().timestamp() * 1_000_000)
        self._last_ts = max(micro, self._last_ts + 1)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def person(self, name: str) -> Person:
        """Return a person by short name, user id or `@name`."""
        if name in self.people:
            return self.people[name]
        for person in self.people.values():
            if person.name == name.removeprefix("@"):
                return person
        raise SlackRefuses("user_not_found")

    def channel(self, reference: str) -> Channel:
        """Return a channel by id or name; a user id stands for the direct messages with that person."""
        if reference in self.channels:
            return self.channels[reference]
        if reference in self.people:
            return self.direct(self.people[reference])
        for channel in self.channels.values():
            if channel.name and channel.name == reference.removeprefix("#"):
                return channel
        raise SlackRefuses("channel_not_found")

    def open_channel(self, name: str, *, creator: str, private: bool = False) -> Channel:
        """Create a channel whose only member is its creator; a taken name is refused."""
        if any(channel.name == name for channel in self.channels.values()):
            raise SlackRefuses("name_taken")
        members = [] if creator == SLACKBOT else [creator]
        kind: Literal["public", "private"] = "private" if private else "public"
        created = int(self.now().timestamp())
        channel = Channel(self.new_id("C"), name, creator, created, members, kind=kind)
        self.channels[channel.id] = channel
        return channel

    def direct(self, person: Person) -> Channel:
        """Return the direct messages between the bot and a person."""
        for channel in self.channels.values():
            if channel.kind == "im" and person.id in channel.members:
                return channel
        created = int(self.now().timestamp())
        channel = Channel(self.new_id("D"), "", BOT_USER, created, [BOT_USER, person.id], kind="im")
        self.channels[channel.id] = channel
        return channel

    def enter(self, channel: Channel, person: Person) -> None:
        """Make somebody a member, if they are not, and announce it."""
        if person.id in channel.members:
            return
        channel.members.append(person.id)
        channel.shared = channel.shared or person.outsider
        kind = "C" if channel.kind == "public" else "G"
        self.announce(
            {
                "type": "member_joined_channel",
                "user": person.id,
                "channel": channel.id,
                "channel_type": kind,
                "team": person.team_id,
                "event_ts": self.new_ts(),
            }
        )

    def put(self, message: Message) -> Message:
        """Keep a message as it now stands; ephemeral ones are kept apart, where no API method finds them."""
        message = replace(message, blocks=with_ids(message.blocks, message.ts))
        if message.only_for:
            self.hidden = [kept for kept in self.hidden if kept.ts != message.ts]
            self.hidden.append(message)
        else:
            self._messages.setdefault(message.channel, {})[message.ts] = message
        return message

    def post(self, message: Message) -> Message:
        """Add a new message and announce it."""
        message = self.put(message)
        if not message.only_for:
            channel = self.channels[message.channel]
            kind = {"public": "channel", "private": "group"}.get(channel.kind, channel.kind)
            event = message.wire() | {"channel": message.channel, "channel_type": kind}
            self.announce(event | {"event_ts": message.ts})
        return message

    def message(self, channel: str, ts: str) -> Message:
        """Return a message by channel id and ts."""
        found = self._messages.get(channel, {}).get(ts)
        if found is None or found.subtype == "tombstone":
            raise SlackRefuses("message_not_found")
        return found

    def messages(self, channel: str) -> list[Message]:
        """Return the messages of a channel id, oldest first, without the ephemeral ones."""
        return sorted(self._messages.get(channel, {}).values(), key=lambda message: message.ts)

    def thread(self, channel: str, root_ts: str) -> list[Message]:
        """Return a root message and its replies, oldest first."""
        found = [m for m in self.messages(channel) if root_ts in (m.ts, m.thread_ts)]
        if not found:
            raise SlackRefuses("thread_not_found")
        return found

    def root_for(self, channel: str, thread_ts: str) -> str:
        """Make a message the root of a thread; one that is gone or is a reply itself is refused."""
        root = self._messages.get(channel, {}).get(thread_ts)
        if root is None:
            raise SlackRefuses("thread_not_found")
        if root.is_reply:
            raise SlackRefuses("cannot_reply_to_message")
        self.put(replace(root, thread_ts=thread_ts))
        return thread_ts

    def forget(self, message: Message) -> None:
        """Delete a message; a root with replies leaves a tombstone, as in Slack."""
        if message.only_for:
            self.hidden = [kept for kept in self.hidden if kept.ts != message.ts]
            return
        kept_messages = self._messages[message.channel]
        if not message.is_reply and len(self.thread(message.channel, message.ts)) > 1:
            text = "This message was deleted."
            kept_messages[message.ts] = Message(
                message.channel, message.ts, SLACKBOT, text, thread_ts=message.ts, subtype="tombstone"
            )
        else:
            del kept_messages[message.ts]
        channel = self.channels[message.channel]
        channel.pins = [ts for ts in channel.pins if ts != message.ts]

    def drop(self, channel: str) -> None:
        """Delete a channel with everything that was said in it."""
        del self.channels[channel], self._messages[channel]

    def new_trigger(self, user: str, *, view_id: str | None = None) -> str:
        """Issue a trigger_id to the app for a person who just acted."""
        trigger_id = f"{next(self._number)}.{self.new_ts()}"
        self.triggers[trigger_id] = Trigger(user, self.now(), view_id)
        return trigger_id

    def spend_trigger(self, trigger_id: str) -> Trigger:
        """Use a trigger_id up: once, within three seconds."""
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise SlackRefuses("invalid_trigger_id")
        if trigger.used:
            raise SlackRefuses("exchanged_trigger_id")
        if self.now() - trigger.issued_at > TRIGGER_LIFE:
            raise SlackRefuses("expired_trigger_id")
        trigger.used = True
        return trigger

    def new_hook(self, user: str, channel: str, message: Message | None = None) -> str:
        """Issue a response_url for a person who just acted in a channel or on a message."""
        key = f"{next(self._number):012d}"
        self.hooks[key] = Hook(
            channel,
            user,
            self.now(),
            message_ts=message.ts if message else None,
            thread_ts=message.thread_ts if message else None,
        )
        return f"{self.base_url}/hooks/{key}"

    def use_hook(self, key: str, body: Wire) -> Message | None:
        """Carry out a post to a response_url; a spent or late one is refused."""
        hook = self.hooks.get(key)
        if hook is None:
            raise SlackRefuses("no_active_hooks")
        if hook.uses >= HOOK_USES:
            raise SlackRefuses("used_url")
        if self.now() - hook.issued_at > HOOK_LIFE:
            raise SlackRefuses("expired_url")
        said = self.respond(hook, body)
        hook.uses += 1
        return said

    def respond(self, hook: Hook, body: Wire) -> Message | None:
        """Show what the app answers to an act: by default to its person only, or in place of the message."""
        original = self._original(hook)
        if body.get("delete_original"):
            if original is not None:
                self.forget(original)
            return None
        text, blocks = str(body.get("text") or ""), body.get("blocks") or []
        checks.check_message(text, blocks, body.get("attachments") or [])
        if body.get("replace_original") and original is not None:
            return self.put(replace(original, text=text, blocks=tuple(blocks), edited_ts=self.new_ts()))
        public = body.get("response_type") == "in_channel"
        message = Message(
            hook.channel,
            self.new_ts(),
            BOT_USER,
            text,
            tuple(blocks),
            tuple(body.get("attachments") or []),
            thread_ts=body.get("thread_ts") or hook.thread_ts,
            only_for=None if public else hook.user,
        )
        return self.post(message)

    def _original(self, hook: Hook) -> Message | None:
        everywhere = [*self.hidden, *self.messages(hook.channel)]
        return next((m for m in everywhere if m.ts == hook.message_ts), None)

    def did(self, user: str, channel: str, text: str, *, thread_ts: str | None = None) -> None:
        """Remember an act that leaves no message, for the transcript."""
        self.acts.append(Act(self.new_ts(), channel, user, text, thread_ts))
