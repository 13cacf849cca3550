"""What people do: commands, mentions, clicks, forms, each answered by the app over the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot.sandbox.slack import inputs, payloads, views
from bot.sandbox.slack.blocks import elements
from bot.sandbox.slack.courier import Courier
from bot.sandbox.slack.deliveries import Delivery, Reply, Seal
from bot.sandbox.slack.faults import Faults
from bot.sandbox.slack.records import BOT_NAME, BOT_USER, SLACKBOT, Channel, Hook, Message, Person, View
from bot.sandbox.slack.refusals import PersonCannot, SlackIsDown, SlackRefuses, Wire
from bot.sandbox.slack.sight import Sight

GONE = "It is not on the screen any more."
_STALE = timedelta(minutes=6)


class Acts(Sight):
    """Acting as people; each act returns what the app answered within Slack's three seconds.

    An act raises PersonCannot when Slack's own screen would not allow it, and SlackIsDown in an outage.
    """

    faults: Faults
    _courier: Courier

    def _actor(self, user: str) -> Person:
        if self.faults.down:
            raise SlackIsDown(f"{user} cannot reach Slack.")
        return self.workspace.person(user)

    def _place(self, person: Person, channel: str) -> Channel:
        found = self.workspace.channel(channel)
        if person.id not in found.members:
            raise PersonCannot(f"{person.name} is not in #{found.name}.")
        if found.archived:
            raise PersonCannot(f"#{found.name} is archived.")
        return found

    def escaped(self, text: str, *, labelled: bool) -> str:
        """Return typed text as Slack passes it on: escaped, names and channels as entities."""
        safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

        def entity(found: re.Match[str]) -> str:
            mark, name = found[1], found[2]
            if mark == "@" and name in ("channel", "here", "everyone"):
                return found[0] if labelled else f"<!{name}>"
            try:
                known: Person | Channel
                known = self.workspace.person(name) if mark == "@" else self.workspace.channel(name)
            except SlackRefuses:
                return found[0]
            return f"<{mark}{known.id}|{known.name}>" if labelled else f"<{mark}{known.id}>"

        return re.sub(r"(?<![\w])([@#])([a-z0-9][\w-]*)", entity, safe)

    async def slash(
        self, user: str, text: str, channel: str = "general", *, thread_ts: str | None = None
    ) -> Reply:
        """Type a whole slash command, such as "/backstop declare checkout"; never inside a thread."""
        person = self._actor(user)
        place = self._place(person, channel)
        if thread_ts is not None:
            raise PersonCannot("Slash commands do not exist in threads.")
        if person.outsider:
            raise PersonCannot("The app's commands are not offered to people of another workspace.")
        command, _, rest = text.partition(" ")
        if not command.startswith("/"):
            raise PersonCannot("A slash command starts with a slash.")
        self.workspace.did(person.id, place.id, text)
        said = self.escaped(rest.strip(), labelled=True)
        payload = payloads.slash_command(self.workspace, person, place, command, said)
        reply = await self._courier.deliver(Delivery("slash_commands", payload, answerable=True))
        if not reply.answered:
            self._failed(person, place, command, reply)
        return self._shown(reply, Hook(place.id, person.id, self.workspace.now()))

    def _failed(self, person: Person, place: Channel, command: str, reply: Reply) -> None:
        code = "operation_timeout" if reply.failure == "http_timeout" else "dispatch_failed"
        text = f'{command} failed with the error "{code}"'
        ts = self.workspace.new_ts()
        self.workspace.put(Message(place.id, ts, SLACKBOT, text, only_for=person.id))
        self._journal.rang()

    def _shown(self, reply: Reply, hook: Hook) -> Reply:
        if not reply.answered or not reply.body:
            return reply
        body = reply.body if isinstance(reply.body, dict) else {"text": str(reply.body)}
        if not body.get("text") and not body.get("blocks"):
            return reply
        try:
            self.workspace.respond(hook, body)
        except SlackRefuses as refusal:
            return replace(reply, problems=(str(refusal.answer()),))
        self._journal.rang()
        return reply

    def say(
        self,
        user: str,
        text: str,
        channel: str = "general",
        *,
        thread_ts: str | None = None,
        files: Sequence[str] = (),
    ) -> Message:
        """Post a message as a person, with files of these names.

        The app hears of it only where it subscribed to messages.
        """
        person = self._actor(user)
        place = self._place(person, channel)
        root = self.workspace.root_for(place.id, thread_ts) if thread_ts else None
        said = self.escaped(text, labelled=False)
        shared = tuple(self._file(person, name) for name in files)
        message = Message(place.id, self.workspace.new_ts(), person.id, said, thread_ts=root, files=shared)
        posted = self.workspace.post(message)
        self._journal.rang()
        return posted

    def _file(self, person: Person, name: str) -> Wire:
        id = self.workspace.new_id("F")
        address = f"{self.workspace.base_url}/files/{person.id}/{id}/{name.replace(' ', '_').lower()}"
        return {"id": id, "name": name, "title": name, "user": person.id, "permalink": address}

    def react(self, user: str, message: Message, name: str) -> Message:
        """Add a person's reaction to a message; the same one twice is refused as in Slack."""
        person = self._actor(user)
        shown = self._standing(message)
        self._place(person, shown.channel)
        users = shown.reactions.get(name, ())
        if person.id in users:
            raise PersonCannot(f"{person.name} has reacted with :{name}: already.")
        reacted = replace(shown, reactions={**shown.reactions, name: (*users, person.id)})
        kept = self.workspace.put(reacted)
        self.workspace.announce(payloads.reaction_added(person, kept, name, self.workspace.new_ts()))
        return kept

    def edit(self, user: str, message: Message, text: str) -> Message:
        """Change what one's own message says."""
        before = self._own(user, message)
        said = self.escaped(text, labelled=False)
        after = self.workspace.put(replace(before, text=said, edited_ts=self.workspace.new_ts()))
        self.workspace.announce(payloads.message_changed(before, after, self.workspace.new_ts()))
        return after

    def take_back(self, user: str, message: Message) -> None:
        """Delete one's own message."""
        self._gone(self._own(user, message))

    def _own(self, user: str, message: Message) -> Message:
        person, shown = self._actor(user), self._standing(message)
        if shown.user != person.id:
            raise PersonCannot("Only its author can change a message.")
        return shown

    def _gone(self, message: Message) -> None:
        self.workspace.forget(message)
        self.workspace.announce(payloads.message_deleted(message, self.workspace.new_ts()))

    async def mention(
        self, user: str, text: str, channel: str = "general", *, thread_ts: str | None = None
    ) -> Reply:
        """Say something to the bot; its name is put before a text that does not have it."""
        place = self.workspace.channel(channel)
        if BOT_USER not in place.members:
            raise PersonCannot(f"The bot is not in #{place.name}: Slack offers to invite it.")
        said = text if f"@{BOT_NAME}" in text else f"@{BOT_NAME} {text}"
        message = self.say(user, said, channel, thread_ts=thread_ts)
        person = self.workspace.people[message.user]
        event = message.wire() | {"type": "app_mention", "channel": place.id, "event_ts": message.ts}
        event |= {"team": person.team_id, "user_team": person.team_id, "source_team": person.team_id}
        return await self._courier.event(payloads.event(self.workspace, event))

    async def click(
        self, user: str, shown: Message | View, *, action_id: str = "", value: str = "", label: str = ""
    ) -> Reply:
        """Press a button of a message or view as it stands now, found by action id, value or label."""
        return await self._press(user, self._as_now(shown), action_id, value, label)

    async def click_late(
        self, user: str, shown: Message | View, *, action_id: str = "", value: str = "", label: str = ""
    ) -> Reply:
        """Press a button that the person's screen still shows, though it may be changed or gone by now."""
        return await self._press(user, shown, action_id, value, label)

    def _as_now(self, shown: Message | View) -> Message | View:
        if isinstance(shown, Message):
            return self._standing(shown)
        if shown.id not in self.workspace.views:
            raise PersonCannot(GONE)
        return self.workspace.views[shown.id]

    def _standing(self, message: Message) -> Message:
        try:
            return self.current(message)
        except SlackRefuses:
            raise PersonCannot(GONE) from None

    async def _press(self, user: str, shown: Message | View, action_id: str, value: str, label: str) -> Reply:
        person = self._actor(user)
        for block, element in elements(shown.blocks):
            wanted = (
                (action_id, element["action_id"]),
                (value, element.get("value")),
                (label, inputs.label_of(element)),
            )
            if element["type"] == "button" and all(asked in ("", found) for asked, found in wanted):
                said = {"text": element["text"], "value": element.get("value"), "style": element.get("style")}
                pressed = {key: found for key, found in said.items() if found}
                return await self._acted(person, shown, block, element, {"type": "button", **pressed})
        raise PersonCannot(f"There is no button {action_id or value or label!r} to press.")

    async def select(self, user: str, shown: Message | View, *, action_id: str, option: Any) -> Reply:
        """Choose in a select, menu, date picker or list of boxes; `option` is a value, a label or a name."""
        person = self._actor(user)
        shown = self._as_now(shown)
        for block, element in elements(shown.blocks):
            if element["action_id"] == action_id:
                done = inputs.chosen(self.workspace, element, option)
                return await self._acted(person, shown, block, element, done)
        raise PersonCannot(f"There is no {action_id!r} to choose in.")

    async def _acted(
        self, person: Person, shown: Message | View, block: Wire, element: Wire, done: Wire
    ) -> Reply:
        named = {"action_id": element["action_id"], "block_id": block["block_id"]}
        action = {**named, **done, "action_ts": self.workspace.new_ts()}
        if isinstance(shown, View):
            payload = payloads.view_action(self.workspace, person, shown, action)
        else:
            self._may_see(person, shown)
            thread = shown.thread_ts if shown.is_reply else None
            text = f"[{inputs.label_of(element)}]"
            self.workspace.did(person.id, shown.channel, text, thread_ts=thread)
            payload = payloads.message_action(self.workspace, person, shown, action)
        return await self._courier.deliver(Delivery("interactive", payload))

    def _may_see(self, person: Person, message: Message) -> None:
        channel = self.workspace.channels[message.channel]
        hidden = message.only_for is not None and message.only_for != person.id
        if hidden or (channel.kind != "public" and person.id not in channel.members):
            raise PersonCannot(f"{person.name} does not see this message.")

    async def submit(self, user: str, view: View, values: Mapping[str, Any] | None = None) -> Reply:
        """Fill a modal in and submit it; `values` go by action id, block id or label."""
        person = self._actor(user)
        current = self.view(user)
        if current is None or current.id != view.id:
            raise PersonCannot(f"{user} does not have this modal on top.")
        state = inputs.state_of(self.workspace, current, values or {})
        payload = payloads.view_submission(self.workspace, person, current, state)
        reply = await self._courier.deliver(Delivery("interactive", payload, answerable=True))
        if not reply.answered:
            return reply
        try:
            views.submitted(self.workspace, current, reply.body if isinstance(reply.body, dict) else {})
        except SlackRefuses as refusal:
            return replace(reply, problems=(str(refusal.answer()),))
        self._journal.rang()
        return reply

    async def close_view(self, user: str, view: View, *, all_of_them: bool = False) -> Reply | None:
        """Close a modal; returns None when the view did not ask to hear of it."""
        person = self._actor(user)
        if view.id not in self.workspace.views:
            raise PersonCannot("This modal is not open.")
        if all_of_them or view.content.get("clear_on_close"):
            views.cleared(self.workspace, person.id)
        else:
            views.closed(self.workspace, view)
        self._journal.rang()
        if not view.content.get("notify_on_close"):
            return None
        payload = payloads.view_closed(person, view, cleared=all_of_them)
        return await self._courier.deliver(Delivery("interactive", payload))

    async def shortcut(self, user: str, callback_id: str, message: Message | None = None) -> Reply:
        """Use a global shortcut, or one on a message."""
        person = self._actor(user)
        if message is None:
            payload = payloads.shortcut(self.workspace, person, callback_id)
        else:
            now = self._standing(message)
            self._may_see(person, now)
            payload = payloads.message_shortcut(self.workspace, person, callback_id, now)
        return await self._courier.deliver(Delivery("interactive", payload))

    async def open_home(self, user: str) -> Reply:
        """Open the bot's home tab."""
        person = self._actor(user)
        ts = self.workspace.new_ts()
        direct = self.workspace.direct(person).id
        event = {
            "type": "app_home_opened",
            "user": person.id,
            "channel": direct,
            "tab": "home",
            "event_ts": ts,
        }
        return await self._courier.event(payloads.event(self.workspace, event))

    async def again(self, last: Reply) -> Reply:
        """Deliver the very same payload once more, as after a double click."""
        return await self._courier.deliver(replace(last.delivered, retry_num=0, retry_reason=""))

    async def redeliver(self, last: Reply, *, retry_num: int = 1, reason: str = "http_timeout") -> Reply:
        """Deliver the same payload once more, marked as Slack's retry."""
        return await self._courier.deliver(replace(last.delivered, retry_num=retry_num, retry_reason=reason))

    async def forge(self, last: Reply) -> Reply:
        """Deliver the same payload signed with another secret (over HTTP)."""
        return await self._courier.deliver(last.delivered, Seal(secret="not-the-secret"))  # noqa: S106

    async def replay(self, last: Reply, *, age: timedelta = _STALE) -> Reply:
        """Deliver the same payload with a timestamp that is `age` old, rightly signed (over HTTP)."""
        return await self._courier.deliver(last.delivered, Seal(age=age))
