"""Cases of a criteria file: facts, and what is to come of them. `backstop criteria test` runs them.

A file holds what its cases have in common under `given`; a fact that a case sets to null is known to nobody,
one that is not named was not asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from playbooks.criteria.facts import FactUnknown, Value, check_fact
from playbooks.criteria.model import Criteria, Id
from playbooks.problems import PlaybookInvalid, Problem
from playbooks.validate import Part, validated
from playbooks.words import Name, Option, Sentence
from playbooks.yaml_text import Path, Text, read_yaml

Given = Mapping[Name, StrictBool | StrictInt | StrictFloat | StrictStr | None]


class Case(Part):
    """Facts and what is expected of them; what is not named may be anything.

    `proposal` may be `ask`. `vetoes` and `ask` must be among those found, `not_asked` must not.
    """

    name: Sentence
    facts: Given = Field(default_factory=dict)
    proposal: Option | Literal["ask"]
    rule: Id | None = None
    vetoes: tuple[Id, ...] = ()
    containment: tuple[Id, ...] = ()
    ask: tuple[Name, ...] = ()
    not_asked: tuple[Name, ...] = ()


class Cases(Part):
    """A file of cases."""

    version: Literal["backstop/criteria-cases/1"] = Field(alias="schema")
    given: Given = Field(default_factory=dict)
    cases: Annotated[tuple[Case, ...], Field(min_length=1)]

    def facts(self, case: Case) -> Mapping[str, Value]:
        """Return the facts of a case, with what all of the file have in common."""
        return {**self.given, **case.facts}


def load_cases(text: str, file: str, criteria: Criteria) -> tuple[Cases, Text]:
    """Return the cases and their text, or raise PlaybookInvalid with all problems by line."""
    read = read_yaml(text, file)
    cases = validated(read, Cases)
    problems = list(_problems(cases, read, criteria))
    if problems:
        raise PlaybookInvalid(problems)
    return cases, read


def _problems(cases: Cases, text: Text, criteria: Criteria) -> Iterator[Problem]:
    yield from _wrong_facts(cases.given, ("given",), text)
    words: Mapping[str, tuple[str, ...]] = {
        "rule": tuple(rule.id for rule in criteria.rules),
        "vetoes": tuple(veto.id for veto in criteria.vetoes),
        "containment": tuple(part.id for part in criteria.containment),
        "ask": tuple(criteria.facts),
        "not_asked": tuple(criteria.facts),
    }
    for index, case in enumerate(cases.cases):
        at: Path = ("cases", index)
        yield from _wrong_facts(case.facts, (*at, "facts"), text)
        for key, valid in words.items():
            named = getattr(case, key)
            for word in (named,) if isinstance(named, str) else named or ():
                if word not in valid:
                    yield text.unknown((*at, key), key.replace("_", " "), word, valid)


def _wrong_facts(facts: Mapping[str, Value], at: Path, text: Text) -> Iterator[Problem]:
    for name, value in facts.items():
        try:
            check_fact(name, value)
        except FactUnknown as wrong:
            yield text.problem((*at, name), str(wrong))
