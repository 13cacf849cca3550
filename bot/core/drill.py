"""A drill: what its timeline says, what it does next, and what it showed.

It has two runs: the rehearsal, which is the playbook on stand-ins, and the clean-up, which undoes what the
rehearsal did and puts the stand-ins back. Both are carried out like any other run, so that a crash at any
moment is answered in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from bot.core.budget import time_to_recover
from bot.core.events import (
    CheckFound,
    DrillAsked,
    DrillEnded,
    Entry,
    Event,
    Gap,
    PlanAsked,
    PlanAttached,
    Rehearsed,
    TaskOpened,
)
from bot.core.incident import Incident
from bot.core.loss import losses, rpo_verdict
from bot.core.plan import Plan, PlannedStep
from bot.core.run import Run, StepState
from bot.core.run import Status as Stand
from bot.core.words import in_words
from integrations.contract import Json
from playbooks.model import Playbook

TRIES = 3
PATIENCE_S = 10.0
"""How often a clean-up tries an operation again before people are asked, and how long it waits each time."""

_NOT_WELL = (Stand.FAILED, Stand.IN_DOUBT, Stand.SKIPPED)


@dataclass(frozen=True, slots=True)
class Drill:
    """A drill as it stands after its last event; the first of `runs` rehearses, the second cleans up."""

    id: str
    asked: DrillAsked
    asked_by: str
    asked_at: datetime
    seq: int = 0
    runs: tuple[str, ...] = ()
    ended: DrillEnded | None = None
    ended_at: datetime | None = None
    tasks: Mapping[str, TaskOpened] = field(default_factory=dict)


def fold(entries: Iterable[Entry]) -> Drill | None:
    """Return the drill a timeline describes, or None for an empty one."""
    drill: Drill | None = None
    for entry in entries:
        match entry.event:
            case DrillAsked() as asked:
                id = entry.stream.removeprefix("drill/")
                drill = Drill(id, asked, entry.by, entry.occurred_at, entry.seq)
            case PlanAttached(run=run) if drill:
                drill = replace(drill, runs=(*drill.runs, run))
            case DrillEnded() as ended if drill:
                drill = replace(drill, ended=ended, ended_at=entry.occurred_at)
            case TaskOpened() as task if drill:
                drill = replace(drill, tasks={**drill.tasks, task.gap: task})
            case _:
                pass
        drill = replace(drill, seq=entry.seq) if drill else None
    return drill


@dataclass(frozen=True, slots=True)
class Begin:
    """The plan is drawn and has no problem: see that the stand-ins are isolated, and start."""


@dataclass(frozen=True, slots=True)
class Stop:
    """The rehearsal cannot go on by itself: end it, nobody is waited for."""

    why: str


@dataclass(frozen=True, slots=True)
class CleanUp:
    """Nothing of the rehearsal acts any more: carry this plan out."""

    plan: Plan


@dataclass(frozen=True, slots=True)
class Keep:
    """The stand-ins are kept for people to look at until this moment."""

    until: datetime


@dataclass(frozen=True, slots=True)
class End:
    """Everything is over: this is what the drill showed."""

    result: DrillEnded


Move = Begin | Stop | CleanUp | Keep | End


def asked(
    playbook: Playbook,
    service: str,
    environment: str,
    *,
    commander: str,
    window: datetime | None = None,
    release: str | None = None,
) -> DrillAsked:
    """Return the event that asks for a drill of a playbook which says how it is rehearsed."""
    assert playbook.drill
    keep = playbook.drill.keep_for
    return DrillAsked(
        playbook=playbook.name,
        title=playbook.metadata.title,
        service=service,
        environment=environment,
        commander=commander,
        owner=playbook.metadata.owner,
        stand_ins=tuple(dict.fromkeys(playbook.drill.targets.values())),
        window=window,
        release=release,
        keep_for_s=keep.total_seconds() if keep else 0,
    )


def opened(
    id: str, run: str, asked: DrillAsked, *, inputs: Mapping[str, Json]
) -> dict[str, tuple[Event, ...]]:
    """Return the first events of a drill and of its rehearsal, by stream."""
    planned = PlanAsked(
        incident=id,
        playbook=asked.playbook,
        service=asked.service,
        environment=asked.environment,
        inputs=inputs,
    )
    attached = PlanAttached(run=run, playbook=asked.playbook)
    return {f"drill/{id}": (asked, attached), f"run/{run}": (planned,)}


def next_move(
    drill: Drill, occasion: Incident, rehearsal: Run, cleaning: Run | None, *, now: datetime
) -> Move | None:
    """Return what a drill does next; None means that a run of it is under way or that it is over."""
    if drill.ended:
        return None
    if rehearsal.over:
        return _after(drill, occasion, rehearsal, cleaning, now)
    if rehearsal.plan is None:
        return None
    if rehearsal.started_at is None:
        problems = rehearsal.plan.problems
        return End(refused(problems)) if problems else Begin()
    if rehearsal.paused and not rehearsal.abort:
        return Stop(rehearsal.why_paused)
    return None


def _after(
    drill: Drill, occasion: Incident, rehearsal: Run, cleaning: Run | None, now: datetime
) -> Move | None:
    plan = cleaned(rehearsal, now)
    if cleaning is None and plan is not None:
        until = _over_at(rehearsal) + timedelta(seconds=drill.asked.keep_for_s)
        return Keep(until) if now < until else CleanUp(plan)
    if cleaning is None or cleaning.over:
        return End(showed(occasion, rehearsal, cleaning))
    return None


def in_trouble(drill: Drill, rehearsal: Run, cleaning: Run | None, why: str, *, now: datetime) -> Move | None:
    """Return what becomes of a drill that cannot be carried on; nothing of it may stay behind unnoticed.

    A clean-up that could not be drawn up is left to people: its plan has a problem, which nobody goes past.
    """
    because = f"{drill.id} could not be carried on: {why}"
    if not rehearsal.over:
        if rehearsal.started_at is None:
            return End(refused((because,)))
        return None if rehearsal.abort else Stop(because)
    plan = cleaned(rehearsal, now)
    if cleaning is None and plan is not None:
        problem = f"{because} Put the stand-ins back by hand, then say `abort {drill.id}`."
        return CleanUp(plan.model_copy(update={"problems": (problem,)}))
    if cleaning is None or cleaning.over:
        gap = Gap(id="unfinished", what=f"The drill did not come to its end: {because}")
        return End(DrillEnded(outcome="failed", because=because, gaps=(gap,)))
    return None


def _over_at(run: Run) -> datetime:
    ended = (run.recovered_at, run.ended_at, run.aborted_at, run.started_at)
    return next(at for at in ended if at)


def cleaned(rehearsal: Run, now: datetime) -> Plan | None:
    """Return the plan that puts the stand-ins back, or None where nothing was ever begun.

    Whatever was begun is undone, the newest first, however it ended; then comes what the playbook names. All
    of it may be done twice, so that no crash in the middle waits for a person.
    """
    plan = rehearsal.plan
    if plan is None or not any(map(_begun, rehearsal.steps.values())):
        return None
    steps = [*_undone(rehearsal, plan), *plan.cleanup]
    chained = [
        step.model_copy(update={"needs": (before.id,) if before else (), "repeats": True})
        for before, step in zip([None, *steps], steps, strict=False)
    ]
    return plan.model_copy(
        update={
            "title": f"Clean up after {rehearsal.id}",
            # How long a clean-up takes says nothing of the real targets.
            "targets": tuple(target.model_copy(update={"stands_for": None}) for target in plan.targets),
            "steps": tuple(chained),
            "checks": (),
            "isolation": (),
            "cleanup": (),
            "at_most_s": None,
            "drafted_at": now,
        }
    )


def _begun(state: StepState) -> bool:
    """Say whether a step ever acted: another attempt that was opened has no key yet, the one before had."""
    return bool(state.key) or state.attempt > 1


def _undone(rehearsal: Run, plan: Plan) -> Iterator[PlannedStep]:
    for step in reversed(plan.steps):
        state = rehearsal.step(step.id)
        if step.undo and step.undo.kind != "person" and _begun(state) and state.status is not Stand.UNDONE:
            yield PlannedStep(
                id=f"undo-{step.id}",
                title=f"Undo: {step.title}",
                by=step.by,
                call=step.undo,
                touches=step.touches,
                retries=TRIES,
                backoff_s=PATIENCE_S,
                heartbeat_s=step.heartbeat_s,
                # What never took place cannot be undone; the stand-in is emptied all the same.
                on_failure="continue",
                estimate_s=step.estimate_s,
                high_s=step.high_s,
            )


def refused(because: tuple[str, ...]) -> DrillEnded:
    """Return the end of a drill that never began, with a gap for each reason."""
    gaps = tuple(Gap(id=f"plan-{_word(why)}", what=why) for why in because)
    return DrillEnded(outcome="refused", because=because[0], gaps=gaps)


def showed(occasion: Incident, rehearsal: Run, cleaning: Run | None) -> DrillEnded:
    """Return what a drill showed: how long each step took, what was proved, and every gap."""
    plan = rehearsal.plan
    if plan is None or rehearsal.started_at is None:
        return refused((rehearsal.failed,))
    took = time_to_recover(rehearsal, occasion)
    gaps = (*_shown(occasion, rehearsal, plan), *(_unclean(cleaning) if cleaning else ()))
    return DrillEnded(
        outcome="passed" if rehearsal.recovered_at else "failed",
        because="" if rehearsal.recovered_at else _why(rehearsal),
        gaps=gaps,
        seconds=dict(_seconds(rehearsal)),
        took_s=took.total_seconds() if took is not None else None,
        rto_s=plan.rto_s,
        restored=tuple(_restored(rehearsal, plan)) if rehearsal.recovered_at else (),
        left_out=plan.left_out,
    )


def _why(rehearsal: Run) -> str:
    if rehearsal.abort:
        return rehearsal.abort.why
    return "no restore came to its end" if rehearsal.half_restored else "nothing was restored"


def _seconds(rehearsal: Run) -> Iterator[tuple[str, float]]:
    for id, state in rehearsal.steps.items():
        if state.started_at and state.ended_at:
            yield id, (state.ended_at - state.started_at).total_seconds()


def _restored(rehearsal: Run, plan: Plan) -> Iterator[Rehearsed]:
    for step in plan.steps:
        source = plan.source(step.call.source)
        if step.destructive and rehearsal.step(step.id).status is Stand.SUCCEEDED and source and source.point:
            point = source.point
            yield Rehearsed(engine=source.engine, source=source.id, point=point.id, digest=point.digest)


def _shown(occasion: Incident, rehearsal: Run, plan: Plan) -> Iterator[Gap]:
    failed = [*_steps(rehearsal, plan), *_wrong(rehearsal.checks)]
    yield from failed
    if rehearsal.abort and not failed:
        yield Gap(id="unfinished", what=f"The drill did not come to its end: {rehearsal.abort.why}")
    took = time_to_recover(rehearsal, occasion)
    if took is not None and plan.rto_s is not None and took > timedelta(seconds=plan.rto_s):
        rto = in_words(timedelta(seconds=plan.rto_s))
        yield Gap(id="rto", what=f"It took {in_words(took)}, and the RTO is {rto}.")
    for loss in losses(occasion, rehearsal, now=_over_at(rehearsal)):
        if loss.meets_rpo is False:
            lost = f"{in_words(loss.lost or timedelta(0))} of good data would be lost"
            yield Gap(id=f"rpo-{loss.source}", what=f"{lost}. {rpo_verdict(loss)}")


def _steps(rehearsal: Run, plan: Plan) -> Iterator[Gap]:
    for step in plan.steps:
        state = rehearsal.step(step.id)
        wrong = [*_wrong(state.checks)]
        yield from wrong
        if state.status in _NOT_WELL and not wrong:
            yield Gap(id=f"step-{step.id}", what=f"{step.title}: {state.status.value}: {state.because}")


def _wrong(checks: Iterable[CheckFound]) -> Iterator[Gap]:
    for check in checks:
        if not check.ok:
            yield Gap(id=f"check-{check.check}", what=f"The check {check.check} found {check.found}.")


def _unclean(cleaning: Run) -> Iterator[Gap]:
    for step in cleaning.plan.steps if cleaning.plan else ():
        state = cleaning.step(step.id)
        if state.status not in (Stand.SUCCEEDED, Stand.DONE):
            why = f": {state.because}" if state.because else ""
            yield Gap(id=f"cleanup-{step.id}", what=f"Cleaning up, {step.title} was not done{why}")


def _word(why: str) -> str:
    """Return a sentence as the end of an id; figures in it differ each time."""
    letters = "".join(char if char.isalpha() else " " for char in why.lower())
    return "-".join(letters.split())[:60].rstrip("-")
