"""The criteria file: questions, vetoes, ordered rules, containment and time boxes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from playbooks.criteria.conditions import NEITHER, All, Condition, Judge, Written, atoms_in, terms_in
from playbooks.criteria.facts import FACTS, Facts, FactUnknown, Value, check_fact
from playbooks.criteria.predicates import PREDICATES
from playbooks.durations import Lasting
from playbooks.problems import PlaybookInvalid, Problem
from playbooks.validate import Part, validated
from playbooks.words import Name, Option, Sentence
from playbooks.yaml_text import Path, Text, read_yaml

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=40)]


class Question(Part):
    """How a fact is asked for, whom, and its value when nobody knows; `machine` facts are looked up first."""

    ask: Sentence
    role: Name
    nobody_knows: StrictBool | StrictInt | StrictFloat | StrictStr
    machine: StrictBool = False


class Containment(Part):
    """What stops the damage; it comes before any choice and is none."""

    id: Id
    when: Written
    do: Sentence
    because: Sentence


class Veto(Part):
    """What takes options away; `repair` says what would give them back, `override` who may go over it."""

    id: Id
    removes: Annotated[tuple[Option, ...], Field(min_length=1)]
    when: Written
    because: Sentence
    repair: Sentence | None = None
    override: Name = "commander"


class Rule(Part):
    """The first rule that is true, and whose answer no veto takes away, is the proposal."""

    id: Id
    when: Written
    answer: Option
    because: Sentence


class Box(Part):
    """When to look whether an action helps: after a fixed time, or a fact's minutes times a number."""

    after: Lasting | None = None
    fact: Name | None = None
    times: Annotated[StrictFloat | StrictInt, Field(gt=0, le=10)] = 1.5


class Criteria(Part):
    """Everything a decision is made by."""

    version: Literal["backstop/criteria/1"] = Field(alias="schema")
    meanwhile: Sentence
    facts: Mapping[Name, Question]
    terms: Mapping[Name, Written] = Field(default_factory=dict)
    containment: tuple[Containment, ...] = ()
    vetoes: tuple[Veto, ...] = ()
    rules: Annotated[tuple[Rule, ...], Field(min_length=1)]
    one_click: Mapping[Option, Written] = Field(default_factory=dict)
    boxes: Mapping[Option, Box] = Field(default_factory=dict)

    def conditions(self) -> Iterator[tuple[Path, Condition]]:
        """Yield every condition with its path in the file."""
        yield from ((("terms", name), condition) for name, condition in self.terms.items())
        yield from (
            (("containment", index, "when"), part.when) for index, part in enumerate(self.containment)
        )
        yield from ((("vetoes", index, "when"), veto.when) for index, veto in enumerate(self.vetoes))
        yield from ((("rules", index, "when"), rule.when) for index, rule in enumerate(self.rules))
        yield from ((("one_click", option.value), condition) for option, condition in self.one_click.items())

    def judge(self, facts: Facts) -> Judge:
        """Return what evaluates conditions over these facts."""
        safe: dict[str, Value] = {name: question.nobody_knows for name, question in self.facts.items()}
        return Judge(facts, self.terms, safe)

    def box(self, option: Option, facts: Facts) -> timedelta | None:
        """Return after what time to decide again when an option was taken, or None when nothing says."""
        box = self.boxes.get(option)
        if box is None or box.after is not None:
            return box.after if box else None
        minutes = facts.get(box.fact or "")
        return timedelta(minutes=minutes * box.times) if isinstance(minutes, int | float) else None


def load_criteria(text: str, file: str) -> Criteria:
    """Return the criteria a text describes, or raise PlaybookInvalid with all its problems by line."""
    read = read_yaml(text, file)
    criteria = validated(read, Criteria)
    problems = list(_Reading(criteria, read).problems())
    if problems:
        raise PlaybookInvalid(problems)
    return criteria


def limits(criteria: Criteria) -> Mapping[str, tuple[float, ...]]:
    """Return, for each fact in numbers, where an answer of the criteria may turn."""
    found: dict[str, list[float]] = {"severity": [1]}
    for _, condition in criteria.conditions():
        for atom in atoms_in(condition):
            if atom.limit is not None:
                minutes = atom.limit / timedelta(minutes=1)
                found.setdefault(PREDICATES[atom.predicate].fact, []).append(minutes)
    return {name: tuple(dict.fromkeys(turns)) for name, turns in found.items()}


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
