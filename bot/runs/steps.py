"""Carry one step out: hold the target, record the start, call the engine once, follow it to its end.

The order is the safety. A destructive call is made only after `TargetHeld` and `StepStarted` are
written, under a key that its engine starts at most once. Whoever finds a step started asks the engine
for that key and never for another; only a recorded `AttemptOpened` gives a step a new key.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from bot.core.copies import made_again, nobody_waits
from bot.core.due import Begin
from bot.core.estimate import Took
from bot.core.events import (
    AttemptOpened,
    CheckFound,
    RunPaused,
    StepFailed,
    StepInDoubt,
    StepProgressed,
    StepProved,
    StepStarted,
    StepSucceeded,
    TargetHeld,
    WarmStopped,
)
from bot.core.failure import KINDS, because_of, doubted, follows
from bot.core.hold import changed_by_others
from bot.core.outdated import outdated
from bot.core.plan import PlannedCall, PlannedStep
from bot.core.run import StepState
from bot.core.writers import told_by
from bot.jobs import Sooner
from bot.runs.beside import Beside
from bot.runs.book import Book, View
from bot.runs.calls import call_in, moves
from bot.runs.checks import Checks, in_words, wrong
from bot.runs.left import look_at_those_of
from bot.runs.shown import Shown
from bot.runs.took import act_of, took
from bot.runs.unchanged import changed_since
from integrations.contract import (
    Call,
    Engine,
    IntegrationError,
    JobRef,
    JobState,
    NotOurs,
    Phase,
)

SOON, LATER = timedelta(milliseconds=150), timedelta(seconds=1)
HELD = timedelta(seconds=30)
"""How long a copy is left alone beside a target that another run holds."""
TAIL = 2_000

Look = tuple[JobRef, JobState] | IntegrationError | None
"""What an engine says of a started step: how its job is, why it cannot tell, or that it never saw its key."""


class Steps:
    """The acts of a run on the world."""

    def __init__(self, book: Book, engines: Mapping[str, Engine], checks: Checks) -> None:
        self._book = book
        self._engines = engines
        self._checks = checks
        self._shown = Shown(book)
        self._beside = Beside(book)

    async def begin(self, view: View, step: PlannedStep, attempt: int) -> View:
        """Start a step; a destructive one only after looking once more at what was approved."""
        started = StepStarted(step=step.id, attempt=attempt, key=view.run.key(step.id, attempt))
        if step.warm:
            return await self._begin_copy(view, step, started)
        if not step.destructive:
            target = step.call.target
            if target and not await self._beside.gone(view, {target: await self._book.hold(target)}):
                return self._book.rest(view, SOON)
            return await self._call_once(await self._book.write(view, started), step)
        call = self._call(view, step.call)
        objection = await changed_since(self._engines, self._book, view, step, call)
        # The engines took their time to answer, and people may have said something meanwhile.
        view = await self._book.view(view.run.id)
        if Begin(step, attempt) not in view.moves:
            return view
        if why := outdated(view.run, view.incident):
            objection = f"{why} Abort and plan again."
        if objection:
            return await self._book.write(view, RunPaused(why=objection, step=step.id))
        holds = {name: await self._book.hold(name) for name in _touched(step)}
        servers = await self._book.servers(map(view.plan.target, holds))
        if objection := changed_by_others(view.run.id, view.plan.drafted_at, holds, servers):
            return await self._book.write(view, RunPaused(why=objection, step=step.id))
        if not await self._beside.gone(view, holds):
            return self._book.rest(view, SOON)
        held = TargetHeld(run=view.run.id, step=step.id, attempt=attempt)
        others = self._book.holding(held, holds, servers)
        started = started.model_copy(update={"token": holds[_own(step)].seq + 1})
        return await self._call_once(await self._book.write(view, started, others=others), step)

    async def _begin_copy(self, view: View, step: PlannedStep, started: StepStarted) -> View:
        """Start making a copy ready, unless something else at its target comes first."""
        match await self._beside.claim(view, step):
            case None:
                return self._book.rest(view, SOON)
            case str(why) if view.run.started_at is None:
                return await self._book.write(view, WarmStopped(why=why))
            case str(why):
                return await self.failed(view, step, view.run.step(step.id), why, "")
            case others:
                return await self._call_once(await self._book.write(view, started, others=others), step)

    async def _call_once(self, view: View, step: PlannedStep) -> View:
        """Make the call right after its start was recorded, and record its end if it ended at once."""
        state = view.run.step(step.id)
        planned = _planned(step, state)
        if planned.kind == "person":
            return view
        engine = self._engines[planned.engine]
        try:
            ref = await engine.start(self._call(view, planned), key=state.key, token=state.token)
            job = await engine.poll(ref)
        except IntegrationError:
            # What came of it is found out by following it.
            return view
        if job.phase is Phase.LOST:
            # Also what has hardly begun may look lost; who attends it looks once more.
            return view
        return await self._follow(view, step, state, engine, ref, job)

    async def look(self, view: View, steps: Sequence[PlannedStep]) -> Mapping[str, Look]:
        """Ask the engines about started steps, all at once: a run is only as quick as what it waits for."""
        looks = await asyncio.gather(*(self._look(view, step) for step in steps))
        return {step.id: look for step, look in zip(steps, looks, strict=True)}

    async def _look(self, view: View, step: PlannedStep) -> Look:
        state = view.run.step(step.id)
        planned = _planned(step, state)
        if planned.kind == "person":
            return None
        engine = self._engines[planned.engine]
        try:
            ref = await engine.find(self._call(view, planned), key=state.key)
            return (ref, await engine.poll(ref)) if ref else None
        except IntegrationError as problem:
            return problem

    async def attend(self, view: View, step: PlannedStep, look: Look) -> View:
        """Follow a started step as its engine says it is: start it if that never saw it, record its end."""
        state = view.run.step(step.id)
        planned = _planned(step, state)
        if planned.kind == "person":
            return self._book.rest(view, timedelta(hours=1))
        engine = self._engines[planned.engine]
        # Others were followed since that look: only a fresh one may lead to a start.
        look = await self._look(view, step) if look is None else look
        try:
            match look:
                case IntegrationError():
                    raise look
                case None if not engine.operations[planned.operation].traceable:
                    raise IntegrationError("nobody can tell whether the call was received", permanent=True)
                case None:
                    ref = await engine.start(self._call(view, planned), key=state.key, token=state.token)
                    job = await engine.poll(ref)
                case (ref, job):
                    pass
        except NotOurs as refusal:
            return await self.failed(view, step, state, str(refusal), "", untried="not_ours")
        except IntegrationError as problem:
            return await self._no_word(view, step, state, problem)
        return await self._follow(view, step, state, engine, ref, job)

    async def _no_word(
        self, view: View, step: PlannedStep, state: StepState, problem: IntegrationError
    ) -> View:
        """No answer says nothing about the job; a refusal of an engine that cannot tell does."""
        if not problem.permanent:
            await self._shown.silent(view, step, state, "no answer", str(problem))
            return self._book.rest(view, LATER)
        if step.warm:
            # Making a copy again, and removing it again, are safe; nobody needs to be asked about either.
            return await self.failed(view, step, state, str(problem), "", kind="transient")
        said = await look_at_those_of(self._engines, view.run, view.plan, step)
        doubt = StepInDoubt(
            step=step.id, attempt=state.attempt, because=str(problem), undo=state.undoing, answered=said
        )
        then = doubted(view.run, view.plan, doubt, now=self._book.timeline.now())
        return await self._book.write(view, doubt, then)

    async def _follow(
        self, view: View, step: PlannedStep, state: StepState, engine: Engine, ref: JobRef, job: JobState
    ) -> View:
        match job.phase:
            case Phase.RUNNING:
                return await self._running(view, step, state, job, moves(engine, ref, job, LATER))
            case Phase.LOST if job.alive:
                await self._shown.silent(view, step, state, "unattended", job.because)
                return self._book.rest(view, LATER)
            case Phase.LOST:
                why = IntegrationError(job.because or "nobody can say how it ended", permanent=True)
                return await self._no_word(view, step, state, why)
            case Phase.SUCCEEDED:
                return await self._succeeded(view, step, state, job)
            case _:
                tail, kind = await self._tail(engine, ref), KINDS.get(job.phase)
                # Of a copy that nobody waits for a refusal says only that something else is at its target.
                busy = job.phase is Phase.REFUSED and state.undoing and step.warm and nobody_waits(view.run)
                return await self.failed(
                    view, step, state, because_of(job), tail, kind=kind, untried="busy" if busy else ""
                )

    async def _running(
        self, view: View, step: PlannedStep, state: StepState, job: JobState, sooner: Sooner | None
    ) -> View:
        going = await self._shown.heard(view, step, state, job)
        quarter = None if going.percent is None else going.percent // 25 * 25
        if job.progress and (going.phase, quarter) != (state.phase, state.percent):
            event = StepProgressed(step=step.id, attempt=state.attempt, phase=going.phase, percent=quarter)
            view = await self._book.write(view, event)
        young = state.started_at is not None and view.now - state.started_at < timedelta(seconds=5)
        return self._book.rest(view, SOON if young and not sooner else LATER, sooner=sooner)

    async def _succeeded(self, view: View, step: PlannedStep, state: StepState, job: JobState) -> View:
        """The engine says that it is done; the step's own checks have the last word, each within its time."""
        asked = self._book.timeline.now()
        found = [] if state.undoing else await self._checks.of_step(view, step)
        if failed := wrong(found):
            because = in_words(failed, each="the check ")
            since = job.ended_at or state.started_at or view.now
            if self._checks.may_pass_yet(view, step, since):
                await self._shown.silent(view, step, state, "checking", because)
                return self._book.rest(view, LATER)
            if state.retry and not view.run.abort:
                # It was looked at once more, and people want it done again.
                return await self._opened(view, step, state, f"it is done, and {because}", found)
            return await self.failed(view, step, state, because, "", found=found, kind="transient")
        done = StepSucceeded(
            step=step.id,
            attempt=state.attempt,
            evidence=dict(job.evidence),
            undo=state.undoing,
            took=self._took(view, step, state, job, asked),
        )
        at = job.ended_at or self._book.timeline.now()
        writers = told_by(view.run.id, step, view.incident.stops, at, undo=state.undoing)
        opened = made_again(view.run, step) if state.undoing else ()
        return await self._book.write(view, *found, done, *opened, incident=writers)

    async def prove(self, view: View, step: PlannedStep) -> View:
        """A person says that it is done; as after an engine, the step's own checks have the last word."""
        state = view.run.step(step.id)
        said = state.ended_at or view.now
        found = await self._checks.of_step(view, step)
        if failed := wrong(found):
            because = in_words(failed, each="the check ")
            if self._checks.may_pass_yet(view, step, said):
                await self._shown.silent(view, step, state, "checking", because)
                return self._book.rest(view, LATER)
            because = f"it was said to be done by hand, and {because}"
            # An undo before it is over with what was said, and no engine tries again what a person did.
            return await self.failed(view, step, replace(state, undoing=False), because, "", found=found)
        proved = StepProved(step=step.id, attempt=state.attempt)
        stopped = told_by(view.run.id, step, view.incident.stops, said)
        return await self._book.write(view, *found, proved, incident=stopped)

    def _took(
        self, view: View, step: PlannedStep, state: StepState, job: JobState, checked_from: datetime
    ) -> Took:
        planned, now = _planned(step, state), self._book.timeline.now()
        does = f"undo of {step.id}" if state.undoing else step.id
        act = act_of(self._engines[planned.engine], planned, does)
        return took(view.plan, planned, act, state, job, now - checked_from, now)

    async def failed(
        self,
        view: View,
        step: PlannedStep,
        state: StepState,
        because: str,
        tail: str,
        *,
        found: Sequence[CheckFound] = (),
        kind: str | None = None,
        untried: Literal["", "busy", "not_ours"] = "",
    ) -> View:
        """Record a failure, and what the playbook says to do about it: try again, end, go on, or ask people.

        `kind` is the word of `retry.on` for what happened, or None for what another try cannot mend;
        `untried` says why nothing was done at all.
        """
        failure = StepFailed(
            step=step.id,
            attempt=state.attempt,
            because=because,
            tail=tail,
            undo=state.undoing,
            busy=untried == "busy",
            not_ours=untried == "not_ours",
            answered=await look_at_those_of(self._engines, view.run, view.plan, step),
        )
        then = follows(view.run, view.plan, failure, kind, now=self._book.timeline.now())
        return await self._book.write(view, *found, failure, *then)

    async def reopen(self, view: View, step: PlannedStep) -> View:
        """Open another attempt once the target says that nothing of the old one acts or ever will."""
        state = view.run.step(step.id)
        said = "it was never started"
        if state.key:
            job = await self.end(view, step, state)
            if job is None:
                return self._book.rest(view, LATER)
            if job.phase is Phase.SUCCEEDED and not state.undoing:
                return await self._succeeded(view, step, state, job)
            said = f"{job.phase.value}: {job.because}".rstrip(": ")
        return await self._opened(view, step, state, said)

    async def _opened(
        self, view: View, step: PlannedStep, state: StepState, said: str, found: Sequence[CheckFound] = ()
    ) -> View:
        at = state.retry.not_before if state.retry else None
        opened = AttemptOpened(step=step.id, attempt=state.attempt + 1, target_said=said, not_before=at)
        return await self._book.write(view, *found, opened)

    async def end(self, view: View, step: PlannedStep, state: StepState) -> JobState | None:
        """Settle a step's key for good and return how it ended, or None while something may still act."""
        planned = _planned(step, state)
        engine = self._engines[planned.engine]
        try:
            ref = await engine.forbid(self._call(view, planned), key=state.key)
            job = await engine.poll(ref)
        except IntegrationError as problem:
            if problem.permanent:
                return JobState(Phase.LOST, f"it cannot tell ({problem})")
            return None
        return None if job.alive or job.phase is Phase.RUNNING else job

    async def undo(self, view: View, step: PlannedStep) -> View:
        """Start the undo of a finished step, or of one whose copy lies beside its target."""
        state = view.run.step(step.id)
        others = {}
        if step.warm:
            claim = await self._beside.claim(view, step)
            if not isinstance(claim, dict) and nobody_waits(view.run):
                # What lies beside a target is in nobody's way, and its own try must not be used up.
                return self._book.rest(view, HELD if claim else SOON)
            if not isinstance(claim, dict):
                why = claim or f"{_own(step)} has a copy of another run beside it, which is just being made"
                return await self.failed(view, step, replace(state, undoing=True), why, "")
            others = claim
        key = view.run.key(step.id, state.attempt, undo=True)
        started = StepStarted(step=step.id, attempt=state.attempt, key=key, undo=True)
        return await self._call_once(await self._book.write(view, started, others=others), step)

    async def stop(self, view: View, step: PlannedStep) -> View:
        """Cancel a step that nobody wants any more, and record its end when nothing of it acts."""
        state = view.run.step(step.id)
        if step.call.kind == "person":
            return await self.failed(view, step, state, "nobody needs to do it any more", "")
        job = await self.end(view, step, state)
        if job is None:
            return self._book.rest(view, SOON)
        if job.phase is Phase.SUCCEEDED:
            return await self._succeeded(view, step, state, job)
        by = "by the abort" if view.run.abort else "before the start"
        found = "" if job.because in ("", job.phase.value) else f": {job.because}"
        because = f"stopped {by}, {job.phase.value}{found}"
        return await self.failed(view, step, state, because, "")

    def _call(self, view: View, planned: PlannedCall) -> Call:
        return call_in(view.plan, planned, self._book.catalog())

    async def _tail(self, engine: Engine, ref: JobRef) -> str:
        try:
            chunk = await engine.logs(ref)
        except IntegrationError as problem:
            return f"(its output cannot be read: {problem})"
        return chunk.text[-TAIL:]


def _planned(step: PlannedStep, state: StepState) -> PlannedCall:
    return step.undo if state.undoing and step.undo else step.call


def _own(step: PlannedStep) -> str:
    return step.call.target or step.id


def _touched(step: PlannedStep) -> Iterable[str]:
    return dict.fromkeys((*step.touches, _own(step)))
