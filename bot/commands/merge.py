"""Merge an incident into another one: both are the same event, and people go on there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.commands.grammar import an_id
from bot.commands.resolve import still_read
from bot.commands.task import new_number
from bot.commands.verb import Ask, Outcome, Verb
from bot.core.cards.said.merging import known_there, not_taken_over
from bot.core.document import Line
from bot.core.duplicate import merged_in
from bot.core.errors import Refused
from bot.core.events import (
    Event,
    FreezeMoved,
    Merged,
    MergedIn,
    TaskGiven,
    TaskMoved,
    WarmStopped,
)
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.may import Right
from bot.core.run import Run
from bot.core.tasks import Stand, Task
from bot.core.words import joined
from bot.timeline import Change


async def act(ask: Ask) -> Outcome:
    """Close the duplicate; what is to be done, and what is frozen, is of the other incident from now on."""
    why = ask.option("why", "what shows that both are the same event")
    duplicate, survivor = await _named(ask)
    ask.may(Right.COMMAND, f"merge {duplicate.id} into {survivor.id}", duplicate, other=survivor)
    _mergeable(ask, duplicate, survivor)
    runs = await ask.runs_of(duplicate)
    _idle(ask, runs, duplicate, survivor)
    freezes = [freeze for freeze in await ask.freezes() if freeze.incident == duplicate.id]
    moving = [task for task in duplicate.tasks if task.open]
    numbered = list(enumerate(moving, new_number(survivor)))
    here = [TaskMoved(number=task.number, to=f"{survivor.id}.T{number}") for number, task in numbered]
    there = [event for number, task in numbered for event in _given(number, task, duplicate, survivor)]
    timeline = f"{ask.desk.url}/incidents/{duplicate.id}"
    planned = [run for run in runs if not run.over]
    told = merged_in(duplicate, survivor, why=why, timeline=timeline, planned=planned)
    because = f"{duplicate.id} was merged into {survivor.id}"
    # A run that is started in the same moment must not act for an incident that is over.
    unused = WarmStopped(why=because)
    changes = {
        **{f"run/{run.id}": Change(run.seq, (unused,) if run.warm else ()) for run in planned},
        **{
            f"freeze/{freeze.id}": Change(freeze.seq, (FreezeMoved(incident=survivor.id, why=because),))
            for freeze in freezes
        },
        f"incident/{duplicate.id}": Change(duplicate.seq, (_merged(survivor, why), *here)),
        f"incident/{survivor.id}": Change(survivor.seq, (told, *there)),
    }
    small = joined(
        [
            *_moved(numbered, freezes),
            *_known_there(told, survivor),
            *still_read(duplicate, f" of {duplicate.id}"),
        ],
        ". ",
    )
    answer = ask.done(duplicate.id, f"is merged into {survivor.id}: people go on there.", small=small)
    return Outcome(answer, changes)


async def _named(ask: Ask) -> tuple[Incident, Incident]:
    """Return what is merged, and into what; left out, it is the incident of this place."""
    match ask.words.args:
        case (one, into, other) if into.lower() == "into":
            named: tuple[str | None, str] = (one, other)
        case (into, other) if into.lower() == "into":
            named = (None, other)
        case _:
            raise Refused(f"Say which incident goes on in which: nothing was recorded. {ask.usage}")
    for word in named:
        if word and an_id(word, "DRL"):
            raise Refused(
                f"{word.upper()} is a drill, and what is played is not what happened: nothing was recorded. "
                "A drill ends by itself."
            )
    return await ask.incident(named[0]), await ask.incident(named[1])


def _mergeable(ask: Ask, duplicate: Incident, survivor: Incident) -> None:
    if duplicate.id == survivor.id:
        raise Refused(f"{duplicate.id} is one incident already: nothing was recorded. {ask.usage}")
    if not duplicate.open:
        raise Refused(f"{duplicate.id} is {duplicate.stands} already; nothing was recorded.")
    if survivor.merged and survivor.merged.into != duplicate.id:
        raise Refused(
            f"{survivor.id} is {survivor.stands}: nothing was recorded. "
            f"Merge {duplicate.id} into {survivor.merged.into}."
        )
    if survivor.merged:
        raise Refused(f"{survivor.id} is {survivor.stands} already; nothing was recorded.")
    if not survivor.open:
        raise Refused(
            f"{survivor.id} is {survivor.stands}, so nothing goes on there: nothing was recorded. "
            f"`{ask.desk.command} reopen {survivor.id}` first."
        )


def _idle(ask: Ask, runs: Sequence[Run], duplicate: Incident, survivor: Incident) -> None:
    """Raise Refused while something is done to data for the duplicate."""
    going = [run.id for run in runs if run.started_at and not run.over]
    if going:
        raise Refused(
            f"{', '.join(going)} is under way for {duplicate.id}: nothing was recorded. Let it end or "
            f"`{ask.desk.command} abort {going[0]}` first, or merge {survivor.id} into {duplicate.id}."
        )


def _given(number: int, task: Task, duplicate: Incident, survivor: Incident) -> Iterator[Event]:
    """Yield what makes a task go on; whom one was handed back by is not asked again."""
    to = survivor.commander if task.stand is Stand.BACK else task.to
    was = f"{duplicate.id}.T{task.number}"
    yield TaskGiven(number=number, what=task.what, to=to, due=task.due, follow_up=task.follow_up, was=was)
    if task.issue:
        yield task.issue.model_copy(update={"number": number})


def _merged(survivor: Incident, why: str) -> Merged:
    room = survivor.room
    return Merged(into=survivor.id, why=why, room=room.name if room else None, url=room.url if room else None)


def _moved(numbered: Sequence[tuple[int, Task]], freezes: Sequence[Freeze]) -> list[Line]:
    tasks = (f"T{task.number}, as T{number} there" for number, task in numbered)
    moved = [*tasks, *(freeze.id for freeze in freezes)]
    return [(f"Moved: {'; '.join(moved)}",)] if moved else []


def _known_there(told: MergedIn, survivor: Incident) -> list[Line]:
    """Return what only the duplicate knows; most of it is read in the other's channel, where it has one."""
    lines = list(known_there(told, survivor))
    worse = 1 if told.severity else 0
    named = not_taken_over(told, survivor)
    if survivor.room and len(lines) > worse:
        lines[worse:] = [(f"What else is known of {told.incident} alone is told in #{survivor.room.name}",)]
    return [named, *lines] if named else lines


VERB = Verb(
    name="merge",
    usage='merge [INC-12] into INC-9 why:"…"',
    summary="Close an incident that is the same event as another; people go on there.",
    right=Right.COMMAND,
    act=act,
    options=frozenset({"why"}),
    words=3,
)
