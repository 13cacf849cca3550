"""A whole Backstop among stand-ins: the real bot, runner and shop, and what is around them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.app import App, running
from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.sandbox.jira import JiraStandIn
from bot.sandbox.shop.home import Home
from bot.sandbox.shop.keeper import Keeper
from bot.sandbox.slack import SlackStandIn
from bot.sandbox.statuspage import StatuspageStandIn
from bot.sandbox.surroundings import Surroundings, Transport, surroundings, utc_now
from bot.settings import Settings


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A running Backstop and everything around it."""

    around: Surroundings
    app: App

    @property
    def slack(self) -> SlackStandIn:
        """Return the workspace."""
        return self.around.slack

    @property
    def jira(self) -> JiraStandIn:
        """Return the tracker."""
        return self.around.jira

    @property
    def customers(self) -> StatuspageStandIn:
        """Return what customers read."""
        return self.around.customers

    @property
    def alerts(self) -> AlertmanagerStandIn:
        """Return who calls people, and whom silences stop from that."""
        return self.around.alerts

    @property
    def shop(self) -> Home:
        """Return the shop's directory."""
        return self.around.shop

    @property
    def keeper(self) -> Keeper:
        """Return who runs the shop's commands."""
        return self.around.keeper

    @property
    def settings(self) -> Settings:
        """Return the settings."""
        return self.around.settings


@asynccontextmanager
async def sandbox(
    home: Path,
    *,
    transport: Transport = "socket",
    now: Callable[[], datetime] = utc_now,
    database_url: str = "",
    environ: Mapping[str, str] = os.environ,
) -> AsyncIterator[Sandbox]:
    """Run everything in an absolute folder until the block ends; no process outlives it.

    Raises `Refused` where the environment holds tokens of real accounts.
    """
    async with (
        surroundings(
            home, transport=transport, now=now, database_url=database_url, environ=environ
        ) as around,
        running_in(around, now=now) as box,
    ):
        yield box


@asynccontextmanager
async def running_in(
    around: Surroundings, *, now: Callable[[], datetime] = utc_now
) -> AsyncIterator[Sandbox]:
    """Run the bot alone in surroundings that stay; it can be ended and run again."""
    async with running(around.settings, now=now) as app:
        if around.settings.slack_mode == "socket":
            await around.slack.connected()
        yield Sandbox(around, app)


@contextmanager
def folder(chosen: Path | None, prefix: str) -> Iterator[Path]:
    """Give an absolute folder to work in: the chosen one, or a temporary one that goes with the block."""
    if chosen is not None:
        chosen.mkdir(parents=True, exist_ok=True)
        yield chosen.absolute()
        return
    with tempfile.TemporaryDirectory(prefix=prefix) as made:
        yield Path(made)
