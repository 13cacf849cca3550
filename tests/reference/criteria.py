"""The page of what decisions are made from: facts, predicates, vetoes, rules."""

from __future__ import annotations

import json
from collections.abc import Mapping

from playbooks import library
from playbooks.criteria import (
    FACTS,
    PREDICATES,
    Condition,
    Criteria,
    Fact,
    Question,
    Veto,
    load_criteria,
    say_condition,
)
from playbooks.words import Option
from tests.reference.markdown import code, codes, page, table

_INTRO = """
`decide` weighs facts with a criteria file: vetoes take options away, and the first rule that is true and
whose answer no veto took away is the proposal. A fact that was not asked keeps the question open; one that
nobody knows (`decide replicas_affected:?`) has its safe value, and `neither` means that nothing said of it
counts as true. Containment comes before any option.

This page shows the criteria that come with Backstop, `playbooks/library/criteria.yaml`. To change them,
[write your own](../how-to/write-your-own-criteria.md). What they rest on, and how far that goes, stands in
[rules and vetoes, not scores](../why/010-rules-and-vetoes.md), which numbers the literature (L1 to L13).
"""
_PREDICATES = """
Rules are written with these. Each looks at one fact; those with a limit are written as `hotfix.within: 10m`.
`known: cause_known` is true when somebody knows the fact, whatever it is.
"""


def criteria() -> str:
    """Return the page."""
    shipped = load_criteria(library.read("criteria.yaml"), "criteria.yaml")
    return page(
        "Criteria",
        _INTRO,
        "## Options",
        codes(option.value for option in Option),
        "## Facts",
        _facts(shipped),
        "## Vetoes",
        _vetoes(shipped),
        "## Rules, in order",
        _rules(shipped),
        "## Containment",
        _containment(shipped),
        "## Terms",
        _conditions("Term", shipped.terms),
        "## When to look again",
        _boxes(shipped),
        "## Options that need no first stage",
        _conditions("Option", {option.value: when for option, when in shipped.one_click.items()}),
        "## Predicates",
        _PREDICATES,
        _predicates(),
    )


def _facts(shipped: Criteria) -> str:
    rows = [
        (code(name), asked.ask, _asked(asked), _values(FACTS[name]), code(_plain(asked.nobody_knows)))
        for name, asked in shipped.facts.items()
    ]
    return table(("Fact", "Question", "Asked of", "Values", "When nobody knows"), rows)


def _asked(asked: Question) -> str:
    if asked.optional:
        return "nobody: it counts when it is told"
    return f"machines, then {asked.role}" if asked.machine else asked.role


def _values(fact: Fact) -> str:
    return codes(fact.words) if fact.words else f"number of {fact.unit}"


def _plain(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _vetoes(shipped: Criteria) -> str:
    rows = [
        (
            code(veto.id),
            codes(veto.removes),
            _when(veto.when),
            veto.because,
            veto.repair or "",
            _left(veto),
            veto.override,
            ", ".join(veto.rests_on),
        )
        for veto in shipped.vetoes
    ]
    heads = ("Veto", "Takes away", "When", "Because", "Repaired by", "Left where nobody knows")
    return table((*heads, "Overridden by", "Rests on"), rows)


def _left(veto: Veto) -> str:
    return "; ".join(f"{code(name)}: {why}" for name, why in veto.nobody_knows.items())


def _rules(shipped: Criteria) -> str:
    rows = [
        (
            code(rule.id),
            code(rule.answer),
            _when(rule.when),
            rule.because,
            codes(rule.repairs),
            ", ".join(rule.rests_on),
        )
        for rule in shipped.rules
    ]
    return table(("Rule", "Proposes", "When", "Because", "Repairs first", "Rests on"), rows)


def _containment(shipped: Criteria) -> str:
    rows = [(code(part.id), part.do, _when(part.when), part.because) for part in shipped.containment]
    return table(("Id", "Do", "When", "Because"), rows)


def _conditions(what: str, named: Mapping[str, Condition]) -> str:
    return table((what, "When"), [(code(name), _when(condition)) for name, condition in named.items()])


def _boxes(shipped: Criteria) -> str:
    rows = []
    for option, box in shipped.boxes.items():
        minutes = f"{box.times:g} × the fact `{box.fact}`" if box.fact else ""
        unknown = f"{box.after}, where nobody knows it" if box.fact and box.after else f"{box.after or ''}"
        rows.append((code(option.value), "; ".join(filter(None, (minutes, unknown)))))
    return table(("Option", "After"), rows)


def _predicates() -> str:
    rows = [
        (code(name), code(predicate.fact), "yes" if predicate.limit else "")
        for name, predicate in PREDICATES.items()
    ]
    return table(("Predicate", "Looks at", "Has a limit"), rows)


def _when(condition: Condition) -> str:
    return code(json.dumps(say_condition(condition), ensure_ascii=False).replace('"', ""))
