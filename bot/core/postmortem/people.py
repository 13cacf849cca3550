"""The sections that people fill, and what was told to people."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core import events
from bot.core.document import Block, Bullets, Fields, Heading, Line, Moment, Paragraph, Small, Who
from bot.core.postmortem.story import Story, table
from bot.core.words import in_words, lasted

AVAILABILITY = "Did backup availability affect the outcome?"
SPEED = "Did recovery speed affect the outcome?"

_LESSONS = (
    ("What went well", "What worked as rehearsed, and what made the recovery faster than planned?"),
    ("What went badly", "Where did the recovery wait, go back, or need something that nobody had prepared?"),
    ("Where there was luck", "Which path worked although nobody had rehearsed it?"),
    ("Action items", "What will change, who owns it, and by when? Link an issue for each."),
)


def questions(told: Story) -> Iterator[Block]:
    """Return the two questions about backups that whoever closes the incident must answer."""
    yield Heading("Backups and the outcome")
    closed = told.incident.closed
    if closed is None:
        word = "open question, to be answered at close: no, helped, slowed, lost data or failed"
        yield Fields(((AVAILABILITY, (word,)), (SPEED, (word,))))
    else:
        yield Fields(((AVAILABILITY, (closed.backup_availability,)), (SPEED, (closed.recovery_speed,))))
        if closed.why:
            yield Paragraph((closed.why,))


def updates_log(told: Story) -> Iterator[Block]:
    """Return every update that was posted, and the promises that were not kept."""
    yield Heading("Updates")
    rows = [_update(entry, event) for entry, event in told.told(events.UpdatePosted)]
    yield from table(("#", "Posted", "By", "Conditions", "Actions", "Needs", "Next promised"), rows)
    if not rows:
        yield Paragraph(("No update was posted.",))
    late = [
        (f"#{event.number} was promised for ", Moment(event.promised), " and did not come")
        for _, event in told.told(events.UpdateOverdue)
    ]
    if late:
        yield Bullets(late)


def _update(entry: events.Entry, event: events.UpdatePosted) -> tuple[Line, ...]:
    promised: Line = ("none",)
    if event.next_by:
        promised = (Moment(event.next_by), f" (in {in_words(lasted(entry.occurred_at, event.next_by))})")
    said = ((event.conditions,), (event.actions,), (event.needs,))
    return ((str(event.number),), (Moment(entry.occurred_at),), (Who(entry.by),), *said, promised)


def lessons() -> Iterator[Block]:
    """Return the sections that only people can write, each with its question."""
    for title, prompt in _LESSONS:
        yield Heading(title)
        yield Small((f"To be written: {prompt}",))
