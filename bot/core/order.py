"""In which order the steps of a plan are taken."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.plan import PlannedStep


def in_order(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """Return steps in the order they can run: their own, each after all that it needs."""
    over: set[str] = set()
    waiting = list(steps)
    ordered: list[PlannedStep] = []
    while waiting:
        ready = next((step for step in waiting if over.issuperset(step.needs)), waiting[0])
        waiting.remove(ready)
        over.add(ready.id)
        ordered.append(ready)
    return tuple(ordered)


def urgent_first(steps: Sequence[PlannedStep]) -> tuple[PlannedStep, ...]:
    """Return steps by the time that the longest chain from each on is estimated to take, longest first."""
    ahead: dict[str, float] = {}
    for step in reversed(in_order(steps)):
        later = (ahead.get(other.id, 0.0) for other in steps if step.id in other.needs)
        ahead[step.id] = step.estimate_s + max(later, default=0.0)
    return tuple(sorted(steps, key=lambda step: -ahead[step.id]))
