"""Every setting, its default and its environment variable; no setting is read anywhere else."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from integrations.ssh import Address

_PREFIX = "BACKSTOP_"
_CHOICE = re.compile(r"\^\(([a-z|]+)\)\$")
"""A pattern that is a choice between words."""


def _secret_files() -> Path | None:
    """Where container platforms mount secrets, each a file such as backstop_jira_token."""
    folder = Path("/run/secrets")
    return folder if folder.is_dir() else None


def _by_name(value: object) -> object:
    """Read JSON here: what the settings themselves cannot read would be no error of one setting."""
    try:
        named = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        raise ValueError('write names and places as JSON: {"db-eu-1": "ssh://backstop@db-eu-1"}') from None
    if not isinstance(named, dict):
        return named
    return {name: _place(at) for name, at in named.items()}


def _place(at: object) -> object:
    return Address.parse(at) if isinstance(at, str) and "://" in at else at


class Settings(BaseSettings):
    """Settings come from variables named BACKSTOP_…, or from files of the same lower-case name."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, extra="forbid", frozen=True, secrets_dir=_secret_files()
    )

    home: Path = Field(default=Path(".backstop"), description="Where Backstop keeps its files.")
    database_url: str = Field(
        default="", description="The database; a SQLite file in the home unless it says otherwise."
    )
    catalog: Path | None = Field(
        default=None, description="The catalog; catalog.yaml in the home unless it says otherwise."
    )
    playbooks: Path | None = Field(
        default=None, description="The folder of playbooks; playbooks/ in the home unless it says otherwise."
    )
    criteria: Path | None = Field(
        default=None, description="The decision criteria; the ones that come with Backstop unless set."
    )
    secrets_dir: Path | None = Field(
        default=None, description="A folder with one file for each secret that calls of HTTP engines name."
    )
    host: str = Field(default="127.0.0.1", description="The address the HTTP door listens on.")
    port: int = Field(
        default=8080, ge=0, le=65_535, description="The port the HTTP door listens on; 0 takes a free one."
    )
    public_url: str = Field(
        default="", description="How people reach the HTTP door; http://host:port unless set."
    )
    slack_mode: str = Field(
        default="socket", pattern="^(socket|http|off)$", description="How Slack talks to Backstop."
    )
    slack_api_url: str = Field(
        default="https://slack.com/api/", description="Where Slack's Web API is; for stand-ins and proxies."
    )
    slack_bot_token: SecretStr | None = Field(default=None, description="The bot token, xoxb-…")
    slack_app_token: SecretStr | None = Field(
        default=None, description="The app-level token, xapp-…; needed in socket mode."
    )
    slack_signing_secret: SecretStr | None = Field(
        default=None, description="The signing secret; needed in http mode."
    )
    slack_team: str = Field(
        default="", description="The home team's id; people of other teams cannot write or approve."
    )
    slack_command: str = Field(default="/backstop", description="The slash command's name.")
    slack_home_channel: str = Field(
        default="", description="A channel id for what belongs to no incident, as freezes placed by hand."
    )
    slack_capture: str = Field(
        default="pushpin",
        pattern="^[a-z0-9_+'-]*$",
        description="The reaction that adds a message to the timeline of its incident; none if empty.",
    )
    slack_rooms: str = Field(
        default="channel",
        pattern="^(channel|thread)$",
        description="Whether an incident gets a channel of its own or a thread of the home channel.",
    )
    jira_url: str = Field(default="", description="The Jira site; without it post-mortems go to files only.")
    jira_site_url: str = Field(
        default="", description="Where people browse issues; the Jira site unless that is api.atlassian.com."
    )
    jira_email: str = Field(
        default="", description="The account that writes to Jira Cloud; unset, the Jira is Data Center."
    )
    jira_token: SecretStr | None = Field(
        default=None, description="That account's API token, or for Jira Data Center a personal access token."
    )
    jira_project: str = Field(default="OPS", description="The project in which incidents are recorded.")
    jira_issue_type: str = Field(default="Task", description="The type of the issue of an incident.")
    jira_link_type: str = Field(
        default="Relates",
        description="The kind of link from an incident's issue to its actions and its change.",
    )
    pagerduty_url: str = Field(
        default="https://api.pagerduty.com",
        description="PagerDuty's API; https://api.eu.pagerduty.com for accounts in the EU.",
    )
    pagerduty_token: SecretStr | None = Field(
        default=None, description="A PagerDuty API token that may write; without it nobody is paged."
    )
    pagerduty_from: str = Field(
        default="", description="The e-mail of a PagerDuty user; everything written there names them."
    )
    pagerduty_webhook_secrets: SecretStr | None = Field(
        default=None,
        description="The secret of PagerDuty's webhook subscription; two, with a comma, while one replaces "
        "the other. Without one nothing is heard from there.",
    )
    out: Path | None = Field(
        default=None, description="Where post-mortems are written as files; out/ in the home unless set."
    )
    runner_socket: Path | None = Field(
        default=None, description="The runner's socket; runner.sock in the home unless it says otherwise."
    )
    runner_config: Path | None = Field(
        default=None, description="The runner's configuration; runner.toml in the home unless set."
    )
    runners: Annotated[dict[str, Address | Path], NoDecode, BeforeValidator(_by_name)] = Field(
        default={},
        description="Other runners by the name targets give as `runner`, each an SSH address or a socket, as "
        'JSON: {"db-eu-1": "ssh://backstop@db-eu-1:22"}. `local` is the one of BACKSTOP_RUNNER_SOCKET.',
    )
    ssh_key: Path | None = Field(
        default=None, description="The private key for runners over SSH; ssh_key in the home unless set."
    )
    ssh_known_hosts: Path | None = Field(
        default=None,
        description="The keys of the hosts of runners, as ssh-keyscan writes them; known_hosts in the home "
        "unless set. A host that is not in it is not spoken to.",
    )
    statuspage_page: str = Field(
        default="", description="The id of the page of Statuspage on which customers read of incidents."
    )
    statuspage_key: SecretStr | None = Field(
        default=None, description="An API key of Statuspage that may write to that page."
    )
    statuspage_url: str = Field(
        default="https://api.statuspage.io", description="Statuspage's API; for stand-ins and proxies."
    )
    status_webhook_url: SecretStr | None = Field(
        default=None,
        description="Where what customers are told is sent as a CloudEvent, for other status pages.",
    )
    status_webhook_secret: SecretStr | None = Field(
        default=None,
        description="Signs what is sent there, as Standard Webhooks has it: whsec_… or any text.",
    )
    alertmanager_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s@]+)?$",
        description="The Alertmanager in which alerts are silent while a run wants it, as http://host:9093.",
    )
    alertmanager_user: str = Field(
        default="", description="The name for that Alertmanager; unset, the secret is a bearer token."
    )
    alertmanager_secret: SecretStr | None = Field(
        default=None, description="The password of that name, or a bearer token, if it wants one."
    )
    audit_webhook_url: SecretStr | None = Field(
        default=None,
        description="Where every entry of the timeline is sent as a CloudEvent, if anywhere.",
    )
    audit_webhook_secret: SecretStr | None = Field(
        default=None,
        description="Signs what is sent there, as Standard Webhooks has it: whsec_… or any text.",
    )
    audit_syslog: str = Field(
        default="",
        pattern=r"^([^\s:/]+(:[0-9]{1,5})?)?$",
        description="The collector that gets every entry by syslog over TLS, as host or host:6514.",
    )
    audit_syslog_ca: Path | None = Field(
        default=None,
        description="Who vouches for the collector, as PEM; those this machine trusts unless set.",
    )
    audit_syslog_certificate: Path | None = Field(
        default=None, description="The certificate to show to the collector, as PEM, if it wants one."
    )
    audit_syslog_key: Path | None = Field(
        default=None, description="The key of that certificate; in the same file unless set."
    )
    audit_enterprise_number: int = Field(
        default=32473,
        ge=1,
        description="Your private enterprise number, under which syslog names its fields; the one for "
        "examples unless set.",
    )
    url: str = Field(default="", description="For the command line: the HTTP door to talk to.")
    token: SecretStr | None = Field(default=None, description="For the command line: your API token.")

    @property
    def database(self) -> str:
        """Return the database's URL."""
        return self.database_url or f"sqlite+aiosqlite:///{self.home.absolute()}/backstop.db"

    @property
    def console(self) -> str:
        """Return where people reach the pages of the HTTP door, or nothing where that was not said."""
        return self.public_url.rstrip("/")

    @property
    def door(self) -> str:
        """Return how people and pipelines reach the HTTP door."""
        return self.console or f"http://{self.host}:{self.port}"

    @property
    def pagerduty_secrets(self) -> tuple[str, ...]:
        """Return the secrets that sign what PagerDuty tells now."""
        given = self.pagerduty_webhook_secrets.get_secret_value() if self.pagerduty_webhook_secrets else ""
        return tuple(secret for part in given.split(",") if (secret := part.strip()))

    def file(self, chosen: Path | None, name: str) -> Path:
        """Return the chosen path, or the one of that name in the home."""
        return chosen or self.home / name


def say_wrong(invalid: ValidationError) -> str:
    """Return the sentence that names the settings that cannot be used; their values are not repeated."""
    each = "; ".join(f"{name} {says}" for name, says in wrong(invalid).items())
    return f"The settings are wrong: {each}. `backstop doctor` says more."


def wrong(invalid: ValidationError) -> Mapping[str, str]:
    """Return what is wrong with each setting that cannot be used, by its variable; no value is repeated."""
    found: dict[str, str] = {}
    for error in invalid.errors(include_input=False, include_url=False):
        found.setdefault(f"{_PREFIX}{str(error['loc'][0]).upper()}", _says(error))
    return found


def belongs(variable: str) -> str:
    """Return what belongs in a variable, and what holds without it."""
    field = Settings.model_fields[variable.removeprefix(_PREFIX).lower()]
    unset = f" Unset, it is {field.default}." if field.default else ""
    return f"What belongs there: {field.description}{unset}"


def _says(error: ErrorDetails) -> str:
    """Return what is wrong in our own words; the library's are for whoever writes programs."""
    told = error.get("ctx", {})
    match error["type"]:
        case "int_parsing":
            return "is no whole number"
        case "greater_than_equal":
            return f"is less than {told['ge']}"
        case "less_than_equal":
            return f"is more than {told['le']}"
        case "string_pattern_mismatch" if choice := _CHOICE.fullmatch(str(told["pattern"])):
            return f"is none of {choice[1].replace('|', ', ')}"
        case "value_error":
            return f"cannot be read: {told['error']}"
        case _:
            return "is not written as it has to be"
