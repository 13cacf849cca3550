"""What people do in Slack becomes a line that is stored: commands, mentions, buttons and forms, one path.

A line is stored before it is acknowledged, and acknowledged before it is carried out: nobody waits for what
Backstop has to read, write or draw. The same delivery twice is one line. `hear.py` carries lines out.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.commands import Answer, Desk, Place
from bot.core.document import Code, Document, Line, Paragraph, Strong
from bot.slack import reasons
from bot.slack.api import SlackTrouble
from bot.slack.hear import Hear
from bot.slack.messages import Payload, message
from bot.slack.rooms import Ground, Rooms
from bot.slack.said import Said, Sender
from bot.slack.text import after_mention, typed
from integrations.contract import IntegrationError
from playbooks.problems import PlaybookInvalid

log = logging.getLogger(__name__)

Body = dict[str, Any]
Next = Callable[[], Awaitable[BoltResponse]]

PATIENCE = 2.0
"""How long storing is waited for before Slack is told to wait, in seconds; Slack gives up after three."""

LAST_RETRY = "3"


class Listeners:
    """Attaches to a bolt app; `heard` is when Slack last sent something."""

    def __init__(self, desk: Desk, ground: Ground, rooms: Rooms, hear: Hear, *, patience: float) -> None:
        self._desk = desk
        self._ground = ground
        self._rooms = rooms
        self._hear = hear
        self._patience = patience
        self._late: set[asyncio.Task[None]] = set()
        self._in_time: WeakKeyDictionary[asyncio.Task[None], asyncio.Task[object]] = WeakKeyDictionary()
        self.heard: datetime | None = None

    def attach(self, app: AsyncApp) -> None:
        """Register every listener, once."""
        app.command(self._desk.command)(self._command)
        app.action(re.compile(r"^say:"))(self._press)
        app.action(re.compile(r"^ask:"))(self._ask)
        app.view_submission(reasons.CALLBACK)(self._reason)
        app.view_closed(reasons.CALLBACK)(_nothing)
        # Bolt acknowledges an event by itself; a middleware can refuse it before that.
        app.event("app_mention", middleware=[self._mention])(_nothing)
        app.event("member_joined_channel", middleware=[self._joined])(_nothing)
        app.event(re.compile(".*"))(_nothing)

    async def heard_out(self) -> None:
        """Wait for what was still being done when its ack was sent."""
        while self._late:
            await asyncio.wait(set(self._late))

    async def _command(self, body: Body, ack: AsyncAck) -> None:
        sender = Sender(body["user_id"], body["team_id"], _is_shared(body))
        hook = str(body.get("response_url") or "")
        place = Place(body["channel_id"], user=body["user_id"], reply="hook", hook=hook)
        said = Said(sender, self._typed(body.get("text", "")), place, f"slack:{body['trigger_id']}")
        storing = self._storing(said)
        if not await self._stored(storing):
            self._start(self._tell_if_lost(said, storing))
            answer: Answer | None = _slow()
        else:
            answer = _why_not(storing)
        if answer is None:
            await ack()
            return
        shown = self._shown(answer, said)
        await ack(text=shown.text, blocks=list(shown.blocks), response_type="ephemeral")

    async def _mention(self, body: Body, request: AsyncBoltRequest, next: Next) -> BoltResponse | None:
        event = body["event"]
        if event.get("bot_id") or not event.get("user"):
            return await next()
        team = event.get("user_team") or event.get("team") or ""
        sender = Sender(event["user"], team, _is_shared(body))
        thread = event.get("thread_ts") or event["ts"]
        place = Place(event["channel"], thread, event["user"], reply="thread")
        line = self._typed(after_mention(event.get("text", ""), self._ground.identity.bot_user))
        said = Said(sender, line, place, f"slack:{body['event_id']}")
        storing = self._storing(said)
        if not await self._stored(storing):
            # What is not stored is not acknowledged: Slack delivers it again, and it counts once.
            return BoltResponse(status=503)
        if unrecorded := _why_not(storing):
            # Without an acknowledgement Slack delivers it again, three times in all.
            if request.headers.get("x-slack-retry-num") == [LAST_RETRY]:
                await self._tell(said, unrecorded)
            return BoltResponse(status=503)
        return await next()

    async def _joined(self, body: Body, next: Next) -> BoltResponse | None:
        if body["event"].get("user") == self._ground.identity.bot_user:
            await self._rooms.back(body["event"]["channel"])
        return await next()

    async def _press(self, body: Body, ack: AsyncAck) -> None:
        action = body["actions"][0]
        place = _place(body, reply="ephemeral")
        press = _press_id(body, action)
        await self._carry(_sender(body), _value(action).strip(), place, press, ack)

    async def _ask(self, body: Body, ack: AsyncAck) -> None:
        """Open the form. A trigger lives three seconds, so nothing is asked of the database before."""
        await ack()
        self._start(self._open_form(body))

    async def _open_form(self, body: Body) -> None:
        action, place = body["actions"][0], _place(body, reply="ephemeral")
        asked, question = reasons.asked_of(action, place.channel or "", place.thread)
        form = reasons.form(asked, question, str(action["text"]["text"]))
        try:
            if form is None:
                raise SlackTrouble("The line is too long for a form.", code="view_too_large")
            await self._ground.api.call("views.open", trigger_id=body["trigger_id"], view=form)
        except SlackTrouble as trouble:
            log.warning("form not opened error=%s", trouble)
            to_type = asked.to_type(self._desk.command)
            line: Line = (
                "Slack did not open the form, and nothing was done. Press again, or type ",
                Code(to_type),
            )
            refused = Answer(Document("", (Paragraph(line),)), ok=False)
            await self._hear.answer(Said(_sender(body), "", place, f"slack:{body['trigger_id']}"), refused)

    async def _reason(self, body: Body, ack: AsyncAck) -> None:
        asked, answer = reasons.filled(body["view"])
        if not answer.strip():
            await ack(response_action="errors", errors={reasons.QUESTION: "Say it in a few words."})
            return
        place = Place(asked.channel, asked.thread, body["user"]["id"], reply="ephemeral")
        delivery = f"slack:{body['view']['id']}"
        await self._carry(_sender(body), asked.with_answer(answer), place, delivery, ack)

    async def _carry(self, sender: Sender, line: str, place: Place, delivery: str, ack: AsyncAck) -> None:
        """Store what was said, whose answer follows as an effect, and only then acknowledge.

        What takes longer than Slack waits is shown there as not arrived; pressed again, it counts once.
        """
        said = Said(sender, line, place, delivery)
        if unrecorded := await self._press_stored(said):
            await self._tell(said, unrecorded)
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

    def _start(self, work: Coroutine[None, None, None]) -> None:
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
            await self._tell(said, unrecorded)

    async def _tell(self, said: Said, answer: Answer) -> None:
        """Show an answer that the database could not take, without a promise that it arrives."""
        try:
            shown = self._shown(answer, said)
            if said.place.hook:
                await self._ground.api.respond(said.place.hook, shown)
            else:
                await self._ground.api.whisper(said.place.channel or "", said.sender.user, shown)
        except SlackTrouble as trouble:
            log.warning("nobody was told error=%s", trouble)

    def _typed(self, text: str) -> str:
        def name_of(user: str) -> str | None:
            with suppress(PlaybookInvalid):
                return self._desk.shelf.catalog().person(user)
            return None

        return typed(text, name_of)

    def _shown(self, answer: Answer, said: Said) -> Payload:
        revision = hashlib.sha256(said.delivery.encode()).hexdigest()[:16]
        return message(answer.document, people={}, url=self._ground.settings.door, revision=revision)


async def _nothing(body: Body, ack: AsyncAck) -> None:
    await ack()


def _is_shared(body: Body) -> bool:
    return bool(body.get("is_ext_shared_channel"))


def _sender(body: Body) -> Sender:
    user = body["user"]
    return Sender(user["id"], user.get("team_id") or body["team"]["id"], _is_shared(body))


def _place(body: Body, *, reply: str) -> Place:
    container = body.get("container") or {}
    channel = (body.get("channel") or {}).get("id") or container.get("channel_id")
    return Place(channel, container.get("thread_ts"), body["user"]["id"], reply=reply)


def _value(action: Mapping[str, Any]) -> str:
    """Return the line that a pressed button, or the chosen part of a menu, stands for."""
    chosen = action.get("selected_option") or action
    return str(chosen.get("value", ""))


def _press_id(body: Body, action: Mapping[str, Any]) -> str:
    """Return the id of a press: the same button of the same drawing, pressed by the same person.

    A second click has a trigger of its own, so triggers do not tell. The block's id holds the revision of
    the drawing, so that the button of a card that changed since is another one.
    """
    container = body.get("container") or {}
    shown = container.get("message_ts") or container.get("view_id") or ""
    parts = (shown, action.get("block_id"), action["action_id"], _value(action), body["user"]["id"])
    return "slack:" + hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


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
