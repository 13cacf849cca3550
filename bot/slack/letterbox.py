"""Where what was said in Slack is stored before it is acknowledged; the same delivery is one line."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
from collections.abc import Coroutine
from dataclasses import replace
from datetime import datetime
from weakref import WeakKeyDictionary

from slack_bolt.context.ack.async_ack import AsyncAck

from bot.commands import Answer, Desk
from bot.core.document import Document, Paragraph, Strong
from bot.slack.api import SlackTrouble
from bot.slack.messages import Payload, message
from bot.slack.rooms import Ground
from bot.slack.said import Said
from integrations.contract import IntegrationError

log = logging.getLogger(__name__)

PATIENCE = 2.0
"""How long storing is waited for before Slack is told to wait, in seconds; Slack gives up after three."""


class Letterbox:
    """Stores what was said; `heard` is when Slack last sent something."""

    def __init__(self, desk: Desk, ground: Ground, *, patience: float) -> None:
        self._desk = desk
        self._ground = ground
        self._patience = patience
        self._late: set[asyncio.Task[None]] = set()
        self._in_time: WeakKeyDictionary[asyncio.Task[None], asyncio.Task[object]] = WeakKeyDictionary()
        self.heard: datetime | None = None

    async def emptied(self) -> None:
        """Wait for what was still being done when its ack was sent."""
        while self._late:
            await asyncio.wait(set(self._late))

    async def take(self, said: Said) -> Answer | None:
        """Store a line that will be carried out, and return the answer when that takes long or fails."""
        storing = self._storing(said)
        if not await self._stored(storing):
            self.begin(self._tell_if_lost(said, storing))
            return _slow()
        return _why_not(storing)

    async def take_surely(self, said: Said, *, last: bool) -> bool:
        """Store a line that Slack delivers again while this is False; at its `last` try say why not."""
        storing = self._storing(said)
        if not await self._stored(storing):
            return False
        unrecorded = _why_not(storing)
        if unrecorded and last:
            await self.tell(said, unrecorded)
        return unrecorded is None

    async def carry(self, said: Said, ack: AsyncAck) -> None:
        """Store a press or a form, whose answer follows as an effect, and only then acknowledge.

        What takes longer than Slack waits is shown there as not arrived; pressed again, it counts once.
        """
        if unrecorded := await self._press_stored(said):
            await self.tell(said, unrecorded)
        await ack()

    async def _press_stored(self, said: Said) -> Answer | None:
        """Store a press: what was carried out counts once, what was refused may be tried again."""
        for number in itertools.count(1):
            delivery = said.delivery if number == 1 else f"{said.delivery}:{number}"
            try:
                before = await self._desk.timeline.records.answer(delivery)
            except IntegrationError as problem:
                return Answer.refused(str(problem))
            if before is None:
                storing = self._storing(replace(said, delivery=delivery))
                await asyncio.wait({storing})
                return _why_not(storing)
            if before["ok"]:
                return None
        raise AssertionError("there is always a next number")

    def _storing(self, said: Said) -> asyncio.Task[None]:
        """Begin to store a line that will be carried out."""
        self.heard = self._desk.now
        return self._kept(self._desk.timeline.letters.take(said.letter(self.heard)))

    async def _stored(self, storing: asyncio.Task[None]) -> bool:
        """Wait for lines that are stored together, as long as there is patience, and say whether they are."""
        if storing not in self._in_time:
            waiting = asyncio.wait({storing}, timeout=self._patience)
            self._in_time[storing] = asyncio.create_task(waiting)
        await asyncio.shield(self._in_time[storing])
        return storing.done()

    def begin(self, work: Coroutine[None, None, None]) -> None:
        """Do something after the ack, for which nobody waits."""
        self._kept(asyncio.create_task(work))

    def _kept(self, task: asyncio.Task[None]) -> asyncio.Task[None]:
        if task not in self._late:
            self._late.add(task)
            task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        match None if task.cancelled() else task.exception():
            case None:
                pass
            case IntegrationError() as problem:
                log.warning("lines not stored error=%s", problem)
            case unforeseen:
                log.error("failed after its ack or while storing", exc_info=unforeseen)

    async def _tell_if_lost(self, said: Said, storing: asyncio.Task[None]) -> None:
        await asyncio.wait({storing})
        if unrecorded := _why_not(storing):
            await self.tell(said, unrecorded)

    async def tell(self, said: Said, answer: Answer) -> None:
        """Show an answer that the database could not take, without a promise that it arrives."""
        api, place = self._ground.api, said.place
        try:
            shown = self.shown(answer, said)
            if place.hook:
                await api.respond(place.hook, shown)
            elif place.channel:
                await api.whisper(place.channel, said.sender.user, shown)
            else:
                await api.post(await api.direct(said.sender.user), shown, key=f"answer:{said.delivery}")
        except SlackTrouble as trouble:
            log.warning("nobody was told error=%s", trouble)

    def shown(self, answer: Answer, said: Said) -> Payload:
        """Return an answer as the message that its reader sees."""
        revision = hashlib.sha256(said.delivery.encode()).hexdigest()[:16]
        return message(answer.document, people={}, url=self._ground.settings.door, revision=revision)


def _why_not(storing: asyncio.Task[None]) -> Answer | None:
    """Return the answer that says why a line could not be stored, or None when it is."""
    match storing.exception():
        case None:
            return None
        case IntegrationError() as problem:
            return Answer.refused(str(problem))
        case unforeseen:
            raise unforeseen


def _slow() -> Answer:
    text = " This is still being recorded: Backstop's database is slow. The answer follows here."
    return Answer(Document("", (Paragraph((Strong("Wait."), text)),)))
