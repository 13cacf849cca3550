"""What recorded decisions teach: how far people and criteria agree, what was overridden, how long it took.

Figures are counts and distributions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

from bot.core.decided import Decision
from bot.core.incident import Incident
from bot.core.spread import Spread
from bot.core.words import lasted, within

NO_PROPOSAL = "ask"
UNSEEN = "nobody_said"
OUTCOMES = ("worked", "no_change", "worse", UNSEEN)

Counted = TypeVar("Counted", str, tuple[str, str])


@dataclass(frozen=True, slots=True)
class Worked:
    """How many choices worked, of how many that somebody looked at."""

    worked: int
    seen: int


@dataclass(frozen=True, slots=True)
class Lessons:
    """What the decisions of some incidents come to.

    `otherwise` counts choices against the proposal as (proposed, chosen), `early` those made before there was
    one, `against` the vetoes gone over. `first` counts what was seen of first choices, `failed` those of them
    that did not work by option, `again` the incidents in which something else was chosen afterwards. `worked`
    is how many worked of all choices that somebody looked at: of those that were proposed, and of those made
    against a proposal.
    """

    incidents: int
    decisions: int
    agreed: int
    early: int
    otherwise: Mapping[tuple[str, str], int]
    against: Mapping[str, int]
    first: Mapping[str, int]
    failed: Mapping[str, int]
    again: int
    worked: tuple[Worked, Worked]
    to_decide: Spread


def lessons(
    incidents: Iterable[Incident], *, since: datetime | None = None, until: datetime | None = None
) -> Lessons:
    """Return what incidents teach whose first decision was made from `since` on and before `until`.

    A false alarm teaches nothing, and what was merged into another incident is the same event as that.
    """
    decided = [
        incident
        for incident in incidents
        if not (incident.false_alarm or incident.merged)
        and incident.decisions
        and within(incident.decisions[0].at, since, until)
    ]
    decisions = [decision for incident in decided for decision in incident.decisions]
    made = [decision.made for decision in decisions]
    first = [incident.decisions[0] for incident in decided]
    proposed = [each for each in made if each.proposal != NO_PROPOSAL]
    other = Counter((each.proposal, each.option) for each in proposed if each.proposal != each.option)
    against = Counter(over.partition(":")[0] for each in made for over in each.overridden)
    waits = (lasted(incident.declared_at, incident.decisions[0].at) for incident in decided)
    return Lessons(
        incidents=len(decided),
        decisions=len(made),
        agreed=len(proposed) - other.total(),
        early=len(made) - len(proposed),
        otherwise=_most_first(other),
        against=_most_first(against),
        first=Counter(_seen(decision) for decision in first),
        failed=_most_first(Counter(d.made.option for d in first if d.observed and d.observed.refutes)),
        again=sum(_changed(incident.decisions) for incident in decided),
        worked=(
            _worked(d for d in decisions if d.made.proposal == d.made.option),
            _worked(d for d in decisions if d.made.proposal not in (d.made.option, NO_PROPOSAL)),
        ),
        to_decide=Spread(tuple(sorted(waits))),
    )


def _seen(decision: Decision) -> str:
    return decision.observed.seen.outcome if decision.observed else UNSEEN


def _worked(decisions: Iterable[Decision]) -> Worked:
    seen = [decision.observed for decision in decisions if decision.observed]
    return Worked(sum(not observed.refutes for observed in seen), len(seen))


def _changed(decisions: Sequence[Decision]) -> bool:
    return any(later.made.option != decisions[0].made.option for later in decisions[1:])


def _most_first(counts: Counter[Counted]) -> Mapping[Counted, int]:
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def lessons_json(found: Lessons) -> Mapping[str, object]:
    """Return the lessons as JSON values; times are seconds, and a bar without an end has all longer ones."""
    spread = found.to_decide
    return {
        "incidents": found.incidents,
        "decisions": found.decisions,
        "as_proposed": found.agreed,
        "before_a_proposal": found.early,
        "otherwise": [
            {"proposed": proposed, "chosen": chosen, "n": n}
            for (proposed, chosen), n in found.otherwise.items()
        ],
        "vetoes_gone_over": dict(found.against),
        "first": {outcome: found.first.get(outcome, 0) for outcome in OUTCOMES},
        "failed_first": dict(found.failed),
        "chose_again": found.again,
        "worked": {
            name: {"worked": each.worked, "of": each.seen}
            for name, each in zip(("as_proposed", "otherwise"), found.worked, strict=True)
        },
        "seconds_to_decide": {
            "n": len(spread.times),
            **{f"p{share}": time.total_seconds() for share, time in spread.percentiles.items()},
        },
        "bars": [{"up_to": end.total_seconds() if end else None, "n": n} for end, n in spread.bars],
    }
