"""Resolve the incident: service is back, and it is said what happened to the data."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.cards.decide import came_of_it, wrote
from bot.core.deciding import unanswered
from bot.core.document import Block, Code, Document, Line, Strong
from bot.core.errors import Refused
from bot.core.events import IncidentResolved, WarmStopped
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.outdated import damaged_again
from bot.core.words import joined
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that it is over; a run that is under way must end first."""
    statement = ask.argument(0, 'What was done, in "quotes",')
    data = ask.option("data", "what was lost, or that nothing was")
    incident = await ask.incident(ask.words.options.get("inc"))
    ask.may(Right.COMMAND, "resolve the incident", incident)
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands} already; nothing was recorded.")
    runs = await ask.runs_of(incident)
    live = [run for run in runs if not run.over]
    started = [run.id for run in live if run.started_at]
    if started:
        raise Refused(
            f"{', '.join(started)} is under way: let it end or abort it first. Nothing was recorded."
        )
    event = IncidentResolved(statement=statement, data_statement=data)
    wrong = (why for run in runs if (why := damaged_again(run, incident)))
    line: Line = ("is resolved.", *(part for why in wrong for part in (" ", Strong(why))))
    answer = ask.done(incident.id, *line, small=await left_by(ask, incident))
    asked = [*came_of_it(incident), *_wrote(ask, incident)]
    answer = replace(answer, document=Document("", (*answer.document.blocks, *asked)))
    # A run that is started in the same moment must not act for an incident that is over.
    unused = WarmStopped(why=f"{incident.id} is resolved")
    changes = {f"run/{run.id}": Change(run.seq, (unused,) if run.warm else ()) for run in live}
    return Outcome(answer, {**changes, f"incident/{incident.id}": Change(incident.seq, (event,))})


def _wrote(ask: Ask, incident: Incident) -> tuple[Block, ...]:
    if not unanswered(incident):
        return ()
    criteria, _ = ask.desk.shelf.criteria()
    return wrote(incident.id, criteria)


async def _still_frozen(ask: Ask, incident: Incident) -> Line:
    """Return the sentence that names the freezes an incident that is over leaves, if it does."""
    held = [freeze.id for freeze in await ask.freezes() if freeze.incident == incident.id]
    return (f"Still in force: {', '.join(held)}. To lift: ", Code(f"freeze off {held[0]}")) if held else ()


def still_read(incident: Incident, of: str = "") -> tuple[Line, ...]:
    """Return the sentence that names what customers go on reading of an incident that is over, if they do."""
    reads = incident.external.read
    if reads in (None, "resolved"):
        return ()
    line = f"Customers still read{of}: {reads}. "
    waiting = incident.external.waiting
    if waiting and waiting.drafted.status == "resolved":
        return ((line, Code(f"publish send {waiting.name} inc:{incident.id}"), " sends the end."),)
    return ((line, Code(f"publish as:resolved inc:{incident.id}"), " drafts the end."),)


async def left_by(ask: Ask, incident: Incident) -> Line:
    """Return what an incident that is over leaves: freezes that stop changes, and what customers read."""
    frozen = await _still_frozen(ask, incident)
    return joined([line for line in (frozen, *still_read(incident)) if line], ". ")


VERB = Verb(
    name="resolve",
    usage='resolve "what was done" data:"what was lost, or nothing"',
    summary="Say that service is back, and what happened to the data.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"data", "inc"}),
)
