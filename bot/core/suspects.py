"""Recovery points that an earlier run could not use: they are trusted only after a new proof."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.core.events import AbortAsked, Entry, Planned, StepFailed, StepSucceeded
from bot.core.plan import Plan

Suspects = Mapping[tuple[str, str], str]
"""What happened, `RUN-1 could not restore it: …`, by the engine and the id of a point."""


def suspects(runs: Iterable[Iterable[Entry]]) -> Suspects:
    """Return the points with which a step failed and did not succeed later, from the entries of each run."""
    found: dict[tuple[str, str], str] = {}
    for entries in runs:
        _look_through(entries, found)
    return found


def _look_through(entries: Iterable[Entry], found: dict[tuple[str, str], str]) -> None:
    plan: Plan | None = None
    for entry in entries:
        match entry.event:
            case Planned():
                plan = entry.event.plan
            case AbortAsked():
                # What fails from here on was stopped.
                return
            case StepFailed(undo=False, step=step, because=because) if point := _point(plan, step):
                found[point] = f"{entry.stream.removeprefix('run/')} could not restore it: {because}"
            case StepSucceeded(undo=False, step=step) if point := _point(plan, step):
                found.pop(point, None)
            case _:
                pass


def _point(plan: Plan | None, id: str) -> tuple[str, str] | None:
    """Return the point that a step uses, if it uses one."""
    step = plan.step(id) if plan else None
    source = plan.source(step.call.source) if plan and step else None
    return (source.engine, source.point.id) if source and source.point else None
