"""The criteria: questions, vetoes, ordered rules, containment and time boxes, and all of it made ready."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Literal

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr, StringConstraints

from playbooks.criteria.conditions import Condition, Written
from playbooks.criteria.facts import FACTS, Facts, Known
from playbooks.criteria.sheet import Alternatives, FactSheet, fact_sheet
from playbooks.durations import Lasting
from playbooks.validate import Part
from playbooks.words import Name, Option, Sentence
from playbooks.yaml_text import Path

Id = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9-]*$", max_length=40)]
Source = Annotated[str, StringConstraints(pattern=r"^L([1-9]|1[0-3])$")]
"""A rule of the literature, as numbered in `docs/why/010-rules-and-vetoes.md`."""


class Question(Part):
    """How a fact is asked for, whom, and its value when nobody knows; `machine` facts are looked up first.

    An `optional` fact counts when somebody tells it and is never waited for. What was learnt longer than
    `good_for` ago is asked again.
    """

    ask: Sentence
    role: Name
    nobody_knows: StrictBool | StrictInt | StrictFloat | StrictStr
    machine: StrictBool = False
    optional: StrictBool = False
    good_for: Lasting | None = None


class Containment(Part):
    """What stops the damage; it comes before any choice and is none."""

    id: Id
    when: Written
    do: Sentence
    because: Sentence


class Veto(Part):
    """What takes options away; `repair` says what would give them back, `override` who may go over it.

    `nobody_knows` says of a fact why its options are left where nobody knows that, though a value takes them.
    """

    id: Id
    removes: Annotated[tuple[Option, ...], Field(min_length=1)]
    when: Written
    because: Sentence
    repair: Sentence | None = None
    override: Name = "commander"
    nobody_knows: Mapping[Name, Sentence] = Field(default_factory=dict)
    rests_on: tuple[Source, ...] = ()


class Rule(Part):
    """The first rule that is true, and whose answer no veto takes away, is the proposal.

    A veto it `repairs` does not stand against it: the repair of that veto is then the first step.
    """

    id: Id
    when: Written
    answer: Option
    because: Sentence
    repairs: tuple[Id, ...] = ()
    rests_on: tuple[Source, ...] = ()


class Box(Part):
    """When to look whether an action helps: after a fixed time, or a fact's minutes times a number.

    With a fact, `after` is when to look where nobody knows its minutes; without it nobody is asked then.
    """

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

    @cached_property
    def sheet(self) -> FactSheet:
        """Return the fact sheet: what the conditions say of each fact, those a machine knows first."""
        asked = sorted(self.facts.items(), key=lambda item: not item[1].machine)
        return fact_sheet(
            {name: (FACTS[name], question.nobody_knows) for name, question in asked},
            self.terms,
            (condition for _, condition in self.conditions()),
            frozenset(name for name, question in asked if question.optional),
        )

    @cached_property
    def tables(self) -> Tables:
        """Return the criteria made ready to be looked up; this is worked out once."""
        return _tables(self)

    def fresh(self, known: Mapping[str, Known], now: datetime) -> Facts:
        """Return the facts that are still good; one that was learnt too long ago is as if not asked."""
        return {name: learnt.value for name, learnt in known.items() if self._good(name, learnt, now)}

    def _good(self, name: str, learnt: Known, now: datetime) -> bool:
        question = self.facts.get(name)
        return question is None or question.good_for is None or now - learnt.at <= question.good_for

    def look(self, option: Option, facts: Facts) -> Look | None:
        """Return when to look whether an option that was taken helped, or None when nothing says."""
        box = self.boxes.get(option)
        if box is None:
            return None
        minutes = facts.get(box.fact or "")
        if isinstance(minutes, int | float):
            return Look(timedelta(minutes=minutes * box.times))
        return Look(box.after, missing=box.fact) if box.after else None


@dataclass(frozen=True, slots=True)
class Look:
    """After what time to look whether an action helped; `missing` is the fact that would say it better."""

    after: timedelta
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A rule with its condition, the vetoes that stand against it, and those it repairs, as bits."""

    rule: Rule
    when: Alternatives
    against: int
    repaired: int


@dataclass(frozen=True, slots=True)
class Tables:
    """The criteria as they are looked up; vetoes have bits in their order."""

    sheet: FactSheet
    choices: tuple[Choice, ...]
    vetoes: tuple[tuple[Veto, Alternatives, int], ...]
    containment: tuple[tuple[Containment, Alternatives], ...]
    one_click: Mapping[Option, Alternatives]


def _tables(criteria: Criteria) -> Tables:
    sheet = criteria.sheet
    return Tables(
        sheet,
        tuple(_choice(rule, criteria.vetoes, sheet) for rule in criteria.rules),
        tuple((veto, sheet.alternatives(veto.when), 1 << bit) for bit, veto in enumerate(criteria.vetoes)),
        tuple((part, sheet.alternatives(part.when)) for part in criteria.containment),
        {option: sheet.alternatives(when) for option, when in criteria.one_click.items()},
    )


def _choice(rule: Rule, vetoes: Sequence[Veto], sheet: FactSheet) -> Choice:
    against = repaired = 0
    for bit, veto in enumerate(vetoes):
        if rule.answer in veto.removes and veto.id in rule.repairs:
            repaired |= 1 << bit
        elif rule.answer in veto.removes:
            against |= 1 << bit
    return Choice(rule, sheet.alternatives(rule.when), against, repaired)
