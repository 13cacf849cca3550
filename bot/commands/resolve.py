"""Resolve the incident: service is back, and it is said what happened to the data."""

from __future__ import annotations

from dataclasses import replace

from bot.commands.verb import Ask, Outcome, Verb
from bot.core.cards.decide import wrote
from bot.core.deciding import unanswered
from bot.core.document import Code, Document, Line, Strong
from bot.core.errors import Refused
from bot.core.events import IncidentResolved, WarmStopped
from bot.core.loss import damaged_again
from bot.core.may import Right
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that it is over; a run that is under way must end first."""
    statement = ask.argument(0, 'What was done, in "quotes",')
    data = ask.option("data", "what was lost, or that nothing was")
    incident = await ask.incident(ask.words.options.get("inc"))
    ask.may(Right.COMMAND, "resolve the incident", incident)
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.phase.value} already; nothing was recorded.")
    runs = await ask.runs_of(incident)
    live = [run for run in runs if not run.over]
    started = [run.id for run in live if run.started_at]
    if started:
        raise Refused(
            f"{', '.join(started)} is under way: let it end or abort it first. Nothing was recorded."
        )
    event = IncidentResolved(statement=statement, data_statement=data)
    held = [freeze.id for freeze in await ask.freezes() if freeze.placed.incident == incident.id]
    small = (f"Still in force: {', '.join(held)}. To lift: ", Code(f"freeze off {held[0]}")) if held else ()
    wrong = (why for run in runs if (why := damaged_again(run, incident)))
    line: Line = ("is resolved.", *(part for why in wrong for part in (" ", Strong(why))))
    answer = ask.done(incident.id, *line, small=small)
    if unanswered(incident):
        criteria, _ = ask.desk.shelf.criteria()
        asked = wrote(incident.id, criteria)
        answer = replace(answer, document=Document("", (*answer.document.blocks, *asked)))
    # A run that is started in the same moment must not act for an incident that is over.
    unused = WarmStopped(why=f"{incident.id} is resolved")
    changes = {f"run/{run.id}": Change(run.seq, (unused,) if run.warm else ()) for run in live}
    return Outcome(answer, {**changes, f"incident/{incident.id}": Change(incident.seq, (event,))})


VERB = Verb(
    name="resolve",
    usage='resolve "what was done" data:"what was lost, or nothing"',
    summary="Say that service is back, and what happened to the data.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"data", "inc"}),
)
