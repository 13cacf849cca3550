"""What happened to tasks, a line each."""

from __future__ import annotations

from typing import assert_never

from bot.core import events
from bot.core.document import Line, Moment, Strong, Who
from bot.core.words import linked


def task_line(event: events.TaskEvent) -> Line:
    """Return what happened to a task."""
    match event:
        case events.TaskGiven(number=number, what=what, to=to, due=due, follow_up=follow_up, was=was):
            kind = f" is {'an action' if follow_up else 'a task'} of "
            from_there = f" (it was {was})" if was else ""
            return (Strong(f"T{number}"), kind, Who(to), " until ", Moment(due), f": {what}{from_there}")
        case events.TaskDone(number=number, note=note):
            return (Strong(f"T{number}"), f" is done{because(note)}")
        case events.TaskHandedBack(number=number, why=why):
            return (Strong(f"T{number}"), f" was handed back{because(why)}")
        case events.TaskMoved(number=number, to=to):
            return (Strong(f"T{number}"), f" goes on as {to}")
        case events.TaskOverdue(number=number, due=due):
            return (Strong(f"T{number}"), " was to be done by ", Moment(due), ", and is not")
        case events.TaskTracked(number=number, system=system, key=key, url=url):
            return (Strong(f"T{number}"), f" is recorded in {system} as ", linked(key, url))
        case _:
            assert_never(event)


def because(why: str) -> str:
    """Return a reason as the end of a line; nothing for none."""
    return f": {why}" if why else ""
