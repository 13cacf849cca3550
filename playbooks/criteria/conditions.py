"""Conditions: predicates and terms joined by all, any and not, and what they come to given the facts so far.

A fact that was not asked makes a condition UNKNOWN unless the rest decides it. A fact that nobody knows
has the safe value of the criteria file; where that is `neither`, nothing said of the fact is true.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from typing import Annotated, assert_never

from pydantic import JsonValue, PlainSerializer, PlainValidator, WithJsonSchema

from playbooks.criteria.facts import Facts, Value
from playbooks.criteria.predicates import PREDICATES
from playbooks.durations import parse_duration, say_duration
from playbooks.problems import instead

NEITHER = "neither"


class Truth(Enum):
    """What a condition comes to."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate, with the minutes it compares with if it has a limit."""

    predicate: str
    limit: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """A condition the criteria file gives a name."""

    name: str


@dataclass(frozen=True, slots=True)
class All:
    """True when every part is; without parts always."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """True when one part is; written `any`."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """True when the part is false."""

    part: Condition


Condition = Atom | Term | All | Either | Not


@dataclass(frozen=True, slots=True)
class Reading:
    """What a condition comes to, and the facts that must be known to say more, in the order it names them."""

    truth: Truth
    missing: tuple[str, ...] = ()


_FALSE = Reading(Truth.FALSE)
_TRUE = Reading(Truth.TRUE)


def parse_condition(value: JsonValue) -> Condition:
    """Return the condition that YAML describes; what is none raises ValueError with the valid words."""
    match value:
        case "always":
            return All(())
        case str() if value in PREDICATES:
            if PREDICATES[value].limit:
                raise ValueError(f"{value} needs a duration, such as `{value}: 10m`")
            return Atom(value)
        case str() if "." not in value:
            return Term(value)
        case {"all": list(parts), **rest} if not rest:
            return All(tuple(parse_condition(part) for part in parts))
        case {"any": list(parts), **rest} if not rest and parts:
            return Either(tuple(parse_condition(part) for part in parts))
        case {"not": part, **rest} if not rest:
            return Not(parse_condition(part))
        case dict() if len(value) == 1:
            return _limited(*next(iter(value.items())))
        case _:
            raise ValueError(_no_condition(str(value)))


def _limited(name: str, limit: JsonValue) -> Atom:
    if name not in PREDICATES or not PREDICATES[name].limit:
        raise ValueError(_no_condition(name))
    if not isinstance(limit, str):
        raise ValueError(f"{name} needs a duration, such as 10m")
    return Atom(name, parse_duration(limit))


def _no_condition(word: str) -> str:
    hint = instead(word, tuple(PREDICATES)) or f"predicates are {', '.join(PREDICATES)}"
    return f"{word[:80]!r} is no condition: {hint}"


def say_condition(condition: Condition) -> JsonValue:
    """Return a condition as it is written."""
    match condition:
        case Term(name):
            return name
        case Atom(predicate, limit):
            return predicate if limit is None else {predicate: say_duration(limit)}
        case All(()):
            return "always"
        case All(parts):
            return {"all": [say_condition(part) for part in parts]}
        case Either(parts):
            return {"any": [say_condition(part) for part in parts]}
        case Not(part):
            return {"not": say_condition(part)}
        case _:
            assert_never(condition)


Written = Annotated[
    Condition,
    PlainValidator(parse_condition),
    PlainSerializer(say_condition),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object", "maxProperties": 1}]}),
]


@dataclass(frozen=True, slots=True)
class Judge:
    """Evaluates conditions over facts, with the terms and the safe values of the criteria."""

    facts: Facts
    terms: Mapping[str, Condition]
    safe: Mapping[str, Value]

    def read(self, condition: Condition) -> Reading:
        """Return what a condition comes to."""
        return self._read(condition, wanted=True)

    def _read(self, condition: Condition, *, wanted: bool) -> Reading:
        match condition:
            case Atom():
                return self._test(condition, wanted=wanted)
            case Term(name):
                return self._read(self.terms[name], wanted=wanted)
            case Not(part):
                return self._read(part, wanted=not wanted)
            case All(parts) | Either(parts):
                readings = [self._read(part, wanted=wanted) for part in parts]
                every = isinstance(condition, All) is wanted
                return _joined(readings, Truth.FALSE if every else Truth.TRUE)
            case _:
                assert_never(condition)

    def _test(self, test: Atom, *, wanted: bool) -> Reading:
        predicate = PREDICATES[test.predicate]
        if predicate.fact not in self.facts:
            return Reading(Truth.UNKNOWN, (predicate.fact,))
        value = self.facts[predicate.fact]
        value = self.safe[predicate.fact] if value is None else value
        if value == NEITHER:
            return _FALSE
        minutes = test.limit / timedelta(minutes=1) if test.limit else 0.0
        return _TRUE if predicate.test(value, minutes) is wanted else _FALSE


def _joined(readings: Iterable[Reading], decisive: Truth) -> Reading:
    """Return `decisive` as soon as one reading is that, else UNKNOWN if one is, else the opposite."""
    missing: list[str] = []
    for reading in readings:
        if reading.truth is decisive:
            return reading
        missing += reading.missing
    if missing:
        return Reading(Truth.UNKNOWN, tuple(dict.fromkeys(missing)))
    return _TRUE if decisive is Truth.FALSE else _FALSE


def leaves(condition: Condition) -> Iterator[Atom | Term]:
    """Yield the predicates and terms a condition is made of."""
    match condition:
        case All(parts) | Either(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case Atom() | Term():
            yield condition
        case _:
            assert_never(condition)


def terms_in(condition: Condition) -> Iterator[str]:
    """Yield the terms a condition names."""
    return (leaf.name for leaf in leaves(condition) if isinstance(leaf, Term))


def atoms_in(condition: Condition) -> Iterator[Atom]:
    """Yield the predicates a condition names itself, with their limits."""
    return (leaf for leaf in leaves(condition) if isinstance(leaf, Atom))
