"""Leave a step out, with a reason."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import StepSkipped
from bot.core.may import Right
from bot.core.run import Status
from bot.timeline import Change

SKIPPABLE = (Status.WAITING, Status.FAILED, Status.IN_DOUBT, Status.UNDONE)


async def act(ask: Ask) -> Outcome:
    """Record that a step is not done; a destructive one, or one in doubt, only by a commander."""
    run, _, step = await ask.step(ask.argument(0, "The step (RUN-9.S3)"))
    incident = await ask.occasion(run)
    state = run.step(step.id)
    heavy = step.destructive or state.status is Status.IN_DOUBT
    ask.may(Right.COMMAND if heavy else Right.OPERATE, f"skip {run.id}.{step.id}", incident, run)
    waits = step.call.kind == "person" and state.status is Status.STARTED
    if state.status not in SKIPPABLE and not waits:
        raise Refused(f"{run.id}.{step.id} is {state.status.value}: it cannot be skipped now.")
    event = StepSkipped(step=step.id, why=ask.option("why", "the reason"))
    answer = ask.done(run.id, f"{step.title} is skipped.", run=run.id)
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


VERB = Verb(
    name="skip",
    usage='skip RUN-9.S3 why:"…"',
    summary="Leave a step out.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"why"}),
)
