"""A whole Backstop in a local Slack workspace: real timeline, real verbs, real bolt, either transport."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal

from aiohttp import web

from bot.core.errors import Conflict
from bot.core.events import Event, PlanAsked, PlanAttached, RunStarted
from bot.jobs import Again, Dispatcher, Handler, Precedence
from bot.sandbox.slack import Message, SlackStandIn, Terms
from bot.settings import Settings
from bot.slack.api import Api
from bot.slack.door import PATH, SlackDoor
from bot.slack.people import People
from bot.slack.sockets import Pace
from bot.timeline import Change, Timeline
from tests.clock import Clock
from tests.runs.stage import Stage, World, point

Way = Literal["socket", "http"]

PEOPLE = {
    "ana": ("U0ANA", "ana@example.com"),
    "bo": ("U0BO", "bo@example.com"),
    "cy": ("U0CY", "cy@example.com"),
    "dee": ("U0DEE", "dee@example.com"),
}
"""Those of the catalog, and dee, whom it does not know."""
OUTSIDERS = {"zed": ("U0ZED", "zed@example.org")}
QUICK = Pace(ping=1, opening=10, check=0.02, grace=0.5, again=0.02, closing=0)
OTHER_KINDS = (
    "tracker",
    "update-due",
    "effect-due",
    "task-due",
    "delegation-due",
    "gate-expiry",
    "freeze-review",
    "warm-expiry",
    "ahead",
    "pager",
    "silence",
    "probe",
)


def workspace(clock: Clock, *, patience: float = 15.0) -> SlackStandIn:
    """Return a workspace where the home team is in #general and a stranger in #shared."""
    terms = Terms(patience=patience, retries=(0.0, 0.0, 0.0))
    channels = {"general": tuple(PEOPLE), "shared": ("ana", *OUTSIDERS)}
    return SlackStandIn(PEOPLE, outsiders=OUTSIDERS, channels=channels, now=clock, terms=terms)


async def _nothing(subject: str) -> Again | None:
    return None


@dataclass
class House:
    """What a test walks around in; everything of Backstop's process can be stopped and started again."""

    slack: SlackStandIn
    clock: Clock
    folder: Path
    database: str
    way: Way
    chosen: dict[str, str] = field(default_factory=dict)
    patience: float = 2.0
    world: World = field(default_factory=lambda: World(points=[point("P1", 0), point("P2", 5)]))

    async def open(self) -> None:
        """Start Backstop."""
        self.timeline = await Timeline.open(self.database, now=self.clock)
        self.stage = Stage(self.timeline, self.folder, self.world)
        self.stage.desk = replace(self.stage.desk, talks=True)
        settings = self.settings()
        self.api = Api(self.slack.bot_token, settings.slack_api_url, now=self.clock)
        self.people = People(self.api, self.stage.shelf, now=self.clock)
        desk = replace(self.stage.desk, slack_groups=self.people.groups)
        self.first = Precedence()
        self.door = SlackDoor(
            settings,
            desk,
            api=self.api,
            people=self.people,
            first=self.first,
            pace=QUICK,
            patience=self.patience,
        )
        await self.door.start()
        await self._serve()
        self._dispatch()

    async def ready(self) -> None:
        """Wait until Backstop hears and knows who it is."""
        if self.way == "socket":
            await self.slack.connected(2)
        async with asyncio.timeout(20):
            await self.door.introduced.wait()

    def settings(self) -> Settings:
        """Return the settings of the door."""
        given: dict[str, object] = {
            "home": self.folder,
            "slack_mode": self.way,
            "slack_api_url": self.slack.api_url,
            "slack_bot_token": self.slack.bot_token,
            "slack_app_token": self.slack.app_token,
            "slack_signing_secret": self.slack.signing_secret,
            "public_url": "http://backstop.example",
            **self.chosen,
        }
        return Settings.model_validate(given)

    async def _serve(self) -> None:
        application = web.Application()
        if self.door.http:
            application.router.add_post(PATH, self.door.http)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}{PATH}"
        if self.way == "http":
            self.slack.deliver_over("http", self.url)

    def handlers(self) -> dict[str, Handler]:
        """Return every handler of the process."""
        others: dict[str, Handler] = dict.fromkeys(OTHER_KINDS, _nothing)
        return {**others, "run": self.stage.runs().handle, **self.door.handlers()}

    def _dispatch(self) -> None:
        self._stopping = False
        self._dispatcher = Dispatcher(self.timeline, self.handlers(), first=self.first)
        self.dispatching = asyncio.create_task(self._rounds())

    async def _rounds(self) -> None:
        while not self._stopping:
            self._dispatcher._kick.clear()
            await self._dispatcher._round()

    async def rest(self) -> None:
        """Stop carrying effects out, after what is under way is done."""
        self._stopping = True
        self._dispatcher._kick.set()
        await self.dispatching
        await asyncio.gather(*self._dispatcher._busy.values())

    async def die(self) -> None:
        """Stop in the middle of whatever is under way."""
        self._stopping = True
        self._dispatcher._kick.set()
        await self.dispatching
        for task in self._dispatcher._busy.values():
            task.cancel()
        await asyncio.gather(*self._dispatcher._busy.values(), return_exceptions=True)

    async def later(self, seconds: float) -> None:
        """Let time pass; what was waiting for it is looked at again."""
        await self.rest()
        self.clock.advance(seconds)
        self._dispatch()

    async def close(self) -> None:
        """Stop Backstop."""
        await self.rest()
        await self.door.stop()
        await self._runner.cleanup()
        await self.timeline.close()

    # What tests do again and again

    async def told(self, who: str, line: str) -> str:
        """Type a command and return what the person is answered."""
        before = len(self.slack.ephemerals(who))
        reply = await self.slack.slash(who, f"/backstop {line}")
        assert reply.answered, reply
        assert not reply.body, reply
        await self.slack.wait(lambda: len(self.slack.ephemerals(who)) > before)
        return self.slack.plain(self.slack.ephemerals(who)[-1])

    async def declare(self, title: str = "Orders are wrong", who: str = "ana") -> str:
        """Declare an incident by command and return the name of its channel, once its card is there."""
        reply = await self.slack.slash(who, f'/backstop declare "{title}"')
        assert reply.answered, reply
        room = await self.room()
        await self.slack.wait(lambda: self.slack.channel(room).pins)
        return room

    async def room(self, incident: str = "INC-1") -> str:
        """Return the channel of an incident, once it is open."""
        await self.slack.wait(lambda: any(name.startswith(f"{incident.lower()}-") for name in self.names()))
        return next(name for name in self.names() if name.startswith(f"{incident.lower()}-"))

    def names(self) -> list[str]:
        """Return the names of the channels."""
        return [channel.name for channel in self.slack.workspace.channels.values()]

    def ephemeral(self, who: str, text: str) -> Message | None:
        """Return the newest message that only this person sees and that says so, or None."""
        found = [m for m in self.slack.ephemerals(who) if text in self.slack.plain(m)]
        return found[-1] if found else None

    async def seen(self, text: str, **where: str) -> Message:
        """Wait for a message with a text and return it."""
        return await self.slack.wait(lambda: self.slack.find(text, **where))

    async def whispered(self, who: str, text: str) -> Message:
        """Wait for a message that only this person sees."""
        return await self.slack.wait(lambda: self.ephemeral(who, text))

    async def until(self, holds: Callable[[], Awaitable[bool]]) -> None:
        """Wait until something holds, asked again after every append."""
        written = asyncio.Event()
        self.timeline.listen(written.set)
        async with asyncio.timeout(10):
            while not await holds():
                await written.wait()
                written.clear()

    async def opened(self, incident: str) -> None:
        """Wait until the timeline knows the room of an incident."""

        async def known() -> bool:
            return (await self.stage.incident(incident)).room is not None

        await self.until(known)

    async def append(self, stream: str, *events: Event, by: str = "ana") -> None:
        """Write events to a stream, after whatever Backstop writes to it meanwhile."""
        while True:
            entries = await self.timeline.read(stream)
            try:
                await self.timeline.append({stream: Change(len(entries), events)}, by=by, via="test")
            except Conflict:
                continue
            return

    async def plan(self) -> Message:
        """Have RUN-1 planned for INC-1, and return its plan card once it can be started."""
        asked = PlanAsked(
            incident="INC-1",
            playbook="restore-orders",
            service="checkout",
            environment="production",
            inputs={"before": "2026-11-23T02:06:00Z"},
        )
        await self.append("run/RUN-1", asked)
        await self.append("incident/INC-1", PlanAttached(run="RUN-1", playbook="restore-orders"))
        card = await self.seen("RUN-1 restore-orders")
        await self.slack.wait(lambda: self.slack.buttons(self.slack.current(card)))
        return card

    async def start(self, by: str = "ana") -> Message:
        """Have approvals of RUN-1 asked for, and return the request."""
        run = await self.stage.run()
        assert run.plan
        expires = {gate.name: self.clock() + timedelta(hours=1) for gate in run.plan.gates}
        await self.append("run/RUN-1", RunStarted(hash=run.hash, expires=expires), by=by)
        return await self.seen("RUN-1 approval: overwrite")


@asynccontextmanager
async def living_in(house: House) -> AsyncIterator[House]:
    """Open a house and close it again."""
    await house.open()
    try:
        await house.ready()
        yield house
    finally:
        await house.close()
