"""Everything that can happen, in business words.

To add an event: add a class to its file and list it in the union at the end of that file; the type
checker then names every `match` to extend.
Events are forever. Fields are only ever added, and a new field has a default; no field changes meaning.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, TypeAdapter

from bot.core.events.drills import (
    DrillAsked,
    DrillEnded,
    DrillEvent,
    Gap,
    Rehearsed,
    TaskOpened,
)
from bot.core.events.freezes import (
    ChangeType,
    DeploymentExcepted,
    DeploymentRefused,
    ExceptionAsked,
    ExceptionGranted,
    FreezeEvent,
    FreezeExtended,
    FreezeLifted,
    FreezePlaced,
    FreezeReviewDue,
    ReleaseRecorded,
    Scope,
)
from bot.core.events.incidents import (
    CopyOffered,
    Decided,
    DecisionAsked,
    EffectDue,
    EffectObserved,
    FactLearnt,
    ImpactStated,
    IncidentClosed,
    IncidentDeclared,
    IncidentEvent,
    IncidentReopened,
    IncidentResolved,
    IssueLinked,
    NoteAdded,
    Phase,
    PhaseChanged,
    PlanAttached,
    PostmortemAsked,
    Probed,
    Proposed,
    RoleAssigned,
    RoomOpened,
    Severity,
    SeverityChanged,
    UpdateOverdue,
    UpdatePosted,
    WritersStopped,
)
from bot.core.events.kind import Kind
from bot.core.events.runs import (
    AbortAsked,
    Approved,
    AttemptOpened,
    CheckFound,
    CopyTouched,
    GateExpired,
    GateReopened,
    PlanAsked,
    PlanFailed,
    Planned,
    Rejected,
    RetryAsked,
    RunAborted,
    RunEvent,
    RunPaused,
    RunRecovered,
    RunResumed,
    RunStarted,
    SalvageAsked,
    SalvagedTable,
    SalvageFailed,
    SalvageFound,
    StepDone,
    StepFailed,
    StepInDoubt,
    StepProgressed,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    TargetEvent,
    TargetHeld,
    TargetReleased,
    UndoAsked,
    WarmAsked,
    WarmStopped,
    Withdrawn,
)
from bot.core.plan import canonical

__all__ = [
    "AbortAsked",
    "Approved",
    "AttemptOpened",
    "ChangeType",
    "CheckFound",
    "CopyOffered",
    "CopyTouched",
    "Decided",
    "DecisionAsked",
    "DeploymentExcepted",
    "DeploymentRefused",
    "DrillAsked",
    "DrillEnded",
    "DrillEvent",
    "EffectDue",
    "EffectObserved",
    "Entry",
    "Event",
    "ExceptionAsked",
    "ExceptionGranted",
    "FactLearnt",
    "FreezeEvent",
    "FreezeExtended",
    "FreezeLifted",
    "FreezePlaced",
    "FreezeReviewDue",
    "Gap",
    "GateExpired",
    "GateReopened",
    "ImpactStated",
    "IncidentClosed",
    "IncidentDeclared",
    "IncidentEvent",
    "IncidentReopened",
    "IncidentResolved",
    "IssueLinked",
    "Kind",
    "NoteAdded",
    "Phase",
    "PhaseChanged",
    "PlanAsked",
    "PlanAttached",
    "PlanFailed",
    "Planned",
    "PostmortemAsked",
    "Probed",
    "Proposed",
    "Rehearsed",
    "Rejected",
    "ReleaseRecorded",
    "RetryAsked",
    "RoleAssigned",
    "RoomOpened",
    "RunAborted",
    "RunEvent",
    "RunPaused",
    "RunRecovered",
    "RunResumed",
    "RunStarted",
    "SalvageAsked",
    "SalvageFailed",
    "SalvageFound",
    "SalvagedTable",
    "Scope",
    "Severity",
    "SeverityChanged",
    "StepDone",
    "StepFailed",
    "StepInDoubt",
    "StepProgressed",
    "StepSkipped",
    "StepStarted",
    "StepSucceeded",
    "TargetEvent",
    "TargetHeld",
    "TargetReleased",
    "TaskOpened",
    "UndoAsked",
    "UpdateOverdue",
    "UpdatePosted",
    "WarmAsked",
    "WarmStopped",
    "Withdrawn",
    "WritersStopped",
    "dump",
    "link",
    "parse",
    "payload_digest",
]

Event = IncidentEvent | RunEvent | TargetEvent | FreezeEvent | ReleaseRecorded | DrillEvent

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place on the timeline: who caused it, through which door, when it happened.

    `occurred_at` is when it happened in the world, `recorded_at` when it was written. `event` is None
    when the payload was redacted; the digest chain still holds.
    """

    stream: str
    seq: int
    occurred_at: datetime
    recorded_at: datetime
    by: str
    via: str
    event: Event | None


def dump(event: Event) -> str:
    """Return an event as the JSON text that is stored."""
    return canonical(event.model_dump(mode="json"))


def parse(text: str) -> Event:
    """Return the event that a stored JSON text describes."""
    return _EVENT.validate_json(text)


def payload_digest(salt: str, payload: str) -> str:
    """Return the digest that stands for a payload in the chain, also after the payload is redacted."""
    return hashlib.sha256(f"{salt}\n{payload}".encode()).hexdigest()


def link(before: str, envelope: Sequence[str], payload: str) -> str:
    """Return the digest of an entry: of the one before it, its envelope and its payload's digest."""
    return hashlib.sha256("\n".join([before, *envelope, payload]).encode()).hexdigest()
