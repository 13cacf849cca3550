"""When steps end that wait for each other, and of which only so many run at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, TypeVar

_NONE = timedelta(0)

Part = TypeVar("Part")
"""A stretch of time; how long it lasts is said by a function beside it."""


@dataclass(frozen=True, slots=True)
class Work(Generic[Part]):
    """A step: what it needs, the parts it is made of, what else it waits for, and of which kind it is."""

    id: str
    needs: Sequence[str]
    own: tuple[Part, ...]
    wait: tuple[Part, ...] = ()
    limit: str | None = None


def length(chain: Iterable[Part], lasts: Callable[[Part], timedelta]) -> timedelta:
    """Return how long parts take one after another."""
    return sum(map(lasts, chain), _NONE)


def latest(chains: Iterable[tuple[Part, ...]], lasts: Callable[[Part], timedelta]) -> tuple[Part, ...]:
    """Return the chain that ends last."""
    return max(chains, key=lambda chain: length(chain, lasts), default=())


def scheduled(
    steps: Sequence[Work[Part]], limits: Mapping[str, int], lasts: Callable[[Part], timedelta]
) -> Mapping[str, tuple[Part, ...]]:
    """Return by step the chain that decides when it ends, if each begins as soon as it can.

    Of those that could begin in the same moment the first one does, as in a run.
    """
    chains: dict[str, tuple[Part, ...]] = {}
    kinds = {step.limit for step in steps if step.limit and step.own}
    lanes: dict[str, list[tuple[Part, ...]]] = {kind: [()] * limits.get(kind, 1) for kind in kinds}
    waiting = list(steps)
    while waiting:
        ready = [step for step in waiting if all(needed in chains for needed in step.needs)] or waiting[:1]
        begins = {step.id: _before(step, chains, lanes, lasts) for step in ready}
        step = min(ready, key=lambda each: length(begins[each.id], lasts))
        chains[step.id] = (*begins[step.id], *step.own)
        if step.limit and step.own:
            lanes[step.limit].remove(_free(lanes[step.limit], lasts))
            lanes[step.limit].append(chains[step.id])
        waiting.remove(step)
    return chains


def _before(
    step: Work[Part],
    chains: Mapping[str, tuple[Part, ...]],
    lanes: Mapping[str, list[tuple[Part, ...]]],
    lasts: Callable[[Part], timedelta],
) -> tuple[Part, ...]:
    before = [step.wait, *(chains.get(needed, ()) for needed in step.needs)]
    if step.limit and step.own:
        before.append(_free(lanes[step.limit], lasts))
    return latest(before, lasts)


def _free(lanes: list[tuple[Part, ...]], lasts: Callable[[Part], timedelta]) -> tuple[Part, ...]:
    return min(lanes, key=lambda chain: length(chain, lasts))


def urgent(steps: Sequence[Work[Part]], lasts: Callable[[Part], timedelta]) -> Sequence[Work[Part]]:
    """Return steps by how long the longest chain from each on takes, longest first."""

    def ahead(step: Work[Part]) -> timedelta:
        if step.id not in known:
            later = (ahead(other) for other in steps if step.id in other.needs)
            known[step.id] = length(step.own, lasts) + max(later, default=_NONE)
        return known[step.id]

    known: dict[str, timedelta] = {}
    return sorted(steps, key=ahead, reverse=True)
