"""Say no to the plan of a run; one no stops it."""

from __future__ import annotations

from bot.commands.approve import gate_of, open_plan, still_the_same
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.approval import role_of
from bot.core.errors import Refused
from bot.core.events import Rejected
from bot.core.may import Right
from bot.core.seats import needed
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record a no with its reason, from whoever could have said yes or commands."""
    word = ask.words.args[0] if ask.words.args else None
    run = await ask.run(word)
    incident = await ask.occasion(run)
    plan = open_plan(ask, run)
    gate, state = gate_of(run, plan, word)
    still_the_same(ask, run)
    why = ask.option("why", "the reason, which the others will read")
    holders = ask.holders(run, incident)
    if role_of(gate, ask.who.name, holders) is None and ask.who.name != incident.commander:
        raise Refused(
            f"You may not reject {run.id}.{gate.name}. It is asked of {needed(gate, holders)}. "
            "Ask one of them here."
        )
    if state.used:
        raise Refused(
            f"{run.id}.{gate.name} was used: the step has begun. "
            f"`{ask.desk.command} abort {run.id}` stops it."
        )
    if state.rejection:
        raise Refused(f"@{state.rejection.person} rejected {run.id}.{gate.name} already; one no is enough.")
    event = Rejected(gate=gate.name, hash=run.hash, why=why)
    answer = ask.done(
        f"{run.id}",
        f"is not approved: you rejected {gate.name}, and the run stops before that step.",
        run=run.id,
    )
    return Outcome(answer, {f"run/{run.id}": Change(run.seq, (event,))})


VERB = Verb(
    name="reject",
    usage='reject RUN-9[.gate] why:"…"',
    summary="Say no to the plan of a run.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"why", "plan"}),
)
