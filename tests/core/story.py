"""Timelines for tests: say what happened and when, then look at what it folds to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from textwrap import TextWrapper

from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.document import Document, plain
from bot.core.events import (
    Approved,
    Entry,
    Event,
    FreezePlaced,
    ImpactStated,
    IncidentDeclared,
    PlanAsked,
    PlanAttached,
    Planned,
    RunStarted,
    Scope,
    Severity,
    StepStarted,
    StepSucceeded,
    WritersStopped,
)
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.plan import (
    PersonTask,
    Plan,
    PlannedCall,
    PlannedCheck,
    PlannedFreeze,
    PlannedGate,
    PlannedSource,
    PlannedStep,
    PlannedTarget,
    Quorum,
    RefusedPoint,
    plan_hash,
)
from bot.core.run import Run
from integrations.contract import Cancel, Effect, RecoveryPoint

WIDTH = 100


def wrapped(*texts: str) -> str:
    """Return texts with their long lines folded, as they stand in the tests."""
    fold = TextWrapper(width=WIDTH, subsequent_indent="        ", break_long_words=False).fill
    lines = [line for text in texts for line in text.rstrip().split("\n")]
    return "\n".join(fold(line) if len(line) > WIDTH else line for line in lines) + "\n"


def shown(document: Document | None) -> str:
    """Return what a person reads in a terminal."""
    return wrapped(plain(document)) if document else "(nothing)"


T0 = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
HOLDERS: Mapping[str, tuple[str, ...]] = {"dba": ("bo",), "app": ("cy",), "commander": ("ana",)}


def at(minutes: float, seconds: float = 0) -> datetime:
    """Return a moment so long after the incident was declared at 02:10Z."""
    return T0 + timedelta(minutes=minutes, seconds=seconds)


@dataclass
class Story:
    """Entries of several streams, each numbered by itself."""

    entries: list[Entry] = field(default_factory=list)

    def tell(
        self, stream: str, moment: datetime, by: str, *events: Event, told: datetime | None = None
    ) -> Entry:
        """Append events to a stream and return the last entry."""
        for event in events:
            seq = 1 + sum(entry.stream == stream for entry in self.entries)
            self.entries.append(Entry(stream, seq, moment, told or moment, by, "slack", event))
        return self.entries[-1]

    def of(self, stream: str) -> list[Entry]:
        return [entry for entry in self.entries if entry.stream == stream]

    @property
    def incident(self) -> Incident:
        found = incidents.fold(self.of("incident/INC-1"))
        assert found
        return found

    @property
    def run(self) -> Run:
        found = runs.fold(self.of("run/RUN-1"))
        assert found
        return found

    @property
    def freeze(self) -> Freeze:
        found = freezes.fold(self.of("freeze/FRZ-1"))
        assert found
        return found

    def in_incident(self, minutes: float, *events: Event, by: str = "ana") -> Entry:
        return self.tell("incident/INC-1", at(minutes), by, *events)

    def in_run(self, minutes: float, *events: Event, by: str = "backstop") -> Entry:
        return self.tell("run/RUN-1", at(minutes), by, *events)

    def in_freeze(self, minutes: float, *events: Event, by: str = "backstop") -> Entry:
        return self.tell("freeze/FRZ-1", at(minutes), by, *events)


DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV1,
    service="checkout",
    environment="production",
    release="2.4.0",
    commander="ana",
    impact_start=at(-10),
)
ASKED = PlanAsked(incident="INC-1", playbook="checkout-restore", service="checkout", environment="production")

POINT = RecoveryPoint(
    id="orders-0150",
    engine="sqlite",
    kind="copy",
    finished_at=at(-20),
    size=1_400_000,
    verified_at=at(-15),
    release="2.3.0",
)
LATER_POINT = RecoveryPoint(id="orders-0205", engine="sqlite", kind="copy", finished_at=at(-5))

SOURCE = PlannedSource(
    id="orders-copies",
    engine="sqlite",
    point=POINT,
    because="the newest usable one",
    refused=(RefusedPoint(point=LATER_POINT, because="it was taken after the damage began"),),
)
CHECK = PlannedCheck(
    id="place-order", call=PlannedCall(engine="http", operation="scenario", kind="check"), within_s=120
)


def step(id: str, title: str, **more: object) -> PlannedStep:
    """Return a planned step; what is not said is ordinary."""
    call = more.pop("call", None) or PlannedCall(
        engine="command",
        operation=id,
        target="orders-db",
        effect=Effect.REVERSIBLE,
        preview=(f"{id} --now",),
        by_hand=f"ssh db {id}",
        leaves=f"{id} half done.",
    )
    return PlannedStep.model_validate(
        {"id": id, "title": title, "by": "dba", "call": call, "estimate_s": 60, "high_s": 300, **more}
    )


STOP = step("stop-writers", "Stop checkout", by="app", stops_writers=True, touches=("checkout",))
RESTORE = step(
    "restore",
    "Put orders back",
    call=PlannedCall(
        engine="sqlite",
        operation="restore",
        target="orders-db",
        source="orders-copies",
        effect=Effect.DESTRUCTIVE,
        preview=("backstop-runner restore orders-0150",),
        by_hand="cp /backups/orders-0150.db /data/orders.db",
        leaves="The old file stays beside it.",
        cancel=Cancel.PARTIAL,
    ),
    needs=("stop-writers",),
    touches=("orders-db",),
    gate="overwrite-orders",
    no_way_back=True,
    estimate_s=600,
    high_s=1_200,
)
ASK_FINANCE = step(
    "ask-finance",
    "Agree with finance",
    by="app",
    call=PlannedCall(engine="person", operation="task", kind="person"),
    person=PersonTask(do=("Call finance",), confirm=("Finance agreed",), evidence=("link",)),
    needs=("restore",),
    estimate_s=300,
    high_s=600,
)
GATE = PlannedGate(
    name="overwrite-orders",
    require=(Quorum(role="dba"), Quorum(role="app")),
    expires_s=1_200,
    valid_for_s=3_600,
    break_glass=Quorum(role="commander"),
    people={"dba": ("bo",), "app": ("cy",)},
)
PLAN = Plan(
    playbook="checkout-restore",
    playbook_hash="p1",
    title="Put the orders database back",
    service="checkout",
    environment="production",
    inputs={"target-time": "2026-11-23T02:04:00+00:00"},
    sources=(SOURCE,),
    targets=(
        PlannedTarget(name="orders-db", kind="sqlite", environment="production", identity="inode 7"),
        PlannedTarget(name="checkout", kind="command", environment="production", identity="unit"),
    ),
    steps=(STOP, RESTORE, ASK_FINANCE),
    checks=(CHECK,),
    gates=(GATE,),
    freeze=PlannedFreeze(
        services=("checkout",), environments=("production",), kinds=("deploy",), lift="with_run"
    ),
    roles=HOLDERS,
    rto_s=3_600,
    rpo_s=900,
    drafted_at=at(6),
)
HASH = plan_hash(PLAN)


def planned(plan: Plan = PLAN) -> Story:
    """Return the story up to a plan: the damage began at 02:04Z, RUN-1 was planned at 02:16Z."""
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(2, ImpactStated(statement="3 % of orders have a wrong price", damage_start=at(-6)))
    story.in_run(5, ASKED, by="ana")
    story.in_incident(5, PlanAttached(run="RUN-1", playbook="checkout-restore"))
    story.in_run(6, Planned(plan=plan, hash=plan_hash(plan)))
    return story


def started(plan: Plan = PLAN) -> Story:
    """Return the story up to the start at 02:18Z, with its freeze and its gate asked for until 02:38Z."""
    story = planned(plan)
    story.in_freeze(
        8,
        FreezePlaced(
            scope=Scope(services=("checkout",), environments=("production",), kinds=("deploy",)),
            why="RUN-1 restores orders",
            cause="run",
            incident="INC-1",
            run="RUN-1",
            lift="with_run",
        ),
    )
    expires = {gate.name: at(28) for gate in plan.gates}
    story.in_run(8, RunStarted(hash=plan_hash(plan), freeze="FRZ-1", expires=expires), by="ana")
    return story


def stopped(plan: Plan = PLAN) -> Story:
    """Return the story up to 02:20Z: writers are stopped."""
    story = started(plan)
    story.in_run(9, StepStarted(step="stop-writers", attempt=1, key="RUN-1.stop-writers.1"))
    story.in_run(10, StepSucceeded(step="stop-writers", attempt=1))
    story.in_incident(10, WritersStopped(at=at(10), run="RUN-1"), by="backstop")
    return story


def approved(plan: Plan = PLAN) -> Story:
    """Return the story up to 02:23Z: both people said yes."""
    story = stopped(plan)
    for minute, (person, role) in ((11, ("bo", "dba")), (13, ("cy", "app"))):
        yes = Approved(gate="overwrite-orders", hash=plan_hash(plan), role=role)
        story.in_run(minute, yes, by=person)
    return story


def restoring(plan: Plan = PLAN) -> Story:
    """Return the story up to 02:24Z: the restore has begun."""
    story = approved(plan)
    story.in_run(14, StepStarted(step="restore", attempt=1, key="RUN-1.restore.1", token=3))
    return story
