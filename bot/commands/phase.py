"""Say which phase the incident is in."""

from __future__ import annotations

from bot.commands.grammar import one_of
from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.duplicate import go_on
from bot.core.errors import Refused
from bot.core.events import Phase, PhaseChanged
from bot.core.may import Right

PHASES = ("investigating", "identified", "recovering", "verifying", "monitoring")


async def act(ask: Ask) -> Outcome:
    """Move the incident to a phase; resolving and closing are verbs of their own."""
    word = one_of(ask.argument(0, f"The phase ({', '.join(PHASES)})"), PHASES, "phase")
    incident = await ask.incident(ask.words.options.get("inc"))
    ask.may(Right.COMMAND, "change the phase", incident)
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands}: {go_on(incident)}. Nothing was recorded.")
    if incident.phase.value == word:
        raise Refused(f"{incident.id} is {word} already; nothing was recorded.")
    event = PhaseChanged(phase=Phase(word), why=ask.words.options.get("why", ""))
    return in_incident(ask.done(incident.id, f"is {word} now."), incident, event)


VERB = Verb(
    name="phase",
    usage='phase investigating|identified|recovering|verifying|monitoring [why:"…"]',
    summary="Say which phase the incident is in.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"why", "inc"}),
)
