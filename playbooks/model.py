"""A playbook as it is written: which backups, in what order, by whom, with whose yes.

Every key of the YAML is a field here; `python -m playbooks.schema` draws the schema for editors from it.
Names that nothing has are found by `names.py`, what else one field says of another (no doubles, no circles)
by `consistency.py`, and what is unwise by `lint/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, JsonValue, StrictBool, StringConstraints

from integrations.contract import Effect
from playbooks.criteria.conditions import Written
from playbooks.durations import Duration, Lasting
from playbooks.moments import Cron, Zone
from playbooks.references import parse_suggestion
from playbooks.validate import Part
from playbooks.words import Name, Option, Sentence

Operation = Annotated[str, StringConstraints(pattern=r"^person$|^[a-z][a-z0-9-]*\.[a-z][a-z0-9_]*$")]
Count = Annotated[int, Field(strict=True, ge=1, le=20)]


def _day(text: str) -> str:
    date.fromisoformat(text)
    return text


Day = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_day)]


class Metadata(Part):
    """Whose playbook it is, and when somebody last read it with care; for its readers."""

    name: Name
    title: Sentence
    owner: Name
    reviewed: Day
    review_every: Lasting = timedelta(days=90)
    derived_from: Name | None = None


class AppliesTo(Part):
    """Where the playbook may be used; empty services or environments mean any."""

    services: tuple[Name, ...] = ()
    environments: tuple[Name, ...] = ()
    releases: tuple[str, ...] = ()
    deployment: Literal["canary", "blue_green", "rolling"] | None = None

    def covers(self, service: str, environment: str) -> bool:
        """Say whether the playbook may be used for a service in an environment."""
        return service in (self.services or (service,)) and environment in (
            self.environments or (environment,)
        )


class Objectives(Part):
    """How long recovery may take and how much may be lost; what is not said comes from the service's tier."""

    rto: Lasting | None = None
    rpo: Duration | None = None
    decide_within: Duration | None = None


class Role(Part):
    """Who holds a role, looked up when it is needed; all that are named count together.

    When nobody but the requester holds it, the holders of `substitute`, another role, stand in.
    """

    incident: Literal["commander", "ops", "comms", "scribe"] | None = None
    group: Name | None = None
    slack_group: Annotated[str, StringConstraints(pattern=r"^S[A-Z0-9]+$")] | None = None
    pagerduty: Annotated[str, StringConstraints(pattern=r"^P[A-Z0-9]+$")] | None = None
    people: tuple[Name, ...] = ()
    substitute: Name | None = None


def _suggestion(text: str) -> str:
    parse_suggestion(text)
    return text


class Input(Part):
    """A value a person gives before the plan is made; instants need a zone, `secret-ref` is only a name."""

    type: Literal["instant", "release", "text", "number", "choice", "secret-ref"]
    ask: Sentence
    suggest: Annotated[str, AfterValidator(_suggestion)] | None = None
    choices: tuple[str, ...] = ()


class Select(Part):
    """The rule that chooses a recovery point; what fails a requirement is shown and not chosen.

    `pitr` replays a log up to one of `before`, `marker`, `lsn` or `xid` (up to just before that transaction);
    `previous` is the revision before the current one.
    """

    strategy: Literal["pitr", "latest_before", "latest_verified", "exact", "previous"]
    before: str | None = None
    marker: str | None = None
    lsn: str | None = None
    xid: str | None = None
    point: str | None = None
    max_age: Lasting | None = None
    require: tuple[Literal["verified", "log_continuous", "drilled", "immutable"], ...] = ()


class Source(Part):
    """Which backups. Settings under `with` complete those of the catalog's source of the same id."""

    id: Name
    engine: Name
    settings: Mapping[str, JsonValue] = Field(default_factory=dict, alias="with")
    select: Select
    hold: StrictBool = True
    fallback: Name | None = None


class Target(Part):
    """What is acted on; how to reach it stands in the catalog. Drills touch only isolated targets."""

    kind: Name
    environment: Name
    isolated: StrictBool = False


ChangeKind = Literal["deploy", "migration", "config", "scaling", "retention", "backup"]


class Freeze(Part):
    """What nobody may change while the run lasts, and how that ends."""

    services: tuple[Name, ...]
    environments: tuple[Name, ...]
    kinds: tuple[ChangeKind, ...] = ("deploy", "migration", "config")
    lift: Literal["by_hand", "with_run", "at_until"] = "by_hand"
    at_most: Lasting | None = None


class Quorum(Part):
    """How many different people of a role must say yes."""

    role: Name
    min: Count = 1


class Approval(Part):
    """The yes a step waits for: different people, never the requester, and one no stops it.

    `expires` limits the gathering, `valid_for` the time until the step. `break_glass` lets one role go
    without the others for a written reason; it is loud and reviewed afterwards.
    """

    require: Annotated[tuple[Quorum, ...], Field(min_length=1)]
    expires: Lasting = timedelta(minutes=30)
    valid_for: Lasting = timedelta(hours=4)
    break_glass: Quorum | None = None


class Retry(Part):
    """How often a step is started again by itself, how long after it failed, and after what.

    `transient` is a failure, `timeout` that it took too long. What was refused is never tried again.
    """

    max: Annotated[int, Field(strict=True, ge=0, le=10)] = 0
    backoff: Duration = timedelta(seconds=10)
    on: tuple[Literal["transient", "timeout"], ...] = ("transient",)


class OnFailure(Part):
    """What happens when a step fails: people are asked, the run ends, goes on, or takes another source."""

    then: Literal["pause", "abort", "continue", "fallback"] = "pause"
    fallback: Name | None = None


class Action(Part):
    """One operation of an engine with its parameters."""

    uses: Operation
    params: Mapping[str, JsonValue] = Field(default_factory=dict, alias="with")

    @property
    def operation(self) -> str:
        """Return the full name of the operation: `person` alone means `person.do`."""
        return "person.do" if self.uses == "person" else self.uses

    @property
    def engine(self) -> str:
        """Return the name of the engine the operation belongs to."""
        return self.operation.partition(".")[0]


class Check(Action):
    """A question to a machine whose answer is yes or no; a `block` check must be yes.

    It is asked again until it is, for the time `within`: without it a check of a step is asked once, and one
    at the end for as long as its `timeout`.
    """

    id: Name
    severity: Literal["block", "warn"] = "block"
    timeout: Lasting = timedelta(seconds=60)
    within: Lasting | None = None


class Person(Part):
    """Work without a machine: what to do, what to confirm, and what is kept as evidence."""

    do: Annotated[tuple[Sentence, ...], Field(min_length=1)]
    confirm: tuple[Sentence, ...] = ()
    evidence: tuple[Literal["link", "number", "text"], ...] = ()


class StepDrill(Part):
    """What is different about a step in a drill."""

    skip: StrictBool = False
    params: Mapping[str, JsonValue] | None = Field(default=None, alias="with")


class Step(Action):
    """One act, by one role. It waits for the step above unless `needs` says otherwise.

    `stops_writers` marks the step after whose end nothing writes to the data any more. `keep: none`
    with a reason says that no copy of the damaged data is kept before it is overwritten. A `warm` step makes
    a copy ready beside its target: it may be carried out before the run is started, and its undo removes it.
    """

    id: Name
    title: Sentence
    by: Name
    effect: Effect
    estimate: Duration
    timeout: Lasting
    source: Name | None = None
    needs: tuple[Name, ...] | None = None
    touches: tuple[Name, ...] = ()
    approval: Name | None = None
    no_way_back: StrictBool = False
    stops_writers: StrictBool = False
    warm: StrictBool = False
    keep: Literal["none"] | None = None
    because: Sentence | None = None
    heartbeat: Lasting = timedelta(seconds=90)
    idempotency: Literal["key", "probe", "none"] = "key"
    retry: Retry = Retry()
    on_failure: OnFailure = OnFailure()
    undo: Action | None = None
    when: Written | None = None
    limit: Name | None = None
    verify: tuple[Check, ...] = ()
    person: Person | None = None
    drill: StepDrill = StepDrill()

    @property
    def manual(self) -> bool:
        """Say whether a person carries the step out."""
        return self.operation == "person.do"

    @property
    def target(self) -> str | None:
        """Return what the operation acts on: `target` in `with`, else the only target it touches."""
        return target_of(self) or (self.touches[0] if len(self.touches) == 1 else None)


def target_of(action: Action) -> str | None:
    """Return the target that an action names in its `with`, or None."""
    named = action.params.get("target")
    return named if isinstance(named, str) else None


def parameters(action: Action) -> dict[str, JsonValue]:
    """Return what `with` gives to the operation itself: everything but the target."""
    return {name: value for name, value in action.params.items() if name != "target"}


class Fallback(Part):
    """Another playbook to change to, and the role that decides it: it is named where people are asked."""

    when: Literal["source_unusable", "target_unusable", "out_of_time", "step_failed"]
    use: Name
    ask: Name


class Updates(Part):
    """How often people are told, and who."""

    every: Lasting
    audience: tuple[Name, ...] = ("incident",)


class CleanUp(Action):
    """One operation that puts a stand-in back as it was before a drill; doing it twice must do no harm."""

    id: Name
    title: Sentence
    timeout: Lasting = timedelta(minutes=10)


class Drill(Part):
    """How the playbook is rehearsed: the stand-in of each target, and when. Drills are always cleaned up.

    The checks of `isolation` must pass before the first step; `cleanup` follows the undo of the steps. Each
    moment of `schedule` opens a maintenance window, in which a drill is carried out at most once; with
    `after: major` only `within` so long after a major release, until one was rehearsed.
    """

    targets: Mapping[Name, Name]
    isolation: tuple[Check, ...] = ()
    cleanup: tuple[CleanUp, ...] = ()
    schedule: Cron | None = None
    zone: Zone = "UTC"
    window: Lasting = timedelta(hours=2)
    after: Literal["major"] | None = None
    within: Lasting = timedelta(days=7)
    at_most: Lasting | None = None
    keep_for: Lasting | None = None


class Playbook(Part):
    """The pre-staged plan of one recovery.

    With `warm` its warm steps are carried out as soon as it is planned, which Backstop does by itself when an
    incident it applies to is declared. With `silence` the alerts that the catalog names for its targets are
    silent in Alertmanager while it acts.
    """

    version: Literal["backstop/playbook/1"] = Field(alias="schema")
    metadata: Metadata
    options: Annotated[tuple[Option, ...], Field(min_length=1)]
    applies_to: AppliesTo
    objectives: Objectives = Objectives()
    roles: Mapping[Name, Role]
    inputs: Mapping[Name, Input] = Field(default_factory=dict)
    sources: tuple[Source, ...] = ()
    targets: Mapping[Name, Target] = Field(default_factory=dict)
    freeze: Freeze | None = None
    approvals: Mapping[Name, Approval] = Field(default_factory=dict)
    limits: Mapping[Name, Count] = Field(default_factory=dict)
    steps: Annotated[tuple[Step, ...], Field(min_length=1)]
    verify: tuple[Check, ...] = ()
    fallbacks: tuple[Fallback, ...] = ()
    updates: Updates | None = None
    at_most: Lasting | None = None
    warm: StrictBool = False
    silence: StrictBool = False
    drill: Drill | None = None

    @property
    def name(self) -> str:
        """Return the name people type."""
        return self.metadata.name

    def step(self, id: str) -> Step | None:
        """Return the step of an id, or None."""
        return next((step for step in self.steps if step.id == id), None)

    def source(self, id: str) -> Source | None:
        """Return the source of an id, or None."""
        return next((source for source in self.sources if source.id == id), None)

    def needs(self, step: Step) -> tuple[str, ...]:
        """Return the ids a step waits for: those it names, else the step above."""
        if step.needs is not None:
            return step.needs
        place = self.steps.index(step)
        return (self.steps[place - 1].id,) if place else ()

    def before(self, step: Step) -> tuple[Step, ...]:
        """Return all steps that are over before a step starts, in the order of the file."""
        over: set[str] = set()
        waiting = [*self.needs(step)]
        while waiting:
            found = self.step(waiting.pop())
            if found is not None and found.id not in over:
                over.add(found.id)
                waiting.extend(self.needs(found))
        return tuple(found for found in self.steps if found.id in over)

    def as_json(self) -> dict[str, JsonValue]:
        """Return the playbook as the JSON a run keeps; what has its default is left out."""
        kept: dict[str, JsonValue] = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return kept


def content_hash(playbook: Playbook) -> str:
    """Return the sha256 of a playbook's content; comments and written defaults do not count."""
    text = json.dumps(playbook.as_json(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
