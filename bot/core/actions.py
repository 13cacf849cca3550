"""What the issue of an action says, which has an owner and a day and outlives its incident."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

from bot.core.document import Block, Code, Document, Fields, Line, Link, Moment, Paragraph, Small, Who
from bot.core.incident import Incident
from bot.core.tasks import Stand, Task
from bot.core.words import linked, sentence


def action_text(incident: Incident, task: Task, url: str) -> Document:
    """Return the text of an action: what, whose, by when, and of which incident; `url` leads to that."""
    issue: Line = (" (", linked(incident.issue.key, incident.issue.url), ")") if incident.issue else ()
    pairs: tuple[tuple[str, Line], ...] = (
        ("To do", (task.what,)),
        ("Owner", (Who(task.to),)),
        ("Until", (Moment(task.due),)),
        ("Asked", (Moment(task.given_at), " by ", Who(task.by))),
        ("Incident", (Link(incident.id, url), f" {incident.title}", *issue)),
        ("Stands", (task.stand.value,)),
    )
    return Document(f"{incident.id} T{task.number}: {task.what}", (Fields(pairs), *_foot(incident, task)))


def _foot(incident: Incident, task: Task) -> Iterator[Block]:
    done = Code(f"task done {incident.id}.T{task.number}")
    if task.open:
        yield Small(
            (f"Until {incident.id} is closed the owner is reminded. ", done, " says that it is done.")
        )


def outcome_text(incident: Incident, task: Task) -> Document:
    """Return what came of an action so far."""
    name = f"T{task.number} of {incident.id}"
    because = f" {sentence(task.note)}" if task.note else ""
    when: Line = (
        (" ", Moment(task.ended_at), " by ", Who(task.ended_by), ".", because) if task.ended_at else ()
    )
    match task.stand:
        case Stand.OPEN:
            again: Line = (f"{name} was given again: ", Who(task.to), " has it until ", Moment(task.due), ".")
            return Document("", (Paragraph(again),))
        case Stand.DONE:
            yours = Small(("Backstop leaves the status of this issue to you.",))
            return Document("", (Paragraph((f"{name} was said to be done", *when)), yours))
        case Stand.BACK:
            asked = f" `task T{task.number} @name` gives it to somebody."
            return Document("", (Paragraph((f"{name} was handed back", *when, asked)),))
        case Stand.MOVED:
            return Document("", (Paragraph((f"{name} goes on as {task.note}.",)),))
        case _:
            assert_never(task.stand)
