"""How the people of the demonstration act: through Slack's real payloads, waiting for what they caused."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import TypeVar, cast

from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.incident import Incident
from bot.core.run import Run
from bot.demo.narrator import Narrator
from bot.demo.sandbox import Sandbox
from bot.sandbox.slack import Message, Reply

PATIENCE_S = 30.0

_T = TypeVar("_T")


class StoryBroke(Exception):
    """The story did not go as it must; the text says what was awaited and what happened instead."""


class Stage:
    """People who say and press things in one workspace, and eyes on the timeline."""

    def __init__(self, box: Sandbox, tell: Narrator) -> None:
        self.box = box
        self.tell = tell
        self.room = "general"
        self._news = asyncio.Event()
        box.app.timeline.listen(self._news.set)

    async def told(self, who: str, line: str) -> Mapping[str, object]:
        """Type a command that must be carried out, and return the data of its answer."""
        reply = self._heard(await self.box.slack.slash(who, f"/backstop {line}", self.room))
        return await self._answer(who, line, f"slack:{reply.payload['trigger_id']}")

    async def mentioned(self, who: str, line: str) -> Mapping[str, object]:
        """Say a line to Backstop in the room, where everybody reads it and, in its thread, the answer."""
        reply = self._heard(await self.box.slack.mention(who, line, self.room))
        data = await self._answer(who, line, f"slack:{reply.payload['event_id']}")
        said = str(reply.payload["event"]["ts"])
        await self._read(lambda: len(self.box.slack.messages(self.room, said)) > 1, f"An answer to `{line}`")
        return data

    async def _answer(self, who: str, line: str, delivery: str) -> Mapping[str, object]:
        async def stored() -> Mapping[str, object] | None:
            return await self.box.app.timeline.records.answer(delivery)

        answer = await self.until(stored, f"An answer to `{line}`")
        self.tell.catch_up()
        if not answer["ok"]:
            raise StoryBroke(f"{who} said `{line}` and was refused: {self._last_words(who)}")
        return cast("Mapping[str, object]", answer["data"])

    def join(self, *names: str) -> None:
        """Let people enter the room."""
        for name in names:
            self.box.slack.join(name, self.room)

    async def press(self, who: str, shown: Message, label: str) -> None:
        """Press a button and wait until the person reads what came of it."""
        before = len(self.box.slack.ephemerals(who))
        self._heard(await self.box.slack.click(who, shown, label=label))
        await self._read(lambda: len(self.box.slack.ephemerals(who)) > before, f"What {label} led to")

    def _heard(self, reply: Reply) -> Reply:
        if not reply.answered:
            raise StoryBroke(f"Backstop did not answer Slack in time: {reply.failure or reply.status}.")
        return reply

    async def seen(self, text: str) -> Message:
        """Wait until a message with a text can be read in the room, and return it."""
        return await self._read(lambda: self.box.slack.find(text, channel=self.room), f"`{text}`")

    async def _read(self, look: Callable[[], _T | None], what: str) -> _T:
        try:
            found = await self.box.slack.wait(look, PATIENCE_S)
        except TimeoutError:
            raise StoryBroke(f"{what} could not be read in Slack within {PATIENCE_S:.0f} s.") from None
        self.tell.catch_up()
        return found

    async def until(self, look: Callable[[], Awaitable[_T | None]], what: str) -> _T:
        """Look again at each new entry of the timeline until there is something, and return it."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    self._news.clear()
                    if found := await look():
                        return found
                    await self._news.wait()
        except TimeoutError:
            raise StoryBroke(f"{what} did not come in {PATIENCE_S:.0f} s.") from None

    async def incident(self, id: str) -> Incident:
        """Return an incident as it stands."""
        found = incidents.fold(await self.box.app.timeline.read(f"incident/{id}"))
        assert found
        return found

    async def run(self, id: str) -> Run:
        """Return a run as it stands; one that paused or failed ends the story."""
        found = runs.fold(await self.box.app.timeline.read(f"run/{id}"))
        assert found
        if found.failed or found.paused:
            raise StoryBroke(f"{id} stopped and asks people: {found.why_paused or found.failed}")
        return found

    async def pause(self, wait: timedelta) -> None:
        """Let time go by, in which customers order."""
        self.tell.catch_up()
        await asyncio.sleep(wait.total_seconds())

    def _last_words(self, who: str) -> str:
        said = self.box.slack.ephemerals(who)
        return self.box.slack.plain(said[-1]) if said else "(nothing was said)"
