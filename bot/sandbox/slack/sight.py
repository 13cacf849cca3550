"""What people see: the workspace read by a test, a drill or the demo's narration."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from bot.sandbox.slack import blocks, plain, views
from bot.sandbox.slack.blocks import Button
from bot.sandbox.slack.journal import Call, Journal
from bot.sandbox.slack.records import Message, View
from bot.sandbox.slack.refusals import Wire
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

    def messages(self, channel: str, thread_ts: str | None = None) -> list[Message]:
        """Return what everybody in a channel sees, oldest first; `thread_ts` narrows it to one thread."""
        found = self.workspace.messages(self.workspace.channel(channel).id)
        return [m for m in found if thread_ts is None or thread_ts in (m.ts, m.thread_ts)]

    def find(
        self,
        text: str = "",
        *,
        channel: str | None = None,
        by: str | None = None,
        thread_ts: str | None = None,
    ) -> Message | None:
        """Return the newest message people can see that contains a text as they read it, or None."""
        names = [channel] if channel else list(self.workspace.channels)
        author = self.workspace.person(by).id if by else None
        known = {named.name for named in self.workspace.channels.values()} | set(self.workspace.channels)
        found = [
            message
            for name in names
            if name.removeprefix("#") in known
            for message in self.messages(name, thread_ts)
            if author in (None, message.user) and (text in self.plain(message) or text in message.text)
        ]
        return max(found, key=lambda message: message.ts, default=None)

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

    async def wait(self, predicate: Callable[[], _T], timeout: float = 5.0) -> _T:
        """Return the predicate's first true value, asked again whenever the app or a person does something.

        Raises TimeoutError naming the latest calls after `timeout` seconds.
        """
        return await self._journal.wait(predicate, timeout)

    def transcript(self, channel: str) -> str:
        """Return a channel as a conversation, one speaker at a time; replies in threads are indented."""
        place = self.workspace.channel(channel).id
        told = [
            (m.ts, m.user, self.plain(m), m.thread_ts if m.is_reply else None, "")
            for m in self.messages(place)
        ]
        told += [
            (m.ts, m.user, self.plain(m), m.thread_ts, f"(only {self._name(m.only_for or '')} sees) ")
            for m in self.workspace.hidden
            if m.channel == place
        ]
        told += [(a.ts, a.user, a.text, a.thread_ts, "") for a in self.workspace.acts if a.channel == place]
        names = [self._name(user) for _, user, _, _, _ in told]
        width = max(map(len, names), default=0)
        lines = []
        for (_, user, text, thread, note), _name in sorted(zip(told, names, strict=True)):
            indent = "    " if thread else ""
            head = f"{indent}{self._name(user):<{width}}  "
            lines.append(head + (note + text).replace("\n", "\n" + " " * len(head)))
        return "\n".join(lines) + "\n" if lines else ""

    def _name(self, user: str) -> str:
        person = self.workspace.people.get(user)
        return person.name if person else user
