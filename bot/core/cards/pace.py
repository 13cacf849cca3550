"""Rates and remaining time of a step, computed here once, with what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.core.plan import PlannedStep
from bot.core.run import StepState

WIDEN = 1.5
_NONE = timedelta(0)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a step gets on: `left` is a range or None; `silent` is since the last signal."""

    done: float | None
    total: float | None
    unit: str
    rate: float | None
    left: tuple[timedelta, timedelta] | None
    basis: str
    silent: timedelta


def last_signal(state: StepState, newest: Mapping[str, object]) -> datetime | None:
    """Return when a step was last heard of; None when what is kept came from an attempt before this one."""
    at = newest.get("at")
    if not isinstance(at, str):
        return state.started_at
    heard = datetime.fromisoformat(at)
    return heard if state.started_at is None or heard >= state.started_at else None


def pace(step: PlannedStep, state: StepState, newest: Mapping[str, object], now: datetime) -> Pace:
    """Return the pace of a started step; a live rate counts more than what was estimated before."""
    heard = last_signal(state, newest)
    done = _figure(newest, "done") if heard and "at" in newest else None
    total = _figure(newest, "total") if done is not None else None
    unit = str(newest.get("unit", "items"))
    rate = _rate(done, state, heard)
    left, basis = _left(step, state, (done, total, rate), now)
    return Pace(done, total, unit, rate, left, basis, now - (heard or state.started_at or now))


def _figure(newest: Mapping[str, object], name: str) -> float | None:
    value = newest.get(name)
    return float(value) if isinstance(value, int | float) else None


def _rate(done: float | None, state: StepState, heard: datetime | None) -> float | None:
    """A rate over less than a second says nothing."""
    if not done or heard is None or state.started_at is None:
        return None
    seconds = (heard - state.started_at).total_seconds()
    return done / seconds if seconds >= 1 else None


def _left(
    step: PlannedStep,
    state: StepState,
    live: tuple[float | None, float | None, float | None],
    now: datetime,
) -> tuple[tuple[timedelta, timedelta] | None, str]:
    done, total, rate = live
    if done is not None and total and rate:
        seconds = max(0.0, total - done) / rate
        return (timedelta(seconds=seconds), timedelta(seconds=seconds * WIDEN)), "its rate so far"
    spent = now - state.started_at if state.started_at else _NONE
    high = timedelta(seconds=step.high_s) - spent
    if step.estimate_s <= 0 or high <= _NONE:
        return None, ""
    low = max(_NONE, timedelta(seconds=step.estimate_s) - spent)
    return (low, max(low, high)), step.basis
