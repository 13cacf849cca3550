"""What was decided in an incident, and what people saw of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

from bot.core.events import Decided, EffectDue, EffectObserved, Entry, ReasonStated


@dataclass(frozen=True, slots=True)
class Observation:
    """What somebody saw of a decision's effect."""

    seen: EffectObserved
    at: datetime
    by: str

    @property
    def refutes(self) -> bool:
        """Say whether the action did not do what it was chosen for."""
        return self.seen.outcome != "worked"


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was decided, as somebody said it anew."""

    why: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Decision:
    """A recorded choice with the moment and the person, when its effect was asked for, and what was seen.

    `seq` is the number of its entry, and `reason` the last one that was said anew.
    """

    seq: int
    made: Decided
    at: datetime
    by: str
    asked_at: datetime | None = None
    observed: Observation | None = None
    reason: Reason | None = None

    @property
    def why(self) -> str:
        """Return the reason that counts."""
        return self.reason.why if self.reason else self.made.why


def after(
    decisions: tuple[Decision, ...], entry: Entry, event: Decided | EffectDue | EffectObserved | ReasonStated
) -> tuple[Decision, ...]:
    """Return what was decided after one more event.

    A decision is known by its entry's number, so that one whose text was removed is left alone.
    """
    at = entry.occurred_at
    match event:
        case Decided():
            return (*decisions, Decision(entry.seq, event, at, entry.by))
        case EffectDue(decision=seq):
            return tuple(replace(d, asked_at=at) if d.seq == seq else d for d in decisions)
        case EffectObserved(decision=seq):
            seen = Observation(event, at, entry.by)
            return tuple(replace(d, observed=seen) if d.seq == seq else d for d in decisions)
        case ReasonStated(decision=seq, why=why):
            said = Reason(why, at, entry.by)
            return tuple(replace(d, reason=said) if d.seq == seq else d for d in decisions)
        case _:
            assert_never(event)
