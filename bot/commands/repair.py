"""Have what Slack or the tracker lost put back."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.events import RepairAsked
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Ask for everything of an incident to be looked for in Slack and in the tracker."""
    incident = await ask.incident(ask.words.args[0] if ask.words.args else None)
    answer = ask.done(
        incident.id, "is looked through in Slack and the tracker; what was lost is put back and said there."
    )
    return in_incident(answer, incident, RepairAsked())


VERB = Verb(
    name="repair",
    usage="repair [INC-42]",
    summary="Put back what Slack or the tracker lost: cards, messages, the channel, the issue.",
    right=Right.RESPOND,
    act=act,
)
