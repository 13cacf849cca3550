"""Searching what a restore left behind: the copies that were kept, and the searches that are under way."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.core.events import Entry, SalvageAsked, SalvageFailed, SalvageFound
from bot.core.run import Run, Status, StepState


@dataclass(frozen=True, slots=True)
class Search:
    """A search that was asked for and has found nothing yet."""

    asked: SalvageAsked
    by: str


@dataclass(frozen=True, slots=True)
class Kept:
    """An attempt that may have kept what it replaced; `of` is the attempt where its step had several."""

    step: str
    restore: str
    of: int | None = None

    @property
    def name(self) -> str:
        """Return what people call it."""
        return attempt_named(self.step, self.of)


def attempt_named(step: str, attempt: int | None) -> str:
    """Return what people call an attempt of a step; without a number it was the only one."""
    return step if attempt is None else f"{step} (attempt {attempt})"


def kept_copies(run: Run) -> tuple[Kept, ...]:
    """Return the attempts that put data in place, or were broken off so that nobody here knows whether.

    One that says that it kept nothing did not, and what another goes on from is searched as that one's.
    """
    steps = run.plan.steps if run.plan else ()
    return tuple(kept for step in steps if step.destructive for kept in _of(run, step.id))


def _of(run: Run, id: str) -> Iterator[Kept]:
    state = run.step(id)
    said = state.evidence.get("goes_on_from")
    gone_on_from = said if isinstance(said, Sequence) else ()
    for attempt in range(1, state.attempt + 1):
        last = attempt == state.attempt
        if last and not _may_keep(state):
            continue
        key = state.key if last and not state.undoing else run.key(id, attempt)
        if key not in gone_on_from:
            yield Kept(id, key, attempt if state.attempt > 1 else None)


def _may_keep(state: StepState) -> bool:
    """Say whether an attempt kept what it replaced, for all that is known; one under way is not asked."""
    if state.status is Status.SUCCEEDED:
        return bool(state.evidence.get("kept"))
    return bool(state.key) and state.status is not Status.STARTED


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
