"""What one decision costs, against the same rules written as plain `if` statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from time import process_time

from bot.core.decide import decide
from playbooks import library
from playbooks.corpus import corpus
from playbooks.criteria import FACTS, Facts, load_criteria
from tests.bench.plain_ifs import plain

CRITERIA = load_criteria(library.read("criteria.yaml"), "criteria.yaml")


@dataclass(frozen=True, slots=True)
class Decisions:
    """Seconds of the processor for one decision by the criteria, and by plain `if`s."""

    criteria_s: float
    plain_s: float


def known(facts: Facts) -> Facts:
    """Return facts with those that are not there known to nobody."""
    return {name: facts.get(name) for name in FACTS}


def decisions(*, rounds: int) -> Decisions:
    """Return the median over rounds, each of which decides every incident of the corpus by both."""
    facts = [known(one.facts) for one in corpus().values()]
    CRITERIA.tables  # noqa: B018 - made ready once, not measured
    pairs = [(_each(lambda one: decide(one, CRITERIA), facts), _each(plain, facts)) for _ in range(rounds)]
    return Decisions(median(ours for ours, _ in pairs), median(bare for _, bare in pairs))


def _each(act: Callable[[Facts], object], facts: Sequence[Facts]) -> float:
    began = process_time()
    for one in facts:
        act(one)
    return (process_time() - began) / len(facts)
