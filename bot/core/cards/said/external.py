"""What the channel reads of words for customers: the draft with its buttons, and what came of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from bot.core import events
from bot.core.cards.lines import describe
from bot.core.document import (
    Block,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Line,
    Moment,
    Paragraph,
    Preformatted,
    Small,
    Who,
)
from bot.core.events import Entry, ExternalDrafted, ExternalEvent
from bot.core.external import Draft
from bot.core.incident import Incident
from bot.core.words import people


def said_of_external(entry: Entry, event: ExternalEvent, incident: Incident) -> Document | None:
    """Return what is said; that a draft was sent or not stands on the draft itself."""
    match event:
        case events.ExternalDrafted():
            draft = incident.external.draft(entry.seq)
            return draft_card(draft, incident) if draft else None
        case events.ExternalSent() | events.ExternalDropped():
            return None
        case events.ExternalTold():
            return _told(entry, event)
        case _:
            assert_never(event)


def draft_card(draft: Draft, incident: Incident) -> Document:
    """Return a draft as it would be read, with the buttons as long as it may be sent."""
    drafted = draft.drafted
    fields = Fields(tuple(_fields(drafted)))
    words = Preformatted(drafted.text)
    title = f"{incident.id} {draft.name}, words for customers"
    return Document(title, (fields, words, *_below(draft, incident)))


def _fields(drafted: ExternalDrafted) -> Iterator[tuple[str, Line]]:
    yield "Title", (drafted.title,)
    yield "Status", (drafted.status,)
    yield "Impact", (drafted.impact,)
    if drafted.component:
        yield "Component", (Code(drafted.component), f" is shown as {drafted.state}")


def _below(draft: Draft, incident: Incident) -> Iterator[Block]:
    match draft.state:
        case "waiting":
            roles = [incident.roles[role] for role in ("comms", "commander") if role in incident.roles]
            asked = tuple(dict.fromkeys(roles))[:1]
            line: Line = (
                *people(asked, ping=asked),
                ": nobody outside has read this. It is sent as it stands here.",
            )
            yield Paragraph(line)
            where = f"{draft.name} inc:{incident.id}"
            yield Buttons(
                (
                    Button(
                        "Send to the status page",
                        f"publish send {where}",
                        style="primary",
                        confirm="Customers read it at once, and it cannot be taken back.",
                    ),
                    Button("Other words", f"publish of:{where}", form="other words"),
                    Button("Do not send", f"publish drop {where}"),
                )
            )
        case "sent":
            yield Small(("Sent by ", Who(draft.by), " at ", Moment(draft.at)))
        case "dropped":
            yield Small(("Not to be sent, said ", Who(draft.by), " at ", Moment(draft.at)))
        case "replaced":
            yield Small(("A later draft replaced this one; it cannot be sent.",))
        case _:
            assert_never(draft.state)


def _told(entry: Entry, event: events.ExternalTold) -> Document:
    line = (*describe(entry), "" if event.why else ".")
    if not event.why:
        return Document("", (Paragraph(line),))
    then = (
        f"It is tried again by itself. To post it yourself instead, say `publish drop E{event.draft}` first."
        if event.trying
        else "It is not tried again. Mend that and `publish` anew, or post it there yourself."
    )
    return Document("", (Paragraph(line), Small((then,))))
