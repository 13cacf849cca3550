"""What people have to do: tasks that somebody gave them, and the steps of runs that wait for a person."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from bot.core.document import Button
from bot.core.events import (
    Entry,
    Event,
    TaskDone,
    TaskEvent,
    TaskGiven,
    TaskHandedBack,
    TaskMoved,
    TaskOpened,
    TaskOverdue,
    TaskTracked,
)
from bot.core.run import Run, Status


class Stand(StrEnum):
    """Where a task stands."""

    OPEN = "open"
    DONE = "done"
    BACK = "handed back"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Task:
    """Something a person was asked to do, as it stands; `note` is what was said when it ended.

    Of one that was moved the `note` is its name in the other incident.

    `reminded` is the moment that was over when whoever has it was told so, and `again` when they are told
    once more. A follow-up may have an `issue`.
    """

    number: int
    what: str
    to: str
    by: str
    given_at: datetime
    due: datetime
    follow_up: bool = False
    stand: Stand = Stand.OPEN
    ended_at: datetime | None = None
    ended_by: str = ""
    note: str = ""
    reminded: datetime | None = None
    again: datetime | None = None
    issue: TaskTracked | None = None

    @property
    def open(self) -> bool:
        """Say whether it is still to be done here, by whoever has it or by somebody else."""
        return self.stand in (Stand.OPEN, Stand.BACK)

    def late(self, now: datetime) -> bool:
        """Say whether whoever has it is to be told that the time is over."""
        told = self.reminded == self.due and (self.again is None or now < self.again)
        return self.stand is Stand.OPEN and self.due <= now and not told


def after(tasks: tuple[Task, ...], entry: Entry, event: Event) -> tuple[Task, ...]:
    """Return the tasks of an incident after one more event."""
    if not isinstance(event, TaskEvent):
        return tasks
    if isinstance(event, TaskGiven):
        before = next((task for task in tasks if task.number == event.number), None)
        given = Task(
            event.number, event.what, event.to, entry.by, entry.occurred_at, event.due, event.follow_up
        )
        tracked = replace(given, issue=before.issue if before else None)
        return (*(task for task in tasks if task.number != event.number), tracked)
    changed = (_changed(task, entry, event) if task.number == event.number else task for task in tasks)
    return tuple(changed)


def _changed(
    task: Task, entry: Entry, event: TaskDone | TaskHandedBack | TaskMoved | TaskOverdue | TaskTracked
) -> Task:
    match event:
        case TaskDone(note=note):
            return _ended(task, entry, Stand.DONE, note)
        case TaskHandedBack(why=why):
            return _ended(task, entry, Stand.BACK, why)
        case TaskMoved(to=to):
            return _ended(task, entry, Stand.MOVED, to)
        case TaskOverdue(due=due, again=again):
            return replace(task, reminded=due, again=again)
        case TaskTracked():
            return replace(task, issue=event)
        case _:
            assert_never(event)


def _ended(task: Task, entry: Entry, stand: Stand, note: str) -> Task:
    return replace(task, stand=stand, ended_at=entry.occurred_at, ended_by=entry.by, note=note)


def actions(tasks: Sequence[Task]) -> tuple[Task, ...]:
    """Return what is left to do after an incident so that it does not happen again, those moved apart."""
    return tuple(task for task in tasks if task.follow_up and task.stand is not Stand.MOVED)


def same(tasks: Sequence[Task], what: str, to: str, *, follow_up: bool) -> Task | None:
    """Return the task that a person has already in the same words, as one that was said twice."""
    return next(
        (
            task
            for task in tasks
            if task.stand is Stand.OPEN and (task.what, task.to, task.follow_up) == (what, to, follow_up)
        ),
        None,
    )


@dataclass(frozen=True, slots=True)
class ToDo:
    """What one or more people have to do now, from wherever it comes."""

    ref: str
    what: str
    people: tuple[str, ...]
    due: datetime | None = None
    buttons: tuple[Button, ...] = ()
    back: bool = False
    issue: TaskTracked | TaskOpened | None = None


def of_incident(id: str, tasks: Sequence[Task]) -> Iterator[ToDo]:
    """Return the tasks of an incident that are not done."""
    for task in tasks:
        if task.open:
            back = task.stand is Stand.BACK
            people = () if back else (task.to,)
            due = None if back else task.due
            yield ToDo(f"T{task.number}", task.what, people, due, pressed(id, task), back, task.issue)


def of_run(run: Run, holders: Mapping[str, Sequence[str]]) -> Iterator[ToDo]:
    """Return the steps of a run that wait for a person, with who holds the role now."""
    for step in run.plan.steps if run.plan and not run.over else ():
        if step.person and run.step(step.id).status is Status.STARTED:
            people = tuple(holders.get(step.by, ()))
            yield ToDo(f"{run.id}.{step.id}", step.title, people, buttons=(step_done(run, step.id),))


def step_done(run: Run, step: str) -> Button:
    """Return the button by which a person says that a step of theirs is done."""
    return Button(
        "Done", f"done {run.id}.{step}", style="primary", ask="What shows that it is done?", into="evidence"
    )


def pressed(id: str, task: Task) -> tuple[Button, ...]:
    """Return the buttons of whoever has a task of an incident; nothing once it is done or handed back."""
    if task.stand is not Stand.OPEN:
        return ()
    ref = f"{id}.T{task.number}"
    return (
        Button("Done", f"task done {ref}", style="primary"),
        Button("Hand back", f"task back {ref}", ask="Why does it need somebody else?"),
    )
