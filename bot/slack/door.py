"""Slack's door, put together: it opens whether or not Slack is there, and says how it stands."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.commands import Desk
from bot.jobs import Handler, Precedence
from bot.settings import Settings
from bot.slack.alerts import AlertCards
from bot.slack.api import Api
from bot.slack.captured import CapturedMessages
from bot.slack.deliver import Deliver
from bot.slack.hear import Hear
from bot.slack.home import HomeTabs
from bot.slack.identity import Identity
from bot.slack.letterbox import PATIENCE, Letterbox
from bot.slack.listeners import Listeners
from bot.slack.modals import Modals
from bot.slack.people import People
from bot.slack.posts import Posts
from bot.slack.repair import Repair
from bot.slack.rooms import Ground, Rooms
from bot.slack.sockets import UNHURRIED, Line, Pace
from integrations.contract import Health, IntegrationError

log = logging.getLogger(__name__)

CONNECTIONS = 2
PATH = "/slack/events"


class SlackDoor:
    """Everything Backstop does in Slack. `people` gave the desk its Slack groups and shares the door's `api`.

    Who is heard here is acknowledged `first`, before the dispatcher goes on.
    `introduced` is set once Slack has said who Backstop is there.
    Raises `IntegrationError` when a token or secret that the mode needs is not set.
    """

    def __init__(
        self,
        settings: Settings,
        desk: Desk,
        *,
        api: Api,
        people: People,
        first: Precedence,
        pace: Pace = UNHURRIED,
        patience: float = PATIENCE,
    ) -> None:
        self._settings = settings
        self._timeline = desk.timeline
        self._api = api
        self._people = people
        self._first = first
        self._pace = pace
        self._tasks: list[asyncio.Task[None]] = []
        self.identity = Identity()
        self.introduced = asyncio.Event()
        posts = Posts(api, desk.timeline.records, desk.timeline.now)
        ground = Ground(settings, desk.timeline, desk.shelf, api, posts, self.identity, desk.to_ask)
        rooms = Rooms(ground)
        self._deliver = Deliver(ground, rooms)
        self._repair = Repair(ground, rooms)
        self._hear = Hear(desk, ground)
        self._box = Letterbox(desk, ground, patience=patience)
        modals = Modals(desk, ground, self._hear, self._box)
        self._app = self._new_app()
        self._homes = HomeTabs(ground)
        self._captured = CapturedMessages(desk, ground, self._hear, self._box)
        self._captured.attach(self._app)
        self._alerts = AlertCards(ground)
        Listeners(desk, ground, rooms, self._box, modals, self._homes).attach(self._app)
        self._lines = self._new_lines()

    def _new_app(self) -> AsyncApp:
        token = secret_of(self._settings, "slack_bot_token")
        signing = "only sockets"
        if self._settings.slack_mode == "http":
            signing = secret_of(self._settings, "slack_signing_secret")

        async def authorize() -> AuthorizeResult:
            return AuthorizeResult(
                enterprise_id=None,
                team_id=self.identity.team or None,
                bot_user_id=self.identity.bot_user or None,
                bot_token=token,
            )

        client = AsyncWebClient(base_url=self._settings.slack_api_url, retry_handlers=[])
        return AsyncApp(
            name="backstop",
            signing_secret=signing,
            authorize=authorize,
            client=client,
            # Otherwise bolt looks every 10 ms whether a listener has acknowledged.
            process_before_response=True,
        )

    def _new_lines(self) -> list[Line]:
        if self._settings.slack_mode != "socket":
            return []
        token = secret_of(self._settings, "slack_app_token")
        url = self._settings.slack_api_url
        return [Line(self._app, token, url, self._first, self._pace) for _ in range(CONNECTIONS)]

    def handlers(self) -> Mapping[str, Handler]:
        """Return the handlers of what is heard and said in Slack, for the dispatcher."""
        return {
            "hear": self._hear.handle,
            **self._deliver.handlers(),
            **self._repair.handlers(),
            **self._homes.handlers(),
            **self._captured.handlers(),
            **self._alerts.handlers(),
        }

    @property
    def http(self) -> Callable[[web.Request], Awaitable[web.StreamResponse]] | None:
        """Return what takes Slack's signed requests; nothing in socket mode."""
        return self._request if self._settings.slack_mode == "http" else None

    async def _request(self, request: web.Request) -> web.StreamResponse:
        with self._first.taken():
            answer = await self._app.async_dispatch(await to_bolt_request(request))
            return await to_aiohttp_response(answer)

    async def start(self) -> None:
        """Open the door; what needs Slack goes on in the background."""
        await self.identity.recall(self._timeline.records)
        self._tasks = [asyncio.create_task(line.keep()) for line in self._lines]
        self._tasks.append(asyncio.create_task(self._introduce()))

    async def _introduce(self) -> None:
        """Learn who Backstop is in Slack and who is in which group."""
        while True:
            try:
                await self.identity.learn(self._api, self._timeline.records)
                break
            except IntegrationError as problem:
                log.warning("identity not known error=%s", problem)
                await asyncio.sleep(self._pace.again)
        self.introduced.set()
        await self._people.refresh()

    async def heard_out(self) -> None:
        """Wait until everything that people said here was dealt with, after its ack too."""
        await self._box.emptied()

    async def stop(self) -> None:
        """Close the door, after what is being stored is stored."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._box.emptied()
        await self._people.close()

    @property
    def state(self) -> str:
        """Return `ok`, or `degraded` and what is wrong; Backstop works without Slack."""
        problems = self._trouble()
        return f"degraded: {problems[0]}" if problems else "ok"

    def _trouble(self) -> list[str]:
        problems = []
        closed = [line for line in self._lines if not line.is_open]
        if closed:
            here = len(self._lines) - len(closed)
            problems.append(f"{here} of {len(self._lines)} sockets are open: {closed[0].trouble}.")
        if not self.identity.bot_user:
            problems.append("Slack has not said who Backstop is there: check the bot token.")
        return problems

    async def health(self) -> Health:
        """Say whether Slack hears and is heard, and if not what is wrong; Backstop works without it."""
        problems = self._trouble()
        kinds = self._deliver.handlers()
        late = [effect for effect in await self._timeline.effects.troubled() if effect.kind in kinds]
        if late:
            problems.append(f"{len(late)} messages wait for Slack; the first: {late[0].error}")
        return Health(ok=not problems, identity=self._identity(), problems=problems)

    def _identity(self) -> str:
        heard = self._box.heard
        age = f"{(self._timeline.now() - heard).total_seconds():.0f} s ago" if heard else "never"
        return f"{self.identity.url or 'Slack'}, heard {age}"


def secret_of(settings: Settings, name: str) -> str:
    """Return a secret that the chosen mode needs, or raise naming the variable that is not set."""
    found = getattr(settings, name)
    if found is None or not found.get_secret_value():
        raise IntegrationError(
            f"BACKSTOP_{name.upper()} is not set; BACKSTOP_SLACK_MODE={settings.slack_mode} needs it.",
            permanent=True,
        )
    return str(found.get_secret_value())
