"""Say that a step was done by hand, and what shows it."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.cards.choices import by_hand, choices
from bot.core.errors import Refused
from bot.core.events import StepDone
from bot.core.may import Right
from bot.core.plan import PlannedStep
from bot.core.run import Status
from bot.core.writers import told_by
from bot.timeline import Change

_BY_HAND = (Status.FAILED, Status.IN_DOUBT, Status.UNDONE)


async def act(ask: Ask) -> Outcome:
    """Record a person's step, or a machine's step that a person carried out instead.

    The step's own checks are asked then, and it is over once the blocking ones pass.
    """
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
        unproved=bool(step.checks),
    )
    answer = ask.done(run.id, _said(step), run=run.id)
    changes = {f"run/{run.id}": Change(run.seq, (event,))}
    stopped = () if event.unproved else told_by(run.id, step, incident.stops, ask.now)
    if stopped:
        changes[f"incident/{incident.id}"] = Change(incident.seq, stopped)
    return Outcome(answer, changes)


def _said(step: PlannedStep) -> str:
    """Return what follows: what a person says is proved as what an engine says is."""
    match [check.id for check in step.checks]:
        case []:
            return f"{step.title} is done by hand."
        case [check]:
            return f"{step.title} is over once its check {check} passes: it is asked now."
        case checks:
            return f"{step.title} is over once its checks {', '.join(checks)} pass: they are asked now."


VERB = Verb(
    name="done",
    usage='done RUN-9.S3 evidence:"…"',
    summary="Say that a step was done by hand.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"evidence", "why"}),
)
