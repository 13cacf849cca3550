"""How figures are spread: what they range over and what most of them are. There is no average.

With few of them a middle says nothing: each is told instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.core.estimate import quantile

FEW = 5
"""Fewer than this have no percentiles."""

SHARES = (25, 50, 75, 90)
BINS = tuple(timedelta(minutes=minutes) for minutes in (5, 10, 20, 40, 80, 160))
"""Up to where each bar of the histogram counts; the last one counts what took longer."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took, each time; shortest first."""

    times: tuple[timedelta, ...]

    @property
    def percentiles(self) -> Mapping[int, timedelta]:
        """Return p25, p50, p75 and p90, or nothing where there are too few for them."""
        found = percentiles([time.total_seconds() for time in self.times])
        return {share: timedelta(seconds=round(value)) for share, value in found.items()}

    @property
    def bars(self) -> tuple[tuple[timedelta | None, int], ...]:
        """Return how many took at most so long, and longer than the bar before; None is all longer ones."""
        ends = (*BINS, None)
        found = Counter(next((end for end in BINS if time <= end), None) for time in self.times)
        return tuple((end, found[end]) for end in ends)


def percentiles(values: Sequence[float]) -> Mapping[int, float]:
    """Return p25, p50, p75 and p90 of some values, or nothing where there are too few for them."""
    return {share: quantile(values, share / 100) for share in SHARES} if len(values) >= FEW else {}


def spread_in_words(values: Sequence[float], say: Callable[[float], str]) -> str:
    """Return what values range over with their percentiles, or each of them where they are few."""
    found = percentiles(values)
    if not found:
        return ", ".join(map(say, sorted(values))) or "none"
    shares = ", ".join(f"p{share} {say(value)}" for share, value in found.items())
    return f"{say(min(values))} to {say(max(values))}; {shares}"
