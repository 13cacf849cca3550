"""What happened in a run and to its targets, a line each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import assert_never

from bot.core import events
from bot.core.cards.lines.silences import describe_silence
from bot.core.document import Code, Line, Moment, Strong
from bot.core.events import RunEvent, TargetEvent
from bot.core.salvage import attempt_named
from bot.core.step import caution
from bot.core.words import in_words

_Plan = (
    events.PlanAsked
    | events.Planned
    | events.PlanFailed
    | events.RunStarted
    | events.WarmAsked
    | events.WarmStopped
    | events.RunAborted
    | events.RunRecovered
)
_Gate = events.Approved | events.Rejected | events.Withdrawn | events.GateExpired | events.GateReopened
_Step = (
    events.StepStarted
    | events.StepProgressed
    | events.CheckFound
    | events.StepSucceeded
    | events.StepProved
    | events.StepFailed
    | events.StepInDoubt
    | events.AttemptOpened
)
_Choice = (
    events.RetryAsked
    | events.StepSkipped
    | events.StepDone
    | events.UndoAsked
    | events.WaitEvent
    | events.AbortAsked
)
_Salvage = events.SalvageAsked | events.SalvageFound | events.SalvageFailed


def describe_run(event: RunEvent) -> Line:
    """Return what happened in a run."""
    if isinstance(event, _Plan):
        return _plan(event)
    if isinstance(event, _Gate):
        return _gate(event)
    if isinstance(event, _Step):
        return _step(event)
    if isinstance(event, _Salvage):
        return _salvage(event)
    if isinstance(event, events.SilenceEvent):
        return describe_silence(event)
    return _choice(event)


def describe_target(event: TargetEvent, target: str) -> Line:
    """Return what happened to a target."""
    match event:
        case events.TargetHeld(run=run, step=step, attempt=attempt):
            return (Code(target), f" is held by {run} for {step}, attempt {attempt}")
        case events.TargetReleased(run=run):
            return (Code(target), f" is no longer held by {run}")
        case events.CopyTouched(run=run, step=step):
            return (f"{run} has a copy beside ", Code(target), f" made or removed, by {step}")
        case _:
            assert_never(event)


def _plan(event: _Plan) -> Line:
    match event:
        case events.PlanAsked(playbook=playbook, service=service, environment=environment):
            return (f"A plan was asked for: {playbook} for {service} in {environment}",)
        case events.Planned(hash=hash, changes=changes):
            return ("Planned, hash ", Code(hash[:8]), f"; changed: {'; '.join(changes)}" if changes else "")
        case events.PlanFailed(because=because):
            return (Strong("No plan could be made"), f": {because}")
        case events.RunStarted(hash=hash, freeze=freeze):
            placed = f", {freeze} placed" if freeze else ""
            return (Strong("Started"), " with plan ", Code(hash[:8]), placed)
        case events.WarmAsked(why=why, until=until):
            return (Strong("A copy is made ready"), f" before the start: {why}; kept until ", Moment(until))
        case events.WarmStopped(why=why, taken=taken):
            gone = "" if taken else "; what was made is removed"
            return (Strong("No copy is made ready any more"), f": {why}{gone}")
        case events.RunAborted(leaves=leaves):
            return (Strong("Aborted"), f". It leaves: {leaves}")
        case events.RunRecovered(left_out=()):
            return (Strong("Recovered"), ": every blocking end check passed")
        case events.RunRecovered(left_out=left_out):
            return (Strong(f"Ended without {', '.join(left_out)}"), ": every blocking end check passed")
        case _:
            assert_never(event)


def _gate(event: _Gate) -> Line:
    match event:
        case events.Approved(gate=gate, role=role, hash=hash, break_glass=None):
            return (f"Approved {gate} as {role}, plan ", Code(hash[:8]))
        case events.Approved(gate=gate, role=role, break_glass=why):
            return (Strong("Broke the glass"), f" at {gate} as {role}: {why}")
        case events.Rejected(gate=gate, why=why):
            return (Strong("Rejected"), f" {gate}: {why}")
        case events.Withdrawn(gate=gate, why=why):
            return (f"Took back the approval of {gate}{_because(why)}",)
        case events.GateExpired(gate=gate):
            return (f"The time to approve {gate} ran out",)
        case events.GateReopened(gate=gate, expires=expires):
            return (f"Approvals of {gate} are asked for again, until ", Moment(expires))
        case _:
            assert_never(event)


def _step(event: _Step) -> Line:
    match event:
        case events.StepStarted(step=step, attempt=attempt, undo=undo):
            return (f"{'Undo of ' if undo else ''}{step} started, attempt {attempt}",)
        case events.StepProgressed(step=step, phase=phase, percent=percent):
            figure = f", {percent} %" if percent is not None else ""
            return (f"{step}: {phase}{figure}",)
        case events.CheckFound(check=check, ok=ok, found=found, blocking=blocking):
            word = "passed" if ok else ("failed" if blocking else "warns")
            return (f"Check {check} {word}: {found}",)
        case events.StepSucceeded(step=step, undo=undo, evidence=evidence):
            warned = caution(evidence)
            return (f"{step} was undone" if undo else f"{step} succeeded", f": {warned}" if warned else "")
        case events.StepProved(step=step):
            return (f"{step} is ", Strong("done by hand"), ": its checks passed")
        case events.StepFailed(step=step, because=because, undo=undo, answered=answered):
            failed = f": {because}{_answered(answered)}"
            return (f"{'Undo of ' if undo else ''}{step} ", Strong("failed"), failed)
        case events.StepInDoubt(step=step, because=because, answered=answered):
            return (f"{step} is ", Strong("in doubt"), f": {because}{_answered(answered)}")
        case events.AttemptOpened(step=step, attempt=attempt, target_said=said):
            return (f"Attempt {attempt} of {step} may begin; before it: {said}",)
        case _:
            assert_never(event)


def _answered(targets: Mapping[str, str]) -> str:
    """Return what was wrong with targets right after a step on them did not end well."""
    return "".join(
        f"; {name}: {problem.rstrip('.')}" if problem else f"; {name} answers"
        for name, problem in targets.items()
    )


def _choice(event: _Choice) -> Line:
    match event:
        case events.RetryAsked(step=step, why=why, not_before=datetime() as at):
            return (f"{step} is tried again by itself at ", Moment(at), f", as a clean-up may be: {why}")
        case events.RetryAsked(step=step, why=why, inputs=inputs):
            changed = f" with {', '.join(f'{name}={value}' for name, value in inputs.items())}"
            return (f"Another attempt of {step} was asked for{changed if inputs else ''}{_because(why)}",)
        case events.StepSkipped(step=step, why=why):
            return (f"{step} was ", Strong("skipped"), f": {why}")
        case events.StepDone(step=step, evidence=evidence, why=why, unproved=True):
            proof = f"; evidence: {evidence}{_because(why)}; its checks are asked"
            return (f"{step} is ", Strong("said to be done by hand"), proof)
        case events.StepDone(step=step, evidence=evidence, why=why):
            return (f"{step} was ", Strong("done by hand"), f"; evidence: {evidence}{_because(why)}")
        case events.UndoAsked(step=step, why=why):
            return (f"Undo back to {step} was asked for{_because(why)}",)
        case events.RunPaused() | events.RunResumed() | events.ObjectionsSet() | events.ObjectionsAsked():
            return _wait(event)
        case events.AbortAsked(why=why):
            return (Strong("Abort"), f" was asked for{_because(why)}")
        case _:
            assert_never(event)


def _wait(event: events.WaitEvent) -> Line:
    match event:
        case events.RunPaused(why=why, objection=objection):
            return (Strong("Objects" if objection else "Paused"), _because(why))
        case events.RunResumed(why=why, passes=passes, still=still):
            passing = f", passing {', '.join(passes)}" if passes else ""
            against = f"; the objection of {', '.join(event.settles)} is over" if event.settles else ""
            waits = f"; it waits for this: {still}" if still else ""
            head = "Still paused" if still else "Resumed"
            return (Strong(head), f"{passing}{against}{_because(why)}{waits}")
        case events.ObjectionsSet(within_s=0):
            return ("Nobody is asked for objections any more",)
        case events.ObjectionsSet(within_s=within):
            time = in_words(timedelta(seconds=within))
            return (f"Everybody has {time} to object before each step that destroys data",)
        case events.ObjectionsAsked(step=step, until=until):
            return (f"{step} begins ", Moment(until), " unless somebody objects")
        case _:
            assert_never(event)


def _salvage(event: _Salvage) -> Line:
    match event:
        case events.SalvageAsked(step=step, attempt=attempt, table=table):
            where = f" of {table}" if table else ""
            return (
                f"The rows{where} that {attempt_named(step, attempt)} left in its kept copy were asked for",
            )
        case events.SalvageFound():
            folder = (" in ", Code(event.folder), f" on {event.host}") if event.only or event.differ else ()
            name = attempt_named(event.step, event.attempt)
            return (f"The copy that {name} kept has {counted(event)}", *folder)
        case events.SalvageFailed(step=step, attempt=attempt, because=because):
            return (
                f"What {attempt_named(step, attempt)} kept could ",
                Strong("not be compared"),
                f": {because}",
            )
        case _:
            assert_never(event)


def counted(found: events.SalvageFound | events.SalvagedTable) -> str:
    """Return how many rows a search found, in words."""
    if not found.only and not found.differ:
        return "no row that is not in place"
    return f"{found.only} rows that are nowhere else and {found.differ} that differ"


def _because(why: str) -> str:
    return f": {why}" if why else ""
