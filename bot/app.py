"""Puts everything together; the only file that knows all the others.

`App` opens in an order in which each part needs only those before it, and nothing outside this machine
has to answer for it to start: Slack, Jira and the runner are reached when they are needed.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler as WebHandler

from bot.commands import Desk
from bot.jobs import EVERY_LANE, Dispatcher, Handler, Plea, Precedence
from bot.notify import Notify
from bot.notify.audit import Audit, receivers_of
from bot.notify.silences import Silencing, alertmanager_of
from bot.notify.status_page import StatusPages, outlets_of, systems_of
from bot.probes import Eyes, Probes
from bot.runners import runners_of
from bot.runs import Runs
from bot.runs.ahead import Ahead
from bot.runs.book import Book
from bot.runs.drills import Drills
from bot.runs.salvage import Salvages
from bot.settings import Settings
from bot.shelf import Shelf
from bot.slack.api import Api
from bot.slack.door import SlackDoor, secret_of
from bot.slack.people import People
from bot.slack.sockets import UNHURRIED, Pace
from bot.terminal.here import silence
from bot.terminal.lock import Held, alone
from bot.timeline import Timeline
from bot.timeline.whose import whose
from bot.watch import SCHEDULES, Watch
from bot.web import application
from bot.web.health import Parts
from integrations.connections import Connections
from integrations.contract import Engine, IntegrationError
from integrations.registry import open_engines
from integrations.tracker import FileTracker, Tracker

if TYPE_CHECKING:
    from bot.notify.oncall import OnCallPeople
    from integrations.pagerduty import PagerDuty

log = logging.getLogger(__name__)

Engines = Callable[[Connections], Mapping[str, Engine]]


def utc_now() -> datetime:
    """Return the moment; the only place where the product looks at a clock."""
    return datetime.now(UTC)


CAPTURING = ("capture", "captured", "recheck", "reread")
MESSAGES = (
    "room",
    "card",
    "decision",
    "say",
    "resay",
    "approvals",
    "progress",
    "answer",
    "repair",
    "homes",
    "home",
    "alert",
    *CAPTURING,
)
"""The effects that are said in Slack."""


@dataclass(frozen=True, slots=True)
class App:
    """A running Backstop; `url` is where its HTTP door listens."""

    desk: Desk
    slack: SlackDoor | None
    url: str
    dispatcher: Dispatcher

    @property
    def timeline(self) -> Timeline:
        """Return the timeline."""
        return self.desk.timeline


def open_tracker(settings: Settings, pauses: Sequence[float] | None = None) -> Tracker | None:
    """Return the tracker that the settings name, if any; `pauses` are seconds its search may lag behind."""
    if not settings.jira_url or settings.jira_token is None:
        return None
    from integrations.jira import PAUSES, JiraSite, JiraTracker  # noqa: PLC0415 - slow to load

    site = JiraSite(
        settings.jira_url,
        settings.jira_email,
        settings.jira_token,
        settings.jira_project,
        settings.jira_issue_type,
        settings.jira_site_url,
        settings.jira_link_type,
    )
    return JiraTracker(site, pauses=PAUSES if pauses is None else pauses)


def open_pagerduty(settings: Settings) -> PagerDuty | None:
    """Return the PagerDuty account that the settings name, if any."""
    if settings.pagerduty_token is None:
        return None
    from integrations.pagerduty import Account, PagerDuty  # noqa: PLC0415 - slow to load

    return PagerDuty(Account(settings.pagerduty_token, settings.pagerduty_from, settings.pagerduty_url))


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    now: Callable[[], datetime] = utc_now,
    engines: Engines = open_engines,
    trackers: Callable[[Settings], Tracker | None] = open_tracker,
    pace: Pace = UNHURRIED,
    at_once: int = EVERY_LANE,
    others: Parts = dict,
) -> AsyncIterator[App]:
    """Run everything until the block ends, carrying out so many effects at once.

    `engines` and `trackers` open those, `pace` is for sockets, `others` tells how what runs beside it is.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as stack:
        if settings.database.startswith("sqlite"):
            await _alone(stack, settings)
        timeline = await Timeline.open(settings.database, now=now)
        stack.push_async_callback(timeline.close)
        shelf = open_shelf(settings)
        runners = runners_of(settings, await whose(timeline.records, settings.database))
        tracker, pagerduty = trackers(settings), open_pagerduty(settings)
        for close in (each.close for each in (*runners.values(), tracker, pagerduty) if each):
            stack.push_async_callback(close)
        connections = Connections(
            runners=runners, session=aiohttp.ClientSession, secrets=settings.secrets_dir, now=now
        )
        port = stack.enter_context(socket.create_server((settings.host, settings.port)))
        settings = settings.model_copy(update={"port": port.getsockname()[1]})
        first = Precedence()
        desk = _desk(settings, timeline, shelf, _on_call(stack, timeline, shelf, pagerduty), tracker)
        desk, door = _with_door(settings, desk, now=now, pace=pace, first=first)
        book = Book(timeline, shelf, desk.slack_groups, silences=desk.silences)
        opened = engines(connections)
        carried, pleas = carrying(book, shelf, opened)
        audit = Audit(timeline, receivers_of(settings, aiohttp.ClientSession, now=now))
        handlers = {
            **_handlers(timeline, shelf, settings, tracker, door, desk),
            **carried,
            "probe": Probes(timeline, Eyes(timeline, shelf, opened, aiohttp.ClientSession)).handle,
            "audit": audit.handle,
            "status-page": StatusPages(timeline, outlets_of(settings, aiohttp.ClientSession, now=now)).handle,
            "pager": _pager(timeline, shelf, pagerduty),
        }
        dispatcher = Dispatcher(timeline, handlers, pleas, first=first, at_once=at_once)

        def parts() -> Mapping[str, str]:
            slack = {"slack": door.state} if door else {}
            return {**others(), **slack, "dispatcher": dispatcher.health}

        await timeline.effects.ask(SCHEDULES, *audit.effects())
        ears = _ears(settings, timeline, shelf, pagerduty)
        site = application(desk, settings, slack=door.http if door else None, health=parts, pagerduty=ears)
        await _serve_http(stack, port, site)
        if door:
            await door.start()
            stack.push_async_callback(door.stop)
        await _background(stack, dispatcher.run(), "dispatcher")
        yield App(desk, door, f"http://{settings.host}:{settings.port}", dispatcher)


def _desk(
    settings: Settings,
    timeline: Timeline,
    shelf: Shelf,
    on_call: OnCallPeople | None,
    tracker: Tracker | None,
) -> Desk:
    return Desk(
        timeline,
        shelf,
        url=settings.door,
        console=settings.console,
        command=settings.slack_command,
        slack_groups=on_call.sure if on_call else dict,
        to_ask=on_call.last if on_call else dict,
        pages=settings.pagerduty_token is not None,
        publishes=systems_of(settings),
        silences=bool(settings.alertmanager_url),
        talks=settings.slack_mode != "off",
        tracks=tracker is not None,
    )


def _with_door(
    settings: Settings, desk: Desk, *, now: Callable[[], datetime], pace: Pace, first: Precedence
) -> tuple[Desk, SlackDoor | None]:
    """Return the desk as Slack's door knows more of it, and that door unless it is off."""
    if not desk.talks:
        return desk, None
    api = Api(secret_of(settings, "slack_bot_token"), settings.slack_api_url, now=now)
    people = People(api, desk.shelf, now=now)
    sure, last = desk.slack_groups, desk.to_ask
    desk = replace(
        desk,
        slack_groups=lambda: {**people.groups(), **sure()},
        to_ask=lambda: {**people.groups(), **last()},
    )
    return desk, SlackDoor(settings, desk, api=api, people=people, first=first, pace=pace)


def open_shelf(settings: Settings) -> Shelf:
    """Return the shelf of the catalog and playbooks that the settings name."""
    return Shelf(
        settings.file(settings.catalog, "catalog.yaml"),
        settings.file(settings.playbooks, "playbooks"),
        settings.criteria,
    )


def carrying(
    book: Book, shelf: Shelf, engines: Mapping[str, Engine]
) -> tuple[Mapping[str, Handler], Mapping[str, Plea]]:
    """Return what carries runs and drills out, by effect, and what asks people when one of them cannot."""
    runs, drills = Runs(book, shelf, engines), Drills(book, engines)
    ahead, salvages = Ahead(book, shelf), Salvages(book, engines)
    return (
        {"run": runs.handle, "drill": drills.handle, "ahead": ahead.handle, "salvage": salvages.handle},
        {"run": runs.ask, "drill": drills.ask, "ahead": ahead.ask, "salvage": salvages.ask},
    )


def _handlers(
    timeline: Timeline,
    shelf: Shelf,
    settings: Settings,
    tracker: Tracker | None,
    door: SlackDoor | None,
    desk: Desk,
) -> Mapping[str, Handler]:
    watch = Watch(timeline, shelf, desk.slack_groups)
    files = FileTracker(settings.file(settings.out, "out"))

    def members(group: str) -> Sequence[str]:
        return shelf.catalog().members(group, desk.slack_groups())

    def url(incident: str) -> str:
        return f"{settings.door}/incidents/{incident}"

    def email(person: str) -> str | None:
        found = shelf.catalog().people.get(person)
        return found.email if found else None

    alertmanager = alertmanager_of(settings, aiohttp.ClientSession, now=timeline.now)
    console = settings.console
    notify = Notify(timeline, files, tracker, "jira", url=url, console=console, members=members, email=email)
    without: dict[str, Handler] = {**dict.fromkeys(MESSAGES, _unsaid), "hear": _unheard}
    slack: Mapping[str, Handler] = door.handlers() if door else without
    return {
        **slack,
        "tracker": notify.handle,
        "gaps": notify.gaps,
        "silence": Silencing(timeline, alertmanager, settings.console).handle,
        "update-due": watch.update_due,
        "handoff-due": watch.handoff_due,
        "effect-due": watch.effect_due,
        "task-due": watch.task_due,
        "delegation-due": watch.delegation_due,
        "gate-expiry": watch.gate_expiry,
        "freeze-review": watch.freeze_review,
        "drills": watch.drills,
        "warm-expiry": watch.warm_expiry,
    }


def _on_call(
    stack: AsyncExitStack, timeline: Timeline, shelf: Shelf, pagerduty: PagerDuty | None
) -> OnCallPeople | None:
    """Begin to ask who is on call, and return what knows."""
    if pagerduty is None:
        return None
    from bot.notify.oncall import OnCallPeople  # noqa: PLC0415 - loads what speaks with PagerDuty

    people = OnCallPeople(timeline, shelf, pagerduty)
    stack.push_async_callback(people.close)
    people.last()
    return people


def _pager(timeline: Timeline, shelf: Shelf, pagerduty: PagerDuty | None) -> Handler:
    if pagerduty is None:
        return _unpaged
    from bot.notify.pager import Pager  # noqa: PLC0415 - loads what speaks with PagerDuty

    return Pager(timeline, shelf, pagerduty).handle


def _ears(
    settings: Settings, timeline: Timeline, shelf: Shelf, pagerduty: PagerDuty | None
) -> WebHandler | None:
    """Return what hears PagerDuty, where a secret says that it is PagerDuty."""
    if not settings.pagerduty_secrets:
        return None
    from bot.notify.told import PagerEars  # noqa: PLC0415 - loads what speaks with PagerDuty
    from bot.web.pagerduty import ear  # noqa: PLC0415

    ears = PagerEars(timeline, shelf, pagerduty, settings.pagerduty_from)
    return ear(settings.pagerduty_secrets, ears.take)


async def _unpaged(_subject: str) -> None:
    """Without PagerDuty nobody is paged, and `page` says so."""


async def _unsaid(_subject: str) -> None:
    """Without Slack there is nobody to tell there; the console and the command line draw the same events."""


async def _unheard(_subject: str) -> None:
    """What another process heard in Slack is kept for one that can answer there."""
    raise IntegrationError(
        "Slack is off in the process that carries effects out: set BACKSTOP_SLACK_MODE there.",
        permanent=False,
    )


async def _serve_http(stack: AsyncExitStack, port: socket.socket, site: web.Application) -> None:
    # Queries of the gate name people and reasons; the timeline keeps them, a log file need not.
    runner = web.AppRunner(site, access_log=None)
    await runner.setup()
    stack.push_async_callback(runner.cleanup)
    await web.SockSite(runner, port).start()


async def _background(stack: AsyncExitStack, work: Coroutine[None, None, None], name: str) -> None:
    task = asyncio.create_task(work, name=name)

    async def stop() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(stop)


async def _alone(stack: AsyncExitStack, settings: Settings) -> None:
    """Two processes must never carry effects of one SQLite database out."""
    try:
        stack.enter_context(alone(settings.home))
    except Held as held:
        frozen = await silence(settings)
        why = str(frozen or f"{held} Or give this one a BACKSTOP_HOME of its own.")
        raise IntegrationError(why, permanent=True) from held
