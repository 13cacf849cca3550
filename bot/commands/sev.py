"""Change the severity."""

from __future__ import annotations

from bot.commands.declare import severity
from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.duplicate import go_on
from bot.core.errors import Refused
from bot.core.events import Phase, SeverityChanged
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Record another severity with its reason."""
    level = severity(ask.argument(0, "The severity (1 to 4)"))
    incident = await ask.incident(ask.words.options.get("inc"))
    ask.may(Right.COMMAND, "change the severity", incident)
    if incident.phase is Phase.CLOSED:
        raise Refused(f"{incident.id} is {incident.stands}: {go_on(incident)}. Nothing was recorded.")
    if incident.severity == level:
        raise Refused(f"{incident.id} is SEV{level} already; nothing was recorded.")
    event = SeverityChanged(severity=level, why=ask.option("why", "the reason"))
    return in_incident(ask.done(incident.id, f"is SEV{level} now."), incident, event)


VERB = Verb(
    name="sev",
    usage='sev 1..4 why:"…"',
    summary="Change the severity.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"why", "inc"}),
)
