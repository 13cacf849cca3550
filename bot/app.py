"""Puts everything together; the only file that knows all the others.

`App` opens in an order in which each part needs only those before it, and nothing outside this machine
has to answer for it to start: Slack, Jira and the runner are reached when they are needed.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

import aiohttp
from aiohttp import web

from bot.commands import Desk
from bot.jobs import Dispatcher, Handler
from bot.notify import Notify
from bot.runs import Runs
from bot.runs.book import Book
from bot.settings import Settings
from bot.shelf import Shelf
from bot.slack.api import Api
from bot.slack.door import SlackDoor, secret_of
from bot.slack.people import People
from bot.timeline import Timeline
from bot.watch import Watch
from bot.web import application
from integrations.connections import LOCAL, Connections
from integrations.contract import IntegrationError
from integrations.jira import JiraSite, JiraTracker
from integrations.process import Runner, start_detached
from integrations.registry import open_engines
from integrations.tracker import FileTracker, Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)


def utc_now() -> datetime:
    """Return the moment; the only place where the product looks at a clock."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class App:
    """A running Backstop; `url` is where its HTTP door listens."""

    desk: Desk
    slack: SlackDoor | None
    url: str

    @property
    def timeline(self) -> Timeline:
        """Return the timeline."""
        return self.desk.timeline


@asynccontextmanager
async def running(settings: Settings, *, now: Callable[[], datetime] = utc_now) -> AsyncIterator[App]:
    """Run everything until the block ends."""
    settings.home.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        if settings.database.startswith("sqlite"):
            stack.enter_context(_alone(settings.home / "backstop.lock"))
        timeline = await Timeline.open(settings.database, now=now)
        stack.push_async_callback(timeline.close)
        shelf = open_shelf(settings)
        engines = open_engines(
            Connections(
                runners={LOCAL: Runner(runner_socket(settings))},
                session=aiohttp.ClientSession,
                secrets=settings.secrets_dir,
                now=now,
            )
        )
        desk, door = _desk_and_door(settings, timeline, shelf, now)
        tracker = _tracker(settings)
        if tracker:
            stack.push_async_callback(tracker.close)
        book = Book(timeline, shelf, desk.slack_groups)
        handlers = _handlers(timeline, shelf, Runs(book, shelf, engines), settings, tracker, door, desk)
        url = await _serve_http(stack, desk, settings, door)
        if door:
            await door.start()
            stack.push_async_callback(door.stop)
        await _background(stack, Dispatcher(timeline, handlers).run(), "dispatcher")
        yield App(desk, door, url)


def _desk_and_door(
    settings: Settings, timeline: Timeline, shelf: Shelf, now: Callable[[], datetime]
) -> tuple[Desk, SlackDoor | None]:
    desk = Desk(timeline, shelf, url=settings.door, command=settings.slack_command)
    if settings.slack_mode == "off":
        return desk, None
    api = Api(secret_of(settings, "slack_bot_token"), settings.slack_api_url, now=now)
    people = People(api, shelf, now=now)
    desk = replace(desk, slack_groups=people.groups)
    return desk, SlackDoor(settings, desk, api=api, people=people)


def open_shelf(settings: Settings) -> Shelf:
    """Return the shelf of the catalog and playbooks that the settings name."""
    return Shelf(
        settings.file(settings.catalog, "catalog.yaml"),
        settings.file(settings.playbooks, "playbooks"),
        settings.criteria,
    )


def runner_socket(settings: Settings) -> Path:
    """Return where the runner of this machine answers."""
    return settings.file(settings.runner_socket, "runner.sock")


async def start_runner(settings: Settings) -> None:
    """Start the runner of this machine on its own feet when none answers and it is configured."""
    config = settings.file(settings.runner_config, "runner.toml")
    if not config.exists():
        log.warning("no runner config=%s steps on this machine cannot be carried out", config)
        return
    await start_detached(config, settings.home / "runner", runner_socket(settings))


def _tracker(settings: Settings) -> Tracker | None:
    if not settings.jira_url or settings.jira_token is None:
        return None
    site = JiraSite(
        settings.jira_url,
        settings.jira_email,
        settings.jira_token,
        settings.jira_project,
        settings.jira_issue_type,
    )
    return JiraTracker(site)


def _handlers(
    timeline: Timeline,
    shelf: Shelf,
    runs: Runs,
    settings: Settings,
    tracker: Tracker | None,
    door: SlackDoor | None,
    desk: Desk,
) -> Mapping[str, Handler]:
    watch = Watch(timeline, shelf, desk.slack_groups)
    files = FileTracker(settings.file(settings.out, "out"))
    notify = Notify(timeline, files, tracker, "jira")
    messages = ("room", "card", "say", "approvals", "progress", "answer")
    slack: dict[str, Handler] = dict(door.handlers()) if door else dict.fromkeys(messages, _unsaid)
    return {
        **slack,
        "run": runs.handle,
        "tracker": notify.handle,
        "update-due": watch.update_due,
        "gate-expiry": watch.gate_expiry,
        "freeze-review": watch.freeze_review,
    }


async def _unsaid(_subject: str) -> None:
    """Without Slack there is nobody to tell there; the console and the command line draw the same events."""


async def _serve_http(stack: AsyncExitStack, desk: Desk, settings: Settings, door: SlackDoor | None) -> str:
    served = application(desk, settings, slack=None, health=dict)
    served.add_routes(door.routes() if door else ())
    runner = web.AppRunner(served)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    site = web.TCPSite(runner, settings.host, settings.port)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


async def _background(stack: AsyncExitStack, work: Coroutine[None, None, None], name: str) -> None:
    task = asyncio.create_task(work, name=name)

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)


@contextmanager
def _alone(path: Path) -> Iterator[IO[str]]:
    """Hold the lock beside a SQLite file: two processes must never carry effects of one database out."""
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as held:
            raise IntegrationError(
                f"Another Backstop works in {path.parent}. Stop it, or give this one its own BACKSTOP_HOME.",
                permanent=True,
            ) from held
        yield lock
