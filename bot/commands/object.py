"""Object to what a run is about to destroy: it waits until the commander has decided, with a reason."""

from __future__ import annotations

from bot.commands.grammar import a_duration
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.document import Code
from bot.core.errors import Refused
from bot.core.events import Event, ObjectionsSet, RunPaused
from bot.core.may import Right
from bot.core.run import ACTING, OVER, Run
from bot.core.words import in_words
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record an objection, that it is taken back, or how long everybody has to object."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    if run.plan is None or run.over or run.abort:
        raise Refused(f"{run.id} is {run.state}: there is nothing to object to.")
    word = ask.words.args[1].lower() if len(ask.words.args) > 1 else ""
    if word not in ("", "withdraw"):
        raise Refused(f"`{word[:40]}` is not withdraw: nothing was recorded. {ask.usage}")
    if "within" in ask.words.options:
        return await _within(ask, run)
    return _withdraw(ask, run) if word else await _object(ask, run)


async def _object(ask: Ask, run: Run) -> Outcome:
    incident = await ask.occasion(run)
    why = ask.option("why", "what speaks against it, which everybody will read")
    mine = next((pause for pause in run.pauses if pause.objection == ask.who.name), None)
    if mine:
        raise Refused(
            f"You object to {run.id} already ({mine.why}): nothing was recorded. "
            f"`{ask.desk.command} object {run.id} withdraw` takes it back."
        )
    if not _destroys_more(run):
        raise Refused(
            f"No step that destroys data is still to begin in {run.id}: nothing was recorded. "
            f'`{ask.desk.command} hold {run.id} why:"…"` lets nothing further of it start.'
        )
    event = RunPaused(why=why, objection=ask.who.name)
    line = f"waits for your objection until @{incident.commander} has decided."
    small = ("To take it back: ", Code(f"{ask.desk.command} object {run.id} withdraw"))
    return _recorded(ask, run, event, line, small=small)


def _destroys_more(run: Run) -> bool:
    """Say whether a step that destroys data has not begun, or may have to begin again."""
    over = OVER | ACTING
    steps = run.plan.steps if run.plan else ()
    return any(step.destructive and run.step(step.id).status not in over for step in steps)


def _withdraw(ask: Ask, run: Run) -> Outcome:
    mine = next((pause for pause in run.pauses if pause.objection == ask.who.name), None)
    if mine is None:
        raise Refused(
            f"You have no objection to {run.id}: nothing was recorded. Whoever commands goes over that of "
            f'others with `{ask.desk.command} resume {run.id} why:"…"`.'
        )
    event = run.lifted([mine.reason], why=ask.words.options.get("why", "it was taken back"))
    still = f" It still waits: {event.still}" if event.still else ""
    return _recorded(ask, run, event, f"no longer has your objection.{still}")


async def _within(ask: Ask, run: Run) -> Outcome:
    ask.may(Right.COMMAND, f"set how long people may object to {run.id}", await ask.occasion(run))
    event = objections(ask.words.options["within"])
    if not event.within_s:
        return _recorded(ask, run, event, "asks nobody for objections any more.")
    within = in_words(a_duration(ask.words.options["within"]))
    return _recorded(ask, run, event, f"asks before each step that destroys data, and waits {within}.")


def objections(text: str) -> ObjectionsSet:
    """Return what sets how long everybody has to object, as people type it, or raise Refused."""
    none = text.lower() in ("0", "none", "0m", "0s")
    return ObjectionsSet(within_s=0 if none else round(a_duration(text).total_seconds()))


def _recorded(ask: Ask, run: Run, event: Event, line: str, *, small: tuple[str | Code, ...] = ()) -> Outcome:
    return Outcome(ask.done(run.id, line, small=small), {f"run/{run.id}": Change(run.seq, (event,))})


VERB = Verb(
    name="object",
    usage='object RUN-9 why:"…" | object RUN-9 withdraw | object RUN-9 within:2m',
    summary="Say that a run must not destroy data; it waits until the commander has decided.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"why", "within"}),
    words=2,
)
