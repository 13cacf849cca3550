"""Finds what lets a dangerous option through because nobody knows a fact.

A veto is lax where some value of a fact would take an option away, and the fact's `nobody_knows` does not, by
this veto or by another. The criteria file may say why, under `nobody_knows` of the veto.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice, product
from operator import or_

from playbooks.criteria.facts import shown
from playbooks.criteria.model import Criteria, Tables, Veto
from playbooks.criteria.sheet import Alternatives, Column, FactSheet
from playbooks.problems import Problem
from playbooks.words import Option
from playbooks.yaml_text import read_yaml

MOST_TRIED = 4096
"""In how many ways of the other facts a veto is tried; what hides behind more is not found."""


@dataclass(frozen=True, slots=True)
class Lax:
    """A veto, by its place, with the options it lets through while nobody knows a fact.

    `value` is one of the fact for which it takes them away.
    """

    place: int
    veto: Veto
    fact: str
    options: tuple[Option, ...]
    value: str


def lax_vetoes(criteria: Criteria, text: str, file: str) -> list[Problem]:
    """Return a warning by line for each lax veto without a reason, and each reason that is none any more."""
    read = read_yaml(text, file)
    found = {(each.place, each.fact): each for each in _lax(criteria.tables)}
    said = {(at, name) for at, veto in enumerate(criteria.vetoes) for name in veto.nobody_knows}
    problems = [
        read.problem(("vetoes", each.place), _told(each), _mend(each))
        for key, each in found.items()
        if key not in said
    ]
    problems += [
        read.problem(
            ("vetoes", at, "nobody_knows", name),
            f"{criteria.vetoes[at].id} says why it is not hit where nobody knows {name}",
            "but no value of it takes away more than that does; take the reason out",
        )
        for at, name in sorted(said - found.keys())
    ]
    return [replace(problem, severity="warn") for problem in problems]


def _told(lax: Lax) -> str:
    options = ", ".join(lax.options)
    return (
        f"{lax.veto.id} takes {options} away where {lax.fact} is {lax.value}, and not where nobody knows it"
    )


def _mend(lax: Lax) -> str:
    return (
        f"choose another `nobody_knows` of {lax.fact}, write a veto with `{{not: {{known: {lax.fact}}}}}`, "
        f"or say why under `nobody_knows: {{{lax.fact}: …}}` of {lax.veto.id}"
    )


def _lax(tables: Tables) -> Iterator[Lax]:
    for place, (veto, when, _) in enumerate(tables.vetoes):
        for column in tables.sheet.columns:
            let = {option: _let_through(tables, when, column, option) for option in veto.removes}
            options = tuple(option for option, mask in let.items() if mask)
            if options:
                yield Lax(place, veto, column.name, options, _value(column, let[options[0]]))


def _let_through(tables: Tables, when: Alternatives, column: Column, option: Option) -> int:
    """Return what is true of a fact where a veto takes an option away that is left if nobody knows it."""
    against = [mask for veto, masks, _ in tables.vetoes if option in veto.removes for mask in masks]
    for mask in when:
        part = mask & column.bits
        if part & ~column.nobody and any(part & state == part for state in column.masks):
            worlds = islice(product(*_others(tables.sheet, column, mask, against)), MOST_TRIED)
            if any(not _hit(against, reduce(or_, world, column.nobody)) for world in worlds):
                return part
    return 0


def _others(sheet: FactSheet, column: Column, mask: int, against: Iterable[int]) -> Iterator[Sequence[int]]:
    """Yield what is true of each other fact where the rest of a veto is, and as little beside as can be."""
    used = reduce(or_, against, 0)
    for other in sheet.columns:
        if other is not column and other.bits & used:
            part = mask & other.bits
            yield _least({state & used for state in other.states() if part & state == part})


def _least(states: Iterable[int]) -> Sequence[int]:
    """Return the states that hold no other one: a veto is hit the more, the more is true."""
    states = frozenset(states)
    return sorted(state for state in states if not any(state & less == less != state for less in states))


def _hit(against: Iterable[int], bits: int) -> bool:
    return any(bits & mask == mask for mask in against)


def _value(column: Column, part: int) -> str:
    """Return the first value of which something is true, as the file would have it."""
    place = next(place for place, mask in enumerate(column.masks) if mask & part == part)
    if column.words is not None:
        return shown(tuple(column.words)[place])
    if place < len(column.turns):
        return f"at most {column.turns[place]:g}"
    return f"over {column.turns[-1]:g}" if column.turns else "known"
