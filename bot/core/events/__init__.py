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

from bot.core.events.delegation import Delegated, DelegationEnded, DelegationEvent
from bot.core.events.drills import (
    DrillAsked,
    DrillEnded,
    DrillEvent,
    Gap,
    Rehearsed,
    TaskOpened,
)
from bot.core.events.external import (
    ExternalDrafted,
    ExternalDropped,
    ExternalEvent,
    ExternalSent,
    ExternalTold,
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
    FreezeMoved,
    FreezePlaced,
    FreezeReviewDue,
    ReleaseRecorded,
    Scope,
)
from bot.core.events.handoff import HandoffEnded, HandoffEvent, HandoffOffered, HandoffUnanswered
from bot.core.events.incidents import (
    ChangeNamed,
    CopyOffered,
    Decided,
    DecisionAsked,
    EffectDue,
    EffectObserved,
    FactLearnt,
    FalseAlarm,
    ImpactStated,
    IncidentClosed,
    IncidentDeclared,
    IncidentEvent,
    IncidentReopened,
    IncidentResolved,
    IssueLinked,
    Phase,
    PhaseChanged,
    PlanAttached,
    PostmortemAsked,
    Probed,
    Proposed,
    ReasonStated,
    RoleAssigned,
    RoomOpened,
    Severity,
    SeverityChanged,
    TrackerTroubled,
    UpdateOverdue,
    UpdatePosted,
    WritersStarted,
    WritersStopped,
)
from bot.core.events.kind import Kind
from bot.core.events.merging import Merged, MergedIn, MergeEvent, Parted
from bot.core.events.pager import PageAsked, Paged, PagerEvent, PagerLinked, PagerTold
from bot.core.events.record import (
    Corrected,
    MessageCaptured,
    MessageDeleted,
    MessageEdited,
    NoteAdded,
    RecordEvent,
    Redacted,
    RepairAsked,
    Repaired,
    SlackFile,
)
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
    RunRecovered,
    RunStarted,
    SalvageAsked,
    SalvagedTable,
    SalvageFailed,
    SalvageFound,
    StepDone,
    StepFailed,
    StepInDoubt,
    StepProgressed,
    StepProved,
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
from bot.core.events.silences import (
    SilenceAsked,
    SilenceEnded,
    SilenceEvent,
    SilenceLifted,
    SilencePlaced,
    SilenceTroubled,
)
from bot.core.events.tasks import (
    TaskDone,
    TaskEvent,
    TaskGiven,
    TaskHandedBack,
    TaskMoved,
    TaskOverdue,
    TaskTracked,
)
from bot.core.events.waits import ObjectionsAsked, ObjectionsSet, RunPaused, RunResumed, WaitEvent
from bot.core.plan import canonical

__all__ = [
    "AbortAsked",
    "Approved",
    "AttemptOpened",
    "ChangeNamed",
    "ChangeType",
    "CheckFound",
    "CopyOffered",
    "CopyTouched",
    "Corrected",
    "Correction",
    "Decided",
    "DecisionAsked",
    "Delegated",
    "DelegationEnded",
    "DelegationEvent",
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
    "ExternalDrafted",
    "ExternalDropped",
    "ExternalEvent",
    "ExternalSent",
    "ExternalTold",
    "FactLearnt",
    "FalseAlarm",
    "FreezeEvent",
    "FreezeExtended",
    "FreezeLifted",
    "FreezeMoved",
    "FreezePlaced",
    "FreezeReviewDue",
    "Gap",
    "GateExpired",
    "GateReopened",
    "HandoffEnded",
    "HandoffEvent",
    "HandoffOffered",
    "HandoffUnanswered",
    "ImpactStated",
    "IncidentClosed",
    "IncidentDeclared",
    "IncidentEvent",
    "IncidentReopened",
    "IncidentResolved",
    "IssueLinked",
    "Kind",
    "MergeEvent",
    "Merged",
    "MergedIn",
    "MessageCaptured",
    "MessageDeleted",
    "MessageEdited",
    "NoteAdded",
    "ObjectionsAsked",
    "ObjectionsSet",
    "PageAsked",
    "Paged",
    "PagerEvent",
    "PagerLinked",
    "PagerTold",
    "Parted",
    "Phase",
    "PhaseChanged",
    "PlanAsked",
    "PlanAttached",
    "PlanFailed",
    "Planned",
    "PostmortemAsked",
    "Probed",
    "Proposed",
    "ReasonStated",
    "RecordEvent",
    "Redacted",
    "Rehearsed",
    "Rejected",
    "ReleaseRecorded",
    "RepairAsked",
    "Repaired",
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
    "SilenceAsked",
    "SilenceEnded",
    "SilenceEvent",
    "SilenceLifted",
    "SilencePlaced",
    "SilenceTroubled",
    "SlackFile",
    "StepDone",
    "StepFailed",
    "StepInDoubt",
    "StepProgressed",
    "StepProved",
    "StepSkipped",
    "StepStarted",
    "StepSucceeded",
    "TargetEvent",
    "TargetHeld",
    "TargetReleased",
    "TaskDone",
    "TaskEvent",
    "TaskGiven",
    "TaskHandedBack",
    "TaskMoved",
    "TaskOpened",
    "TaskOverdue",
    "TaskTracked",
    "TrackerTroubled",
    "UndoAsked",
    "UpdateOverdue",
    "UpdatePosted",
    "WaitEvent",
    "WarmAsked",
    "WarmStopped",
    "Withdrawn",
    "WritersStarted",
    "WritersStopped",
    "dump",
    "link",
    "parse",
    "payload_digest",
]

Event = (
    IncidentEvent
    | MergeEvent
    | HandoffEvent
    | DelegationEvent
    | PagerEvent
    | ExternalEvent
    | RunEvent
    | TargetEvent
    | FreezeEvent
    | ReleaseRecorded
    | DrillEvent
)

_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])


@dataclass(frozen=True, slots=True)
class Correction:
    """What a note says instead, when `at` is not None also since when, and the entry that says so."""

    seq: int
    by: str
    text: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its place on the timeline: who caused it, through which door, when it happened.

    `occurred_at` is when it happened in the world, `recorded_at` when it was written. `event` is None
    when the payload was removed whole; the digest chain still holds. `corrected` is what stands instead,
    where the entries of a story are read together.
    """

    stream: str
    seq: int
    occurred_at: datetime
    recorded_at: datetime
    by: str
    via: str
    event: Event | None
    corrected: Correction | None = None


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
