"""Let a run go on; a freeze that paused it is passed only by a commander, with a reason."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.approval import Standing, standing
from bot.core.errors import Refused
from bot.core.events import RunResumed
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.run import Run, Status
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that the pause is over."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.incident(run.incident)
    if run.over or run.abort or run.paused is None:
        raise Refused(f"{run.id} is {run.state}: it does not wait for `resume`.")
    _needs_a_choice(ask, run, incident)
    freeze = await _standing_freeze(ask, run.paused.freeze)
    if freeze:
        ask.may(Right.COMMAND, f"let {run.id} pass {freeze}", incident)
        why = ask.option("why", f"why {run.id} may pass {freeze}")
    else:
        ask.may(Right.OPERATE, f"resume {run.id}", incident, run)
        why = ask.words.options.get("why", "")
    event = RunResumed(why=why, passes=(freeze,) if freeze else ())
    passing = f" and passes {freeze}" if freeze else ""
    answer = ask.done(run.id, f"goes on{passing}.")
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


async def _standing_freeze(ask: Ask, id: str | None) -> str | None:
    """A freeze that was lifted since needs nobody's leave to be passed."""
    return id if id and (await ask.freeze(id)).in_force(ask.now) else None


def _needs_a_choice(ask: Ask, run: Run, incident: Incident) -> None:
    """A step that did not end well, or that nobody may begin, does not go away by going on."""
    step = run.plan.step(run.paused.step) if run.plan and run.paused and run.paused.step else None
    if step is None or run.plan is None:
        return
    status, name = run.step(step.id).status, f"{run.id}.{step.id}"
    if status in (Status.FAILED, Status.IN_DOUBT, Status.UNDONE):
        raise Refused(
            f"{name} is {status.value}: choose `retry`, `skip`, `done` or `undo` for it, "
            f"or `{ask.desk.command} abort {run.id}`."
        )
    gate, state = run.plan.gate(step.gate or ""), run.gates.get(step.gate or "")
    if gate is None or state is None or status is not Status.WAITING:
        return
    stands = standing(gate, state, hash=run.hash, holders=ask.holders(run, incident), now=ask.now)
    late = stands is Standing.GATHERING and ask.now >= state.expires
    if late or stands in (Standing.REJECTED, Standing.EXPIRED):
        raise Refused(
            f"{name} waits for approvals: `{ask.desk.command} start {run.id}` asks for them again, "
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
