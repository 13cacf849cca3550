"""Have what Slack or the tracker lost put back."""

from __future__ import annotations

from collections.abc import Iterator

from bot.commands.verb import Ask, Desk, Outcome, Verb, in_incident
from bot.core.errors import Refused
from bot.core.events import RepairAsked
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Ask for everything of an incident to be looked for in Slack and in the tracker."""
    incident = await ask.incident(ask.words.args[0] if ask.words.args else None)
    without = " ".join(_left_out(ask.desk))
    places = [name for name, there in (("Slack", ask.desk.talks), ("the tracker", ask.desk.tracks)) if there]
    if not places:
        raise Refused(f"{without} So there is nowhere to look: nothing was recorded.")
    where = " and ".join(places)
    line = f"is looked through in {where}; what was lost is put back and said there."
    answer = ask.done(incident.id, line, small=(without,) if without else ())
    return in_incident(answer, incident, RepairAsked())


def _left_out(desk: Desk) -> Iterator[str]:
    """Yield where nothing is looked for, and what setting would make it so."""
    if not desk.talks:
        yield "Slack is not looked at: BACKSTOP_SLACK_MODE is off."
    if not desk.tracks:
        yield "The tracker is not looked at: BACKSTOP_JIRA_URL and BACKSTOP_JIRA_TOKEN are not both set."


VERB = Verb(
    name="repair",
    usage="repair [INC-42]",
    summary="Put back what Slack or the tracker lost: cards, messages, the channel, the issue.",
    right=Right.RESPOND,
    act=act,
)
