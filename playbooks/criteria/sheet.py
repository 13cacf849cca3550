"""The fact sheet: everything the criteria say of a fact has a bit, so that conditions are looked up.

What is said of one fact, or its opposite, is a statement. A condition is a few alternatives, each the bits
of the statements that must all be true; what is known of an incident is three such masks (`Seen`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import assert_never

from playbooks.criteria.conditions import All, Atom, Condition, Either, Not, Somebody, Term
from playbooks.criteria.facts import Fact, Facts, Value
from playbooks.criteria.predicates import AtMost, IsKnown, Over, Test, holds

NEITHER = "neither"
MOST_ALTERNATIVES = 64
_NOT_ASKED = float("nan")

Alternatives = tuple[int, ...]
"""A condition: it is true when all bits of one of these masks are."""


class TooManyAlternatives(ValueError):
    """A condition that can be true in too many ways to be looked up, or to be read."""

    def __init__(self) -> None:
        super().__init__(
            f"it can be true in over {MOST_ALTERNATIVES} ways: make it several, each with a reason of its own"
        )


@dataclass(frozen=True, slots=True)
class Statement:
    """A test of a fact, or with `wanted` False its opposite."""

    test: Test
    wanted: bool

    def of(self, value: Value) -> bool:
        """Return whether it is true of a value that somebody knows."""
        return holds(self.test, value) is self.wanted


@dataclass(frozen=True, slots=True)
class Column:
    """One fact: the bits said of it, those that are true when nobody knows it, and those true of each value.

    Numbers have `turns`, the limits at which something said of them changes; `masks` are the bits between.
    """

    name: str
    bits: int
    nobody: int
    words: Mapping[Value, int] | None
    turns: tuple[float, ...]
    masks: tuple[int, ...]

    def of(self, value: Value) -> int:
        """Return the bits that are true of a value; one the fact cannot have counts as nobody knows."""
        if value is None:
            return self.nobody
        if self.words is not None:
            return self.words.get(value, self.nobody)
        return self.masks[bisect_left(self.turns, value)] if isinstance(value, int | float) else self.nobody

    def states(self) -> Iterator[int]:
        """Yield the bits that can be true together."""
        yield self.nobody
        yield from self.masks


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of an incident, as bits.

    `true` is certain, `open` waits for facts that were not asked. `lead` is what would be true if nobody
    knew those.
    """

    true: int
    open: int
    lead: int

    def but(self, column: Column, mask: int) -> Seen:
        """Return the same with one fact otherwise: `mask` are the bits of it that would be true."""
        others = ~column.bits
        return Seen(self.true & others | mask, self.open & others, self.lead & others | mask)


@dataclass(frozen=True, slots=True)
class FactSheet:
    """The columns in the order in which facts are asked for, and the conditions of the criteria over them."""

    columns: tuple[Column, ...]
    statements: Mapping[Statement, int]
    terms: Mapping[str, Condition]
    optional: frozenset[str]

    def see(self, facts: Facts) -> Seen:
        """Return what is known."""
        true = waiting = lead = 0
        for column in self.columns:
            value = facts.get(column.name, _NOT_ASKED)
            if value is not _NOT_ASKED:
                true |= column.of(value)
            elif column.name in self.optional:
                true |= column.nobody
            else:
                waiting |= column.bits
                lead |= column.nobody
        return Seen(true, waiting, lead | true)

    def alternatives(self, condition: Condition) -> Alternatives:
        """Return a condition as masks, the shortest first, none of them part of another."""
        found = _alternatives(condition, self.terms, self.statements, wanted=True)
        return tuple(sorted(_plain(found), key=lambda mask: (mask.bit_count(), mask)))

    def column(self, name: str) -> Column:
        """Return what is said of a fact."""
        return next(column for column in self.columns if column.name == name)

    def facts(self, bits: int) -> Iterator[str]:
        """Yield the facts of which something among the bits is said."""
        return (column.name for column in self.columns if bits & column.bits)

    def possible(self, mask: int) -> bool:
        """Return whether there are facts of which all of this is true."""
        return all(
            any(part & state == part for state in column.states())
            for column in self.columns
            if (part := mask & column.bits)
        )

    def implies(self, mask: int, other: int) -> bool:
        """Return whether whatever makes one mask true makes the other true."""
        return all(
            all(
                state & other & column.bits == other & column.bits
                for state in column.states()
                if state & mask & column.bits == mask & column.bits
            )
            for column in self.columns
            if other & column.bits
        )


def fact_sheet(
    facts: Mapping[str, tuple[Fact, Value]],
    terms: Mapping[str, Condition],
    conditions: Iterable[Condition],
    optional: frozenset[str],
) -> FactSheet:
    """Return the sheet for conditions; `facts` are kind and safe value of each, in the order of asking."""
    statements: dict[Statement, int] = {}
    for condition in conditions:
        for statement in _statements(condition, terms, wanted=True):
            statements.setdefault(statement, 1 << len(statements))
    columns = (_column(name, fact, safe, statements) for name, (fact, safe) in facts.items())
    return FactSheet(tuple(column for column in columns if column.bits), statements, terms, optional)


def _column(name: str, fact: Fact, safe: Value, statements: Mapping[Statement, int]) -> Column:
    said = {statement: bit for statement, bit in statements.items() if statement.test.fact == name}
    turns = sorted({one.test.limit for one in said if isinstance(one.test, AtMost | Over)})
    values: tuple[Value, ...]
    match fact.kind:
        case "yes_no":
            values = (True, False)
        case "choice":
            values = fact.words
        case "number":
            values = (*turns, (turns[-1] if turns else 0.0) + 1)
        case _:
            assert_never(fact.kind)
    masks = tuple(_bits(bit for one, bit in said.items() if one.of(value)) for value in values)
    nobody = _bits(
        bit
        for one, bit in said.items()
        if (one.of(None) if isinstance(one.test, IsKnown) else safe != NEITHER and one.of(safe))
    )
    words = None if fact.kind == "number" else dict(zip(values, masks, strict=True))
    return Column(name, _bits(said.values()), nobody, words, tuple(turns), masks)


def _bits(bits: Iterable[int]) -> int:
    return sum(bits)


def _statements(condition: Condition, terms: Mapping[str, Condition], *, wanted: bool) -> Iterator[Statement]:
    match condition:
        case Atom() | Somebody():
            yield Statement(condition.test, wanted)
        case Term(name):
            yield from _statements(terms[name], terms, wanted=wanted)
        case Not(part):
            yield from _statements(part, terms, wanted=not wanted)
        case All(parts) | Either(parts):
            for part in parts:
                yield from _statements(part, terms, wanted=wanted)
        case _:
            assert_never(condition)


def _alternatives(
    condition: Condition,
    terms: Mapping[str, Condition],
    statements: Mapping[Statement, int],
    *,
    wanted: bool,
) -> frozenset[int]:
    match condition:
        case Atom() | Somebody():
            return frozenset({statements[Statement(condition.test, wanted)]})
        case Term(name):
            return _alternatives(terms[name], terms, statements, wanted=wanted)
        case Not(part):
            return _alternatives(part, terms, statements, wanted=not wanted)
        case All(parts) | Either(parts):
            each = [_alternatives(part, terms, statements, wanted=wanted) for part in parts]
            return _together(each) if isinstance(condition, All) is wanted else _any_of(each)
        case _:
            assert_never(condition)


def _together(each: Iterable[frozenset[int]]) -> frozenset[int]:
    found = frozenset({0})
    for masks in each:
        found = _plain({mask | other for mask in found for other in masks})
        if len(found) > MOST_ALTERNATIVES:
            raise TooManyAlternatives
    return found


def _any_of(each: Iterable[frozenset[int]]) -> frozenset[int]:
    found = _plain(frozenset().union(*each))
    if len(found) > MOST_ALTERNATIVES:
        raise TooManyAlternatives
    return found


def _plain(masks: Iterable[int]) -> frozenset[int]:
    """Return the masks without those that hold another, which is true whenever they are."""
    masks = frozenset(masks)
    return frozenset(mask for mask in masks if not any(mask & other == other != mask for other in masks))
