"""What people see: the workspace read by a test, a drill or the demo's narration."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bot.sandbox.slack import blocks, plain, views
from bot.sandbox.slack.blocks import Button
from bot.sandbox.slack.journal import Call, Journal
from bot.sandbox.slack.records import Act, Message, Person, View
from bot.sandbox.slack.refusals import SlackRefuses, Wire
from bot.sandbox.slack.workspace import Workspace

_T = TypeVar("_T")


class Sight:
    """Reading a workspace; channels go by name or id, people by short name or user id."""

    workspace: Workspace
    _journal: Journal

    @property
    def calls(self) -> list[Call]:
        """Return the calls of the app so far, in order."""
        return self._journal.calls

    def journal(self) -> list[Wire]:
        """Return the calls of the app so far, as JSON without tokens."""
        return self._journal.wire()

    def calls_of(self, method: str) -> list[Call]:
        """Return the calls of one method so far."""
        return [call for call in self.calls if call.method == method]

    def person(self, name: str) -> Person:
        """Return a person by short name: id, e-mail, team."""
        return self.workspace.person(name)

    def messages(self, channel: str, thread_ts: str | None = None) -> list[Message]:
        """Return what everybody in a channel sees, oldest first; nothing while there is no such channel."""
        found = self.workspace.messages(self._place_id(channel))
        return [m for m in found if thread_ts is None or thread_ts in (m.ts, m.thread_ts)]

    def _place_id(self, channel: str) -> str:
        try:
            return self.workspace.channel(channel).id
        except SlackRefuses:
            return ""

    def find(
        self,
        text: str = "",
        *,
        channel: str | None = None,
        by: str | None = None,
        thread_ts: str | None = None,
    ) -> Message | None:
        """Return the newest message people can see that contains a text as they read it, or None."""
        author = self.workspace.person(by).id if by else None
        places = [channel] if channel else list(self.workspace.channels)
        found = [message for place in places for message in self.messages(place, thread_ts)]
        for message in sorted(found, key=lambda message: message.ts, reverse=True):
            known = author in (None, message.user)
            if known and (text in message.text or text in self.plain(message)):
                return message
        return None

    def plain(self, shown: Message | View) -> str:
        """Return a message or view as a person reads it."""
        return plain.plain(self.workspace, shown)

    def pings(self, message: Message) -> set[str]:
        """Return whom a message notifies: short names, group handles, `channel`, `here`, `everyone`."""
        people, groups = self.workspace.people, self.workspace.groups
        named = set()
        for target in plain.pings(message):
            if target in people:
                named.add(people[target].name)
            else:
                named.add(groups[target].handle if target in groups else target)
        return named

    def buttons(self, shown: Message | View) -> list[Button]:
        """Return the buttons of a message or view."""
        return blocks.buttons(shown.blocks)

    def current(self, message: Message) -> Message:
        """Return a message as it stands now."""
        for hidden in self.workspace.hidden:
            if hidden.ts == message.ts:
                return hidden
        return self.workspace.message(message.channel, message.ts)

    def ephemerals(self, user: str) -> list[Message]:
        """Return what only this person sees, oldest first."""
        identity = self.workspace.person(user).id
        return [message for message in self.workspace.hidden if message.only_for == identity]

    def views(self, user: str) -> list[View]:
        """Return the modals of a person, the one on top last."""
        stack = self.workspace.stacks.get(self.workspace.person(user).id, [])
        return [self.workspace.views[identity] for identity in stack]

    def view(self, user: str) -> View | None:
        """Return the modal a person sees, or None."""
        return views.current(self.workspace, self.workspace.person(user).id)

    def home(self, user: str) -> View | None:
        """Return the home tab a person sees, or None."""
        identity = self.workspace.homes.get(self.workspace.person(user).id)
        return self.workspace.views[identity] if identity else None

    async def wait(self, predicate: Callable[[], _T | None], timeout: float = 20.0) -> _T:
        """Return the predicate's first true value, asked again whenever the app or a person does something.

        Raises TimeoutError naming the latest calls after `timeout` seconds.
        """
        return await self._journal.wait(predicate, timeout)

    def transcript(self, channel: str) -> str:
        """Return a channel as a conversation in the order it happened; replies in threads are indented."""
        place = self._place_id(channel)
        shown = [*self.workspace.messages(place), *(m for m in self.workspace.hidden if m.channel == place)]
        told = [*map(self._told, shown), *(act for act in self.workspace.acts if act.channel == place)]
        width = max((len(self._name(act.user)) for act in told), default=0)
        return "".join(self._line(act, width) for act in sorted(told, key=lambda act: act.ts))

    def _told(self, message: Message) -> Act:
        note = f"(only {self._name(message.only_for)} sees) " if message.only_for else ""
        thread = message.thread_ts if message.is_reply else None
        return Act(message.ts, message.channel, message.user, note + self.plain(message), thread)

    def _line(self, act: Act, width: int) -> str:
        head = f"{'    ' if act.thread_ts else ''}{self._name(act.user):<{width}}  "
        return head + act.text.replace("\n", "\n" + " " * len(head)) + "\n"

    def _name(self, user: str) -> str:
        person = self.workspace.people.get(user)
        return person.name if person else user
