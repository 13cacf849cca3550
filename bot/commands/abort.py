"""Abort a run; first it is said what that leaves behind."""

from __future__ import annotations

import hashlib

from bot.commands.verb import Answer, Ask, Outcome, Verb
from bot.core.cards import abort_leaves
from bot.core.document import Button, Buttons, Document, Small, plain
from bot.core.errors import Refused
from bot.core.events import AbortAsked
from bot.core.may import Right
from bot.core.run import Run
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Show what is left behind; with confirm: and a reason, stop for good."""
    run = await ask.run(ask.words.args[0] if ask.words.args else None)
    incident = await ask.occasion(run)
    ask.may(Right.COMMAND, f"abort {run.id}", incident)
    if run.over or run.abort:
        raise Refused(f"{run.id} is {run.state}: there is nothing to abort.")
    if run.started_at is None and run.warm is None and not run.copies:
        raise Refused(f"{run.id} was never started: nothing of it acts, and nothing needs to be aborted.")
    leaves = abort_leaves(run)
    mark = mark_of(run)
    if ask.words.options.get("confirm") is None:
        line = f"abort {run.id} confirm:{mark}"
        buttons = Buttons((Button(f"Abort {run.id}", line, "danger", ask="Why is it aborted?"),))
        small = Small(("Nothing was stopped. To abort, say: ", f'{line} why:"…"'))
        return Outcome(Answer(Document(leaves.title, (*leaves.blocks, buttons, small))))
    if ask.words.options["confirm"] != mark:
        raise Refused(
            f"{run.id} moved on since you looked: nothing was stopped. "
            f"Say `abort {run.id}` again and read what it leaves now."
        )
    event = AbortAsked(why=ask.option("why", "the reason"), leaves=plain(leaves).strip())
    answer = ask.done(run.id, "is being aborted; it says so when nothing of it acts any more.", run=run.id)
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


def mark_of(run: Run) -> str:
    """Return what names all that an abort would leave, which is what the person agrees to.

    Mere progress in between changes nothing of it.
    """
    return hashlib.sha256(plain(abort_leaves(run)).encode()).hexdigest()[:8]


VERB = Verb(
    name="abort",
    usage='abort RUN-9 [confirm:mark why:"…"]',
    summary="Say what an abort leaves behind, then stop a run for good.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"confirm", "why"}),
)
