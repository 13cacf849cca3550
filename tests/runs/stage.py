"""A stage for runs: a catalog, a playbook, and an engine whose target remembers everything done to it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from bot.commands import Answer, Desk, say
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.incident import Incident
from bot.core.may import Actor
from bot.core.run import Run
from bot.jobs import Again
from bot.runs import Runs
from bot.runs.book import Book
from bot.shelf import Shelf
from bot.timeline import Timeline
from integrations.contract import (
    Call,
    Cap,
    CheckResult,
    Effect,
    Engine,
    Estimate,
    Fence,
    Goal,
    Health,
    IntegrationError,
    JobRef,
    JobState,
    Json,
    LogChunk,
    Measured,
    NotOurs,
    Operation,
    Phase,
    Prepared,
    Progress,
    RecoveryPoint,
    Repeat,
    Resolution,
    Source,
    Target,
    Window,
)
from integrations.contract import Cancel as CancelKind

CATALOG = """
schema: backstop/catalog/1
tiers:
  critical: {rto: 30m, rpo: 5m}
services:
  checkout:
    title: Checkout
    tier: critical
    owner: owners
    environments:
      production: {region: eu, data: personal, targets: [orders-db], backups: [points]}
targets:
  orders-db: {kind: stage, environment: production}
  shop: {kind: stage, environment: production}
sources:
  points: {engine: stage}
people:
  ana: {name: Ana, slack: U0ANA, email: ana@example.com}
  bo: {name: Bo, slack: U0BO, email: bo@example.com}
  cy: {name: Cy, slack: U0CY, email: cy@example.com}
groups:
  commanders: {people: [ana]}
  dba: {people: [bo]}
  owners: {people: [cy]}
"""

PLAYBOOK = """
schema: backstop/playbook/1
metadata: {name: restore-orders, title: Put the orders back, owner: owners, reviewed: "2026-11-01"}
options: [restore_full]
applies_to: {services: [checkout], environments: [production]}
roles:
  dba: {group: dba}
  app: {group: owners}
inputs:
  before: {type: instant, ask: Restore to which moment?, suggest: decision.damage_start - 1s}
sources:
  - {id: points, engine: stage, select: {strategy: latest_before, before: inputs.before}}
targets:
  orders-db: {kind: stage, environment: production}
  shop: {kind: stage, environment: production}
freeze: {services: [checkout], environments: [production], lift: with_run}
approvals:
  overwrite: {require: [{role: dba, min: 1}, {role: app, min: 1}], expires: 20m, valid_for: 1h}
steps:
  - id: stop
    title: Stop the shop
    uses: stage.stop
    by: app
    effect: reversible
    touches: [shop]
    stops_writers: true
    estimate: 1m
    timeout: 2m
    undo: {uses: stage.go, with: {target: shop}}
  - id: restore
    title: Restore the orders
    uses: stage.restore
    source: points
    by: dba
    approval: overwrite
    effect: destructive
    no_way_back: true
    keep: none
    because: the stage keeps everything
    touches: [orders-db]
    estimate: 2m
    timeout: 5m
    verify:
      - {id: rows, uses: stage.rows, with: {target: orders-db}}
  - id: go
    title: Start the shop
    uses: stage.go
    by: app
    effect: reversible
    touches: [shop]
    estimate: 1m
    timeout: 2m
    undo: {uses: stage.stop, with: {target: shop}}
verify:
  - {id: place-order, uses: stage.rows, with: {target: orders-db}, within: 1m}
"""


class Crash(BaseException):
    """The process dies here."""


class Nothing(BaseModel):
    """The operations of the stage take no parameters."""

    model_config = ConfigDict(extra="forbid")


@dataclass
class World:
    """The target's side; it survives every crash of the process that drives it."""

    jobs: dict[str, JobState] = field(default_factory=dict)
    operations: dict[str, str] = field(default_factory=dict)
    asked: dict[str, str] = field(default_factory=dict)
    copy: str = ""
    acts: list[str] = field(default_factory=list)
    outcomes: dict[str, list[Phase]] = field(default_factory=dict)
    held: bool = False
    rows_ok: bool = True
    wrong: set[str] = field(default_factory=set)
    same: dict[str, str] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    reachable: bool = True
    hangs: bool = False
    tells: bool = True
    identity: str = "orders-1"
    made: str = ""
    server: str = ""
    whole: set[str] = field(default_factory=set)
    points: list[RecoveryPoint] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    destroys: set[str] = field(default_factory=set)
    proved: list[str] = field(default_factory=list)
    ill: str = ""
    odd: str = ""
    caution: str = ""
    others: str = ""
    fence: Fence | None = None
    crash: str = ""
    token: int = 0
    progress: list[Progress] = field(default_factory=list)
    work: dict[str, int] = field(default_factory=dict)
    phases: dict[str, tuple[Measured, ...]] = field(default_factory=dict)
    seen: Estimate | None = None
    meanwhile: list[Callable[[], Awaitable[object]]] = field(default_factory=list)
    now: Callable[[], datetime] = lambda: datetime(2026, 11, 23, 2, 20, tzinfo=UTC)

    def die(self, where: str) -> None:
        """Die if this is the place; once."""
        if self.crash == where:
            self.crash = ""
            raise Crash(where)

    def end(self, key: str) -> None:
        """Let a running job come to its scripted end."""
        script = self.outcomes.get(self.operations[key], [])
        phase = script.pop(0) if script else Phase.SUCCEEDED
        because = f"scripted {phase.value}"
        phases = self.phases.get(self.operations[key], ())
        evidence: dict[str, Json] = {}
        if phase is Phase.SUCCEEDED and self.operations[key] in ("prepare", "discard", "restore"):
            self.copy = self.asked[key] if self.operations[key] == "prepare" else ""
            evidence = {"point": self.copy, "checked": ["its digest"]} if self.copy else {}
        if self.caution:
            evidence["caution"] = self.caution
        self.jobs[key] = JobState(
            phase, because=because, alive=False, ended_at=self.now(), evidence=evidence, phases=phases
        )


def operation(name: str, effect: Effect, kind: str = "step") -> Operation:
    """Return the description of an operation of the stage."""
    return Operation(name, Nothing, effect, kind=kind, repeat=Repeat.ONCE, cancel=CancelKind.CLEAN)  # type: ignore[arg-type]


def plain(key: str) -> str:
    """Return a key without the mark of its run: a world is never shared between two installations."""
    run, step, attempt, _, *undo = key.split(".")
    return ".".join((run, step, attempt, *undo))


class StageEngine:
    """An engine that acts on a `World`; a second start under a key attaches, a cancelled key never starts."""

    name: ClassVar[str] = "stage"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.CANCEL, Cap.VERIFY_POINT})
    operations: ClassVar[Mapping[str, Operation]] = {
        "stop": operation("stop", Effect.REVERSIBLE),
        "go": operation("go", Effect.REVERSIBLE),
        "restore": operation("restore", Effect.DESTRUCTIVE),
        "empty": operation("empty", Effect.DESTRUCTIVE),
        "prepare": operation("prepare", Effect.READ),
        "discard": operation("discard", Effect.READ),
        "rows": operation("rows", Effect.READ, "check"),
    }

    def __init__(self, world: World) -> None:
        self.world = world

    def _reach(self) -> None:
        if not self.world.reachable:
            raise IntegrationError("the runner does not answer", permanent=False)

    def _tell(self) -> None:
        self._reach()
        if not self.world.tells:
            raise IntegrationError("the stage cannot tell whether it was started", permanent=True)

    async def health(self, target: Target) -> Health:
        self._reach()
        while self.world.meanwhile:
            await self.world.meanwhile.pop()()
        if target.name in self.world.silent:
            raise IntegrationError(f"{target.name} does not answer", permanent=False)
        ill = self.world.ill
        identity = f"{self.world.same.get(target.name, target.name)}:{self.world.identity}"
        said = tuple(each for each in (ill, self.world.odd) if each)
        return Health(
            ok=not ill,
            identity=identity,
            problems=said,
            made=self.world.made,
            fence=self.world.fence,
            server=self.world.server,
            whole=target.name in self.world.whole,
        )

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        self._reach()
        if self.world.hangs:
            await asyncio.Event().wait()
        return self.world.points

    async def window(self, source: Source) -> Window | None:
        return None

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        return Resolution(None, "the stage restores whole points only")

    async def plan(self, call: Call) -> Prepared:
        operation = self.operations[call.operation]
        words = (call.operation, call.target.name if call.target else "", call.point.id if call.point else "")
        return Prepared(
            words,
            by_hand=" ".join(words),
            leaves=f"{words[1]} half done",
            effect=Effect.DESTRUCTIVE if call.operation in self.world.destroys else operation.effect,
            repeat=operation.repeat,
            cancel=operation.cancel,
            estimate=self.world.seen,
            work=self.world.work if call.operation == "restore" else {},
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        key = plain(key)
        self._tell()
        return JobRef(key, self.name) if key in self.world.jobs else None

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        key = plain(key)
        self._reach()
        self.world.die("before start")
        if self.world.others:
            raise NotOurs(self.world.others)
        if key not in self.world.jobs:
            if token is not None and token < self.world.token:
                self.world.jobs[key] = JobState(Phase.REFUSED, "a newer run was here", alive=False)
                return JobRef(key, self.name)
            self.world.token = max(self.world.token, token or 0)
            self.world.operations[key] = call.operation
            self.world.asked[key] = call.point.id if call.point else ""
            self.world.acts.append(key)
            self.world.jobs[key] = JobState(Phase.RUNNING, alive=True)
            if not self.world.held:
                self.world.end(key)
        self.world.die("after start")
        return JobRef(key, self.name)

    async def poll(self, ref: JobRef) -> JobState:
        self._tell()
        job = self.world.jobs.get(ref.key, JobState(Phase.CANCELLED, "never started", alive=False))
        if job.phase is Phase.RUNNING and self.world.progress:
            return replace(job, progress=self.world.progress.pop(0))
        return job

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        return LogChunk(f"output of {ref.key}", 0)

    async def cancel(self, ref: JobRef) -> None:
        self._reach()
        job = self.world.jobs.get(ref.key)
        if job is None or job.phase is Phase.RUNNING:
            self.world.jobs[ref.key] = JobState(Phase.CANCELLED, "cancelled", alive=False)

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        key = plain(key)
        await self.cancel(JobRef(key, self.name))
        return JobRef(key, self.name)

    async def check(self, call: Call) -> CheckResult:
        self._reach()
        ok = self.world.rows_ok and not (call.target and call.target.name in self.world.wrong)
        return CheckResult(ok, "41 rows" if ok else "0 rows")

    async def verify_point(self, source: Source, point: RecoveryPoint) -> CheckResult:
        self._reach()
        self.world.proved.append(point.id)
        damaged = point.id in self.world.damaged
        return CheckResult(ok=not damaged, found="its digest is another" if damaged else "readable")

    async def mark(self, target: Target, name: str) -> str:
        return name

    async def backup(self, source: Source, *, key: str, labels: Mapping[str, str]) -> JobRef:
        return JobRef(key, self.name)

    async def hold(self, source: Source, point: RecoveryPoint, *, until: datetime | None) -> None:
        return None


def point(id: str, minute: int, **more: object) -> RecoveryPoint:
    """Return a recovery point finished at 02:MM that day."""
    at = datetime(2026, 11, 23, 2, minute, tzinfo=UTC)
    return RecoveryPoint(id, "stage", "full", at, digest=f"digest-{id}", **more)  # type: ignore[arg-type]


class Stage:
    """Everything needed to play a run: say what people say, and let the runs be carried out."""

    def __init__(self, timeline: Timeline, folder: Path, world: World) -> None:
        self.timeline = timeline
        self.world = world
        (folder / "playbooks").mkdir(parents=True, exist_ok=True)
        (folder / "catalog.yaml").write_text(CATALOG)
        (folder / "playbooks" / "restore.yaml").write_text(PLAYBOOK)
        self.shelf = Shelf(folder / "catalog.yaml", folder / "playbooks")
        self.desk = Desk(timeline, self.shelf, url="http://127.0.0.1:8080")
        self.engines: dict[str, Engine] = {"stage": StageEngine(world)}
        self.said = 0

    def runs(self) -> Runs:
        """Return a new process that carries runs out; it remembers nothing of an earlier one."""
        return Runs(Book(self.timeline, self.shelf, dict), self.shelf, self.engines)

    async def carry(self, id: str = "RUN-1") -> Again | None:
        """Let a run go on until it waits."""
        return await self.runs().handle(id)

    async def say(self, who: str, line: str, *, delivery: str = "") -> Answer:
        """Say a line as a person."""
        self.said += 1
        groups = frozenset(self.shelf.catalog().groups_of(who))
        return await say(
            self.desk, line, who=Actor(who, groups=groups), via="test", delivery=delivery or f"d{self.said}"
        )

    async def told(self, who: str, line: str) -> str:
        """Say a line that must be accepted, and return the answer."""
        answer = await self.say(who, line)
        assert answer.ok, answer.text
        return answer.text

    async def run(self, id: str = "RUN-1") -> Run:
        """Return a run as it stands."""
        found = runs.fold(await self.timeline.read(f"run/{id}"))
        assert found
        return found

    async def incident(self, id: str = "INC-1") -> Incident:
        """Return an incident as it stands."""
        found = incidents.fold(await self.timeline.read(f"incident/{id}"))
        assert found
        return found
