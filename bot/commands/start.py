"""Start a planned run: freeze deployments, ask for every approval at once, and begin."""

from __future__ import annotations

from datetime import timedelta

from bot.commands.approve import nobody_can, still_right
from bot.commands.object import objections
from bot.commands.verb import Ask, Outcome, Verb
from bot.core import run as runs
from bot.core.approval import Standing, standing
from bot.core.document import Code
from bot.core.due import next_gate
from bot.core.duplicate import plan_there
from bot.core.errors import Refused
from bot.core.events import (
    Event,
    FreezePlaced,
    GateReopened,
    Phase,
    PhaseChanged,
    RunStarted,
    Scope,
)
from bot.core.hold import changed_by_others, fold_target
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.pauses import whys, without
from bot.core.plan import Plan
from bot.core.run import Run, Status
from bot.core.seats import empty_seats
from bot.core.words import at_names, in_words, sentence
from bot.timeline import Change
from bot.timeline.servers import servers

REVIEW = timedelta(hours=4)
KEEPS = timedelta(minutes=30)
"""How long a plan can be started after it was drawn."""


async def act(ask: Ask) -> Outcome:
    """Start the run, or ask again for approvals that expired, aged or were refused."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.occasion(run)
    ask.may(Right.COMMAND, f"start {run.id}", incident)
    if incident.drill:
        raise Refused(f"{run.id} is for {incident.id}, which starts it by itself: nothing was done.")
    if run.over or run.abort:
        raise Refused(f"{run.id} is {run.state}: nothing was started. Plan a new run.")
    if run.plan is None:
        raise Refused(f"{run.id} is still being planned: nothing was started. Wait for its plan card.")
    if run.started_at is not None:
        return _ask_again(ask, run, run.plan, incident)
    still_right(ask, run, incident)
    _startable(ask, run, run.plan, incident)
    await _free(ask, run, run.plan)
    return await _start(ask, run, run.plan, incident)


def _startable(ask: Ask, run: Run, plan: Plan, incident: Incident) -> None:
    if not incident.open:
        raise Refused(
            f"{incident.id} is {incident.stands}: {plan_there(incident, run)}. Nothing was started."
        )
    if plan.problems:
        raise Refused(
            f"{run.id} cannot start: {sentence(plan.problems[0])} "
            f"Mend it and say `plan {plan.playbook}` again."
        )
    read = ask.words.options.get("plan")
    if read and not run.hash.startswith(read):
        raise Refused(
            f"The plan of {run.id} is {run.hash[:8]} now, not {read[:8]}: nothing was started. "
            f"Read `status {run.id}` before you start it."
        )
    _fresh(ask, run, plan)
    _approvable(ask, run, plan, incident)


def _fresh(ask: Ask, run: Run, plan: Plan) -> None:
    """Raise Refused for a plan of long ago: there may be a newer recovery point, and the loss has grown."""
    age = ask.now - plan.drafted_at
    if age > KEEPS:
        raise Refused(
            f"The plan of {run.id} is {in_words(age)} old, and what there is to restore may have changed "
            f"since: nothing was started. Say `plan {plan.playbook}` again, with the same inputs, and start "
            "what it shows."
        )


async def _free(ask: Ask, run: Run, plan: Plan) -> None:
    """Raise Refused when another run holds a target, or has changed since then what this would overwrite.

    One that only waits for its yes holds nothing yet.
    """
    for target in plan.targets:
        holder = await ask.timeline.lookup.holder(target.name)
        if holder and holder != run.id:
            raise Refused(
                f"{target.name} is held by {holder}: nothing was started. "
                f"{holder} must end or be aborted first."
            )
    overwritten = dict.fromkeys(name for step in plan.steps if step.destructive for name in step.acts_on)
    holds = {name: fold_target(await ask.timeline.read(f"target/{name}")) for name in overwritten}
    shared = await servers(ask.timeline, plan.targets)
    changed = changed_by_others(run.id, plan.drafted_at, holds, shared.of(overwritten))
    if why := shared.held_elsewhere(run.id) or changed:
        raise Refused(f"{why} Nothing was started.")


def _approvable(ask: Ask, run: Run, plan: Plan, incident: Incident) -> None:
    """Whoever starts a run cannot approve it, so that somebody else must be there for every seat."""
    holders = ask.holders(run, incident)
    for gate in plan.gates:
        empty = empty_seats(gate, holders, requester=ask.who.name, now=ask.now)
        if empty and gate.break_glass is None:
            if stuck := nobody_can(ask, run, incident, gate):
                raise Refused(f"{stuck} Nothing was started.")
            raise Refused(
                f"Nobody but you could approve {run.id}.{gate.name} as {empty[0]}, and whoever starts a run "
                f"does not approve it. Nothing was started: let another commander start it, or add somebody "
                f"to {empty[0]} first."
            )


async def _start(ask: Ask, run: Run, plan: Plan, incident: Incident) -> Outcome:
    expires = {gate.name: ask.now + timedelta(seconds=gate.expires_s) for gate in plan.gates}
    changes: dict[str, Change] = {}
    freeze = None
    if plan.freeze:
        freeze = await ask.timeline.lookup.next_id("FRZ")
        changes[f"freeze/{freeze}"] = Change(0, (_freeze(ask, run, plan, incident),))
    started = RunStarted(hash=run.hash, freeze=freeze, expires=expires)
    asks = (objections(within),) if (within := ask.words.options.get("objections")) else ()
    changes[f"run/{run.id}"] = Change(run.seq, (started, *asks))
    recovering = PhaseChanged(phase=Phase.RECOVERING, why=f"{run.id} was started")
    # Also with nothing to say: an incident that is resolved in the same moment is no longer where it was.
    moved = () if incident.phase is Phase.RECOVERING else (recovering,)
    changes[f"incident/{incident.id}"] = Change(incident.seq, moved)
    asked = "; ".join(
        f"{gate.name}: {', '.join(f'{quorum.least} of {quorum.role}' for quorum in gate.require)}"
        for gate in plan.gates
    )
    frozen = f" {freeze} stops {', '.join(plan.freeze.kinds)}." if freeze and plan.freeze else ""
    line = f"started.{frozen} Approvals asked: {asked or 'none needed'}.{await _rivals(ask, run, plan)}"
    small = ("To stop it: ", Code(f"{ask.desk.command} hold {run.id}"), " or ", Code(f"abort {run.id}"))
    return Outcome(ask.done(run.id, line, small=small, run=run.id, freeze=freeze), changes)


async def _rivals(ask: Ask, run: Run, plan: Plan) -> str:
    """Say which other runs were started for the same targets, before people approve both."""
    said = []
    for id in await ask.timeline.lookup.runs(only_open=True):
        other = runs.fold(await ask.timeline.read(f"run/{id}")) if id != run.id else None
        if other is None or other.plan is None or not other.started_at or other.over:
            continue
        if both := sorted(
            {target.name for target in plan.targets} & {each.name for each in other.plan.targets}
        ):
            said.append(
                f" {id} of {other.incident} was started for {', '.join(both)} as well: once one of them "
                "acts, the other pauses. Abort the one that is not wanted."
            )
    return "".join(said)


def _freeze(ask: Ask, run: Run, plan: Plan, incident: Incident) -> FreezePlaced:
    wanted = plan.freeze
    assert wanted is not None
    most = timedelta(seconds=wanted.at_most_s) if wanted.at_most_s else None
    lift = "with_run" if wanted.lift == "with_run" else "at_until" if wanted.lift == "at_until" else "by_hand"
    return FreezePlaced(
        scope=Scope(services=wanted.services, environments=wanted.environments, kinds=wanted.kinds),
        why=f"{incident.id}: {plan.title} ({run.id})",
        cause="run",
        incident=incident.id,
        run=run.id,
        lift=lift,
        review_at=ask.now + (most or REVIEW),
        until=ask.now + most if most else None,
    )


def _ask_again(ask: Ask, run: Run, plan: Plan, incident: Incident) -> Outcome:
    holders = ask.holders(run, incident)
    events: list[Event] = []
    still = ""
    waiting = {step.gate for step in plan.steps if run.step(step.id).status is Status.WAITING}
    for gate in (gate for gate in plan.gates if gate.name in waiting):
        state = run.gates[gate.name]
        stands = standing(gate, state, hash=run.hash, holders=holders, now=ask.now)
        late = stands is Standing.GATHERING and ask.now >= state.expires
        if stands in (Standing.EXPIRED, Standing.REJECTED) or late:
            until = ask.now + timedelta(seconds=gate.expires_s)
            events.append(GateReopened(gate=gate.name, expires=until))
    if not events:
        asked = next_gate(run, holders=holders, now=ask.now)
        gates = [gate for gate in plan.gates if gate.name == asked]
        who = "; ".join(at_names(holders.get(q.role, ())) for gate in gates for q in gate.require)
        stuck = [why for gate in gates if (why := nobody_can(ask, run, incident, gate))]
        then = f" {stuck[0]}" if stuck else f" It waits for {who}." if who else ""
        raise Refused(f"{run.id} is {run.state} already.{then} `status {run.id}` shows where it stands.")
    names = [event.gate for event in events if isinstance(event, GateReopened)]
    # Only the pause that these approvals caused ends; a hold or a freeze is somebody else's word.
    lifts = run.stopped_at(names)
    if lifts:
        events.append(run.lifted(lifts, why="approvals are asked for again"))
    if left := without(run.pauses, lifts):
        still = f" It is still paused: {sentence(whys(left))}"
    answer = ask.done(run.id, f"asks again for {', '.join(names)}.{still}", run=run.id)
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, tuple(events))})


VERB = Verb(
    name="start",
    usage="start RUN-9 [plan:hash] [objections:2m]",
    summary="Start a planned run and ask for its approvals; again to ask anew.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"plan", "objections"}),
)
