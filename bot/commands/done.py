"""Say that a step was done by hand, and what shows it."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.cards.choices import by_hand, choices
from bot.core.errors import Refused
from bot.core.events import StepDone, WritersStopped
from bot.core.may import Right
from bot.core.run import Status
from bot.timeline import Change

_BY_HAND = (Status.FAILED, Status.IN_DOUBT, Status.UNDONE)


async def act(ask: Ask) -> Outcome:
    """Record a person's step, or a machine's step that a person carried out instead."""
    run, _, step = await ask.step(ask.argument(0, "The step (RUN-9.S3)"))
    incident = await ask.occasion(run)
    state = run.step(step.id)
    person = step.call.kind == "person" and state.status is Status.STARTED
    heavy = step.destructive or state.status is Status.IN_DOUBT
    ask.may(Right.COMMAND if heavy else Right.OPERATE, f"say that {run.id}.{step.id} is done", incident, run)
    line = by_hand(run, step.id).line
    offered = any(button.line == line for button in choices(run))
    if not (person or offered or state.status in _BY_HAND):
        raise Refused(f"{run.id}.{step.id} is {state.status.value}: there is nothing to do by hand now.")
    event = StepDone(
        step=step.id,
        evidence=ask.option("evidence", "what shows it: a link, a number or a sentence"),
        why=ask.words.options.get("why", ""),
    )
    answer = ask.done(run.id, f"{step.title} is done by hand.", run=run.id)
    changes = {f"run/{run.id}": Change(run.seq, (event,))}
    # The first stop is what contained the damage, whoever carried it out.
    if step.stops_writers and incident.writers_stopped is None:
        stopped = WritersStopped(at=ask.now, run=run.id)
        changes[f"incident/{incident.id}"] = Change(incident.seq, (stopped,))
    return Outcome(answer, changes)


VERB = Verb(
    name="done",
    usage='done RUN-9.S3 evidence:"…"',
    summary="Say that a step was done by hand.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"evidence", "why"}),
)
