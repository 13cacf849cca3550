"""Close the incident: the two questions about backups are answered."""

from __future__ import annotations

from bot.commands.grammar import one_of
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.deciding import WROTE, unanswered
from bot.core.errors import Refused
from bot.core.events import IncidentClosed, Phase
from bot.core.may import Right
from bot.timeline import Change

ANSWERS = ("no", "helped", "slowed", "lost", "failed")


async def act(ask: Ask) -> Outcome:
    """Record whether the availability of backups and the speed of recovery made a difference."""
    availability = one_of(ask.option("availability", _AVAILABILITY), ANSWERS, "answer")
    speed = one_of(ask.option("speed", _SPEED), ANSWERS, "answer")
    incident = await ask.incident(ask.words.options.get("inc"))
    ask.may(Right.COMMAND, "close the incident", incident)
    if incident.phase is not Phase.RESOLVED:
        raise Refused(f"{incident.id} is {incident.phase.value}: `resolve` it first. Nothing was recorded.")
    if unanswered(incident):
        criteria, _ = ask.desk.shelf.criteria()
        raise Refused(
            f"{incident.id} was about a release, and nobody said what it left behind. "
            f"{criteria.facts[WROTE].ask} `{ask.desk.command} decide {WROTE}:yes|no|?` answers it "
            "(?: nobody knows). Nothing was recorded."
        )
    event = IncidentClosed(
        backup_availability=availability, recovery_speed=speed, why=ask.words.options.get("why", "")
    )
    return Outcome(
        ask.done(incident.id, "is closed."), {f"incident/{incident.id}": Change(incident.seq, (event,))}
    )


_AVAILABILITY = "whether having backups made a difference (no, helped, slowed, lost or failed)"
_SPEED = "whether the speed of recovery made a difference (no, helped, slowed, lost or failed)"

VERB = Verb(
    name="close",
    usage='close availability:no|helped|slowed|lost|failed speed:no|helped|slowed|lost|failed [why:"…"]',
    summary="Close a resolved incident and answer the two questions about backups.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"availability", "speed", "why", "inc"}),
)
