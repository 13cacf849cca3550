"""What people are asked to do in an incident, each by its number there."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime

from bot.core.events.kind import Kind


class TaskGiven(Kind):
    """A person is asked to do something by a moment; given again, it has another person or more time.

    A `follow_up` is what is left to do so that it does not happen again; it outlives the incident. One that
    was moved here says by `was` which one it is in the incident that it comes from.
    """

    kind: Literal["task-given"] = "task-given"
    number: int
    what: str
    to: str
    due: AwareDatetime
    follow_up: bool = False
    was: str = ""


class TaskDone(Kind):
    """A task is done; `note` says what came of it."""

    kind: Literal["task-done"] = "task-done"
    number: int
    note: str = ""


class TaskHandedBack(Kind):
    """A task needs somebody else: whoever had it cannot do it."""

    kind: Literal["task-handed-back"] = "task-handed-back"
    number: int
    why: str


class TaskOverdue(Kind):
    """The time for a task is over and it is not done; said once for each time it was given.

    Of a follow-up it is said again at `again`, until it is done or the post-mortem was reviewed.
    """

    kind: Literal["task-overdue"] = "task-overdue"
    number: int
    due: AwareDatetime
    again: AwareDatetime | None = None


class TaskMoved(Kind):
    """A task goes on in another incident; `to` is its name there."""

    kind: Literal["task-moved"] = "task-moved"
    number: int
    to: str


class TaskTracked(Kind):
    """The issue that a follow-up has in a tracker."""

    kind: Literal["task-tracked"] = "task-tracked"
    number: int
    system: str
    key: str
    url: str


TaskEvent = TaskGiven | TaskDone | TaskHandedBack | TaskOverdue | TaskMoved | TaskTracked
