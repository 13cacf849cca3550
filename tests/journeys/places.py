"""Where journeys happen: a whole Backstop in a workspace, on a stage where everything can be scripted."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Protocol

from bot.app import App, Engines, open_tracker, running
from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.sandbox.jira import JiraStandIn
from bot.sandbox.pagerduty import PagerDutyStandIn
from bot.sandbox.slack import SlackStandIn, Terms
from bot.sandbox.statuspage import StatuspageStandIn
from bot.sandbox.surroundings import Transport
from bot.settings import Settings
from bot.slack.sockets import Pace
from integrations.contract import Engine
from integrations.registry import open_engines
from integrations.tracker import Tracker
from playbooks.catalog import load_catalog
from tests.clock import Clock
from tests.integrations.pagerduty.conftest import SENDER
from tests.integrations.pagerduty.conftest import furnished as account_of
from tests.integrations.statuspage.conftest import COMPONENT
from tests.integrations.statuspage.conftest import furnished as page_of
from tests.journeys.disk import Disk
from tests.runs.stage import CATALOG, PLAYBOOK, StageEngine, World, point

# Four pings without an answer are a lost socket: often enough to be quick, seldom enough for a busy machine.
QUICK = Pace(ping=2, opening=10, check=0.02, grace=0.5, again=0.02, closing=0.2)
LOOPBACK = "127.0.0.1"
SOCKETS = 2
MOST_LOOKS = 20
ALERTS = "a-token-of-alertmanager"
PAGER_SECRET = "a-secret-of-a-webhook"
PAGER = {
    "pagerduty_token": "a-token-of-pagerduty",
    "pagerduty_from": SENDER,
    "pagerduty_webhook_secrets": f"an-older-secret,{PAGER_SECRET}",
}
PIPELINE = "pipelines:\n  ci: {title: The pipeline of checkout, owner: owners}\n"


class Place(Protocol):
    """What a journey needs of where it happens."""

    slack: SlackStandIn

    @property
    def jira(self) -> JiraStandIn | None:
        """Return the tracker, if it is up."""

    @property
    def pagerduty(self) -> PagerDutyStandIn | None:
        """Return what pages people, if it is up."""

    @property
    def statuspage(self) -> StatuspageStandIn | None:
        """Return what customers look at, if it is there."""

    @property
    def alertmanager(self) -> AlertmanagerStandIn | None:
        """Return what sends alerts, if it is there."""

    @property
    def bot(self) -> Bot:
        """Return the bot, whether it runs or not."""

    @property
    def app(self) -> App:
        """Return the running bot."""

    @property
    def names(self) -> Mapping[str, str]:
        """Return a name for each address."""

    @property
    def masks(self) -> Mapping[str, str]:
        """Return what is shown in place of what nobody can know before, by its pattern."""

    @property
    def known(self) -> Mapping[str, str]:
        """Return what people type where a journey has words for it, as nobody can know it before."""

    async def up(self) -> None:
        """Start the bot unless it runs."""

    async def down(self) -> None:
        """End the bot, whatever it is doing."""

    async def heard(self) -> None:
        """Wait until the bot hears what people say."""

    async def heard_out(self) -> None:
        """Wait until the bot dealt with everything that people said."""

    async def settle(self) -> None:
        """Let everything happen that follows from what was done, a few seconds of it."""


@dataclass
class Bot:
    """A bot that can be ended and run again."""

    settings: Settings
    slack: SlackStandIn
    now: Callable[[], datetime]
    engines: Engines = open_engines
    trackers: Callable[[Settings], Tracker | None] = open_tracker
    app: App | None = None
    _life: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def up(self) -> None:
        """Start it, and wait until it hears if Slack is there."""
        if self.app:
            return
        begun = running(
            self.settings,
            now=self.now,
            engines=self.engines,
            trackers=self.trackers,
            pace=QUICK,
            # Lanes have no order among each other; a conversation that is written down has one.
            at_once=1,
        )
        self.app = await self._life.enter_async_context(begun)
        await self.heard()

    async def heard(self) -> None:
        """Wait until it hears what people say."""
        if self.app is None or self.slack.faults.down:
            return
        if self.settings.slack_mode == "socket":
            await self.slack.connected(SOCKETS)
        assert self.app.slack
        async with asyncio.timeout(10):
            await self.app.slack.introduced.wait()

    async def heard_out(self) -> None:
        """Wait until it dealt with everything that people said."""
        await self.slack.delivered()
        if self.app and self.app.slack:
            await self.app.slack.heard_out()

    async def at_rest(self, within: timedelta = timedelta()) -> None:
        """Wait until it was told everything and has nothing to do within this time of its clock."""
        while True:
            await self.heard_out()
            if self.app:
                await self.app.dispatcher.settled(within)
            # What the bot did is told it too: that it entered a channel, for one.
            if not self.slack.delivering:
                return

    async def down(self) -> None:
        """End it."""
        self.app = None
        await self._life.aclose()


class WithBot:
    """A place in which a bot is run and ended; nothing is known of it that nobody can know before."""

    bot: Bot
    pagerduty: PagerDutyStandIn | None = None
    statuspage: StatuspageStandIn | None = None
    alertmanager: AlertmanagerStandIn | None = None

    @property
    def app(self) -> App:
        """Return the running bot."""
        assert self.bot.app, "the bot does not run"
        return self.bot.app

    @property
    def known(self) -> Mapping[str, str]:
        """Return nothing."""
        return {}

    async def up(self) -> None:
        """Start the bot unless it runs."""
        await self.bot.up()

    async def down(self) -> None:
        """End the bot, whatever it is doing."""
        await self.bot.down()

    async def heard(self) -> None:
        """Wait until the bot hears what people say."""
        await self.bot.heard()

    async def heard_out(self) -> None:
        """Wait until the bot dealt with everything that people said."""
        await self.bot.heard_out()


@dataclass
class StagePlace(WithBot):
    """A stage: the engine is scripted, the clock stands still until it is moved, everything else is real."""

    slack: SlackStandIn
    settings: Settings
    clock: Clock
    world: World
    engines: dict[str, Engine]
    bot: Bot
    jira: JiraStandIn | None = None
    disk: Disk = field(default_factory=Disk)
    pagerduty: PagerDutyStandIn | None = None
    statuspage: StatuspageStandIn | None = None
    alertmanager: AlertmanagerStandIn | None = None
    _tracker: AsyncExitStack = field(default_factory=AsyncExitStack)
    _pager: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def names(self) -> Mapping[str, str]:
        """Return a name for each address."""
        return {
            self.settings.door: "http://backstop",
            self.slack.url: "http://slack",
            self.settings.jira_url: "http://jira",
            "https://example.pagerduty.com": "http://pagerduty",
            "https://stspg.example": "http://status",
        }

    @property
    def masks(self) -> Mapping[str, str]:
        """Return nothing: the clock is a journey's own."""
        return {}

    @property
    def playbook(self) -> Path:
        """Return the file of the playbook."""
        return self.settings.home / "playbooks" / "restore.yaml"

    async def jira_up(self) -> None:
        """Start the tracker at its address."""
        port = int(self.settings.jira_url.rpartition(":")[2])
        jira = JiraStandIn(now=self.clock, port=port, cloud=bool(self.settings.jira_email))
        jira.token = _secret(self.settings)
        catalog = load_catalog((self.settings.home / "catalog.yaml").read_text(), "catalog.yaml")
        jira.site.people.update({name: person.email for name, person in catalog.people.items()})
        self.jira = await self._tracker.enter_async_context(jira)

    async def jira_down(self) -> None:
        """End the tracker."""
        self.jira = None
        await self._tracker.aclose()

    async def pager_up(self) -> None:
        """Start what pages people at its address, with what it knew."""
        before = self.pagerduty
        token = self.settings.pagerduty_token
        port = int(self.settings.pagerduty_url.rpartition(":")[2])
        made = account_of(self.clock, port=port, token=token.get_secret_value() if token else "")
        if before:
            made.records.incidents.update(before.records.incidents)
        made.subscribe(f"{self.settings.door}/pagerduty/events", PAGER_SECRET)
        self.pagerduty = await self._pager.enter_async_context(made)

    async def pager_down(self) -> None:
        """End what pages people; it forgets nothing."""
        await self._pager.aclose()

    async def settle(self) -> None:
        """Let five seconds pass in which everything happens that is due."""
        for seconds in (0, 1, 4):
            self.clock.advance(seconds)
            await self.bot.at_rest()
            if self.pagerduty:
                await self.pagerduty.courier.settled()
                await self.bot.at_rest()

    async def pass_time(self, seconds: float) -> None:
        """Let time pass, in which what is due happens in its order; what is looked at often, now and then."""
        end = self.clock() + timedelta(seconds=seconds)
        stride = timedelta(seconds=max(seconds / MOST_LOOKS, 5))
        while self.bot.app:
            await self.bot.at_rest()
            due = await self.app.timeline.effects.next_at(busy=())
            if due is None or due >= end:
                break
            self.clock.set(min(max(due, self.clock() + stride), end))
        self.clock.set(end)
        await self.bot.at_rest()


@asynccontextmanager
async def stage_place(
    home: Path,
    transport: Transport,
    *,
    paging: bool = False,
    publishing: bool = False,
    silencing: bool = False,
    datacenter: bool = False,
) -> AsyncIterator[StagePlace]:
    """Open a stage at 02:25, twenty minutes after damage began and with two recovery points before it.

    With `paging` there is a PagerDuty, with `publishing` a status page; the catalog names the service there.
    With `silencing` there is an Alertmanager, and the playbook wants silence. With `datacenter` the Jira is
    one.
    """
    clock = Clock()
    clock.advance(15 * 60)
    world = World(points=[point("P1", 0), point("P2", 5)], now=clock)
    catalog = paged(CATALOG) if paging else published(CATALOG) if publishing else CATALOG
    catalog = alerting(catalog) if silencing else catalog
    catalog += PIPELINE
    (home / "playbooks").mkdir(parents=True)
    (home / "catalog.yaml").write_text(catalog)
    (home / "playbooks" / "restore.yaml").write_text(PLAYBOOK + ("silence: true\n" if silencing else ""))
    known = load_catalog(catalog, "catalog.yaml").people
    people = {name: (str(person.slack), str(person.email)) for name, person in known.items()}
    people["dee"] = ("U0DEE", "dee@example.com")
    terms = Terms(patience=20.0, retries=(0.0, 0.0, 0.0))
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackStandIn(people, now=clock, terms=terms))
        slack.settle_bot("general")
        door, tracker, pager = (stack.enter_context(reserved()) for _ in range(3))
        more = {"jira_url": f"http://{LOOPBACK}:{port_of(tracker)}"}
        if datacenter:
            more |= {"jira_email": ""}
        if paging:
            more |= {"pagerduty_url": f"http://{LOOPBACK}:{port_of(pager)}", **PAGER}
        page = await stack.enter_async_context(page_of(clock)) if publishing else None
        if page:
            more |= {"statuspage_page": page.page, "statuspage_key": page.key, "statuspage_url": page.url}
        alerts = AlertmanagerStandIn(now=clock, token=ALERTS) if silencing else None
        if alerts:
            await stack.enter_async_context(alerts)
            more |= {"alertmanager_url": alerts.url, "alertmanager_secret": ALERTS}
        settings = settings_of(home, slack, transport, port_of(door), **more)
        if transport == "http":
            slack.deliver_over("http", f"{settings.door}/slack/events")
        engines: dict[str, Engine] = {"stage": StageEngine(world)}
        bot = Bot(settings, slack, clock, lambda connections: engines, partial(open_tracker, pauses=()))
        place = StagePlace(slack, settings, clock, world, engines, bot)
        place.statuspage, place.alertmanager = page, alerts
        stack.callback(place.disk.close)
        stack.push_async_callback(place.jira_down)
        stack.push_async_callback(place.pager_down)
        stack.push_async_callback(bot.down)
        await place.jira_up()
        if paging:
            await place.pager_up()
        yield place


def published(catalog: str) -> str:
    """Return a catalog with checkout on the status page."""
    service = "    title: Checkout\n"
    assert service in catalog
    return catalog.replace(service, f"{service}    status_component: {COMPONENT}\n")


def alerting(catalog: str) -> str:
    """Return a catalog that says which alerts are about its two targets; those of the shop are among them."""
    labels = {"orders-db": "service: checkout", "shop": "service: checkout, part: web"}
    for name, named in labels.items():
        target = f"  {name}: {{kind: stage, environment: production"
        assert target in catalog
        catalog = catalog.replace(target, f"{target}, alerts: {{{named}, environment: production}}")
    return catalog


def paged(catalog: str) -> str:
    """Return a catalog with checkout in PagerDuty, and bo on call for its databases."""
    service, group = "    title: Checkout\n", "  dba: {people: [bo]}\n"
    assert service in catalog
    assert group in catalog
    named = catalog.replace(
        service, f"{service}    pagerduty: {{service: PSHOP01, from_severity: 2, page: [dba]}}\n"
    )
    return named.replace(group, "  dba: {people: [bo], oncall: {escalation_policy: PDBA001}}\n")


def settings_of(home: Path, slack: SlackStandIn, transport: Transport, door: int, **more: object) -> Settings:
    """Return the settings of a bot in a workspace; it listens at the port `door`."""
    given: dict[str, object] = {
        "home": home,
        "port": door,
        "slack_mode": transport,
        "slack_api_url": slack.api_url,
        "slack_bot_token": slack.bot_token,
        "slack_app_token": slack.app_token,
        "slack_signing_secret": slack.signing_secret,
        "slack_team": slack.team_id,
        "slack_home_channel": slack.channel("general").id,
        "jira_email": "backstop@example.org",
        "jira_token": os.urandom(16).hex(),
        **more,
    }
    return Settings.model_validate(given)


def _secret(settings: Settings) -> str:
    assert settings.jira_token
    return settings.jira_token.get_secret_value()


def reserved() -> socket.socket:
    """Keep a port from everybody else; whoever it is meant for can listen on it all the same."""
    kept = socket.socket()
    kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    kept.bind((LOOPBACK, 0))
    return kept


def port_of(kept: socket.socket) -> int:
    """Return the port that is kept."""
    return int(kept.getsockname()[1])
