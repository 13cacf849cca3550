"""Hold a run: nothing further starts, whatever else is decided, until a person lets it go on."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.document import Code
from bot.core.errors import Refused
from bot.core.events import RunPaused
from bot.core.may import Right
from bot.core.words import sentence
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Pause the run with a reason."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.occasion(run)
    ask.may(Right.OPERATE, f"hold {run.id}", incident, run)
    if run.over or run.abort or run.started_at is None:
        raise Refused(f"{run.id} is {run.state}: there is nothing to hold.")
    mine = next((pause for pause in run.pauses if pause.hold == ask.who.name), None)
    if mine:
        raise Refused(f"You hold {run.id} already ({mine.why}): nothing was recorded.")
    event = RunPaused(why=ask.option("why", "the reason"), hold=ask.who.name)
    also = (f"It also waits for this: {sentence(run.why_paused)} ",) if run.pauses else ()
    small = (*also, "To go on: ", Code(f"{ask.desk.command} resume {run.id}"))
    return Outcome(ask.done(run.id, "is on hold.", small=small), {f"run/{run.id}": Change(run.seq, (event,))})


VERB = Verb(
    name="hold",
    usage='hold RUN-9 why:"…"',
    summary="Let nothing further of a run start.",
    right=Right.OPERATE,
    act=act,
    options=frozenset({"why"}),
)
