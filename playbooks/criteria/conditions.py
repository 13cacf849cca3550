"""Conditions: predicates and terms joined by all, any and not, and what they come to given the facts so far.

A fact that was not asked makes a condition UNKNOWN unless the rest decides it. A fact that nobody knows
has the safe value of the criteria file; where that is `neither`, nothing said of the fact is true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, assert_never

from pydantic import JsonValue, PlainSerializer, PlainValidator, WithJsonSchema

from playbooks.criteria.facts import known_fact
from playbooks.criteria.predicates import PREDICATES, IsKnown, Test
from playbooks.durations import parse_duration, say_duration
from playbooks.problems import instead


@dataclass(frozen=True, slots=True)
class Atom:
    """A predicate, with the minutes it compares with if it has a limit."""

    predicate: str
    limit: timedelta | None = None

    @property
    def test(self) -> Test:
        """Return what it asks of a fact."""
        return PREDICATES[self.predicate].test(self.limit / timedelta(minutes=1) if self.limit else 0.0)


@dataclass(frozen=True, slots=True)
class Somebody:
    """True when somebody knows a fact, whatever it is; written `known`."""

    fact: str

    @property
    def test(self) -> Test:
        """Return what it asks of a fact."""
        return IsKnown(self.fact)


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


Condition = Atom | Somebody | Term | All | Either | Not


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
        case {"known": str(fact), **rest} if not rest:
            return Somebody(known_fact(fact))
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
        case Somebody(fact):
            return {"known": fact}
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


def leaves(condition: Condition) -> Iterator[Atom | Somebody | Term]:
    """Yield the predicates and terms a condition is made of."""
    match condition:
        case All(parts) | Either(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case Atom() | Somebody() | Term():
            yield condition
        case _:
            assert_never(condition)


def terms_in(condition: Condition) -> Iterator[str]:
    """Yield the terms a condition names."""
    return (leaf.name for leaf in leaves(condition) if isinstance(leaf, Term))
