"""What would turn the answer: single facts, and the minutes at which another answer overtakes it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.core.decide.walk import Walk, walk
from playbooks.criteria import Criteria, Facts, Value
from playbooks.words import Option


@dataclass(frozen=True, slots=True)
class Flip:
    """If this one fact were so, the proposal would be another."""

    fact: str
    value: Value
    option: Option


@dataclass(frozen=True, slots=True)
class Threshold:
    """The limit at which an answer overtakes the proposal: up to it when `below`, else over it.

    `known` is what the fact is now, or None.
    """

    fact: str
    limit: float
    below: bool
    known: float | None
    option: Option


def flips(facts: Facts, criteria: Criteria, option: Option) -> Iterator[Flip]:
    """Yield, for each fact in words, the values that alone would make another proposal."""
    for column in criteria.tables.sheet.columns:
        if column.words is None:
            continue
        seen = {option}
        for value in column.steps():
            other = _answer({**facts, column.name: value}, criteria)
            if value != facts.get(column.name) and other is not None and other not in seen:
                seen.add(other)
                yield Flip(column.name, value, other)


def thresholds(facts: Facts, criteria: Criteria, option: Option) -> Iterator[Threshold]:
    """Yield, for each fact in numbers, the nearest limit on either side at which another answer overtakes."""
    for column in criteria.tables.sheet.columns:
        if column.words is not None:
            continue
        known = facts.get(column.name)
        number = known if isinstance(known, int | float) else None
        answers = [_answer({**facts, column.name: step}, criteria) for step in column.steps()]
        yield from _overtaken(column.name, column.turns, answers, number, option)


def _overtaken(
    name: str,
    limits: Sequence[float],
    answers: Sequence[Option | None],
    known: float | None,
    option: Option,
) -> Iterator[Threshold]:
    """Yield where answers turn; `answers[i]` is given up to `limits[i]`, the last one over all limits."""
    for limit, under, over in zip(limits, answers, answers[1:], strict=False):
        if under is not over and option in (under, over):
            below = over is option
            other = under if below else over
            if other is not None:
                yield Threshold(name, limit, below, known, other)


def _answer(facts: Facts, criteria: Criteria) -> Option | None:
    tables = criteria.tables
    return settled(walk(tables, tables.sheet.see(facts)))


def settled(found: Walk) -> Option | None:
    """Return the answer that nothing left to ask can change, or None."""
    possible = found.possible
    return possible[0] if len(possible) == 1 else None
