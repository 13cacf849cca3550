"""Let a run go on; a freeze that paused it is passed only by a commander, with a reason."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.cards.choices import waits_for_gate
from bot.core.errors import Refused
from bot.core.events import RunResumed
from bot.core.may import Right
from bot.core.plan import Plan
from bot.core.run import Run, Status
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that the pause is over."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.incident(run.incident)
    if run.over or run.abort or run.paused is None:
        raise Refused(f"{run.id} is {run.state}: it does not wait for `resume`.")
    _needs_a_choice(ask, run)
    freeze = run.paused.freeze
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


def _needs_a_choice(ask: Ask, run: Run) -> None:
    """A step that failed or is in doubt does not go away by going on."""
    step = run.paused.step if run.paused else None
    if step and run.step(step).status in (Status.FAILED, Status.IN_DOUBT):
        raise Refused(
            f"{run.id}.{step} is {run.step(step).status.value}: choose `retry`, `skip`, `done` or `undo` "
            f"for it, or `{ask.desk.command} abort {run.id}`."
        )
    if run.plan and step and waits_for_gate(run, run.plan, _gate(run.plan, step)):
        raise Refused(
            f"{run.id}.{step} waits for approvals: `{ask.desk.command} start {run.id}` asks for them again, "
            f"`{ask.desk.command} abort {run.id}` ends the run."
        )


def _gate(plan: Plan, step: str) -> str | None:
    found = plan.step(step)
    return found.gate if found else None


VERB = Verb(
    name="resume",
    usage='resume RUN-9 [why:"…"]',
    summary="Let a paused run go on.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"why"}),
)
