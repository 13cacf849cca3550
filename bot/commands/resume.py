"""Let a run go on; a freeze that paused it is passed only by a commander, with a reason."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.approval import Standing, standing
from bot.core.due import next_gate
from bot.core.errors import Refused
from bot.core.events import RunResumed
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.run import Run, Status
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that the pause is over."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.occasion(run)
    if run.over or run.abort or run.paused is None:
        raise Refused(f"{run.id} is {run.state}: it does not wait for `resume`.")
    _needs_a_choice(ask, run)
    _needs_approvals(ask, run, incident)
    freeze = await _standing_freeze(ask, run.paused.freeze)
    if freeze:
        ask.may(Right.COMMAND, f"let {run.id} pass {freeze}", incident)
        why = ask.option("why", f"why {run.id} may pass {freeze}")
    else:
        ask.may(Right.OPERATE, f"resume {run.id}", incident, run)
        why = ask.words.options.get("why", "")
    event = RunResumed(why=why, passes=(freeze,) if freeze else ())
    passing = f" and passes {freeze}" if freeze else ""
    stops = _stops_at(ask, run, incident)
    answer = ask.done(run.id, f"goes on{passing}.", small=(stops,) if stops else ())
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


async def _standing_freeze(ask: Ask, id: str | None) -> str | None:
    """A freeze that was lifted since needs nobody's leave to be passed."""
    return id if id and (await ask.freeze(id)).in_force(ask.now) else None


def _needs_a_choice(ask: Ask, run: Run) -> None:
    """A step that did not end well does not go away by going on."""
    step = run.plan.step(run.paused.step) if run.plan and run.paused and run.paused.step else None
    if step is None:
        return
    status, name = run.step(step.id).status, f"{run.id}.{step.id}"
    if status in (Status.FAILED, Status.IN_DOUBT, Status.UNDONE):
        raise Refused(
            f"{name} is {status.value}: choose `retry`, `skip`, `done` or `undo` for it, "
            f"or `{ask.desk.command} abort {run.id}`."
        )


def _needs_approvals(ask: Ask, run: Run, incident: Incident) -> None:
    """A step that nobody may begin does not begin by going on."""
    step = run.plan.step(run.paused.step) if run.plan and run.paused and run.paused.step else None
    if step and run.step(step.id).status is Status.WAITING and _unheard(ask, run, incident, step.gate):
        raise Refused(f"{run.id}.{step.id} waits for approvals: {_ways_on(ask, run)}")


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
