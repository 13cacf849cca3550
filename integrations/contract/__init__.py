"""What every engine promises. Start here to add one.

To add an engine: write `integrations/x.py` with a class that satisfies `Engine`, add its line to
`registry.py`, and give the contract tests a fixture that makes a target for it.

An engine never decides. It says what is there (`health`, `points`, `window`), what a goal would mean
(`resolve`), exactly what a step would do (`plan`), and does it once per key (`find`, then `start`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, JsonValue

from integrations.contract.health import Fence, Health
from integrations.contract.points import (
    BeforeXid,
    Goal,
    RecoveryPoint,
    Refusal,
    Resolution,
    ToLsn,
    ToMarker,
    ToPoint,
    ToRevision,
    ToTime,
    Window,
)

__all__ = [
    "BeforeXid",
    "Call",
    "Cancel",
    "Cap",
    "CheckResult",
    "Effect",
    "Engine",
    "Estimate",
    "Fence",
    "Goal",
    "Guard",
    "Health",
    "IntegrationError",
    "JobRef",
    "JobState",
    "Json",
    "LogChunk",
    "Measured",
    "NotOurs",
    "Operation",
    "Phase",
    "Prepared",
    "Progress",
    "RecoveryPoint",
    "Refusal",
    "Repeat",
    "Resolution",
    "Source",
    "Target",
    "Telling",
    "ToLsn",
    "ToMarker",
    "ToPoint",
    "ToRevision",
    "ToTime",
    "Window",
]

Json = JsonValue


class IntegrationError(Exception):
    """An outside system could not do what was asked.

    `permanent` is True when asking again cannot help: a wrong argument, a refusal, a missing program.
    """

    def __init__(self, message: str, *, permanent: bool) -> None:
        super().__init__(message)
        self.permanent = permanent


class NotOurs(IntegrationError):
    """What would act belongs to another Backstop: it did nothing, and another try changes nothing."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class Cap(StrEnum):
    """What an engine can do beyond the core of the contract."""

    POINTS = "points"
    WINDOW = "window"
    CANCEL = "cancel"
    PROGRESS = "progress"
    VERIFY_POINT = "verify_point"
    MARK = "mark"
    BACKUP = "backup"
    HOLD = "hold"
    GUARD = "guard"


class Effect(StrEnum):
    """What a step does to the world, in the words of a playbook."""

    READ = "read"
    REVERSIBLE = "reversible"
    DESTRUCTIVE = "destructive"


class Repeat(StrEnum):
    """What happens when the same operation is carried out a second time."""

    SAFE = "safe"
    RESUMES = "resumes"
    ONCE = "once"


class Cancel(StrEnum):
    """What a cancelled operation leaves behind."""

    CLEAN = "clean"
    PARTIAL = "partial"
    NONE = "none"


class Phase(StrEnum):
    """Where a job is. LOST means that its supervisor is gone and nobody can say how it ended."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    PARTIAL = "partial"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing an engine can be asked for, as a playbook's `uses: engine.operation`."""

    name: str
    params: type[BaseModel]
    effect: Effect
    kind: Literal["step", "check", "person"] = "step"
    repeat: Repeat = Repeat.ONCE
    cancel: Cancel = Cancel.PARTIAL
    needs_point: bool = False
    needs_target: bool = True
    named_by: str | None = None  # the parameter that tells acts apart whose times are measured
    traceable: bool = True  # False: the target remembers no keys, so `find` returning None proves nothing


@dataclass(frozen=True, slots=True)
class Target:
    """What is recovered; `settings` say how its engine reaches it and never hold a secret."""

    name: str
    kind: str
    environment: str
    isolated: bool = False
    settings: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """Where recovery points of something are kept."""

    id: str
    engine: str
    settings: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Estimate:
    """Seconds that a system has itself seen an act take, `samples` times."""

    likely_s: float
    high_s: float
    samples: int


@dataclass(frozen=True, slots=True)
class Call:
    """One operation asked of an engine; `params` have passed the operation's own model.

    `goal` is what the engine itself pinned in `resolve`, when more than the point is restored. `holds` says
    that the point is held before it destroys anything.
    """

    operation: str
    target: Target | None = None
    params: Mapping[str, Json] = field(default_factory=dict)
    point: RecoveryPoint | None = None
    source: Source | None = None
    goal: Goal | None = None
    timeout_s: float = 600.0
    holds: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """Exactly what a step would do: approvals are given for this, and `start` does nothing else.

    `preview` is the command or request as it will be sent, without secrets; `by_hand` is what a person
    types when Backstop is gone; `leaves` says what an abort in the middle leaves behind. `work` is how much
    each phase has to do, in bytes or items, as far as that is known before; `notes` are what people should
    know before they approve it.
    """

    preview: Sequence[str]
    by_hand: str
    leaves: str
    effect: Effect
    repeat: Repeat
    cancel: Cancel
    estimate: Estimate | None = None
    work: Mapping[str, int] = field(default_factory=dict)
    notes: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class JobRef:
    """A started operation, as its engine finds it again after any crash."""

    key: str
    engine: str
    locator: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a job is; a phase that was left is not entered again. Rates are computed by the core, once.

    `doing` names what it is at inside the phase, where the phase alone says too little.
    """

    phase: str
    done: int
    total: int | None
    unit: Literal["bytes", "items", "percent"]
    at: datetime
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """How many seconds a job was in one of its phases, and how much it did there, where that is counted."""

    phase: str
    seconds: float
    amount: int | None = None


@dataclass(frozen=True, slots=True)
class JobState:
    """What is known of a job now.

    `alive` is what the target itself says: False only when nothing of this job can still act on it,
    None when the engine cannot tell. `phases` are those so far, in order, where its side measures them.
    `silent_s` is how long it neither said nor did anything, where its side can see that.
    """

    phase: Phase
    because: str = ""
    code: int | None = None
    progress: Progress | None = None
    evidence: Mapping[str, Json] = field(default_factory=dict)
    alive: bool | None = None
    silent_s: float | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    phases: Sequence[Measured] = ()


@dataclass(frozen=True, slots=True)
class LogChunk:
    """Text a job wrote from an offset on, secrets masked; `next_offset` continues it."""

    text: str
    next_offset: int


@dataclass(frozen=True, slots=True)
class Guard:
    """Whether the credentials that take backups could delete them as well; None when that cannot be known."""

    deletes: bool | None
    because: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a check found, with the figures that prove it."""

    ok: bool
    found: str
    evidence: Mapping[str, Json] = field(default_factory=dict)


class Engine(Protocol):
    """A system that Backstop drives. Methods raise `IntegrationError` and nothing else.

    `find` has no side effect and is always asked before `start`. `start` with a key that was started
    before attaches to that job. `poll` failing says nothing about the job. The methods after `check`
    are called only when `caps` names them.
    """

    name: ClassVar[str]
    caps: ClassVar[frozenset[Cap]]
    operations: ClassVar[Mapping[str, Operation]]

    async def health(self, target: Target) -> Health:
        """Say whether the target can be reached and which thing exactly it is."""
        ...

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        """List the recovery points of a source, newest first."""
        ...

    async def window(self, source: Source) -> Window | None:
        """Return the span of restorable moments, or None when only whole points can be restored."""
        ...

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Choose the recovery point that reaches a goal and say why the others will not do."""
        ...

    async def plan(self, call: Call) -> Prepared:
        """Describe exactly what `start` would do with this call. The same call gives the same answer."""
        ...

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Return the job of a key where its call acts, or None if it was never seen there; doubt raises."""
        ...

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Start the call once under its key.

        `token` is the fencing token of a destructive call: a target that has seen a higher one refuses.
        """
        ...

    async def poll(self, ref: JobRef) -> JobState:
        """Return what is known of a job now."""
        ...

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        """Return what a job wrote from an offset on."""
        ...

    async def cancel(self, ref: JobRef) -> None:
        """Ask a job to end; `poll` tells when nothing of it is left."""
        ...

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Settle a key for good: its job is asked to end, one never seen can never start, however late."""
        ...

    async def check(self, call: Call) -> CheckResult:
        """Carry out a check and return what it found."""
        ...

    async def verify_point(self, source: Source, point: RecoveryPoint) -> CheckResult:
        """Prove that a recovery point can be read whole."""
        ...

    async def mark(self, target: Target, name: str) -> str:
        """Set a named marker that can be restored to later, and return its position."""
        ...

    async def backup(self, source: Source, *, key: str, labels: Mapping[str, str]) -> JobRef:
        """Start taking a recovery point with its labels (release, commit, environment)."""
        ...

    async def hold(self, source: Source, point: RecoveryPoint, *, until: datetime | None) -> None:
        """Keep a recovery point from being expired until a moment; None releases it."""
        ...

    async def guard(self, source: Source) -> Guard:
        """Say whether whoever takes the source's backups could delete them too; nothing is tried."""
        ...


@runtime_checkable
class Telling(Protocol):
    """What an engine may be besides: one that tells when a job moves, instead of being asked again."""

    async def moved(self, ref: JobRef, *, seen: JobState, within_s: float) -> bool:
        """Return True as soon as a job ended or is in another phase than was seen, False after that time."""
        ...
