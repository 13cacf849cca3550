"""Rates and remaining time of a step, computed here once, with what they rest on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.estimate import Expected
from bot.core.going import Going, ahead
from bot.core.plan import PlannedStep
from bot.core.run import StepState

WIDEN = 1.5
_NONE = timedelta(0)
_SHORTEST_S = 1.0
_LEAST_S, _LEAST_SHARE = 60.0, 0.01
"""Of less than both a rate foretells nothing: how a phase begins is not how it goes on."""
_LIVE = "its rate so far"


@dataclass(frozen=True, slots=True)
class Pace:
    """How a step gets on: `rate` is of its phase and a second, `left` a range for all of it or None.

    `silent` is how long nothing new was heard.
    """

    rate: float | None
    left: tuple[timedelta, timedelta] | None
    basis: str
    silent: timedelta


def pace(step: PlannedStep, state: StepState, going: Going | None, now: datetime) -> Pace:
    """Return the pace of a started step; its live rate takes over from what was measured before.

    The more of a phase is done, the more its own rate counts.
    """
    started = state.started_at or now
    going = going or Going(key=state.key, since=started, moved=started)
    rate = _rate(going)
    left, basis = _left(step, state, going, rate, now)
    return Pace(rate, left, basis, max(_NONE, now - going.moved))


def _rate(going: Going) -> float | None:
    """A rate over less than a second says nothing."""
    seconds = _counted_s(going)
    done = going.done - going.first
    return done / seconds if seconds >= _SHORTEST_S and done > 0 else None


def _foretells(going: Going) -> bool:
    """Say whether so much of a phase was seen that its rate tells how long the rest takes."""
    share = (going.done - going.first) / going.total if going.total else 0.0
    return share >= _LEAST_SHARE or _counted_s(going) >= _LEAST_S


def _counted_s(going: Going) -> float:
    """A rate is of when it was counted, however long ago that is."""
    return ((going.counted or going.moved) - going.since).total_seconds()


def _left(
    step: PlannedStep, state: StepState, going: Going, rate: float | None, now: datetime
) -> tuple[tuple[timedelta, timedelta] | None, str]:
    live = (going.total - going.done) / rate if going.total and rate and _foretells(going) else None
    phases = () if state.undoing else step.phases
    if not phases:
        if live is not None:
            return _range(live, live * WIDEN), _LIVE
        return _unmeasured(step, max(_NONE, now - (state.started_at or now))), step.basis
    current, later = ahead(going, phases)
    now_on = _of_phase(current, live, going, now)
    if now_on is None:
        return None, ""
    low, high = now_on
    to_come = sum(each.likely_s for each in later), sum(each.high_s for each in later)
    basis = step.basis if live is None else f"{_LIVE}, the rest {step.basis}" if any(to_come) else _LIVE
    return _range(low + to_come[0], high + to_come[1]), basis


def _unmeasured(step: PlannedStep, spent: timedelta) -> tuple[timedelta, timedelta] | None:
    high = timedelta(seconds=step.high_s) - spent
    if step.estimate_s <= 0 or high <= _NONE:
        return None
    low = max(_NONE, timedelta(seconds=step.estimate_s) - spent)
    return low, max(low, high)


def _of_phase(
    current: Expected | None, live: float | None, going: Going, now: datetime
) -> tuple[float, float] | None:
    """Return the seconds that are left of a phase; None once it takes longer than it ever should."""
    if current is None:
        # A phase that never came before: nothing is known but what it says itself.
        if going.total and live is None:
            return None
        return (live or 0.0, (live or 0.0) * WIDEN)
    if going.fraction is None:
        spent = max(0.0, (now - going.since).total_seconds())
        over = spent > current.high_s
        return None if over else (max(0.0, current.likely_s - spent), current.high_s - spent)
    done, open = going.fraction, 1 - going.fraction
    low, high = current.likely_s * open, current.high_s * open
    if live is None:
        return low, high
    return live * done + low * open, live * WIDEN * done + high * open


def _range(low: float, high: float) -> tuple[timedelta, timedelta]:
    return timedelta(seconds=low), timedelta(seconds=max(low, high))
