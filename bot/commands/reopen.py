"""Open an incident again: it was not over."""

from __future__ import annotations

from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.document import Line
from bot.core.errors import Refused
from bot.core.events import IncidentReopened, Parted
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.tasks import Stand
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that the incident goes on, and why."""
    why = ask.option("why", "the reason")
    incident = await ask.incident(ask.words.args[0] if ask.words.args else None)
    ask.may(Right.COMMAND, "reopen the incident", incident)
    if incident.open:
        raise Refused(f"{incident.id} is open; nothing was recorded.")
    event = IncidentReopened(why=why)
    if incident.merged is None:
        return in_incident(ask.done(incident.id, "is open again."), incident, event)
    survivor = await ask.incident(incident.merged.into)
    answer = ask.done(
        incident.id, f"is open again, apart from {survivor.id}.", small=await _stays(ask, incident)
    )
    parted = Parted(incident=incident.id, why=why)
    changes = {
        f"incident/{incident.id}": Change(incident.seq, (event,)),
        f"incident/{survivor.id}": Change(survivor.seq, (parted,)),
    }
    return Outcome(answer, changes)


async def _stays(ask: Ask, incident: Incident) -> Line:
    """Return the sentence that names what the other incident keeps, if it does."""
    tasks = [task.note for task in incident.tasks if task.stand is Stand.MOVED]
    freezes = [
        each.id for each in await ask.freezes() if each.placed.incident == incident.id != each.incident
    ]
    kept = ", ".join((*tasks, *freezes))
    return (f"What was moved stays there: {kept}.",) if kept else ()


VERB = Verb(
    name="reopen",
    usage='reopen [INC-42] why:"…"',
    summary="Open a resolved or closed incident again.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"why"}),
)
