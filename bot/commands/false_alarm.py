"""Close what was no incident: nothing was wrong, and the figures leave it out."""

from __future__ import annotations

from bot.commands.resolve import left_by
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.errors import Refused
from bot.core.events import FalseAlarm, WarmStopped
from bot.core.may import Right
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Record that nothing was wrong; where a run acted, something was, and it is resolved instead."""
    why = ask.option("why", "what it was instead")
    incident = await ask.incident(ask.words.options.get("inc"))
    ask.may(Right.COMMAND, "call the incident a false alarm", incident)
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands} already; nothing was recorded.")
    runs = await ask.runs_of(incident)
    acted = [run.id for run in runs if run.started_at]
    if acted:
        raise Refused(
            f"{', '.join(acted)} was started for {incident.id}, so it counts: nothing was recorded. "
            f"`{ask.desk.command} resolve` says how it ended."
        )
    # A run that is started in the same moment must not act for an incident that is over.
    unused = WarmStopped(why=f"{incident.id} was a false alarm")
    changes = {
        f"run/{run.id}": Change(run.seq, (unused,) if run.warm else ()) for run in runs if not run.over
    }
    answer = ask.done(incident.id, "is closed as a false alarm.", small=await left_by(ask, incident))
    event = FalseAlarm(why=why)
    return Outcome(answer, {**changes, f"incident/{incident.id}": Change(incident.seq, (event,))})


VERB = Verb(
    name="false-alarm",
    usage='false-alarm why:"what it was instead" [inc:INC-42]',
    summary="Close the incident because nothing was wrong; the figures leave it out.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"why", "inc"}),
    words=0,
)
