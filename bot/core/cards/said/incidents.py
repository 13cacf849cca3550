"""What the incident's channel reads about the incident itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from bot.core import events
from bot.core.cards.decide import decided_line, did_it_work
from bot.core.cards.lines import describe
from bot.core.deciding import few
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
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
from bot.core.tasks import pressed
from bot.core.words import by_minutes, people, says, sentence, value_in_words
from playbooks.criteria import Value

_Silent = (
    events.IncidentDeclared
    | events.RoomOpened
    | events.MessageCaptured
    | events.MessageEdited
    | events.MessageDeleted
    | events.FactLearnt
    | events.DecisionAsked
    | events.Probed
    | events.PlanAttached
    | events.IssueLinked
    | events.TaskMoved
    | events.TaskTracked
    | events.PostmortemAsked
    | events.RepairAsked
)
_Plain = (
    events.SeverityChanged
    | events.PhaseChanged
    | events.ChangeNamed
    | events.ImpactStated
    | events.WritersStopped
    | events.WritersStarted
    | events.NoteAdded
    | events.Corrected
    | events.Redacted
    | events.Repaired
    | events.TaskDone
    | events.Proposed
    | events.ReasonStated
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
        case events.IncidentClosed() | events.FalseAlarm():
            return _closed(entry, event, incident)
        case _:
            return _asks_somebody(entry, event, incident)


_Asking = events.TrackerTroubled | events.TaskGiven | events.TaskHandedBack | events.TaskOverdue


def _asks_somebody(entry: Entry, event: _Asking, incident: Incident) -> Document | None:
    match event:
        case events.TrackerTroubled():
            return _troubled(event, incident)
        case events.TaskGiven() | events.TaskHandedBack() | events.TaskOverdue():
            return _task(entry, event, incident)
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


def _task(
    entry: Entry, event: events.TaskGiven | events.TaskHandedBack | events.TaskOverdue, incident: Incident
) -> Document | None:
    """The buttons stand for as long as whoever is asked here has the task."""
    task = next((task for task in incident.tasks if task.number == event.number), None)
    if task is None:
        return None
    name = Strong(f"T{task.number}")
    match event:
        case events.TaskGiven(to=to, due=due, what=what, follow_up=follow_up, was=was):
            kind = f", an action of {incident.id}," if follow_up else ""
            kind = f" (it was {was}){kind}" if was else kind
            line: Line = (Who(to, ping=True), f": {sentence(what)} ", name, f"{kind} until ", Moment(due))
            line = (*line, ", asked by ", Who(entry.by), ".")
        case events.TaskOverdue(again=daily):
            late = f" was to be done by now: {sentence(task.what)} Is it done, or does it need somebody else?"
            line = (Who(task.to, ping=True), ": ", name, late)
            if daily:
                line = (*line, f" You are asked each day until {incident.id} is closed.")
        case events.TaskHandedBack(why=why):
            told = tuple(dict.fromkeys((task.by, incident.commander)))
            again = f"task T{task.number} @name"
            line = (*people(told, ping=told), ": ", Who(entry.by), " cannot do ", name, f" ({task.what}): ")
            return Document("", (Paragraph((*line, sentence(why), " Give it to somebody: ", Code(again))),))
        case _:
            assert_never(event)
    buttons = pressed(incident.id, task) if task.due == event.due else ()
    return Document("", (Paragraph(line), *((Buttons(buttons),) if buttons else ())))


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


def _troubled(event: events.TrackerTroubled, incident: Incident) -> Document:
    if not event.why:
        return Document("", (Paragraph((f"The record of {incident.id} reaches {event.system} again.",)),))
    then = (
        f"Nothing waits for it, and the files have everything. Once it is mended: postmortem {incident.id}"
        if event.for_good
        else "Nothing waits for it: the files have everything, and it follows by itself."
    )
    line = (Strong(f"The record of {incident.id} does not reach {event.system}: "), event.why)
    return Document("", (Paragraph(line), Small((then,))))


def _due(event: events.EffectDue, incident: Incident) -> Document | None:
    for decision in incident.decisions:
        if decision.seq == event.decision and event.waits:
            waits: Line = (
                Who(incident.commander, ping=True),
                ": nothing was run for it yet. ",
                Strong(f"{', '.join(event.waits)} waits to be started"),
                ": start it, or decide otherwise. ",
                *decided_line(decision),
            )
            return Document("", (Paragraph(waits),))
        if decision.seq == event.decision:
            asked: Line = (Who(incident.commander, ping=True), ": did it work? ", *decided_line(decision))
            return Document("", (Paragraph(asked), did_it_work(incident.id, decision)))
    return None


def _decided(entry: Entry, event: events.Decided) -> Document:
    told = event.model_copy(update={"unasked": (few(event.unasked),) if event.unasked else ()})
    record = tuple(decision_record(entry.by, told))
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
    if event.effect_by and event.effect_missing:
        unknown: Line = (f", for nobody knows its minutes ({event.effect_missing})",)
        pairs.append(("Whether it helps is asked", (Moment(event.effect_by), *unknown)))
    elif event.effect_by:
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


def _closed(entry: Entry, event: events.IncidentClosed | events.FalseAlarm, incident: Incident) -> Document:
    if isinstance(event, events.FalseAlarm):
        by: Line = (Moment(entry.occurred_at), " by ", Who(entry.by))
        what = Fields((("What it was", (event.why,)), ("Closed", by)))
        return Document(f"{incident.id} was a false alarm: {incident.title}", (what,))
    pairs: tuple[tuple[str, Line], ...] = (
        (
            "Did backup availability affect the outcome?",
            (by_minutes(event.backup_availability, event.availability_minutes),),
        ),
        (
            "Did recovery speed affect the outcome?",
            (by_minutes(event.recovery_speed, event.speed_minutes),),
        ),
        ("Closed", (Moment(entry.occurred_at), " by ", Who(entry.by), f": {event.why}" if event.why else "")),
    )
    return Document(f"{incident.id} is closed: {incident.title}", (Fields(pairs),))
