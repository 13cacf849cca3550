"""The bodies of requests and answers. `/openapi.json` is drawn from these classes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StrictBool,
    StringConstraints,
)

from bot.core.events import ChangeType, ReleaseRecorded, Scope
from bot.core.incident import Incident
from bot.core.release import kept_out
from bot.core.run import Run

KINDS = ("deploy", "migration", "config", "scaling", "retention", "backup")


def _artifact(text: str) -> str:
    if why := kept_out(text):
        raise ValueError(f"it is not kept, because {why}")
    return text


ChangeKind = Literal["deploy", "migration", "config", "scaling", "retention", "backup"]
Named = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Unnamed = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")]
Sha = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/+-]{0,200}$")]
Commit = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:/+-]{1,200}$")]
Address = Annotated[str, StringConstraints(pattern=r"^(https?://[\x21-\x7e]{1,2000})?$")]
Artifact = Annotated[
    str,
    StringConstraints(pattern=r"^[\x21-\x7e]{1,500}$"),
    # What is not kept, for those who read the description alone; whoever sends it is told why.
    Field(json_schema_extra={"not": {"pattern": r"^[hH][tT][tT][pP]:|@(?!sha256:[0-9a-f]{64}$)|[?#\[\]]"}}),
    AfterValidator(_artifact),
]
Key = Annotated[str, StringConstraints(pattern=r"^[\x21-\x7e]{1,128}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,40}$")]


class Body(BaseModel):
    """What is sent or answered: frozen, and closed to fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Problem(Body):
    """What is wrong, and what to do next."""

    error: str
    what_next: str


class Question(Body):
    """May this change happen now? With `deny_as=200` a no has status 200, for callers that read bodies."""

    service: Named
    environment: Named
    kind: ChangeKind = "deploy"
    sha: Sha = ""
    actor: Unnamed = ""
    run_url: Address = ""
    deny_as: Literal["200"] | None = None


class Told(BaseModel):
    """What others tell may grow: fields that are not read are let through."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Alert(Told):
    """One alert of a group; the year 1 in `startsAt` means that nobody knows."""

    status: Literal["firing", "resolved"]
    startsAt: AwareDatetime | None = None  # noqa: N815 - as it is sent

    @property
    def began(self) -> datetime | None:
        """Return since when it fires, if that is known."""
        return self.startsAt if self.startsAt and self.startsAt.year > 1 else None


class Alerts(Told):
    """A group of alerts as Alertmanager (webhook version 4) and Grafana send it."""

    groupKey: Annotated[str, StringConstraints(min_length=1, max_length=10_000)]  # noqa: N815
    receiver: Annotated[str, StringConstraints(max_length=1_000)] = ""
    groupLabels: Mapping[str, str] = {}  # noqa: N815
    commonLabels: Mapping[str, str] = {}  # noqa: N815
    commonAnnotations: Mapping[str, str] = {}  # noqa: N815
    externalURL: str = ""  # noqa: N815
    alerts: Annotated[tuple[Alert, ...], Field(max_length=2_000)]


class Heard(Body):
    """The group that its one message is about."""

    group: str


class Allowed(Body):
    """Nothing stops the change; `passed` are the freezes an exception lets it through. Ask again later."""

    decision: Literal["allow"] = "allow"
    checked_at: AwareDatetime
    good_for_s: int = 30
    passed: tuple[str, ...] = ()


class Stopping(Body):
    """A freeze, why it is there, who placed it and since when."""

    id: str
    cause: Literal["manual", "incident", "run", "calendar"]
    reason: str
    placed_by: str
    since: AwareDatetime
    until: AwareDatetime | None
    incident_url: str | None


class Ways(Body):
    """How to ask for an exception."""

    slack: str
    cli: str
    url: str


class Denied(Body):
    """Freezes stop the change; `next_transition` is when the first of them is known to end, or null."""

    decision: Literal["deny"] = "deny"
    checked_at: AwareDatetime
    next_transition: AwareDatetime | None
    retry_after_s: int
    freezes: tuple[Stopping, ...]
    ask: Ways


class Unknown(Body):
    """Nobody can say whether the change may happen; whoever asks must not take it for a yes."""

    decision: Literal["unknown"] = "unknown"
    code: Literal["unknown_service", "unknown_environment", "unreadable"]
    error: str
    what_next: str


class Line(Body):
    """One line as people type it, without the bot's name; `delivery` makes asking again safe."""

    line: Annotated[str, StringConstraints(max_length=200_000)]
    delivery: Key | None = None
    channel: ChannelId | None = None


class Said(Body):
    """What came of a line. Not `ok` means that it was refused and nothing was changed; `text` says why."""

    ok: bool
    text: str
    document: JsonValue
    data: dict[str, JsonValue]


def _written(at: object) -> object:
    if not isinstance(at, str):
        raise ValueError("a moment is written, as 2026-11-23T02:10:00Z")
    return at


class Migration(Body):
    """A change of the schema that a release brings, and whether it can be taken back; null is not known."""

    name: Named
    reversible: StrictBool | None = None


class Release(Body):
    """A version that was put into an environment, or another change of a service there.

    `migrations` is [] where there were none; left out, nobody said. `artifact` is where the version can be
    had: an image, or an address without a query. `previous` is the version it replaced, `at` when it was.
    """

    service: Named
    environment: Named
    version: Named
    commit: Commit | None = None
    strategy: Literal["canary", "blue_green", "rolling"] | None = None
    change: ChangeType = "code"
    migrations: Annotated[tuple[Named | Migration, ...], Field(max_length=200)] | None = None
    components: Annotated[tuple[Named, ...], Field(max_length=200)] = ()
    artifact: Artifact | None = None
    previous: Named | None = None
    at: Annotated[AwareDatetime, BeforeValidator(_written)] | None = None
    out_of_pipeline: StrictBool = False

    @property
    def told(self) -> ReleaseRecorded:
        """Return it as the timeline keeps it."""
        migrations = [
            Migration(name=each) if isinstance(each, str) else each for each in self.migrations or ()
        ]
        tags = {each.name: each.reversible for each in migrations if each.reversible is not None}
        return ReleaseRecorded(
            version=self.version,
            environment=self.environment.lower(),
            commit=self.commit,
            strategy=self.strategy,
            migrations=tuple(each.name for each in migrations),
            change=self.change,
            reversible=None if self.migrations is None else tags,
            components=self.components,
            artifact=self.artifact,
            previous=self.previous,
            out_of_pipeline=self.out_of_pipeline,
        )


class Recorded(Body):
    """The release as it is on the timeline; `recorded` is False when it was there already.

    `corrected` is True when the version was there already and something else was said of it. `note` says
    that its moment lay ahead of the clock here and was taken as now.
    """

    recorded: bool
    service: str
    environment: str
    version: str
    corrected: bool = False
    note: str = ""


class Frozen(Stopping):
    """A freeze that is in force, with what it stops."""

    scope: Scope
    review_at: AwareDatetime | None


class Freezes(Body):
    """The freezes in force, oldest first."""

    freezes: tuple[Frozen, ...]


class IncidentRead(Body):
    """An incident as it stands, its card as text and as a document, and its runs and freezes by id."""

    incident: Incident
    runs: tuple[str, ...]
    freezes: tuple[str, ...]
    text: str
    document: JsonValue


class RunRead(Body):
    """A run as it stands with its plan, and what people read of both."""

    state: str
    over: bool
    run: Run
    text: str
    document: JsonValue


class TimelineEntry(Body):
    """One entry of the timeline, in words and whole."""

    stream: str
    seq: int
    occurred_at: AwareDatetime
    recorded_at: AwareDatetime
    by: str
    via: str
    text: str
    evidence: str | None = None
    event: dict[str, JsonValue] | None


class Health(Body):
    """How the parts are, a word each; a sentence stands behind `silent`."""

    ok: bool
    parts: dict[str, str]
