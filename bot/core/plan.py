"""A plan is a playbook resolved against now; people approve its hash.

The hash covers what would be done to what: playbook, inputs, recovery points, target identities,
commands, approval rules, freezes placed and passed. Estimates, people's names and clocks stay out,
so that waiting does not void an approval and changing the act always does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, assert_never

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from bot.core.document import utc
from bot.core.estimate import Expected
from bot.core.recovered import Recovered
from bot.core.words import sentence
from integrations.contract import (
    BeforeXid,
    Cancel,
    Effect,
    Estimate,
    Goal,
    Json,
    RecoveryPoint,
    Repeat,
    ToLsn,
    ToMarker,
    ToPoint,
    ToRevision,
    ToTime,
)


class Part(BaseModel):
    """A value inside a plan."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class RefusedPoint(Part):
    """A recovery point that was looked at and not chosen."""

    point: RecoveryPoint
    because: str


class PlannedSource(Part):
    """Where the data comes back from: the chosen recovery point, and why the others were not chosen.

    `goal` is up to where a log is replayed on top of the point, and `reaches` the moment of that. `caution`
    is what whoever approves must know besides.
    """

    id: str
    engine: str
    point: RecoveryPoint | None
    because: str
    refused: tuple[RefusedPoint, ...] = ()
    hold: bool = True
    settings: Mapping[str, Json] = Field(default_factory=dict)
    goal: Annotated[Goal, Field(discriminator="kind")] | None = None
    reaches: AwareDatetime | None = None
    caution: str = ""

    @property
    def moment(self) -> datetime | None:
        """Return the moment whose state comes back: where the log ends, else when the point was finished."""
        return self.reaches or (self.point.finished_at if self.point else None)


class PlannedTarget(Part):
    """What is acted on, as it was when planned: which one, what was `made`, which `server` it is of.

    `recovered` are the runs that recovered it before, in order.
    """

    name: str
    kind: str
    environment: str
    identity: str
    made: str = ""
    server: str = ""
    whole: bool = False
    isolated: bool = False
    stands_for: str | None = None
    recovered: tuple[Recovered, ...] = ()
    settings: Mapping[str, Json] = Field(default_factory=dict)


class PlannedCall(Part):
    """One operation with everything resolved; seconds for times.

    `work` is how much its phases have to do, `known` how long its engine has seen it take.
    """

    engine: str
    operation: str
    kind: str = "step"
    target: str | None = None
    source: str | None = None
    params: Mapping[str, Json] = Field(default_factory=dict)
    effect: Effect = Effect.READ
    repeat: Repeat = Repeat.ONCE
    cancel: Cancel = Cancel.PARTIAL
    preview: tuple[str, ...] = ()
    by_hand: str = ""
    leaves: str = ""
    timeout_s: float = 600
    work: Mapping[str, int] = Field(default_factory=dict)
    known: Estimate | None = None


class PlannedCheck(Part):
    """A check after a step or at the end of the run; a blocking one decides."""

    id: str
    call: PlannedCall
    blocking: bool = True
    within_s: float = 60


class PersonTask(Part):
    """What a person does in a step without a machine, and what they confirm."""

    do: tuple[str, ...]
    confirm: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class PlannedStep(Part):
    """A step in order; `needs` are the ids of steps that must be over first.

    `basis` says what its estimate rests on; `phases` is what it is made of where that was measured. A step
    that `repeats` cleans a stand-in up: however it ended, it is tried again by itself some times.
    """

    id: str
    title: str
    by: str
    call: PlannedCall
    needs: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    gate: str | None = None
    limit: str | None = None
    no_way_back: bool = False
    stops_writers: bool = False
    warm: bool = False
    retries: int = 0
    backoff_s: float = 0
    retry_on: tuple[str, ...] = ("transient",)
    repeats: bool = False
    heartbeat_s: float = 90
    on_failure: str = "pause"
    checks: tuple[PlannedCheck, ...] = ()
    undo: PlannedCall | None = None
    person: PersonTask | None = None
    estimate_s: float = 0
    high_s: float = 0
    basis: str = "playbook"
    phases: tuple[Expected, ...] = ()

    @property
    def destructive(self) -> bool:
        """Say whether the step cannot be taken back by carrying out something else."""
        return self.call.effect is Effect.DESTRUCTIVE

    @property
    def acts_on(self) -> tuple[str, ...]:
        """Return the names of the targets it acts on."""
        return tuple(dict.fromkeys(name for name in (*self.touches, self.call.target) if name))

    @property
    def beforehand(self) -> bool:
        """Say whether it may be carried out before anybody said yes: it makes a copy and changes nothing."""
        return self.warm and self.call.effect is Effect.READ and self.gate is None


class Quorum(Part):
    """How many people of a role must approve."""

    role: str
    least: int = Field(default=1, ge=1)


class PlannedGate(Part):
    """An approval the plan needs. `people` are those who hold each role now; they are not hashed."""

    name: str
    require: tuple[Quorum, ...]
    expires_s: float
    valid_for_s: float
    break_glass: Quorum | None = None
    people: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)


class PlannedFreeze(Part):
    """The freeze the run places before its first step."""

    services: tuple[str, ...]
    environments: tuple[str, ...]
    kinds: tuple[str, ...]
    lift: str = "by_hand"
    at_most_s: float | None = None


class PlannedFallback(Part):
    """Another playbook for when this one does not get there, and the role that decides it."""

    when: str
    use: str
    ask: str


class Plan(Part):
    """A playbook resolved against now; `problems` keep it from starting, `isolation` is of drills."""

    playbook: str
    playbook_hash: str
    title: str
    service: str
    environment: str
    options: tuple[str, ...] = ()
    inputs: Mapping[str, Json] = Field(default_factory=dict)
    sources: tuple[PlannedSource, ...] = ()
    targets: tuple[PlannedTarget, ...] = ()
    steps: tuple[PlannedStep, ...] = ()
    checks: tuple[PlannedCheck, ...] = ()
    gates: tuple[PlannedGate, ...] = ()
    limits: Mapping[str, int] = Field(default_factory=dict)
    freeze: PlannedFreeze | None = None
    silences: tuple[Mapping[str, str], ...] = ()
    fallbacks: tuple[PlannedFallback, ...] = ()
    at_most_s: float | None = None
    passes: tuple[str, ...] = ()
    roles: Mapping[str, tuple[str, ...]] = Field(default_factory=dict)
    rto_s: float | None = None
    rpo_s: float | None = None
    problems: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    drill: bool = False
    isolation: tuple[PlannedCheck, ...] = ()
    cleanup: tuple[PlannedStep, ...] = ()
    left_out: tuple[str, ...] = ()
    drafted_at: AwareDatetime

    def step(self, id: str) -> PlannedStep | None:
        """Return the step by its id or by its place (`S3` is the third) in any case, or None."""
        places = {f"s{number}": step for number, step in enumerate(self.steps, start=1)}
        return {**places, **{step.id: step for step in self.steps}}.get(id.lower())

    def gate(self, name: str) -> PlannedGate | None:
        """Return the gate of a name, or None."""
        return next((gate for gate in self.gates if gate.name == name), None)

    def apart(self, step: PlannedStep) -> bool:
        """Say whether a step changes nothing but isolated targets, so that nobody is asked in a drill."""
        found = [self.target(name) for name in step.acts_on]
        named = bool(found) or step.call.effect is Effect.READ
        return named and all(target and target.isolated for target in found)

    def source(self, id: str | None) -> PlannedSource | None:
        """Return the source of an id, or None."""
        return next((source for source in self.sources if source.id == id), None)

    def target(self, name: str | None) -> PlannedTarget | None:
        """Return the target of a name, or None."""
        return next((target for target in self.targets if target.name == name), None)


def way_out(said: str, fallbacks: Sequence[PlannedFallback], when: str) -> str:
    """Return what is said of a case, with the playbooks to change to if there are any for it."""
    named = [f"`plan {other.use}`, which {other.ask} decides" for other in fallbacks if other.when == when]
    return f"{sentence(said)} For this the playbook names {', or '.join(named)}." if named else said


def _call(call: PlannedCall) -> Json:
    kept = call.model_dump(mode="json", exclude={"by_hand", "leaves", "timeout_s", "work", "known"})
    return {**kept, "preview": list(call.preview)}


def _check(check: PlannedCheck) -> Json:
    return {"id": check.id, "call": _call(check.call), "blocking": check.blocking}


def _step(step: PlannedStep) -> Json:
    return {
        "id": step.id,
        "call": _call(step.call),
        "undo": _call(step.undo) if step.undo else None,
        "needs": list(step.needs),
        "gate": step.gate,
        "checks": [_check(check) for check in step.checks],
        "person": list(step.person.do) if step.person else None,
    }


def _back_to(source: PlannedSource) -> Json:
    if source.point is None:
        return None
    point: list[Json] = [source.point.id, source.point.digest]
    return [*point, source.model_dump(mode="json")["goal"]] if source.goal else point


def up_to(source: PlannedSource) -> str:
    """Return up to where the log of a source's point is replayed, as it follows the word `replayed`."""
    state = f", the state of {utc(source.reaches)}" if source.reaches else ""
    match source.goal:
        case ToTime(at):
            return f"up to {utc(at)}"
        case ToMarker(name):
            return f"up to the marker {name}{state}"
        case ToLsn(lsn):
            return f"up to the log position {lsn}{state}"
        case BeforeXid(xid):
            return f"up to just before transaction {xid}{state}"
        case ToPoint() | ToRevision() | None:
            return "no further than its end"
        case _:
            assert_never(source.goal)


def _gate(gate: PlannedGate) -> Json:
    return {
        "name": gate.name,
        "require": [[quorum.role, quorum.least] for quorum in gate.require],
        "break_glass": gate.break_glass.role if gate.break_glass else None,
    }


def hashed(plan: Plan) -> dict[str, Json]:
    """Return the part of a plan that people approve, as JSON; without silences nothing stands for them."""
    return {
        "playbook": plan.playbook_hash,
        "service": plan.service,
        "environment": plan.environment,
        "inputs": dict(plan.inputs),
        "points": {source.id: _back_to(source) for source in plan.sources},
        "targets": {target.name: target.identity for target in plan.targets},
        "steps": [_step(step) for step in plan.steps],
        "checks": [_check(check) for check in plan.checks],
        "gates": [_gate(gate) for gate in plan.gates],
        "freeze": plan.freeze.model_dump(mode="json") if plan.freeze else None,
        "passes": list(plan.passes),
        **({"silences": [dict(labels) for labels in plan.silences]} if plan.silences else {}),
    }


def plan_hash(plan: Plan) -> str:
    """Return the hash that approvals are given for; people are shown its first eight characters."""
    return hashlib.sha256(canonical(hashed(plan)).encode()).hexdigest()


def canonical(value: Json | Mapping[str, Json]) -> str:
    """Return JSON text that is the same for the same value."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def differences(old: Plan, new: Plan) -> tuple[str, ...]:
    """Say in words which parts of the approved plan are other in the new one."""
    return tuple(_differences("", hashed(old), hashed(new)))


def _differences(path: str, old: Json, new: Json) -> Iterator[str]:
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in dict.fromkeys((*old, *new)):
            yield from _differences(f"{path}.{name}".lstrip("."), old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for index, (before, after) in enumerate(zip(old, new, strict=True), start=1):
            yield from _differences(f"{path} {_label(before, index)}", before, after)
    else:
        yield f"{path}: {_short(old)} → {_short(new)}"


def _label(value: Json, index: int) -> str:
    return str(value["id"]) if isinstance(value, dict) and "id" in value else str(index)


def _short(value: Json) -> str:
    text = value if isinstance(value, str) else canonical(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
