"""Plays a conversation: people type, press and are answered as over a real wire."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from bot.sandbox.slack import Message, Reply
from tests.journeys.directions import Scene, happen
from tests.journeys.places import Place
from tests.journeys.script import Act, BadScript, Conversation, Read
from tests.journeys.sight import Sight
from tests.terminal.shell import Shell

TOKEN_LIFE = timedelta(days=1)
_PRESS = re.compile(
    r'presses (?P<label>[^"]+?)(?: on "(?P<on>[^"]+)")?(?: and writes "(?P<text>.*)")?(?P<twice> twice)?'
)


@dataclass
class Player:
    """Everybody in one conversation."""

    place: Place
    home: Path
    sight: Sight
    last: Reply | None = None
    _tokens: dict[str, str] = field(default_factory=dict)

    async def play(self, conversation: Conversation) -> list[Sequence[Read]]:
        """Play it to its end and return what was read after each act."""
        happened: list[Sequence[Read]] = []
        for act in conversation.acts:
            said = await self._do(act, f"{conversation.file.name}:{act.line}")
            await self.place.settle()
            happened.append([*said, *self.sight.news(self.place.jira)])
        return happened

    async def _do(self, act: Act, at: str) -> list[Read]:
        if not act.who:
            read = await happen(Scene(self.place, self.sight, self.last), act.text, at)
            return [read] if read else []
        await self.place.up()
        if act.text.startswith("$ backstop "):
            return [await self._command(act.who, act.text.removeprefix("$ backstop "))]
        channel, thread = self.sight.where(act.place)
        self.place.slack.join(act.who, channel)
        if act.text.startswith("/"):
            self.last = await self.place.slack.slash(act.who, act.text, channel)
        elif act.text.startswith("@backstop "):
            text = act.text.removeprefix("@backstop ")
            self.last = await self.place.slack.mention(act.who, text, channel, thread_ts=thread)
        elif pressed := _PRESS.fullmatch(act.text):
            await self._press(act.who, pressed)
        else:
            raise BadScript(f"{at}: nobody can do this: {act.text}")
        return []

    async def _command(self, who: str, line: str) -> Read:
        if who not in self._tokens:
            person = who in self.place.app.desk.shelf.catalog().people
            self._tokens[who] = await self.place.app.timeline.records.issue_token(
                who,
                scopes=["say" if person else "gate"],
                name=f"{who}'s",
                expires_at=self.place.app.timeline.now() + TOKEN_LIFE,
            )
        door = {"BACKSTOP_URL": self.place.app.url, "BACKSTOP_TOKEN": self._tokens[who]}
        ran = await Shell(self.home).run(*shlex.split(line), **door)
        ended = f" (exit {ran.code})" if ran.code else ""
        return Read(f"terminal{ended}", self.sight.tidy((ran.out + ran.err).strip()))

    async def _press(self, who: str, pressed: re.Match[str]) -> None:
        shown = self._shown(who, pressed["label"], pressed["on"] or "")
        times = 2 if pressed["twice"] else 1
        clicks = [self.place.slack.click(who, shown, label=pressed["label"]) for _ in range(times)]
        self.last = (await asyncio.gather(*clicks))[-1]
        if pressed["text"] is None:
            return
        form = self.place.slack.view(who)
        assert form, f"{who} sees no form after {pressed['label']}"
        self.last = await self.place.slack.submit(who, form, {"why": pressed["text"]})

    def _shown(self, who: str, label: str, text: str) -> Message:
        """Return the newest message a person sees with this button and text."""
        slack = self.place.slack
        rooms = [message for name in slack.workspace.channels for message in slack.messages(name)]
        found = [
            message
            for message in (*rooms, *slack.ephemerals(who))
            if text in slack.plain(message) and any(b.label == label for b in slack.buttons(message))
        ]
        assert found, f"{who} sees no button {label} on a message that says {text!r}"
        return max(found, key=lambda message: message.ts)
