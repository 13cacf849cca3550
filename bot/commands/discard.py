"""Stop making a copy ready, and remove what there is of it."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.due import MOST_REMOVALS
from bot.core.errors import Refused
from bot.core.events import WarmStopped
from bot.core.hold import fold_target
from bot.core.may import Right
from bot.core.plan import PlannedStep
from bot.core.run import Run
from bot.core.words import at_clock
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record the decision; the copy is removed as soon as nothing makes it any more."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.incident(run.incident)
    ask.may(Right.OPERATE, f"discard the copy of {run.id}", incident, run)
    if run.started_at is not None and not run.over:
        raise Refused(f"{run.id} is {run.state} and uses its copy: `abort {run.id}` removes it.")
    left = [await _left(ask, run, step) for step in _beside(run)]
    if run.warm is None or run.over or run.abort:
        there = " ".join(left) or "None of it is left."
        raise Refused(f"{run.id} makes no copy ready: nothing was recorded. {there}")
    event = WarmStopped(why=ask.option("why", "the reason"))
    there = " ".join(left) or "There is nothing of it to remove."
    line = f"makes nothing ready any more; its plan stays. {there}"
    return Outcome(ask.done(run.id, line, run=run.id), {f"run/{run.id}": Change(run.seq, (event,))})


def _beside(run: Run) -> list[PlannedStep]:
    return [step for step in run.plan.steps if step.id in run.copies] if run.plan else []


async def _left(ask: Ask, run: Run, step: PlannedStep) -> str:
    """Say what becomes of the copy that a step made."""
    target = step.call.target or step.id
    holder = fold_target(await ask.timeline.read(f"target/{target}")).run
    if holder not in (None, run.id):
        return f"{target} is held by {holder}: the copy beside it is removed when {holder} lets it go."
    if run.copies[step.id] < MOST_REMOVALS:
        at = run.step(step.id).not_before
        if at and ask.now < at:
            return f"Its copy beside {target} would not go; it is tried again at {at_clock(at, ask.now)}."
        return f"Its copy beside {target} is being removed."
    by_hand = f": `{step.undo.by_hand}`" if step.undo and step.undo.by_hand else "."
    return (
        f"Its copy beside {target} could not be removed in {MOST_REMOVALS} tries. Remove it by hand{by_hand}"
    )


VERB = Verb(
    name="discard",
    usage='discard RUN-9 why:"…"',
    summary="Stop making a copy ready before a run is started, and remove it.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"why"}),
)
