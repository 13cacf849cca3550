"""What the channel reads while the command passes: how things stand, and the button that takes it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from bot.core import events
from bot.core.cards.lines import describe
from bot.core.document import Button, Buttons, Document, Fields, Line, Moment, Paragraph, Strong, Who
from bot.core.events import Entry, HandoffEvent
from bot.core.incident import Incident


def said_of_handoff(entry: Entry, event: HandoffEvent, incident: Incident) -> Document | None:
    """Return what is said; an offer that was answered has no buttons any more."""
    match event:
        case events.HandoffOffered():
            return _offered(entry, event, incident)
        case events.HandoffUnanswered(to=to):
            waits = incident.handoff
            if waits is None:
                return None
            line: Line = (
                Who(to, ping=True),
                ": ",
                Who(waits.by, ping=True),
                " waits for you to take command.",
            )
            return Document("", (Paragraph(line), _buttons(incident)))
        case events.HandoffEnded(how="taken"):
            return None  # that the other commands now is said by itself
        case events.HandoffEnded():
            return Document("", (Paragraph((Who(entry.by), ": ", *describe(entry), ".")),))
        case _:
            assert_never(event)


def _offered(entry: Entry, event: events.HandoffOffered, incident: Incident) -> Document:
    waits = incident.handoff is not None and incident.handoff.seq == entry.seq
    who: Line = (Who(event.to, ping=waits), ": ", Who(entry.by), f" hands {incident.id} over to you. ")
    if not waits:
        return Document("", (Paragraph((*who, "This was answered.")),))
    until: Line = (Strong("Until you take it, "), Who(incident.commander), " commands.")
    stands = Fields(tuple(_stands(event, incident)))
    return Document("", (Paragraph((*who, *until)), stands, _buttons(incident)))


def _stands(event: events.HandoffOffered, incident: Incident) -> Iterator[tuple[str, Line]]:
    if event.stands:
        yield "How it stands", (event.stands,)
    for update in incident.updates[-1:]:
        yield "Conditions", (update.conditions,)
        yield "Actions", (update.actions,)
        yield "Needs", (update.needs,)
    yield "Phase", (f"SEV{incident.severity} {incident.phase.value}",)
    if incident.runs:
        yield "Runs", (", ".join(incident.runs),)
    if incident.next_update_by:
        yield "Next update by", (Moment(incident.next_update_by),)


def _buttons(incident: Incident) -> Buttons:
    return Buttons(
        (
            Button("Take command", f"handoff take inc:{incident.id}", style="primary"),
            Button("Decline", f"handoff cancel inc:{incident.id}"),
        )
    )
