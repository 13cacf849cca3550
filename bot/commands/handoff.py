"""Hand the command over: it passes when the other person takes it, and not before."""

from __future__ import annotations

from typing import Literal

from bot.commands.verb import Ask, Outcome, Verb, in_incident
from bot.core.document import Strong, Who
from bot.core.errors import Refused
from bot.core.events import Event, HandoffEnded, HandoffOffered, RoleAssigned
from bot.core.handoff import Handoff
from bot.core.incident import Incident
from bot.core.may import Right


async def act(ask: Ask) -> Outcome:
    """Offer the command to somebody, take what was offered, or let it be."""
    word = ask.argument(0, "Who shall command (@name), `take` or `cancel`")
    incident = await ask.incident(ask.words.options.get("inc"))
    match word.lower():
        case "take":
            return _take(ask, incident)
        case "cancel":
            return _cancel(ask, incident)
        case _:
            stands = ask.words.args[1].strip() if len(ask.words.args) > 1 else ""
            return offer(ask, incident, ask.person(word), stands)


def offer(ask: Ask, incident: Incident, person: str, stands: str = "") -> Outcome:
    """Return the outcome of offering the command to a person; an offer that waits is withdrawn."""
    ask.may(Right.COMMAND, "hand the command over", incident)
    if not incident.open:
        raise Refused(f"{incident.id} is {incident.stands}: nobody commands it. Nothing was recorded.")
    if person == incident.commander:
        raise Refused(f"@{person} commands {incident.id} already: nothing was recorded.")
    if person == ask.who.name:
        raise Refused(
            f"To take command of {incident.id} yourself say `{ask.desk.command} role commander @{person}`: "
            "a handover needs two people. Nothing was recorded."
        )
    offered = HandoffOffered(to=person, stands=stands)
    line = (Who(person), " is asked to take command. ", Strong("Until then "), Who(incident.commander))
    answer = ask.done(incident.id, *line, " commands.")
    return in_incident(answer, incident, *given_up(incident), offered)


def given_up(incident: Incident) -> tuple[Event, ...]:
    """Return what ends an offer that waits, because somebody decided otherwise; nothing when none does."""
    waits = incident.handoff
    return (HandoffEnded(offer=waits.seq, to=waits.to, how="withdrawn"),) if waits else ()


def _take(ask: Ask, incident: Incident) -> Outcome:
    waits = _waiting(incident)
    if ask.who.name != waits.to:
        raise Refused(f"The command was offered to @{waits.to}, who alone can take it: nothing was recorded.")
    events = (_ended(waits, "taken"), RoleAssigned(role="commander", person=waits.to))
    return in_incident(ask.done(incident.id, "You command now."), incident, *events)


def _cancel(ask: Ask, incident: Incident) -> Outcome:
    waits = _waiting(incident)
    if ask.who.name != waits.to:
        ask.may(Right.COMMAND, "take the offer back", incident)
    how: Literal["declined", "withdrawn"] = "declined" if ask.who.name == waits.to else "withdrawn"
    answer = ask.done(incident.id, "The command does not pass: ", Who(incident.commander), " commands.")
    return in_incident(answer, incident, _ended(waits, how))


def _waiting(incident: Incident) -> Handoff:
    if incident.handoff is None:
        raise Refused(
            f"No handover of {incident.id} waits for an answer: @{incident.commander} commands. "
            "Nothing was recorded."
        )
    return incident.handoff


def _ended(waits: Handoff, how: Literal["taken", "declined", "withdrawn"]) -> HandoffEnded:
    return HandoffEnded(offer=waits.seq, to=waits.to, how=how)


VERB = Verb(
    name="handoff",
    usage='handoff @name ["how it stands"] | handoff take | handoff cancel',
    summary="Hand the command over; it passes when the other takes it.",
    right=Right.RESPOND,
    act=act,
    options=frozenset({"inc"}),
    words=2,
)
