"""What people do in Slack becomes a line that is stored: commands, mentions, buttons and forms, one path.

A line is stored before it is acknowledged, and acknowledged before it is carried out: nobody waits for what
Backstop has to read, write or draw. The same delivery twice is one line. `letterbox.py` stores lines,
`hear.py` carries them out, and `modals.py` asks for what a line still needs.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from slack_bolt.app.async_app import AsyncApp
from slack_bolt.context.ack.async_ack import AsyncAck
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse

from bot.commands import Desk, Place
from bot.slack.home import HomeTabs
from bot.slack.letterbox import Letterbox
from bot.slack.modals import Modals
from bot.slack.payloads import Body, is_shared, place_of, press_of, sender_of, value_of
from bot.slack.rooms import Ground, Rooms
from bot.slack.said import Said, Sender
from bot.slack.text import after_mention, typed

Next = Callable[[], Awaitable[BoltResponse]]

LAST_RETRY = "3"


class Listeners:
    """Attaches to a bolt app."""

    def __init__(
        self, desk: Desk, ground: Ground, rooms: Rooms, box: Letterbox, modals: Modals, homes: HomeTabs
    ) -> None:
        self._desk = desk
        self._ground = ground
        self._rooms = rooms
        self._box = box
        self._modals = modals
        self._homes = homes

    def attach(self, app: AsyncApp) -> None:
        """Register every listener, once."""
        app.command(self._desk.command)(self._command)
        app.action(re.compile(r"^say:"))(self._press)
        self._modals.attach(app)
        # Bolt acknowledges an event by itself; a middleware can refuse it before that.
        app.event("app_mention", middleware=[self._mention])(_nothing)
        app.event("app_home_opened", middleware=[self._home])(_nothing)
        app.event("member_joined_channel", middleware=[self._joined])(_nothing)
        app.event(re.compile(".*"))(_nothing)

    async def _command(self, body: Body, ack: AsyncAck) -> None:
        sender = Sender(body["user_id"], body["team_id"], is_shared(body))
        hook = str(body.get("response_url") or "")
        place = Place(body["channel_id"], user=body["user_id"], reply="hook", hook=hook)
        said = Said(sender, self._typed(body.get("text", "")), place, f"slack:{body['trigger_id']}")
        if self._modals.opens(said):
            await ack()
            self._modals.open(said, body["trigger_id"])
        elif (answer := await self._box.take(said)) is None:
            await ack()
        else:
            shown = self._box.shown(answer, said)
            await ack(text=shown.text, blocks=list(shown.blocks), response_type="ephemeral")

    async def _mention(self, body: Body, request: AsyncBoltRequest, next: Next) -> BoltResponse | None:
        event = body["event"]
        if event.get("bot_id") or not event.get("user"):
            return await next()
        team = event.get("user_team") or event.get("team") or ""
        sender = Sender(event["user"], team, is_shared(body))
        thread = event.get("thread_ts") or event["ts"]
        place = Place(event["channel"], thread, event["user"], reply="thread")
        line = self._typed(after_mention(event.get("text", ""), self._ground.identity.bot_user))
        said = Said(sender, line, place, f"slack:{body['event_id']}")
        last = request.headers.get("x-slack-retry-num") == [LAST_RETRY]
        if not await self._box.take_surely(said, last=last):
            # What is not stored is not acknowledged: Slack delivers it again, three times in all, and it
            # counts once.
            return BoltResponse(status=503)
        return await next()

    async def _joined(self, body: Body, next: Next) -> BoltResponse | None:
        if body["event"].get("user") == self._ground.identity.bot_user:
            await self._rooms.back(body["event"]["channel"])
        return await next()

    async def _home(self, body: Body, next: Next) -> BoltResponse | None:
        event = body["event"]
        if event.get("tab") == "home" and event.get("user"):
            self._box.begin(self._homes.opened(event["user"]))
        return await next()

    async def _press(self, body: Body, ack: AsyncAck) -> None:
        action = body["actions"][0]
        place = place_of(body, reply="ephemeral")
        said = Said(sender_of(body), value_of(action).strip(), place, press_of(body, action))
        await self._box.carry(said, ack)

    def _typed(self, text: str) -> str:
        return typed(text, self._ground.name_of)


async def _nothing(body: Body, ack: AsyncAck) -> None:
    await ack()
