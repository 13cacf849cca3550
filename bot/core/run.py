"""A run is a plan being carried out, as its timeline says."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.core.approval import Approval, GateState, Rejection
from bot.core.events import (
    AbortAsked,
    Approved,
    AttemptOpened,
    CheckFound,
    Entry,
    Event,
    GateExpired,
    GateReopened,
    PlanAsked,
    PlanFailed,
    Planned,
    Rejected,
    RetryAsked,
    RunAborted,
    RunPaused,
    RunRecovered,
    RunResumed,
    RunStarted,
    StepDone,
    StepFailed,
    StepInDoubt,
    StepProgressed,
    StepProved,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    UndoAsked,
    WarmAsked,
    WarmStopped,
    Withdrawn,
)
from bot.core.objections import Objections
from bot.core.pauses import Pauses, after, first_of, whys, without
from bot.core.plan import Plan, PlannedStep
from bot.core.silence import Silences
from bot.core.step import ACTING, OVER, Status, StepState, opened, progressed, started
from integrations.contract import Json

__all__ = ["ACTING", "OVER", "Run", "Status", "StepState", "fold"]


_NOT_YET = StepState()
_OF_STEPS = StepStarted | StepFailed | StepSucceeded


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands after its last event.

    `copies` are the steps whose copy may lie beside its target, with how often removing it failed. All
    `pauses` have to end before anything further starts.
    """

    id: str
    asked: PlanAsked
    asked_by: str
    asked_at: datetime
    seq: int = 0
    plan: Plan | None = None
    hash: str = ""
    changes: tuple[str, ...] = ()
    snapshot: Mapping[str, Json] = field(default_factory=dict)
    failed: str = ""
    warm: WarmAsked | None = None
    copies: Mapping[str, int] = field(default_factory=dict)
    started_at: datetime | None = None
    requester: str = ""
    freeze: str | None = None
    gates: Mapping[str, GateState] = field(default_factory=dict)
    steps: Mapping[str, StepState] = field(default_factory=dict)
    passes: frozenset[str] = frozenset()
    pauses: Pauses = ()
    objections: Objections = field(default_factory=Objections)
    silences: Silences = field(default_factory=Silences)
    late: bool = False
    undo: UndoAsked | None = None
    abort: AbortAsked | None = None
    aborted_at: datetime | None = None
    left: str = ""
    recovered_at: datetime | None = None
    ended_at: datetime | None = None
    checks: tuple[CheckFound, ...] = ()

    @property
    def incident(self) -> str:
        """Return the incident the run belongs to."""
        return self.asked.incident

    @property
    def over(self) -> bool:
        """Say whether nothing more will happen in this run."""
        return bool(self.failed or self.aborted_at or self.recovered_at or self.ended_at)

    @property
    def paused(self) -> RunPaused | None:
        """Return the pause to settle first, or None when nothing is in the way."""
        return first_of(self.pauses)

    @property
    def why_paused(self) -> str:
        """Return everything that a paused run waits for, in words."""
        return whys(self.pauses)

    def stopped_at(self, gates: Collection[str]) -> tuple[str, ...]:
        """Return the reasons to wait that are over once these gates are approved, or asked for again.

        A step that began and did not end well waits for more than that.
        """
        steps = self.plan.steps if self.plan else ()
        met = {
            step.id for step in steps if step.gate in gates and self.step(step.id).status is Status.WAITING
        }
        return tuple(pause.reason for pause in self.pauses if pause.of_step and pause.step in met)

    def lifted(self, reasons: Collection[str], *, why: str, passes: Collection[str] = ()) -> RunResumed:
        """Return what records that these reasons to wait are over, with what is left of them."""
        still = whys(without(self.pauses, reasons))
        return RunResumed(why=why, passes=tuple(passes), lifts=tuple(reasons), still=still)

    @property
    def restored(self) -> bool:
        """Say whether a destructive step took place, so that what the plan says is lost was really lost."""
        steps = self.plan.steps if self.plan else ()
        carried_out = (Status.SUCCEEDED, Status.DONE)
        return any(step.destructive and self.step(step.id).status in carried_out for step in steps)

    @property
    def half_restored(self) -> tuple[PlannedStep, ...]:
        """Return the destructive steps that were skipped after an attempt of them had acted."""
        steps = self.plan.steps if self.plan else ()
        states = [(step, self.step(step.id)) for step in steps if step.destructive]
        return tuple(step for step, state in states if state.status is Status.SKIPPED and state.acted)

    @property
    def state(self) -> str:
        """Return where the run stands, in one word."""
        words: tuple[tuple[object, str], ...] = (
            (self.recovered_at, "recovered"),
            (self.ended_at, "ended"),
            (self.aborted_at, "aborted"),
            (self.failed, "not planned"),
            (self.abort, "aborting"),
            (self.pauses, "paused"),
            (self.started_at, "running"),
            (self.plan, "planned"),
        )
        return next((word for holds, word in words if holds), "planning")

    def key(self, step: str, attempt: int, *, undo: bool = False) -> str:
        """Return the key under which an attempt is started, once, whatever crashes.

        Numbers come again when an older database is put back or two Backstops share a runner; the mark of
        the moment the run was asked for keeps their keys apart.
        """
        mark = hashlib.sha256(f"{self.id} {self.asked_at.isoformat()}".encode()).hexdigest()[:8]
        return f"{self.id}.{step}.{attempt}.{mark}{'.undo' if undo else ''}"

    def step(self, id: str) -> StepState:
        """Return where a step stands."""
        return self.steps.get(id, _NOT_YET)

    @property
    def acting(self) -> tuple[str, ...]:
        """Return the steps that began, or were said to be done, and have not ended."""
        return tuple(id for id, step in self.steps.items() if step.status in ACTING)


def fold(entries: Iterable[Entry], run: Run | None = None) -> Run | None:
    """Return the run a timeline describes, or None for an empty one; a known one is gone on with."""
    for entry in entries:
        event = entry.event
        if run is None:
            if isinstance(event, PlanAsked):
                run = Run(entry.stream.removeprefix("run/"), event, entry.by, entry.occurred_at, entry.seq)
            continue
        run = replace(run, seq=entry.seq)
        if event is not None:
            run = replace(run, pauses=after(run.pauses, event), objections=run.objections.after(event))
            run = replace(run, silences=run.silences.after(entry, event, run.plan))
            run = _steps(_gates(_whole(run, entry, event), entry, event), entry, event)
            run = _warm(replace(run, copies=_copies(run, event)), event)
    return run


def _whole(run: Run, entry: Entry, event: Event) -> Run:
    match event:
        case Planned():
            return _planned(run, entry, event)
        case PlanFailed(because=because):
            return replace(run, failed=because)
        case RunStarted():
            return replace(run, started_at=entry.occurred_at, requester=entry.by, freeze=event.freeze)
        case RunPaused():
            return replace(run, undo=None, late=run.late or event.late)
        case RunResumed(passes=passes):
            return replace(run, passes=run.passes | frozenset(passes))
        case UndoAsked(step=back_to):
            # To go back is what was decided about whatever did not end well from there on.
            return replace(_unpause(run, *_from(run, back_to)), undo=event)
        case AbortAsked():
            return replace(run, abort=event)
        case RunAborted(leaves=left):
            return replace(run, aborted_at=entry.occurred_at, left=left)
        case RunRecovered(left_out=()):
            return replace(run, recovered_at=entry.occurred_at)
        case RunRecovered():
            return replace(run, ended_at=entry.occurred_at)
        case CheckFound(step=None):
            kept = tuple(check for check in run.checks if check.check != event.check)
            return replace(run, checks=(*kept, event))
        case _:
            return run


def _planned(run: Run, entry: Entry, event: Planned) -> Run:
    """Take a plan over; another hash after the start voids the approvals and asks for them again."""
    asked = {name: GateState(name, entry.occurred_at, at) for name, at in event.expires.items()}
    same = event.hash == run.hash
    return replace(
        run,
        plan=event.plan,
        hash=event.hash,
        changes=event.changes,
        snapshot=event.snapshot or run.snapshot,
        gates=run.gates if same else asked,
    )


def _gates(run: Run, entry: Entry, event: Event) -> Run:
    match event:
        case RunStarted(expires=expires):
            gates = {name: GateState(name, entry.occurred_at, at) for name, at in expires.items()}
            return replace(run, gates=gates)
        case Approved(break_glass=None) if entry.by == run.requester:
            # Whoever asked for the run cannot be one of those who agree to it, whatever door let it in.
            return run
        case Approved():
            approval = Approval(entry.by, event.role, event.hash, entry.occurred_at, event.break_glass)
            gate = run.gates[event.gate]
            others = tuple(a for a in gate.approvals if a.person != entry.by)
            return _with_gate(run, replace(gate, approvals=(*others, approval)))
        case Rejected():
            rejection = Rejection(entry.by, event.why, entry.occurred_at)
            return _with_gate(run, replace(run.gates[event.gate], rejection=rejection))
        case Withdrawn():
            gate = run.gates[event.gate]
            kept = tuple(a for a in gate.approvals if a.person != entry.by)
            return _with_gate(run, replace(gate, approvals=kept))
        case GateExpired():
            return _with_gate(run, replace(run.gates[event.gate], expired=True))
        case GateReopened():
            return _with_gate(run, GateState(event.gate, entry.occurred_at, event.expires))
        case StepStarted(undo=False):
            step = run.plan.step(event.step) if run.plan else None
            return _use(run, step.gate) if step else run
        case _:
            return run


def _use(run: Run, gate: str | None) -> Run:
    state = run.gates.get(gate or "")
    return _with_gate(run, replace(state, used=True)) if state else run


def _with_gate(run: Run, gate: GateState) -> Run:
    return replace(run, gates={**run.gates, gate.name: gate})


def _steps(run: Run, entry: Entry, event: Event) -> Run:
    match event:
        case StepStarted():
            return _with_step(run, event.step, started(run.step(event.step), entry, event))
        case StepProgressed():
            return _with_step(run, event.step, progressed(run.step(event.step), entry, event))
        case CheckFound(step=str(step)):
            found = run.step(step)
            kept = tuple(check for check in found.checks if check.check != event.check)
            return _with_step(run, step, replace(found, checks=(*kept, event)))
        case StepSucceeded(undo=True):
            return _end(run, event.step, Status.UNDONE, entry)
        case StepSucceeded():
            done = _end(_unpause(run, event.step), event.step, Status.SUCCEEDED, entry)
            return _with_step(done, event.step, replace(done.step(event.step), evidence=event.evidence))
        case StepFailed():
            ended = _end(run, event.step, Status.FAILED, entry, because=event.because, tail=event.tail)
            return _answered(ended, event, not_ours=event.not_ours)
        case StepInDoubt():
            ended = _end(run, event.step, Status.IN_DOUBT, entry, because=event.because)
            return _answered(ended, event)
        case _:
            return _chosen(run, entry, event)


def _chosen(run: Run, entry: Entry, event: Event) -> Run:
    """What people decided about a step, and what came of it before anything of it acts."""
    match event:
        case RetryAsked():
            return _with_step(run, event.step, replace(run.step(event.step), retry=event))
        case AttemptOpened():
            return _with_step(_unpause(run, event.step), event.step, opened(run.step(event.step), event))
        case StepSkipped(why=why):
            return _end(_unpause(run, event.step), event.step, Status.SKIPPED, entry, because=why)
        case StepDone(evidence=evidence):
            status = Status.CHECKING if event.unproved else Status.DONE
            said = _end(_unpause(run, event.step), event.step, status, entry, because=evidence)
            return _with_step(said, event.step, replace(said.step(event.step), by_hand=evidence))
        case StepProved():
            return _end(run, event.step, Status.DONE, entry, because=run.step(event.step).by_hand)
        case _:
            return run


def _warm(run: Run, event: Event) -> Run:
    match event:
        case WarmAsked():
            return replace(run, warm=event)
        case WarmStopped():
            return replace(run, warm=None)
        case _:
            return run


def _copies(run: Run, event: Event) -> Mapping[str, int]:
    """Return whose copies may lie beside their targets now: from the start of their step until they are gone.

    A copy is gone when it was removed, when another run took it, and when its engine put it in place: whoever
    restores by hand may have taken it or not, and what is not there is removed without harm.
    """
    step = run.plan.step(event.step) if run.plan and isinstance(event, _OF_STEPS) else None
    match event:
        case StepStarted(undo=False) if step and step.warm:
            return {**run.copies, step.id: 0}
        case StepFailed(undo=True, busy=False) if step and step.id in run.copies:
            return {**run.copies, step.id: run.copies[step.id] + 1}
        case StepSucceeded(undo=True) if step:
            gone = {step.id}
        case StepSucceeded() if run.plan and step and step.destructive:
            gone = {other.id for other in run.plan.steps if other.call.target == step.call.target}
        case WarmStopped(taken=taken):
            gone = set(taken)
        case _:
            return run.copies
    return {id: tries for id, tries in run.copies.items() if id not in gone}


def _with_step(run: Run, id: str, state: StepState) -> Run:
    return replace(run, steps={**run.steps, id: state})


def _end(run: Run, id: str, status: Status, entry: Entry, *, because: str = "", tail: str = "") -> Run:
    before = replace(run.step(id), retry=None, answered={})
    return _with_step(
        run, id, replace(before, status=status, ended_at=entry.occurred_at, because=because, tail=tail)
    )


def _answered(run: Run, event: StepFailed | StepInDoubt, *, not_ours: bool = False) -> Run:
    found = replace(run.step(event.step), answered=event.answered, not_ours=not_ours)
    return _with_step(run, event.step, found)


def _unpause(run: Run, *steps: str) -> Run:
    """End the pauses that were about these steps: the person's choice for the step is the way on."""
    return replace(run, pauses=tuple(pause for pause in run.pauses if pause.step not in steps))


def _from(run: Run, step: str) -> tuple[str, ...]:
    """Return the steps from this one on, in the order of the plan."""
    ids = tuple(each.id for each in run.plan.steps) if run.plan else ()
    return ids[ids.index(step) :] if step in ids else ()
