"""Reads the criteria file, and tells every mistake in it by line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from playbooks.criteria.conditions import All, Condition, terms_in
from playbooks.criteria.facts import FACTS, FactUnknown, check_fact
from playbooks.criteria.model import Criteria, Tables
from playbooks.criteria.sheet import NEITHER, TooManyAlternatives
from playbooks.problems import PlaybookInvalid, Problem
from playbooks.validate import validated
from playbooks.yaml_text import Path, Text, read_yaml

NEVER = "no facts make it true"


def load_criteria(text: str, file: str) -> Criteria:
    """Return the criteria a text describes, or raise PlaybookInvalid with all its problems by line."""
    read = read_yaml(text, file)
    criteria = validated(read, Criteria)
    reading = _Reading(criteria, read)
    # What can be reached is worth telling only once every word means something.
    problems = list(reading.problems()) or list(reading.too_long()) or list(reading.unreachable())
    if problems:
        raise PlaybookInvalid(problems)
    return criteria


def roles_in(criteria: Criteria) -> frozenset[str]:
    """Return the roles that are asked, and those that may go over a veto."""
    return frozenset(role for _, role in _roles(criteria))


def unknown_roles(criteria: Criteria, text: str, file: str, roles: Iterable[str]) -> list[Problem]:
    """Return the problems, by line, of roles that are none of these: nobody would be asked by them."""
    read, known = read_yaml(text, file), tuple(roles)
    return [read.unknown(path, "role", role, known) for path, role in _roles(criteria) if role not in known]


def _roles(criteria: Criteria) -> Iterator[tuple[Path, str]]:
    yield from ((("facts", name, "role"), question.role) for name, question in criteria.facts.items())
    yield from ((("vetoes", index, "override"), veto.override) for index, veto in enumerate(criteria.vetoes))


def why_never(tables: Tables, index: int, mask: int) -> str | None:
    """Return why a rule never decides where this alternative of it is true, or None if it may."""
    sheet, choice = tables.sheet, tables.choices[index]
    if not sheet.possible(mask):
        return NEVER
    for veto, when, bit in tables.vetoes:
        if choice.against & bit and any(sheet.implies(mask, other) for other in when):
            return f"{veto.id} takes {choice.rule.answer} away whenever it is true"
    for earlier in tables.choices[:index]:
        stays = earlier.rule.answer is choice.rule.answer and not earlier.against & ~choice.against
        if (stays or not earlier.against) and any(sheet.implies(mask, other) for other in earlier.when):
            return f"{earlier.rule.id} decides whenever it is true"
    return None


@dataclass(frozen=True, slots=True)
class _Reading:
    criteria: Criteria
    text: Text

    def problems(self) -> Iterator[Problem]:
        yield from self._questions()
        yield from self._terms()
        yield from self._order()
        yield from self._repairs()
        yield from self._boxes()
        yield from self._reasons()
        for key in ("containment", "vetoes", "rules"):
            yield from self._twice(key, (part.id for part in getattr(self.criteria, key)))

    def too_long(self) -> Iterator[Problem]:
        """Yield the conditions that can be true in more ways than can be looked up."""
        sheet = self.criteria.sheet
        for path, condition in self.criteria.conditions():
            try:
                sheet.alternatives(condition)
            except TooManyAlternatives as many:
                yield self.text.problem(path, str(many))

    def unreachable(self) -> Iterator[Problem]:
        """Yield the rules that never decide, and the vetoes that are never true."""
        tables = self.criteria.tables
        for index, (veto, when, _) in enumerate(tables.vetoes):
            if not any(map(tables.sheet.possible, when)):
                yield self.text.problem(("vetoes", index), f"{veto.id} can never be true", NEVER)
        for index, choice in enumerate(tables.choices):
            because = [why_never(tables, index, mask) for mask in choice.when]
            if all(because):
                yield self.text.problem(
                    ("rules", index),
                    f"{choice.rule.id} is never reached",
                    "; ".join(filter(None, dict.fromkeys(because))) or NEVER,
                )

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
                    path = ("facts", name, "nobody_knows")
                    yield self.text.problem(path, str(error), f"{NEITHER} is valid too")

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
        if rules[-1].when != All(()):
            where = ("rules", len(rules) - 1)
            yield self.text.problem(where, "the last rule is not `when: always`", "there would be no answer")
        for index, veto in enumerate(self.criteria.vetoes):
            if rules[-1].answer in veto.removes:
                what = f"{veto.id} can take away the last answer, {rules[-1].answer}"
                yield self.text.problem(("vetoes", index, "removes"), what, "there would be no answer")

    def _repairs(self) -> Iterator[Problem]:
        vetoes = {veto.id: veto for veto in self.criteria.vetoes}
        for index, rule in enumerate(self.criteria.rules):
            for id in rule.repairs:
                veto = vetoes.get(id)
                if veto is None:
                    yield self.text.unknown(("rules", index, "repairs"), "veto", id, tuple(vetoes))
                elif veto.repair is None or rule.answer not in veto.removes:
                    what = f"{rule.id} cannot repair {id}"
                    why = "it has no `repair`" if veto.repair is None else f"it leaves {rule.answer} alone"
                    yield self.text.problem(("rules", index, "repairs"), what, why)

    def _boxes(self) -> Iterator[Problem]:
        for option, box in self.criteria.boxes.items():
            numbers = tuple(name for name, fact in FACTS.items() if fact.unit == "minutes")
            if box.after is None and box.fact is None:
                yield self.text.problem(("boxes", option.value), "a box has neither `after` nor `fact`", "")
            elif box.fact is not None and box.fact not in numbers:
                yield self.text.unknown(("boxes", option.value, "fact"), "fact in minutes", box.fact, numbers)

    def _reasons(self) -> Iterator[Problem]:
        for index, veto in enumerate(self.criteria.vetoes):
            for name in veto.nobody_knows:
                if name not in FACTS:
                    path = ("vetoes", index, "nobody_knows", name)
                    yield self.text.unknown(path, "fact", name, tuple(FACTS))

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
