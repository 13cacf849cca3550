"""Try a step again, as it was or with changed inputs."""

from __future__ import annotations

from bot.commands.plan import typed
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import RetryAsked
from bot.core.may import Right
from bot.core.run import Run, Status
from bot.timeline import Change
from integrations.contract import Json
from playbooks.model import Playbook

AGAIN = (Status.FAILED, Status.IN_DOUBT, Status.UNDONE, Status.SKIPPED)


async def act(ask: Ask) -> Outcome:
    """Record the decision; the next attempt opens when the target says that nothing of the last one runs."""
    run, _, step = await ask.step(ask.argument(0, "The step (RUN-9.S3)"))
    incident = await ask.occasion(run)
    ask.may(Right.COMMAND if step.destructive else Right.OPERATE, f"retry {run.id}.{step.id}", incident, run)
    state = run.step(step.id)
    if state.status not in AGAIN:
        raise Refused(f"{run.id}.{step.id} is {state.status.value}: there is nothing to try again.")
    if state.retry:
        raise Refused(f"A retry of {run.id}.{step.id} was asked for already; it waits for the target's word.")
    inputs = _inputs(ask, run)
    if inputs and incident.drill:
        raise Refused(f"{run.id} is for {incident.id}: its inputs stay as they are. Nothing was recorded.")
    if inputs and run.restored:
        raise Refused(
            f"{run.id} has overwritten data already, from what its inputs chose: they cannot be changed any "
            f"more, and nothing was recorded. `retry {run.id}.{step.id}` as it was, or abort and plan again."
        )
    event = RetryAsked(step=step.id, why=ask.option("why", "the reason"), inputs=inputs)
    changed = f" with {', '.join(inputs)} changed: the plan is made again and approved anew" if inputs else ""
    answer = ask.done(
        run.id, f"tries {step.title} again once nothing of attempt {state.attempt} runs{changed}.", run=run.id
    )
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


def _inputs(ask: Ask, run: Run) -> dict[str, Json]:
    playbook = Playbook.model_validate(run.snapshot)
    return typed(ask, playbook, {key: value for key, value in ask.words.options.items() if key != "why"})


VERB = Verb(
    name="retry",
    usage='retry RUN-9.S3 why:"…" [input:value …]',
    summary="Try a step again, as it was or with changed inputs.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"why"}),
    free_options=True,
)
