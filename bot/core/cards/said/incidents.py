"""What the incident's channel reads about the incident itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from bot.core import events
from bot.core.cards.decide import decided_line, did_it_work
from bot.core.cards.lines import describe
from bot.core.cards.lines.incidents import value_in_words
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Document,
    Fields,
    Line,
    Moment,
    Paragraph,
    Small,
    Strong,
    Who,
)
from bot.core.events import Entry, IncidentEvent
from bot.core.incident import Incident
from bot.core.words import people, says
from playbooks.criteria import Value

_Silent = (
    events.IncidentDeclared
    | events.RoomOpened
    | events.FactLearnt
    | events.DecisionAsked
    | events.Probed
    | events.PlanAttached
    | events.IssueLinked
    | events.PostmortemAsked
)
_Plain = (
    events.SeverityChanged
    | events.PhaseChanged
    | events.ImpactStated
    | events.WritersStopped
    | events.NoteAdded
    | events.Proposed
    | events.EffectObserved
    | events.IncidentReopened
)


def said_of_incident(entry: Entry, event: IncidentEvent, incident: Incident) -> Document | None:
    """Return what the channel reads about something that happened in its incident."""
    if isinstance(event, _Silent):
        return None
    if isinstance(event, _Plain):
        return one_line(entry)
    match event:
        case events.RoleAssigned(role=role, person=person):
            return Document("", (Paragraph((Who(person, ping=True), " is now ", Strong(role), ".")),))
        case events.CopyOffered():
            return _offered(event)
        case events.Decided():
            return _decided(entry, event)
        case events.EffectDue():
            return _due(event, incident)
        case events.UpdatePosted():
            return update_message(entry, event, incident)
        case events.UpdateOverdue():
            return _overdue(event, incident)
        case events.IncidentResolved():
            return _resolved(entry, event, incident)
        case events.IncidentClosed():
            return _closed(entry, event, incident)
        case _:
            assert_never(event)


def _offered(event: events.CopyOffered) -> Document:
    """The plan that a press asks for makes its copy ready, or shows the button that does."""
    line: Line = (Strong("A copy could be made ready now: "), "it changes nothing and needs no approval. ")
    buttons = tuple(Button(f"Plan {name}", f"plan {name}") for name in event.playbooks)
    return Document("", (Paragraph((*line, event.why)), Buttons(buttons)))


def one_line(entry: Entry) -> Document:
    """Return who did what as one line."""
    return Document("", (Paragraph((*says(entry.by), *describe(entry))),))


def update_message(entry: Entry, event: events.UpdatePosted, incident: Incident) -> Document:
    """Return the standard status message."""
    title = f"SEV{incident.severity} {incident.id} update #{event.number}"
    promise: Line = (
        ("next by ", Moment(event.next_by)) if event.next_by else ("no further update is promised",)
    )
    pairs: tuple[tuple[str, Line], ...] = (
        ("Conditions", (event.conditions,)),
        ("Actions", (event.actions,)),
        ("Needs", (event.needs,)),
    )
    foot = Small(
        (Moment(entry.occurred_at), " · ", *promise, " · by ", Who(entry.by), f" · for {event.audience}")
    )
    return Document(title, (Fields(pairs), foot))


def _overdue(event: events.UpdateOverdue, incident: Incident) -> Document:
    names = [incident.roles[role] for role in ("commander", "comms") if role in incident.roles]
    who = tuple(dict.fromkeys(names))
    line: Line = (
        *people(who, ping=who),
        f": update #{event.number} was promised for ",
        Moment(event.promised),
    )
    button = Button("Post it now", f"update inc:{incident.id}", style="primary", form="update")
    return Document("", (Paragraph((*line, " and did not come.")), Buttons((button,))))


def _due(event: events.EffectDue, incident: Incident) -> Document | None:
    for decision in incident.decisions:
        if decision.seq == event.decision:
            asked: Line = (Who(incident.commander, ping=True), ": did it work? ", *decided_line(decision))
            return Document("", (Paragraph(asked), did_it_work(incident.id, decision)))
    return None


def _decided(entry: Entry, event: events.Decided) -> Document:
    record = tuple(decision_record(entry.by, event))
    facts = [(fact_in_words(name, value),) for name, value in event.facts.items()]
    return Document(f"Decided: {event.option}", (*record, *([Bullets(facts)] if facts else [])))


def decision_record(by: str, event: events.Decided) -> Iterator[Block]:
    """Return what was decided, by whom, and against what."""
    yield Paragraph((Who(by), f": {event.why}" if event.why else " gave no reason."))
    proposal = f"{event.proposal or 'nothing was proposed'}"
    because = f" ({'; '.join(event.proposal_why)})" if event.proposal_why else ""
    options = ", ".join(event.possible) or "none recorded"
    pairs: list[tuple[str, Line]] = [("Proposed", (f"{proposal}{because}",)), ("Options", (options,))]
    if event.vetoes:
        pairs.append(("Vetoes hit", ("; ".join(event.vetoes),)))
    if event.overridden:
        pairs.append(("Overridden", ("; ".join(event.overridden),)))
    if event.unasked:
        pairs.append(("Not ruled out, for nobody was asked", (", ".join(event.unasked),)))
    if event.containment:
        pairs.append(("To be contained first", (" ".join(event.containment),)))
    if event.prices:
        pairs.append(("Prices", ("; ".join(event.prices),)))
    if event.effect_by:
        pairs.append(("Should help by", (Moment(event.effect_by),)))
    yield Fields(tuple(pairs))


def fact_in_words(name: str, value: Value) -> str:
    """Return a fact as it was known: `backup_verified: yes`."""
    return f"{name}: {value_in_words(value)}"


def _resolved(entry: Entry, event: events.IncidentResolved, incident: Incident) -> Document:
    pairs: tuple[tuple[str, Line], ...] = (
        ("Service", (event.statement,)),
        ("Data", (event.data_statement,)),
        ("Resolved", (Moment(entry.occurred_at), " by ", Who(entry.by))),
        ("Post-mortem", (Who(incident.roles.get("postmortem", incident.commander)), " writes it")),
    )
    return Document(f"{incident.id} is resolved: {incident.title}", (Fields(pairs),))


def _closed(entry: Entry, event: events.IncidentClosed, incident: Incident) -> Document:
    pairs: tuple[tuple[str, Line], ...] = (
        ("Did backup availability affect the outcome?", (event.backup_availability,)),
        ("Did recovery speed affect the outcome?", (event.recovery_speed,)),
        ("Closed", (Moment(entry.occurred_at), " by ", Who(entry.by), f": {event.why}" if event.why else "")),
    )
    return Document(f"{incident.id} is closed: {incident.title}", (Fields(pairs),))
