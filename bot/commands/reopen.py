"""Open an incident again: it was not over."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import IncidentReopened
from bot.core.may import Right
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that the incident goes on, and why."""
    why = ask.option("why", "the reason")
    incident = await ask.incident(ask.words.args[0] if ask.words.args else None)
    ask.may(Right.COMMAND, "reopen the incident", incident)
    if incident.open:
        raise Refused(f"{incident.id} is open; nothing was recorded.")
    change = Change(incident.seq, (IncidentReopened(why=why),))
    return Outcome(ask.done(incident.id, "is open again."), {f"incident/{incident.id}": change})


VERB = Verb(
    name="reopen",
    usage='reopen [INC-42] why:"…"',
    summary="Open a resolved or closed incident again.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"why"}),
)
