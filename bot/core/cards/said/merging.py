"""What two channels read when their incidents turn out to be one event."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.cards.said.incidents import one_line
from bot.core.document import Document, Fields, Line, Moment, Paragraph, Strong, Who
from bot.core.events import Entry, MergeEvent
from bot.core.incident import Incident
from bot.core.tasks import Stand
from bot.core.words import linked, people, sentence


def said_of_merging(entry: Entry, event: MergeEvent, incident: Incident) -> Document:
    """Return where to go on, who comes from where, or that an incident goes on by itself again."""
    match event:
        case events.Merged():
            return _merged(entry, event, incident)
        case events.MergedIn():
            return _merged_in(event)
        case events.Parted():
            return one_line(entry)
        case _:
            assert_never(event)


def _merged(entry: Entry, event: events.Merged, incident: Incident) -> Document:
    room: Line = (", in ", linked(f"#{event.room}", event.url)) if event.room else ()
    pairs: list[tuple[str, Line]] = [("Why", (event.why,)), ("Go on", (f"in {event.into}", *room))]
    moved = [f"T{task.number} is {task.note}" for task in incident.tasks if task.stand is Stand.MOVED]
    if moved:
        pairs.append(("To do there", (", ".join(moved),)))
    pairs.append(("Merged", (Moment(entry.occurred_at), " by ", Who(entry.by))))
    return Document(f"{incident.id} was merged into {event.into}: {incident.title}", (Fields(tuple(pairs)),))


def _merged_in(event: events.MergedIn) -> Document:
    line: Line = (Strong(event.incident), f" ({event.title}) is the same event and goes on here: ")
    who: Line = (" Who worked on it: ", *people(event.people, ping=event.people), ".")
    return Document("", (Paragraph((*line, sentence(event.why), *who)),))
