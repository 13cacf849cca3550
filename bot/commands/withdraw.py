"""Take your approval back while it was not used."""

from __future__ import annotations

from bot.commands.approve import gate_of, open_plan
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import Withdrawn
from bot.core.may import Right
from bot.core.words import at_names
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that a yes does not hold any more."""
    word = ask.words.args[0] if ask.words.args else None
    run = await ask.run(word)
    plan = open_plan(ask, run)
    gate, state = gate_of(run, plan, word)
    approved = [approval.person for approval in state.approvals]
    if not approved:
        raise Refused(f"Nobody approved {run.id}.{gate.name} yet; there is nothing to withdraw.")
    if ask.who.name not in approved:
        raise Refused(
            f"You may not withdraw what others approved: {run.id}.{gate.name} has the yes of "
            f"{at_names(approved)}. Ask one of them here, or `reject` it."
        )
    if state.used:
        raise Refused(
            f"Your approval of {run.id}.{gate.name} was used: the step has begun. "
            f"`{ask.desk.command} abort {run.id}` shows what stopping leaves behind."
        )
    event = Withdrawn(gate=gate.name, why=ask.words.options.get("why", ""))
    answer = ask.done(run.id, f"no longer has your approval of {gate.name}.", run=run.id)
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


VERB = Verb(
    name="withdraw",
    usage='withdraw RUN-9[.gate] [why:"…"]',
    summary="Take your approval back while it was not used.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"why"}),
)
