"""Searching what a restore left behind: the copies that were kept, and the searches that are under way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.core.events import Entry, SalvageAsked, SalvageFailed, SalvageFound
from bot.core.run import Run, Status, StepState


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was asked for and has found nothing yet."""

    asked: SalvageAsked
    by: str


def kept_copies(run: Run) -> Mapping[str, StepState]:
    """Return the steps that put data in place and say where they kept what was there before."""
    steps = run.plan.steps if run.plan else ()
    states = {step.id: run.step(step.id) for step in steps if step.destructive}
    return {
        id: state
        for id, state in states.items()
        if state.status is Status.SUCCEEDED and state.key and state.evidence.get("kept")
    }


def searches(entries: Iterable[Entry]) -> tuple[int, tuple[Search, ...]]:
    """Return how many searches a run's timeline knows, and those that are still to be carried out."""
    count, open_ones = 0, dict[str, Search]()
    for entry in entries:
        match entry.event:
            case SalvageAsked(key=key):
                count, open_ones[key] = count + 1, Search(entry.event, entry.by)
            case SalvageFound(key=key) | SalvageFailed(key=key):
                open_ones.pop(key, None)
            case _:
                pass
    return count, tuple(open_ones.values())
