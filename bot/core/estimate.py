"""How long a step will take, from how long the same act took before; where nobody measured, nothing is said.

A phase whose work is known takes its amount at the rates that were measured, any other phase as long as it
did. The likely time is the median. The high one is the 90th percentile, made longer by every reason to doubt
it: few measurements, old ones, those of other targets, or amounts far from what there is to do now.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from integrations import contract
from integrations.contract import Measured

MOST = 20
STALE = timedelta(days=90)
FAR = 4
DOUBT = 1.5
"""By how much one reason to doubt makes the high time longer."""

WHOLE = "all of it"
"""The one phase of what is not known in parts."""

PLAYBOOK = "from the playbook"
NEVER = f"{PLAYBOOK}, never measured"
_HIGH = 0.9
_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Act:
    """An operation as a playbook names it, on a target; `named` tells acts of one operation apart."""

    operation: str
    named: str
    target: str


def name_of_act(step: str, named: object) -> str:
    """Return what tells acts of one operation apart: one command may stop here and start there."""
    return f"{step}: {named or ''}"[:_LONGEST_NAME]


@dataclass(frozen=True, slots=True)
class Took:
    """How long an attempt that succeeded took, phase by phase in order.

    In a drill the act's target is what the one that was acted on stood for.
    """

    act: Act
    drill: bool
    phases: tuple[Measured, ...]

    def of(self, phase: str) -> Measured | None:
        """Return a phase of it, or None when it had none of that name."""
        return next((each for each in self.phases if each.phase == phase), None)


@dataclass(frozen=True, slots=True)
class Measurement:
    """What an attempt of a run took that ended at a moment."""

    at: datetime
    took: Took
    run: str = ""


@dataclass(frozen=True, slots=True)
class Expected:
    """How many seconds a phase of a step will likely take, and how many at most."""

    phase: str
    likely_s: float
    high_s: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """What each phase is expected to take, in order; `basis` says in words what that rests on.

    `runs` and `drills` count the measurements it was made from.
    """

    phases: tuple[Expected, ...]
    basis: str
    runs: int = 0
    drills: int = 0

    @property
    def likely_s(self) -> float:
        """Return how many seconds all of it will likely take."""
        return sum(phase.likely_s for phase in self.phases)

    @property
    def high_s(self) -> float:
        """Return how many seconds it takes at most, nine times out of ten."""
        return sum(phase.high_s for phase in self.phases)


def estimate(
    act: Act, work: Mapping[str, int], measured: Sequence[Measurement], *, now: datetime
) -> Estimate | None:
    """Return how long an act will take with this much work for its phases; None when nobody can say.

    What was measured on the same target counts alone where there is any, else what other targets took.
    """
    alike = [each for each in measured if replace(each.took.act, target=act.target) == act]
    own = [each for each in alike if each.took.act == act]
    chosen = sorted(own or alike, key=lambda each: each.at, reverse=True)[:MOST]
    if not chosen:
        return None
    doubt = _doubt(chosen, now, elsewhere=not own)
    phases: list[Expected] = []
    for phase in _phases(chosen, work):
        times = list(_times(phase, work.get(phase), chosen))
        if not times:
            return None
        widened = DOUBT * doubt if _far(phase, work.get(phase), chosen) else doubt
        likely, high = quantile(times, 0.5), quantile(times, _HIGH)
        phases.append(Expected(phase, round(likely, 3), round(high * widened, 3)))
    drills = sum(each.took.drill for each in chosen)
    basis = _basis(chosen, now, elsewhere=not own)
    return Estimate(tuple(phases), basis, runs=len(chosen) - drills, drills=drills)


def seen_elsewhere(engine: str, known: contract.Estimate) -> Estimate:
    """Return what an engine itself has seen of an act that was never carried out from here."""
    expected = Expected(WHOLE, round(known.likely_s, 3), round(known.high_s, 3))
    return Estimate((expected,), f"as {engine} has seen it {known.samples} times")


def _phases(chosen: Sequence[Measurement], work: Mapping[str, int]) -> list[str]:
    """Return the phases as they came one after another last time, then those that came only earlier."""
    came = (each.phase for measurement in chosen for each in measurement.took.phases)
    return list(dict.fromkeys((*came, *work)))


def _times(phase: str, work: int | None, chosen: Sequence[Measurement]) -> Iterator[float]:
    """Yield how long a phase would have taken at each measurement's rate, or how long it did."""
    for measurement in chosen:
        found = measurement.took.of(phase)
        if work is not None:
            if found is not None:
                yield found.seconds * work / found.amount if found.amount else found.seconds
        else:
            # Not every attempt comes through every phase; one that did not spent no time in it.
            yield found.seconds if found else 0.0


def _far(phase: str, work: int | None, chosen: Sequence[Measurement]) -> bool:
    """Say whether what there is to do is far from everything that was done before."""
    amounts = [found.amount for each in chosen if (found := each.took.of(phase)) and found.amount]
    if not work or not amounts:
        return False
    return not any(amount / FAR <= work <= amount * FAR for amount in amounts)


def _doubt(chosen: Sequence[Measurement], now: datetime, *, elsewhere: bool) -> float:
    few = 1 + (DOUBT - 1) / len(chosen)
    old = DOUBT if _stale(chosen, now) else 1
    return few * old * (DOUBT if elsewhere else 1)


def _stale(chosen: Sequence[Measurement], now: datetime) -> bool:
    return now - chosen[0].at > STALE


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share of them lies, between two where none is there."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def _basis(chosen: Sequence[Measurement], now: datetime, *, elsewhere: bool) -> str:
    drills = sum(each.took.drill for each in chosen)
    counts = (_counted(len(chosen) - drills, "run"), _counted(drills, "drill"))
    where = " on other targets" if elsewhere else ""
    long_ago = ", which is long ago" if _stale(chosen, now) else ""
    return (
        f"measured in {' and '.join(filter(None, counts))}{where}, last on {chosen[0].at:%Y-%m-%d}{long_ago}"
    )


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number > 1 else ''}" if number else ""
