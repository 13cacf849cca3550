"""What people do in Slack becomes a line that is said: commands, mentions, buttons and forms, one path.

Who says it comes from the signed payload and nothing else. A line is stored, with its answer, before it
is acknowledged; the same delivery twice gets the first answer again.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.commands import Answer, Desk, Place, say
from bot.core.document import Code, Document, Line, Paragraph, Strong
from bot.core.may import Actor
from bot.slack import reasons
from bot.slack.api import SlackTrouble
from bot.slack.messages import Payload, message
from bot.slack.rooms import Ground, Rooms
from bot.slack.text import after_mention, typed
from bot.timeline import AlreadyAnswered, Delivery
from integrations.contract import IntegrationError
from playbooks.problems import PlaybookInvalid

log = logging.getLogger(__name__)

Body = dict[str, Any]
Next = Callable[[], Awaitable[BoltResponse]]
Listener = Callable[[Body, AsyncAck], Awaitable[None]]

PATIENCE = 2.0
"""How long an answer is waited for before Slack is told to wait, in seconds; Slack gives up after three."""

VIA = "slack"
LAST_RETRY = "3"


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sent something, as Slack signed it; `shared` when other companies can read the channel."""

    user: str
    team: str
    shared: bool = False


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing that somebody said, and the id by which its delivery is known."""

    sender: Sender
    line: str
    place: Place
    delivery: str


class Listeners:
    """Attaches to a bolt app; `heard` is when Slack last sent something."""

    def __init__(self, desk: Desk, ground: Ground, rooms: Rooms, *, patience: float = PATIENCE) -> None:
        self._desk = desk
        self._ground = ground
        self._rooms = rooms
        self._patience = patience
        self._late: set[asyncio.Task[object]] = set()
        self.heard: datetime | None = None

    def attach(self, app: AsyncApp) -> None:
        """Register every listener, once."""
        app.command(self._desk.command)(self.after_ack(self._command))
        app.action(re.compile(r"^say:"))(self.after_ack(self._press))
        app.action(re.compile(r"^ask:"))(self.after_ack(self._ask))
        app.view_submission(reasons.CALLBACK)(self.after_ack(self._reason))
        app.view_closed(reasons.CALLBACK)(_nothing)
        # Bolt acknowledges an event before its listener runs; a middleware still comes before that.
        app.event("app_mention", middleware=[self._mention])(_nothing)
        app.event("member_joined_channel", middleware=[self._joined])(_nothing)
        app.event(re.compile(".*"))(_nothing)

    def after_ack(self, listener: Listener) -> Listener:
        """Keep an error inside a listener: one that is raised soon after the ack makes bolt forget it."""

        async def listening(body: Body, ack: AsyncAck) -> None:
            try:
                await listener(body, ack)
            except Exception:
                # The named place for the unforeseen: the person hears of it, the reason is in the log.
                log.exception("listener failed type=%s", body.get("type", "command"))
                await self._broke(body, ack)

        async def guarded(body: Body, ack: AsyncAck) -> None:
            await self._start(listening(body, ack))

        return guarded

    async def _broke(self, body: Body, ack: AsyncAck) -> None:
        sentence = "Backstop broke while it did this. Ask for `status` before you say it again."
        if "command" in body and ack.response is None:
            await ack(text=sentence, response_type="ephemeral")
            return
        if ack.response is None:
            await ack()
        place = _place(body, reply="ephemeral") if "user" in body else Place(body.get("channel_id"))
        shown = message(Answer.refused(sentence).document, people={})
        user = place.user or body.get("user_id", "")
        try:
            await self._ground.api.whisper(place.channel or "", user, shown)
        except SlackTrouble as trouble:
            log.warning("nobody was told error=%s", trouble)

    async def heard_out(self) -> None:
        """Wait for what was still being done when its ack was sent."""
        while self._late:
            await asyncio.wait(set(self._late))

    async def _command(self, body: Body, ack: AsyncAck) -> None:
        sender = Sender(body["user_id"], body["team_id"], _is_shared(body))
        place = Place(channel=body["channel_id"], user=body["user_id"])
        letter = Letter(sender, self._typed(body.get("text", "")), place, f"slack:{body['trigger_id']}")
        working = self._working(self._heard(letter))
        if await self._in_time(working):
            shown = self._shown(working.result(), letter)
        else:
            self._start(self._answer_later(letter, working))
            shown = self._shown(_slow(), letter)
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
        letter = Letter(sender, line, place, f"slack:{body['event_id']}")
        working = self._working(self._posted(letter))
        if not await self._in_time(working):
            # What is not stored is not acknowledged: Slack delivers it again, and it counts once.
            return BoltResponse(status=503)
        if unrecorded := working.result():
            # Without an acknowledgement Slack delivers it again, three times in all.
            if request.headers.get("x-slack-retry-num") == [LAST_RETRY]:
                await self._tell(letter, unrecorded)
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
        await self._carry(_sender(body), str(action.get("value", "")).strip(), place, press, ack)

    async def _ask(self, body: Body, ack: AsyncAck) -> None:
        """Open the form. A trigger lives three seconds, so nothing is asked of the database before."""
        action, place = body["actions"][0], _place(body, reply="ephemeral")
        asked, question = reasons.asked_of(action, place.channel or "", place.thread)
        await ack()
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
            await self._store(Letter(_sender(body), "", place, f"slack:{body['trigger_id']}"), refused)

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
        await self._working(self._pressed(Letter(sender, line, place, delivery)))
        await ack()

    async def _pressed(self, letter: Letter) -> None:
        """Say the line of a press: what was carried out counts once, what was refused may be tried again."""
        for number in itertools.count(1):
            delivery = letter.delivery if number == 1 else f"{letter.delivery}:{number}"
            try:
                before = await self._desk.timeline.records.answer(delivery)
            except IntegrationError:
                before = None
            if before is None or before["ok"]:
                unrecorded = await self._posted(replace(letter, delivery=delivery))
                if unrecorded:
                    await self._tell(letter, unrecorded)
                return

    async def _in_time(self, working: asyncio.Task[Any]) -> bool:
        done, _ = await asyncio.wait({working}, timeout=self._patience)
        return bool(done)

    def _working(self, work: Any) -> asyncio.Task[Any]:
        self.heard = self._desk.now
        return self._start(work)

    def _start(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.create_task(work)
        self._late.add(task)
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[Any]) -> None:
        self._late.discard(task)
        if not task.cancelled() and (problem := task.exception()):
            log.error("failed while storing", exc_info=problem)

    async def _heard(self, letter: Letter) -> Answer:
        """Say the line as the person who sent it, or refuse who may not say anything."""
        found = self._who(letter.sender)
        if isinstance(found, Answer):
            return found
        return await say(
            self._desk, letter.line, who=found, via=VIA, place=letter.place, delivery=letter.delivery
        )

    async def _posted(self, letter: Letter) -> Answer | None:
        """Say the line and leave its answer to be posted; return the answer only if it cannot be kept."""
        answer = await self._heard(letter)
        return None if await self._store(letter, answer) else answer

    async def _tell(self, letter: Letter, answer: Answer) -> None:
        """Show an answer that the database could not take, without a promise that it arrives."""
        try:
            shown = self._shown(answer, letter)
            await self._ground.api.whisper(letter.place.channel or "", letter.sender.user, shown)
        except SlackTrouble as trouble:
            log.warning("nobody was told error=%s", trouble)

    async def _store(self, letter: Letter, answer: Answer) -> bool:
        """Keep an answer that no verb has kept, so that it is posted; return whether one is kept now."""
        place = letter.place
        delivery = Delivery(letter.delivery, answer.as_json(), place.as_json(), f"answer/{place.channel}")
        try:
            await self._desk.timeline.append({}, by="backstop", via=VIA, delivery=delivery)
        except AlreadyAnswered:
            return True
        except IntegrationError as problem:
            log.warning("answer not stored error=%s", problem)
            return False
        return True

    async def _answer_later(self, letter: Letter, working: asyncio.Task[Answer]) -> None:
        """Post the answer to a command that was acknowledged before it was recorded."""
        answer = await working
        place = Place(letter.place.channel, None, letter.place.user, reply="ephemeral")
        late = Letter(letter.sender, letter.line, place, f"{letter.delivery}:late")
        if not await self._store(late, answer):
            await self._tell(late, answer)

    def _who(self, sender: Sender) -> Actor | Answer:
        home = self._ground.settings.slack_team or self._ground.identity.team
        if not home:
            return _refused(
                "Backstop does not know yet which Slack team is its own. Say it again in a moment; "
                "an operator can set BACKSTOP_SLACK_TEAM."
            )
        if sender.team != home or sender.shared:
            return _refused(
                "Backstop takes nothing from people of other companies or in channels shared with them: "
                "nothing was done. Ask somebody of the home team, in a channel of its own."
            )
        try:
            catalog = self._desk.shelf.catalog()
        except PlaybookInvalid as invalid:
            return _refused(f"The catalog cannot be read, so nobody is known: nothing was done.\n{invalid}")
        name = catalog.person(sender.user)
        if name is None:
            return _refused(
                f"You are not in the catalog: nothing was done. Ask a commander to add you to catalog.yaml "
                f"with `slack: {sender.user}`."
            )
        return Actor(name, groups=frozenset(catalog.groups_of(name, self._desk.slack_groups())))

    def _typed(self, text: str) -> str:
        try:
            return typed(text, self._desk.shelf.catalog().person)
        except PlaybookInvalid:
            return typed(text, lambda user: None)

    def _shown(self, answer: Answer, letter: Letter) -> Payload:
        revision = hashlib.sha256(letter.delivery.encode()).hexdigest()[:16]
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


def _press_id(body: Body, action: Mapping[str, Any]) -> str:
    """Return the id of a press: the same button of the same drawing, pressed by the same person.

    A second click has a trigger of its own, so triggers do not tell. The block's id holds the revision of
    the drawing, so that the button of a card that changed since is another one.
    """
    container = body.get("container") or {}
    shown = container.get("message_ts") or container.get("view_id") or ""
    parts = (shown, action.get("block_id"), action["action_id"], action.get("value"), body["user"]["id"])
    return "slack:" + hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()


def _refused(sentence: str) -> Answer:
    return Answer.refused(sentence)


def _slow() -> Answer:
    text = " This is still being recorded: Backstop's database is slow. The answer follows here."
    return Answer(Document("", (Paragraph((Strong("Wait."), text)),)))
