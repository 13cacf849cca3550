"""The card of a drill: what is rehearsed on what, where it stands, and at the end what it showed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from bot.core.cards.said.drills import result
from bot.core.cards.timeline import whole_of
from bot.core.document import (
    Block,
    Bullets,
    Button,
    Buttons,
    Code,
    Document,
    Fields,
    Line,
    Moment,
    Paragraph,
    Small,
    Strong,
    Who,
)
from bot.core.drill import Drill
from bot.core.run import Run
from bot.core.words import linked


def drill_card(drill: Drill, *, runs: Sequence[Run], now: datetime) -> Document:
    """Return the card of a drill; `runs` are its rehearsal and its clean-up, as far as there are any."""
    blocks = (
        Fields(tuple(_facts(drill))),
        *_runs(drill, runs),
        *(result(drill.id, drill.ended) if drill.ended else ()),
        *_tasks(drill),
        *_buttons(drill, runs),
        Small((f"{drill.id} · entry {drill.seq} · as of ", Moment(now))),
    )
    state = drill.ended.outcome if drill.ended else standing(runs)
    return Document(f"{drill.id} drill of {drill.asked.playbook}: {state}", blocks, whole_of(drill.id))


def standing(runs: Sequence[Run]) -> str:
    """Return where a drill stands that is not over, in words."""
    if len(runs) > 1:
        return "cleaning up, and it needs you" if runs[1].paused else "cleaning up"
    if any(run.over for run in runs):
        return "over, not cleaned up yet"
    return next((f"rehearsal {run.state}" for run in runs), "asked")


def _facts(drill: Drill) -> Iterator[tuple[str, Line]]:
    asked = drill.asked
    yield "Rehearses", (f"{asked.title} ({asked.service}, {asked.environment})",)
    yield "Acts only on", (", ".join(asked.stand_ins) or "nothing",)
    why = f" after the major release {asked.release}" if asked.release else ""
    how: Line = ("the schedule", why, ", window of ", Moment(asked.window)) if asked.window else ()
    yield "Asked by", how or (Who(drill.asked_by),)
    yield "May stop it", (Who(asked.commander),)


def _runs(drill: Drill, runs: Sequence[Run]) -> Iterator[Block]:
    named = zip(("Rehearsal", "Clean-up"), runs, strict=False)
    if lines := [(Strong(f"{what}: "), f"{run.id} {run.state}") for what, run in named]:
        yield Bullets(lines)


def _tasks(drill: Drill) -> Iterator[Block]:
    lines: list[Line] = [(f"{gap}: ", linked(task.key, task.url)) for gap, task in drill.tasks.items()]
    if lines:
        yield Paragraph((Strong("Tasks"),))
        yield Bullets(lines)


def _buttons(drill: Drill, runs: Sequence[Run]) -> Iterator[Block]:
    acting = [run for run in runs if run.started_at and not run.over and not run.abort]
    if drill.ended is None and acting and len(runs) == 1:
        yield Buttons((Button("Stop the drill", f"abort {acting[0].id}"),))
    if drill.ended is None:
        yield Small(("To see how far it is: ", Code(f"status {drill.id}")))
