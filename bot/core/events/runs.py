"""What happens in a run and to the targets it holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from pydantic import AwareDatetime, Field

from bot.core.estimate import Took
from bot.core.events.kind import Kind
from bot.core.events.silences import SilenceEvent
from bot.core.events.waits import WaitEvent
from bot.core.plan import Part, Plan
from integrations.contract import Json


class PlanAsked(Kind):
    """A person wants a playbook resolved against now; `incident` is the incident or the drill it is for."""

    kind: Literal["plan-asked"] = "plan-asked"
    incident: str
    playbook: str
    service: str
    environment: str
    inputs: Mapping[str, Json] = Field(default_factory=dict)


class Planned(Kind):
    """The plan as it stands. A later one replaces it; another hash voids every approval given before."""

    kind: Literal["planned"] = "planned"
    plan: Plan
    hash: str
    changes: tuple[str, ...] = ()
    expires: Mapping[str, AwareDatetime] = Field(default_factory=dict)
    snapshot: Mapping[str, Json] = Field(default_factory=dict)


class PlanFailed(Kind):
    """No plan could be made; the sentence says what is missing."""

    kind: Literal["plan-failed"] = "plan-failed"
    because: str


class RunStarted(Kind):
    """Approvals are asked for, all gates at once; steps that need none begin."""

    kind: Literal["run-started"] = "run-started"
    hash: str
    freeze: str | None = None
    expires: Mapping[str, AwareDatetime] = Field(default_factory=dict)


class WarmAsked(Kind):
    """Warm steps may be carried out though the run is not started; what they made is removed at `until`."""

    kind: Literal["warm-asked"] = "warm-asked"
    why: str
    until: AwareDatetime


class WarmStopped(Kind):
    """Nothing more is made ready, and what was is removed; what `taken` steps made is another run's now."""

    kind: Literal["warm-stopped"] = "warm-stopped"
    why: str
    taken: tuple[str, ...] = ()


class Approved(Kind):
    """One person said yes to the plan of this hash, in one role."""

    kind: Literal["approved"] = "approved"
    gate: str
    hash: str
    role: str
    break_glass: str | None = None


class Rejected(Kind):
    """One person said no; one no stops."""

    kind: Literal["rejected"] = "rejected"
    gate: str
    hash: str
    why: str


class Withdrawn(Kind):
    """A person took their approval back before it was used."""

    kind: Literal["withdrawn"] = "withdrawn"
    gate: str
    why: str = ""


class GateExpired(Kind):
    """The time for gathering approvals of a gate ran out; nothing counts until it is asked for again."""

    kind: Literal["gate-expired"] = "gate-expired"
    gate: str


class GateReopened(Kind):
    """The approvals of a gate are asked for again."""

    kind: Literal["gate-reopened"] = "gate-reopened"
    gate: str
    expires: AwareDatetime


class StepStarted(Kind):
    """Recorded before the call is made; `token` is the fencing token of the target held for it."""

    kind: Literal["step-started"] = "step-started"
    step: str
    attempt: int
    key: str
    token: int | None = None
    undo: bool = False


class StepProgressed(Kind):
    """A step entered another phase or passed another quarter."""

    kind: Literal["step-progressed"] = "step-progressed"
    step: str
    attempt: int
    phase: str
    percent: int | None = None


class CheckFound(Kind):
    """What a check found; `step` is None for the checks at the end of the run."""

    kind: Literal["check-found"] = "check-found"
    check: str
    step: str | None = None
    ok: bool
    blocking: bool
    found: str
    evidence: Mapping[str, Json] = Field(default_factory=dict)


class StepSucceeded(Kind):
    """The engine and every blocking check of the step say that it is done, and how long it took."""

    kind: Literal["step-succeeded"] = "step-succeeded"
    step: str
    attempt: int
    evidence: Mapping[str, Json] = Field(default_factory=dict)
    undo: bool = False
    took: Took | None = None


class StepFailed(Kind):
    """The step ended without doing what it should; `tail` is the last of what it wrote.

    A removal of a copy that found its target `busy` was none: nothing was tried. Nor was a step that is
    `not_ours`: what would act belongs to another Backstop. `answered` is what is wrong with each target of a
    destructive step, asked then; empty where it answered well.
    """

    kind: Literal["step-failed"] = "step-failed"
    step: str
    attempt: int
    because: str
    tail: str = ""
    undo: bool = False
    busy: bool = False
    not_ours: bool = False
    answered: Mapping[str, str] = Field(default_factory=dict)


class StepInDoubt(Kind):
    """A step was started and nobody can say how it ended; only a person may go on from here.

    `answered` is what is wrong with each target of a destructive step, asked then.
    """

    kind: Literal["step-in-doubt"] = "step-in-doubt"
    step: str
    attempt: int
    because: str
    undo: bool = False
    answered: Mapping[str, str] = Field(default_factory=dict)


class RetryAsked(Kind):
    """Another attempt is wanted; it opens once the target says that nothing of the old one runs.

    A person asks for it, or with `not_before` the clean-up of a drill by itself.
    """

    kind: Literal["retry-asked"] = "retry-asked"
    step: str
    why: str
    inputs: Mapping[str, Json] = Field(default_factory=dict)
    not_before: AwareDatetime | None = None


class AttemptOpened(Kind):
    """The recorded decision that allows a step to act again, with what the target said before it."""

    kind: Literal["attempt-opened"] = "attempt-opened"
    step: str
    attempt: int
    target_said: str
    not_before: AwareDatetime | None = None


class StepSkipped(Kind):
    """A person decided to leave the step out."""

    kind: Literal["step-skipped"] = "step-skipped"
    step: str
    why: str


class StepDone(Kind):
    """A person did the step by hand and says what shows it.

    It is over with that, unless it is `unproved`: then its own checks are asked first.
    """

    kind: Literal["step-done"] = "step-done"
    step: str
    evidence: str
    why: str = ""
    unproved: bool = False


class StepProved(Kind):
    """Every blocking check of the step says what a person said of it: it is done."""

    kind: Literal["step-proved"] = "step-proved"
    step: str
    attempt: int


class UndoAsked(Kind):
    """Undo the finished steps in reverse order, back to and including this one."""

    kind: Literal["undo-asked"] = "undo-asked"
    step: str
    why: str


class AbortAsked(Kind):
    """Stop for good; `leaves` is what the person was shown before confirming."""

    kind: Literal["abort-asked"] = "abort-asked"
    why: str
    leaves: str


class RunAborted(Kind):
    """Nothing of the run acts any more."""

    kind: Literal["run-aborted"] = "run-aborted"
    leaves: str


class RunRecovered(Kind):
    """The blocking end checks passed; the clock of the recovery time stops here.

    Where the steps that were to overwrite data were `left_out`, nothing was restored and it does not stop.
    """

    kind: Literal["run-recovered"] = "run-recovered"
    left_out: tuple[str, ...] = ()


class SalvageAsked(Kind):
    """A person wants the rows that a restore left in its kept copy, of one table or of all.

    `restore` is the key under which the step replaced the data, `key` that of the search. `attempt` is said
    where the step had several.
    """

    kind: Literal["salvage-asked"] = "salvage-asked"
    step: str
    attempt: int | None = None
    restore: str
    key: str
    table: str | None = None


class SalvagedTable(Part):
    """What was found of one table: rows that only the kept copy has, and rows that it has otherwise."""

    table: str
    only: int = 0
    differ: int = 0
    problem: str = ""


class SalvageFound(Kind):
    """What a search found, in all `compared` tables; the rows lie in a folder on the host of the data.

    `tables` names those with something to tell, up to a number; `unread` ones could not be read.
    """

    kind: Literal["salvage-found"] = "salvage-found"
    step: str
    attempt: int | None = None
    key: str
    asked_by: str
    host: str
    folder: str
    manifest: str
    compared: int
    only: int
    differ: int
    unread: int = 0
    tables: tuple[SalvagedTable, ...] = ()


class SalvageFailed(Kind):
    """A search found out nothing; nothing was changed."""

    kind: Literal["salvage-failed"] = "salvage-failed"
    step: str
    attempt: int | None = None
    key: str
    asked_by: str
    because: str


class TargetHeld(Kind):
    """A run holds a target for a destructive step; the entry's sequence number is the fencing token.

    Where a server is held, `part` says which part of it, empty for the whole; parts are held side by side.
    """

    kind: Literal["target-held"] = "target-held"
    run: str
    step: str
    attempt: int
    part: str | None = None


class TargetReleased(Kind):
    """The run no longer holds the target."""

    kind: Literal["target-released"] = "target-released"
    run: str


class CopyTouched(Kind):
    """A run makes or removes a copy beside this target: whoever acts on it looks at that run first."""

    kind: Literal["copy-touched"] = "copy-touched"
    run: str
    step: str


RunEvent = (
    PlanAsked
    | Planned
    | PlanFailed
    | RunStarted
    | WarmAsked
    | WarmStopped
    | Approved
    | Rejected
    | Withdrawn
    | GateExpired
    | GateReopened
    | StepStarted
    | StepProgressed
    | CheckFound
    | StepSucceeded
    | StepFailed
    | StepInDoubt
    | RetryAsked
    | AttemptOpened
    | StepSkipped
    | StepDone
    | StepProved
    | UndoAsked
    | WaitEvent
    | AbortAsked
    | RunAborted
    | RunRecovered
    | SalvageAsked
    | SalvageFound
    | SalvageFailed
    | SilenceEvent
)
TargetEvent = TargetHeld | TargetReleased | CopyTouched
