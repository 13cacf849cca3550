"""Undo the finished steps of a run, newest first, back to and including one."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import UndoAsked
from bot.core.may import Right
from bot.core.run import Status
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record the decision to go back; steps that cannot be undone stay as they are and are named."""
    run, plan, step = await ask.step(ask.argument(0, "The step to go back to (RUN-9.S2)"))
    incident = await ask.occasion(run)
    ask.may(Right.COMMAND, f"undo {run.id} back to {step.id}", incident)
    if run.acting:
        raise Refused(f"{', '.join(run.acting)} is acting: `hold {run.id}` and wait, or `abort {run.id}`.")
    doubt = [item.id for item in plan.steps if run.step(item.id).status is Status.IN_DOUBT]
    if doubt:
        raise Refused(
            f"{run.id}.{doubt[0]} is in doubt and may still act: nothing was recorded. "
            "`retry`, `skip` or `done` settles it; then undo."
        )
    span = plan.steps[plan.steps.index(step) :]
    finished = [item for item in span if run.step(item.id).status in (Status.SUCCEEDED, Status.DONE)]
    undone = [item.id for item in reversed(finished) if item.undo]
    if not undone:
        raise Refused(f"Nothing from {step.id} on can be undone; nothing was recorded.")
    stays = [item.id for item in finished if not item.undo]
    kept = f" {', '.join(stays)} stays: it has no undo." if stays else ""
    event = UndoAsked(step=step.id, why=ask.option("why", "the reason"))
    answer = ask.done(run.id, f"undoes {', then '.join(undone)}.{kept}", run=run.id)
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


VERB = Verb(
    name="undo",
    usage='undo RUN-9.S2 why:"…"',
    summary="Undo the finished steps of a run back to one.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"why"}),
)
