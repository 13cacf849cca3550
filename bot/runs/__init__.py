"""Carries runs out: the handler of the effect `run`.

Each time it is asked it reads the run, asks `bot.core.due` what to do, does it, records what happened and
goes on from there, until the run waits. Whoever wrote meanwhile is noticed by the next record, which then
fails; nothing is kept in memory between two times, so that another process can go on at any point.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from bot.core import run as runs
from bot.core.cards.abort import abort_leaves, left_behind
from bot.core.copies import kept_until
from bot.core.document import Document, plain
from bot.core.due import (
    MOST_REMOVALS,
    Abort,
    AskWhether,
    Attend,
    Begin,
    Draft,
    EndAbort,
    EndUndo,
    Move,
    Pause,
    Prove,
    Reopen,
    Rest,
    Stop,
    Undo,
    Verify,
    next_gate,
)
from bot.core.events import (
    AbortAsked,
    AttemptOpened,
    CheckFound,
    Event,
    FreezeLifted,
    GateExpired,
    ObjectionsAsked,
    Phase,
    PhaseChanged,
    PlanFailed,
    Planned,
    RunAborted,
    RunPaused,
    RunRecovered,
    StepFailed,
    WarmAsked,
)
from bot.core.incident import Incident, stream_of
from bot.core.plan import Plan, PlannedCall, PlannedStep, differences, plan_hash
from bot.core.run import Run, Status
from bot.jobs import Again, any_of
from bot.runs.book import BY, VIA, Book, View
from bot.runs.checks import Checks, in_words, wrong
from bot.runs.draft import draft
from bot.runs.ground import Ground
from bot.runs.left import look_at_the_left
from bot.runs.steps import LATER, Look, Steps
from bot.runs.warnings import rests_on, stale, tells_of_undone
from bot.shelf import Shelf
from bot.timeline import Change
from integrations.contract import Engine, Json
from playbooks.lint import lint
from playbooks.model import Playbook, content_hash
from playbooks.problems import Problem
from playbooks.rehearsal import left_out, rehearsed
from playbooks.roles import holders

ASKED_AGAIN = timedelta(seconds=5)
_BEFORE_VERIFYING = (Phase.INVESTIGATING, Phase.IDENTIFIED, Phase.RECOVERING)


class Runs:
    """The handler of the effect `run`; its subject is a run's id."""

    def __init__(self, book: Book, shelf: Shelf, engines: Mapping[str, Engine]) -> None:
        self._book = book
        self._shelf = shelf
        self._engines = engines
        self._checks = Checks(book, engines)
        self._steps = Steps(book, engines, self._checks)

    async def handle(self, id: str) -> Again | None:
        """Do all that can be done for a run now; answer when to look again, or None to wait for people."""
        view = await self._book.view(id)
        rests: dict[str, Again] = {}
        while moves := view.moves:
            keys = [_waits_for(view, move) for move in moves]
            # What was looked at and goes on is not asked again because something else of the run went on.
            fresh = [(key, move) for key, move in zip(keys, moves, strict=True) if key not in rests]
            waits = [rests[key] for key in keys if key in rests]
            looks = await self._steps.look(view, [move.step for _, move in fresh if isinstance(move, Attend)])
            for key, move in fresh:
                view = await self._do(view, move, looks)
                if view.until is None:
                    break
                waits.append(Again(view.until, view.sooner))
                if key:
                    rests[key] = waits[-1]
            else:
                sooner = [wait.sooner for wait in waits if wait.sooner]
                return Again(min(wait.at for wait in waits), any_of(sooner) if sooner else None)
        return _look_again(view)

    async def ask(self, id: str, why: str) -> None:
        """Ask people about a run that cannot be carried on, unless they were asked already."""
        stream = f"run/{id}"
        run = runs.fold(await self._book.timeline.read(stream))
        events = tuple(_asking(run, why)) if run else ()
        if run and events:
            await self._book.timeline.append({stream: Change(run.seq, events)}, by=BY, via=VIA)

    async def _do(self, view: View, move: Move, looks: Mapping[str, Look]) -> View:
        match move:
            case Draft():
                return await self._draft(view)
            case Begin(step, attempt):
                return await self._steps.begin(view, step, attempt)
            case Attend(step):
                return await self._steps.attend(view, step, looks[step.id])
            case Prove(step):
                return await self._steps.prove(view, step)
            case Reopen(step):
                return await self._reopen(view, move)
            case Undo(step):
                return await self._steps.undo(view, step)
            case Stop(step):
                return await self._steps.stop(view, step)
            case Rest(until):
                return replace(view, until=until, sooner=None)
            case AskWhether(step, attempt, until):
                asked = ObjectionsAsked(step=step.id, attempt=attempt, hash=view.run.hash, until=until)
                return await self._book.write(view, asked)
            case Verify():
                return await self._verify(view)
            case Abort() | EndAbort() | EndUndo() | Pause():
                return await self._record(view, move)
            case _:
                assert_never(move)

    async def _record(self, view: View, move: Abort | EndAbort | EndUndo | Pause) -> View:
        match move:
            case Abort(step):
                return await self._abort(view, step)
            case EndAbort():
                return await self._end_abort(view)
            case EndUndo():
                why = "Everything back to the chosen step is undone. Retry a step, or abort."
                back_to = view.run.undo.step if view.run.undo else None
                return await self._book.write(view, RunPaused(why=why, step=back_to))
            case Pause(why, step_id, freeze, aged, late):
                expired = (GateExpired(gate=aged),) if aged else ()
                paused = RunPaused(why=why, step=step_id, freeze=freeze, late=late)
                return await self._book.write(view, *expired, paused)
            case _:
                assert_never(move)

    async def _draft(self, view: View) -> View:
        asked = view.run.asked
        loaded = self._shelf.playbooks().get(asked.playbook)
        if loaded is None:
            because = f"The playbook {asked.playbook} is not there any more."
            return await self._book.write(view, PlanFailed(because=because))
        if view.incident.drill and loaded.playbook.drill is None:
            because = f"The playbook {asked.playbook} says no more how it is rehearsed."
            return await self._book.write(view, PlanFailed(because=because))
        mistakes = lint(loaded, catalog=self._book.catalog())
        planned = await self._planned(view, loaded.playbook, loaded.hash, asked.inputs, mistakes)
        used = {loaded.text.file, self._shelf.catalog_file.name}
        told = (*stale(self._shelf, used), *await rests_on(self._book, view, planned.plan))
        if told:
            # A warning is no part of the hash: the plan is the same, and people know what it rests on.
            warned = planned.plan.model_copy(update={"warnings": (*told, *planned.plan.warnings)})
            planned = planned.model_copy(update={"plan": warned})
        warm = self._warm(view, loaded.playbook, planned.plan)
        # One that is resolved in the same moment gets no copy: this record must fail then.
        same = {stream_of(view.incident.id): Change(view.incident.seq, ())} if warm else {}
        return await self._book.write(view, planned, *warm, others=same)

    def _warm(self, view: View, playbook: Playbook, plan: Plan) -> tuple[WarmAsked, ...]:
        """What a warm playbook makes ready is begun with the plan, where that could be started."""
        if not playbook.warm or plan.problems or view.incident.drill or not view.incident.open:
            return ()
        return (WarmAsked(why=f"{playbook.name} is warm", until=kept_until(plan, view.now)),)

    async def _planned(
        self,
        view: View,
        playbook: Playbook,
        hash: str,
        inputs: Mapping[str, Json],
        mistakes: Sequence[Problem] = (),
    ) -> Planned:
        asked = view.run.asked
        drill = playbook.drill if view.incident.drill else None
        skipped = left_out(playbook) if drill else ()
        playbook = rehearsed(playbook, drill) if drill else playbook
        ground = Ground(
            playbook=playbook,
            hash=hash,
            catalog=self._book.catalog(),
            incident=view.incident,
            run=view.run.id,
            service=asked.service,
            environment=asked.environment,
            given=inputs,
            known=await self._book.known(view.incident, asked.service, asked.environment),
            engines=self._engines,
            freezes=[freeze for freeze in view.freezes if freeze.id != view.run.freeze],
            holders=_holders(playbook, view.incident, self._book, view),
            suspects=await self._book.suspects(view),
            measured=await self._book.measured(playbook),
            now=view.now,
            gave=self._book.gave,
            drill=drill,
            left_out=skipped,
            drilled=await self._book.timeline.lookup.drilled(),
            silences=self._book.silences,
            mistakes=mistakes,
            recovered=await self._book.recovered(() if drill else playbook.targets),
        )
        plan = await draft(ground)
        hash = plan_hash(plan)
        changes = differences(view.run.plan, plan) if view.run.plan else ()
        expires = {}
        if view.run.started_at and hash != view.run.hash:
            expires = {gate.name: view.now + timedelta(seconds=gate.expires_s) for gate in plan.gates}
        return Planned(plan=plan, hash=hash, changes=changes, expires=expires, snapshot=playbook.as_json())

    async def _reopen(self, view: View, move: Reopen) -> View:
        """With changed inputs the plan is made again first; its new hash voids the approvals."""
        retry = view.run.step(move.step.id).retry
        if retry is None or not retry.inputs:
            return await self._steps.reopen(view, move.step)
        playbook = Playbook.model_validate(view.run.snapshot)
        state = view.run.step(move.step.id)
        if state.key and await self._steps.end(view, move.step, state) is None:
            return self._book.rest(view, LATER)
        inputs = {**view.run.asked.inputs, **view.plan.inputs, **retry.inputs}
        planned = await self._planned(view, playbook, content_hash(playbook), inputs)
        problem = next(iter(planned.plan.problems), None) or _rewritten(view, planned.plan)
        if problem:
            # Nobody must be asked to approve what cannot be carried out; the plan stays as it was.
            because = f"The plan cannot be changed like that: {problem}"
            failed = StepFailed(step=move.step.id, attempt=state.attempt, because=because)
            return await self._book.write(view, failed, RunPaused(why=because, step=move.step.id))
        opened = AttemptOpened(step=move.step.id, attempt=state.attempt + 1, target_said="nothing of it runs")
        return await self._book.write(view, planned, opened)

    async def _abort(self, view: View, step: PlannedStep) -> View:
        """End the run because a step failed whose playbook says so; what it leaves is said as to a person."""
        because = view.run.step(step.id).because
        why = f"{step.title} failed, and the playbook says to abort then: {because}"
        leaves = plain(abort_leaves(view.run)).strip()
        return await self._book.write(view, AbortAsked(why=why, leaves=leaves))

    async def _end_abort(self, view: View) -> View:
        seen = await look_at_the_left(self._engines, view.run, view.plan, now=self._book.timeline.now())
        leaves = plain(Document("", left_behind(view.run, view.plan, seen))).strip()
        others = await self._lets_go(view, "aborted")
        return await self._book.write(view, RunAborted(leaves=leaves), others=others)

    async def _verify(self, view: View) -> View:
        """Carry the end checks out; each has its time to become right, then people are asked."""
        if view.incident.phase in _BEFORE_VERIFYING and not view.incident.drill:
            why = f"every step of {view.run.id} is over"
            return await self._book.write(view, incident=[PhaseChanged(phase=Phase.VERIFYING, why=why)])
        found = [await self._checks.ask(view, check, None) for check in view.plan.checks]
        failed = wrong(found)
        if not failed:
            return await self._recovered(view, found)
        news = [check for check in found if _is_news(view, check)]
        if news:
            return await self._book.write(view, *news)
        since = _verifying_since(view)
        within = max(check.within_s for check in view.plan.checks)
        if view.now - since < timedelta(seconds=within):
            return self._book.rest(view, LATER)
        why = f"The end checks do not pass: {in_words(failed)}"
        return await self._book.write(view, *found, RunPaused(why=why))

    async def _recovered(self, view: View, found: list[CheckFound]) -> View:
        phase: list[Event] = []
        skipped = tuple(step.id for step in view.plan.steps if step.destructive and _skipped(view, step))
        left_out = () if view.run.restored else skipped
        none = "no restore came to its end" if view.run.half_restored else "nothing was restored"
        outcome = f"over, and {none}" if left_out else "recovered"
        if view.incident.phase in (*_BEFORE_VERIFYING, Phase.VERIFYING) and not view.incident.drill:
            why = f"{view.run.id} {'is ' if left_out else ''}{outcome}"
            phase = [PhaseChanged(phase=Phase.MONITORING, why=why)]
        others = await self._lets_go(view, outcome)
        ended = RunRecovered(left_out=left_out)
        return await self._book.write(view, *found, ended, incident=phase, others=others)

    async def _lets_go(self, view: View, outcome: str) -> dict[str, Change]:
        """Return what changes elsewhere when a run is over, however it ended."""
        told = await tells_of_undone(self._book, view)
        return {**await self._book.releases(view), **self._lift(view, outcome), **told}

    def _lift(self, view: View, outcome: str) -> dict[str, Change]:
        """The run's own freeze ends with it only where the playbook says so."""
        own = next((freeze for freeze in view.freezes if freeze.id == view.run.freeze), None)
        if own is None or own.placed.lift != "with_run":
            return {}
        why = f"{view.run.id} is {outcome}"
        return {f"freeze/{own.id}": Change(own.seq, (FreezeLifted(why=why),))}


def _waits_for(view: View, move: Move) -> str:
    """Return what a move waits for, by a name that another attempt of the step does not have; or nothing."""
    match move:
        case Attend(step):
            return view.run.step(step.id).key
        case Prove(step):
            return f"the checks of {step.id}, attempt {view.run.step(step.id).attempt}"
        case _:
            return ""


def _asking(run: Run, why: str) -> Iterator[Event]:
    """Return what says that a run cannot be carried on, if that was not said already."""
    if run.over:
        # All that is left to do is to remove copies, which is left to people after some tries.
        for step, tries in run.copies.items():
            if tries < MOST_REMOVALS:
                yield StepFailed(step=step, attempt=run.step(step).attempt, because=why, undo=True)
    elif run.plan is None:
        yield PlanFailed(because=f"{why} Say `plan` again once it is mended.")
    else:
        ways = "`resume` tries again, `abort` ends the run."
        paused = RunPaused(why=f"{run.id} could not be carried on: {why} {ways}")
        if paused not in run.pauses:
            yield paused


def _skipped(view: View, step: PlannedStep) -> bool:
    return view.run.step(step.id).status is Status.SKIPPED


def _rewritten(view: View, plan: Plan) -> str | None:
    """Say which step is over and would be another one by a new plan: what took place stays as it was."""
    for step in view.plan.steps:
        # A copy of another point is not taken; that one lies ready changes nothing of the plan.
        if step.warm or view.run.step(step.id).status not in (Status.SUCCEEDED, Status.DONE):
            continue
        again = plan.step(step.id)
        if again is None or _act(again) != _act(step) or _point(plan, step) != _point(view.plan, step):
            return f"{step.title} is over, and would have been another one. Abort, and plan a new run."
    return None


def _act(step: PlannedStep) -> PlannedCall:
    """Return what a step does, however much there is to do by now and however long it takes."""
    return step.call.model_copy(update={"work": {}, "known": None})


def _point(plan: Plan, step: PlannedStep) -> str | None:
    source = plan.source(step.call.source)
    return source.point.digest if source and source.point else None


def _look_again(view: View) -> Again | None:
    """Who may approve stands in the catalog and in Slack's groups, which tell nobody when they change."""
    gate = next_gate(view.run, holders=view.holders, now=view.now)
    return Again(view.now + ASKED_AGAIN) if gate and not view.run.pauses else None


def _is_news(view: View, check: CheckFound) -> bool:
    """Say whether people have not read this answer of an end check yet; figures may differ each time."""
    return not any(known.check == check.check and known.ok == check.ok for known in view.run.checks)


def _verifying_since(view: View) -> datetime:
    ended = [state.ended_at for state in view.run.steps.values() if state.ended_at]
    return max(ended, default=view.now)


def _holders(playbook: Playbook, incident: Incident, book: Book, view: View) -> Mapping[str, tuple[str, ...]]:
    return holders(
        playbook.roles,
        book.catalog(),
        incident=incident.roles,
        slack_groups=book.slack_groups(),
        requester=view.run.requester or None,
    )
