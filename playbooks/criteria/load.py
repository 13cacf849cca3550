"""Reads the criteria file, and tells every mistake in it by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from playbooks.criteria.conditions import All, Condition, terms_in
from playbooks.criteria.facts import FACTS, FactUnknown, check_fact
from playbooks.criteria.model import Criteria
from playbooks.criteria.sheet import NEITHER
from playbooks.problems import PlaybookInvalid, Problem
from playbooks.validate import validated
from playbooks.yaml_text import Text, read_yaml


def load_criteria(text: str, file: str) -> Criteria:
    """Return the criteria a text describes, or raise PlaybookInvalid with all its problems by line."""
    read = read_yaml(text, file)
    criteria = validated(read, Criteria)
    problems = list(_Reading(criteria, read).problems())
    if problems:
        raise PlaybookInvalid(problems)
    return criteria


@dataclass(frozen=True, slots=True)
class _Reading:
    criteria: Criteria
    text: Text

    def problems(self) -> Iterator[Problem]:
        yield from self._questions()
        yield from self._terms()
        yield from self._order()
        yield from self._boxes()
        for key in ("containment", "vetoes", "rules"):
            yield from self._twice(key, (part.id for part in getattr(self.criteria, key)))

    def _questions(self) -> Iterator[Problem]:
        questions = self.criteria.facts
        for name in FACTS:
            if name not in questions:
                yield self.text.problem(
                    ("facts",), f"the fact {name} has no question", "nobody would be asked"
                )
        for name, question in questions.items():
            if name not in FACTS:
                yield self.text.unknown(("facts", name), "fact", name, tuple(FACTS))
            elif question.nobody_knows != NEITHER:
                try:
                    check_fact(name, question.nobody_knows)
                except FactUnknown as error:
                    yield self.text.problem(("facts", name, "nobody_knows"), str(error), f"or {NEITHER}")

    def _terms(self) -> Iterator[Problem]:
        terms = self.criteria.terms
        for path, condition in self.criteria.conditions():
            for term in terms_in(condition):
                if term not in terms:
                    yield self.text.unknown(path, "term", term, tuple(terms))
        for name in terms:
            if name in _meant_by(name, terms):
                yield self.text.problem(("terms", name), f"the term {name!r} is explained by itself", "")

    def _order(self) -> Iterator[Problem]:
        rules = self.criteria.rules
        last = len(rules) - 1
        for index, rule in enumerate(rules):
            if rule.when == All(()) and index != last:
                yield self.text.problem(
                    ("rules", index), f"no rule after {rule.id} is ever reached", "it is always true"
                )
            earlier = next((other for other in rules[:index] if other.when == rule.when), None)
            if earlier is not None and earlier.answer is rule.answer:
                yield self.text.problem(
                    ("rules", index), f"{rule.id} is {earlier.id} again", "it is never reached"
                )
        if rules[last].when != All(()):
            yield self.text.problem(
                ("rules", last), "the last rule is not `when: always`", "there would be no answer"
            )
        for index, veto in enumerate(self.criteria.vetoes):
            if rules[last].answer in veto.removes:
                what = f"{veto.id} can take away the last answer, {rules[last].answer}"
                yield self.text.problem(("vetoes", index, "removes"), what, "there would be no answer")

    def _boxes(self) -> Iterator[Problem]:
        for option, box in self.criteria.boxes.items():
            numbers = tuple(name for name, fact in FACTS.items() if fact.unit == "minutes")
            if (box.after is None) == (box.fact is None):
                yield self.text.problem(("boxes", option.value), "a box has either `after` or `fact`", "")
            elif box.fact is not None and box.fact not in numbers:
                yield self.text.unknown(("boxes", option.value, "fact"), "fact in minutes", box.fact, numbers)

    def _twice(self, key: str, ids: Iterable[str]) -> Iterator[Problem]:
        seen: set[str] = set()
        for index, id in enumerate(ids):
            if id in seen:
                yield self.text.problem((key, index, "id"), f"a second {id!r}", "decisions name it")
            seen.add(id)


def _meant_by(name: str, terms: Mapping[str, Condition]) -> set[str]:
    found: set[str] = set()
    waiting = [*terms_in(terms[name])]
    while waiting:
        term = waiting.pop()
        if term not in found and term in terms:
            found.add(term)
            waiting.extend(terms_in(terms[term]))
    return found
