"""Let a run go on; freezes that paused it are passed only by a commander, with a reason."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.approval import Standing, standing
from bot.core.due import next_gate
from bot.core.errors import Refused
from bot.core.events import RunPaused
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.pauses import without
from bot.core.run import Run, Status
from bot.core.words import sentence
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that what a word can end is over; what waits for a choice or an approval stays in the way."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.occasion(run)
    if run.over or run.abort or not run.pauses:
        raise Refused(f"{run.id} is {run.state}: it does not wait for `resume`.")
    stays = {pause.reason: why for pause in run.pauses if (why := wants_more(ask, run, incident, pause))}
    over = without(run.pauses, stays)
    if not over:
        raise Refused(" ".join(stays.values()))
    passed = [pause.freeze for pause in over if pause.freeze and await _stands(ask, pause.freeze)]
    against = [f"the objection of @{pause.objection}" for pause in over if pause.objection]
    names = " and ".join(passed)
    if passed or against:
        what = " and ".join((*passed, *against))
        ask.may(Right.COMMAND, f"let {run.id} pass {what}", incident)
        why = ask.option("why", f"why {run.id} may pass {what}")
    else:
        ask.may(Right.OPERATE, f"resume {run.id}", incident, run)
        why = ask.words.options.get("why", "")
    event = run.lifted([pause.reason for pause in over], why=why, passes=passed)
    passing = f" and passes {names}" if passed else ""
    stops = _stops_at(ask, run, incident)
    line = f"goes on{passing}." if not stays else f"still waits{passing}: {' '.join(stays.values())}"
    small = " ".join(filter(None, (_held_by_others(ask, over), stops)))
    answer = ask.done(run.id, line, small=(small,) if small else ())
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


def _held_by_others(ask: Ask, over: tuple[RunPaused, ...]) -> str:
    """Name whose holds end by this, for whoever did not know of them."""
    holds = [pause for pause in over if pause.hold and pause.hold != ask.who.name]
    return " ".join(f"The hold of @{pause.hold} is over: {sentence(pause.why)}" for pause in holds)


async def _stands(ask: Ask, id: str) -> bool:
    """A freeze that was lifted since needs nobody's leave to be passed."""
    return (await ask.freeze(id)).in_force(ask.now)


def wants_more(ask: Ask, run: Run, incident: Incident, pause: RunPaused) -> str:
    """Say what ends a pause that does not end by going on; empty when it does."""
    step = run.plan.step(pause.step) if run.plan and pause.step and pause.of_step else None
    if step is None:
        return ""
    status, name = run.step(step.id).status, f"{run.id}.{step.id}"
    if status in (Status.FAILED, Status.IN_DOUBT, Status.UNDONE):
        return (
            f"{name} is {status.value}: choose `retry`, `skip`, `done` or `undo` for it, "
            f"or `{ask.desk.command} abort {run.id}`."
        )
    if status is Status.WAITING and _unheard(ask, run, incident, step.gate):
        return f"{name} waits for approvals: {_ways_on(ask, run)}"
    return ""


def _stops_at(ask: Ask, run: Run, incident: Incident) -> str:
    """Say where a run that goes on stops again: approvals may be refused or run out during a hold."""
    gate = next_gate(run, holders=ask.holders(run, incident), now=ask.now)
    why = _unheard(ask, run, incident, gate)
    return f"It stops at the approvals of {gate}: {why}. {_ways_on(ask, run)}" if why else ""


def _unheard(ask: Ask, run: Run, incident: Incident, name: str | None) -> str:
    """Say why the approvals of a gate cannot come unless they are asked for again; empty when they can."""
    gate, state = (run.plan.gate(name), run.gates.get(name)) if run.plan and name else (None, None)
    if gate is None or state is None:
        return ""
    stands = standing(gate, state, hash=run.hash, holders=ask.holders(run, incident), now=ask.now)
    if state.rejection:
        return f"@{state.rejection.person} rejected it ({state.rejection.why})"
    late = stands is Standing.GATHERING and ask.now >= state.expires
    return "the time to approve it ran out" if late or stands is Standing.EXPIRED else ""


def _ways_on(ask: Ask, run: Run) -> str:
    return (
        f"`{ask.desk.command} start {run.id}` asks for them again, "
        f"`{ask.desk.command} abort {run.id}` ends the run."
    )


VERB = Verb(
    name="resume",
    usage='resume RUN-9 [why:"…"]',
    summary="Let a paused run go on.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"why"}),
)
