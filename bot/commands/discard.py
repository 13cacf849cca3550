"""Stop making a copy ready, and remove what there is of it."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import WarmStopped
from bot.core.may import Right
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record the decision; the copy is removed as soon as nothing makes it any more."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.incident(run.incident)
    ask.may(Right.OPERATE, f"discard the copy of {run.id}", incident, run)
    if run.started_at is not None and not run.over:
        raise Refused(f"{run.id} is {run.state} and uses its copy: `abort {run.id}` removes it.")
    if run.warm is None or run.over or run.abort:
        raise Refused(f"{run.id} makes no copy ready; what it made is removed, or being removed.")
    event = WarmStopped(why=ask.option("why", "the reason"))
    line = "makes nothing ready any more, and removes what there is of its copy. Its plan stays."
    return Outcome(ask.done(run.id, line, run=run.id), {f"run/{run.id}": Change(run.seq, (event,))})


VERB = Verb(
    name="discard",
    usage='discard RUN-9 why:"…"',
    summary="Stop making a copy ready before a run is started, and remove it.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"why"}),
)
