"""Everything Backstop needs around it, on loopback: Slack, Jira and the like, a shop, its runner, settings.

`surroundings` prepares them in one folder and ends every process it started. Nothing in it knows the bot:
hand `settings` to `bot.app.running`, or `environment` to a bot in a process of its own.
"""

from __future__ import annotations

import io
import os
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource
from ruamel.yaml import YAML

from bot.core.errors import Refused
from bot.sandbox import runner
from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.sandbox.jira import JiraStandIn
from bot.sandbox.shop.home import Home
from bot.sandbox.shop.keeper import Keeper
from bot.sandbox.slack import SlackStandIn, Terms
from bot.sandbox.statuspage import StatuspageStandIn
from bot.settings import Settings
from playbooks.catalog import Catalog, load_catalog
from playbooks.library import names, read

Transport = Literal["socket", "http"]

LOOPBACK = "127.0.0.1"
ROOM = "general"
COMPONENT = "checkout"
"""What customers know the service as, on the status page."""
PATIENT = Terms(patience=10)
"""Slack waits 3 s; one machine that is Slack, Jira, the shop and Backstop at once may need longer."""
REAL = (
    *("SLACK_BOT_TOKEN", "SLACK_APP_TOKEN", "SLACK_SIGNING_SECRET"),
    *("STATUSPAGE_KEY", "STATUSPAGE_API_KEY"),
    *("JIRA_TOKEN", "JIRA_API_TOKEN", "PAGERDUTY_TOKEN", "PAGERDUTY_API_TOKEN"),
)
"""What real accounts are reached with; each name also counts with BACKSTOP_ before it."""


def utc_now() -> datetime:
    """Return the moment."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """A workspace, a tracker, a shop and the like that are up, and the settings of a Backstop there."""

    home: Path
    slack: SlackStandIn
    jira: JiraStandIn
    customers: StatuspageStandIn
    alerts: AlertmanagerStandIn
    keeper: Keeper
    settings: Settings

    @property
    def shop(self) -> Home:
        """Return the shop's directory."""
        return self.keeper.home

    @property
    def runner_state(self) -> Path:
        """Return where the runner keeps its jobs."""
        return self.settings.home / "runner"

    def environment(self) -> dict[str, str]:
        """Return the variables that give a Backstop in another process the same settings."""
        given = self.settings.model_dump(exclude_unset=True)
        texts = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in given.items()
        }
        return {f"BACKSTOP_{name.upper()}": str(value) for name, value in texts.items()}


class _Given(Settings):
    """Settings of which nothing comes from the machine's environment."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


@asynccontextmanager
async def surroundings(
    home: Path,
    *,
    transport: Transport = "socket",
    now: Callable[[], datetime] = utc_now,
    database_url: str = "",
    environ: Mapping[str, str] = os.environ,
) -> AsyncIterator[Surroundings]:
    """Prepare an absolute folder, start everything beside the bot, and end it all when the block ends.

    Raises `Refused` where the environment holds tokens of real accounts.
    """
    refuse_beside_real_accounts(environ)
    people = _people(load_catalog(read("catalog.yaml"), "catalog.yaml"))
    async with AsyncExitStack() as stack:
        slack = await stack.enter_async_context(SlackStandIn(people, now=now, terms=PATIENT))
        slack.settle_bot(ROOM)
        jira = await stack.enter_async_context(JiraStandIn(now=now))
        customers = await stack.enter_async_context(StatuspageStandIn(now=now))
        customers.components[COMPONENT] = "operational"
        alerts = await stack.enter_async_context(AlertmanagerStandIn(now=now))
        keeper = await stack.enter_async_context(Keeper(Home(home / "shop")))
        furnish(home, keeper)
        port = stack.enter_context(_reserved())
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="backstop-")))
        near = _Neighbours(slack, jira, customers, alerts)
        settings = _settings(home, near, transport, port, sockets, database_url)
        if transport == "http":
            slack.deliver_over("http", f"{settings.door}/slack/events")
        around = Surroundings(home, slack, jira, customers, alerts, keeper, settings)
        await stack.enter_async_context(runner.running(settings, around.runner_state))
        yield around


def refuse_beside_real_accounts(environ: Mapping[str, str]) -> None:
    """Raise `Refused` when a token of a real account could be used by mistake."""
    found = [name for name in REAL for name in (name, f"BACKSTOP_{name}") if environ.get(name)]
    if found:
        raise Refused(
            f"{found[0]} is set, so real people could be reached from a sandbox. "
            f"Nothing was started; unset {', '.join(found)} and try again."
        )


def furnish(home: Path, keeper: Keeper) -> None:
    """Write the catalog, the playbooks and the runner's configuration of a sandbox into its folder."""
    (home / "playbooks").mkdir(parents=True, exist_ok=True)
    for name in names():
        (home / "playbooks" / name).write_text(read(name), encoding="utf-8")
    (home / "secrets").mkdir(exist_ok=True)
    runner.lab_of(home).with_suffix(".points").mkdir(parents=True, exist_ok=True)
    (home / "catalog.yaml").write_text(_catalog(keeper.url), encoding="utf-8")
    (home / "runner.toml").write_text(runner.configuration(home, keeper.home), encoding="utf-8")


def _catalog(shop: str) -> str:
    yaml = YAML()
    catalog = yaml.load(read("catalog.yaml"))
    catalog["targets"]["checkout"]["settings"]["url"] = shop
    for target in ("orders-db", "checkout"):
        catalog["targets"][target]["alerts"] = {"service": "checkout", "environment": "production"}
    catalog["services"]["checkout"]["status_component"] = COMPONENT
    text = io.StringIO()
    yaml.dump(catalog, text)
    return text.getvalue()


def _people(catalog: Catalog) -> dict[str, tuple[str, str]]:
    return {name: (person.slack, person.email) for name, person in catalog.people.items() if person.slack}


@dataclass(frozen=True, slots=True)
class _Neighbours:
    slack: SlackStandIn
    jira: JiraStandIn
    customers: StatuspageStandIn
    alerts: AlertmanagerStandIn


def _settings(
    home: Path, near: _Neighbours, transport: Transport, port: int, sockets: Path, database_url: str
) -> Settings:
    slack, jira, customers = near.slack, near.jira, near.customers
    return _Given(
        home=home,
        database_url=database_url,
        secrets_dir=home / "secrets",
        host=LOOPBACK,
        port=port,
        public_url=f"http://{LOOPBACK}:{port}",
        slack_mode=transport,
        slack_api_url=slack.api_url,
        slack_bot_token=SecretStr(slack.bot_token),
        slack_app_token=SecretStr(slack.app_token),
        slack_signing_secret=SecretStr(slack.signing_secret),
        slack_team=slack.team_id,
        slack_home_channel=slack.channel(ROOM).id,
        jira_url=jira.url,
        jira_email=jira.email,
        jira_token=SecretStr(jira.token),
        jira_project=jira.project,
        statuspage_page=customers.page,
        statuspage_key=SecretStr(customers.key),
        statuspage_url=customers.url,
        alertmanager_url=near.alerts.url,
        # A unix socket's path is short, and that of a home may not be.
        runner_socket=sockets / "runner.sock",
        runner_config=home / "runner.toml",
    )


@contextmanager
def _reserved() -> Iterator[int]:
    # Bound but never listening: the bot can listen on the port, before and after a restart, and nobody else
    # is given it meanwhile.
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((LOOPBACK, 0))
        yield place.getsockname()[1]
