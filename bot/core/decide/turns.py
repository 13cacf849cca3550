"""What would turn the answer: single facts, and the minutes at which another answer overtakes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bot.core.decide.walk import RISKY, Walk, walk
from playbooks.criteria import Column, Criteria, Facts, Value, apart
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
    columns = (column for column in criteria.tables.sheet.columns if column.words)
    for column, answers in _turned(facts, criteria, columns):
        seen = {option}
        for value, other in zip(column.words or (), answers, strict=True):
            if other is None or other in seen or value == facts.get(column.name):
                continue
            # what does harm is not proposed on facts that do not go together
            if other not in RISKY or not any(apart({**facts, column.name: value})):
                seen.add(other)
                yield Flip(column.name, value, other)


def thresholds(facts: Facts, criteria: Criteria, option: Option) -> Iterator[Threshold]:
    """Yield, for each fact in numbers, the limits beyond which another answer overtakes."""
    columns = (column for column in criteria.tables.sheet.columns if column.turns)
    for column, answers in _turned(facts, criteria, columns):
        known = facts.get(column.name)
        number = known if isinstance(known, int | float) else None
        yield from _overtaken(column.name, column.turns, answers, number, option)


def _turned(
    facts: Facts, criteria: Criteria, columns: Iterable[Column]
) -> Iterator[tuple[Column, Sequence[Option | None]]]:
    """Yield each fact with the answer for each of its masks, all else being as it is."""
    tables = criteria.tables
    seen = tables.sheet.see(facts)
    for column in columns:
        answers: dict[int, Option | None] = {}
        for mask in column.masks:
            if mask not in answers:
                answers[mask] = settled(walk(tables, seen.but(column, mask)))
        yield column, [answers[mask] for mask in column.masks]


def _overtaken(
    name: str,
    limits: Sequence[float],
    answers: Sequence[Option | None],
    known: float | None,
    option: Option,
) -> Iterator[Threshold]:
    """Yield where answers turn; `answers[i]` is given up to `limits[i]`, the last one over all limits."""
    for limit, under, over in zip(limits, answers, answers[1:], strict=False):
        if under is over or under is None or over is None or option not in (under, over):
            continue
        below = over is option
        yield Threshold(name, limit, below=below, known=known, option=under if below else over)


def settled(found: Walk) -> Option | None:
    """Return the answer that nothing left to ask can change, or None."""
    possible = found.possible
    return possible[0] if len(possible) == 1 else None
