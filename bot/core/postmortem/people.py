"""The sections that people fill, and what was told to people."""

from __future__ import annotations

from collections.abc import Iterator

from bot.core import events
from bot.core.document import Block, Bullets, Fields, Heading, Line, Moment, Paragraph, Small, Who
from bot.core.postmortem.story import Story, came_of, table
from bot.core.tasks import Task, actions
from bot.core.words import by_minutes, in_words, lasted, linked

AVAILABILITY = "Did backup availability affect the outcome?"
SPEED = "Did recovery speed affect the outcome?"
MEASURED = ("helped", "slowed")
"""The answers that are a matter of minutes."""

ACTIONS = "Action items"

_LESSONS = (
    ("What went well", "What worked as rehearsed, and what made the recovery faster than planned?"),
    ("What went badly", "Where did the recovery wait, go back, or need something that nobody had prepared?"),
    ("Where there was luck", "Which path worked although nobody had rehearsed it?"),
    (ACTIONS, 'What else will change, who owns it, and by when? `action "…" @name due:14d` adds one.'),
)


def questions(told: Story) -> Iterator[Block]:
    """Return the two questions about backups that whoever closes the incident must answer."""
    yield Heading("Backups and the outcome")
    closed = told.incident.closed
    if closed is None:
        word = "open question, to be answered at close: no, helped, slowed, lost data or failed"
        yield Fields(((AVAILABILITY, (word,)), (SPEED, (word,))))
    else:
        availability = (closed.backup_availability, closed.availability_minutes, closed.availability_evidence)
        speed = (closed.recovery_speed, closed.speed_minutes, closed.speed_evidence)
        yield Fields(((AVAILABILITY, _answered(*availability)), (SPEED, _answered(*speed))))
        if closed.why:
            yield Paragraph((closed.why,))


def _answered(answer: str, minutes: int | None, evidence: str | None) -> Line:
    unsaid = "; nobody said by how much" if answer in MEASURED and minutes is None else ""
    shown: Line = (" (", linked(evidence, evidence), ")") if evidence else ()
    return (f"{by_minutes(answer, minutes)}{unsaid}", *shown)


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


def lessons(told: Story) -> Iterator[Block]:
    """Return the sections that only people can write, each with its question, and the actions there are."""
    for title, prompt in _LESSONS:
        yield Heading(title)
        if title == ACTIONS:
            rows = [_action(told, task) for task in actions(told.incident.tasks)]
            yield from table(("Action", "Owner", "Until", "Issue", "What came of it"), rows)
        yield Small((f"To be written: {prompt}",))


def _action(told: Story, task: Task) -> tuple[Line, ...]:
    issue = linked(task.issue.key, task.issue.url) if task.issue else "none yet"
    return (
        (f"T{task.number} {task.what}",),
        (Who(task.to),),
        (Moment(task.due),),
        (issue,),
        came_of(task, told.now),
    )
