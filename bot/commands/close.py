"""Close the incident: the two questions about backups are answered."""

from __future__ import annotations

from datetime import timedelta

from bot.commands.grammar import a_duration, one_of
from bot.commands.resolve import still_read
from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.blameless import hints
from bot.core.deciding import WROTE, unanswered
from bot.core.document import Code, Line
from bot.core.errors import Refused
from bot.core.events import IncidentClosed, Phase
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.tasks import actions
from bot.core.words import joined

ANSWERS = ("no", "helped", "slowed", "lost", "failed")


async def act(ask: Ask) -> Outcome:
    """Record whether the availability of backups and the speed of recovery made a difference."""
    availability = one_of(ask.option("availability", _AVAILABILITY), ANSWERS, "answer")
    speed = one_of(ask.option("speed", _SPEED), ANSWERS, "answer")
    incident = await ask.incident(ask.words.options.get("inc"))
    ask.may(Right.COMMAND, "close the incident", incident)
    if incident.phase is Phase.CLOSED:
        raise Refused(f"{incident.id} is {incident.stands} already; nothing was recorded.")
    if incident.phase is not Phase.RESOLVED:
        raise Refused(f"{incident.id} is {incident.stands}: `resolve` it first. Nothing was recorded.")
    if unanswered(incident):
        criteria, _ = ask.desk.shelf.criteria()
        raise Refused(
            f"{incident.id} was about a release, and nobody said what it left behind. "
            f"{criteria.facts[WROTE].ask} `{ask.desk.command} decide {WROTE}:yes|no|?` answers it "
            "(?: nobody knows). Nothing was recorded."
        )
    event = IncidentClosed(
        backup_availability=availability,
        recovery_speed=speed,
        why=ask.words.options.get("why", ""),
        availability_minutes=_minutes(ask, "availability", availability),
        availability_evidence=ask.words.options.get("availability-link"),
        speed_minutes=_minutes(ask, "speed", speed),
        speed_evidence=ask.words.options.get("speed-link"),
    )
    advice = [f"{hint} " for hint in hints([event.why], ask.catalog.people)]
    left = joined([*_left(incident), *still_read(incident)], " ")
    answer = ask.done(incident.id, "is closed.", small=(*advice, *left))
    return in_incident(answer, incident, event)


def _minutes(ask: Ask, question: str, answer: str) -> int | None:
    """Return by how many minutes something changed the outcome, or None where nobody says."""
    word = ask.words.options.get(f"{question}-by")
    if word is None or word == "?":
        return None
    if answer == "no":
        raise Refused(f"`{question}:no` changed nothing: leave `{question}-by:` out. Nothing was recorded.")
    return max(1, round(a_duration(word) / timedelta(minutes=1)))


def _left(incident: Incident) -> tuple[Line, ...]:
    """Return which actions are not done, of which nobody is reminded any more."""
    left = [f"T{task.number} of @{task.to}" for task in actions(incident.tasks) if task.open]
    if not left:
        return ()
    done = Code(f"task done {incident.id}.{left[0].partition(' ')[0]}")
    line = f"Not done yet: {', '.join(left)}. Nobody is reminded from now on; "
    return ((line, done, " says that one is."),)


_AVAILABILITY = "whether having backups made a difference (no, helped, slowed, lost or failed)"
_SPEED = "whether the speed of recovery made a difference (no, helped, slowed, lost or failed)"

VERB = Verb(
    name="close",
    usage=(
        "close availability:no|helped|slowed|lost|failed speed:no|helped|slowed|lost|failed "
        '[availability-by:40m] [availability-link:url] [speed-by:40m] [speed-link:url] [why:"…"]'
    ),
    summary="Close a resolved incident and answer the two questions about backups.",
    right=Right.COMMAND,
    act=act,
    options=frozenset(
        {
            "availability",
            "availability-by",
            "availability-link",
            "speed",
            "speed-by",
            "speed-link",
            "why",
            "inc",
        }
    ),
)
