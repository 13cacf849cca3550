"""The criteria against real incidents: how often they agree, and that holes in what is known stay safe."""

from __future__ import annotations

import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from random import Random

import pytest

from bot.core.decide import decide
from playbooks import library
from playbooks.corpus import Precedent, corpus
from playbooks.criteria import FACTS, Facts, Rule, Value, Veto, load_criteria
from playbooks.words import Option

CRITERIA = load_criteria(library.read("criteria.yaml"), "criteria.yaml")
LABELLED = tuple(one for one in corpus().values() if one.best_action is not None)
MACHINE = frozenset(name for name, question in CRITERIA.facts.items() if question.machine)

DAMAGE = ("data_corruption", "data_loss_mechanism", "data_scope")
WAY_BACK = (
    "rollback_tested",
    "new_version_wrote_incompatible_state",
    "mixed_versions_running",
    "minutes_since_change",
    "previous_artifact_available",
)
PARTS: tuple[Rule | Veto, ...] = (*CRITERIA.rules, *CRITERIA.vetoes)
DOCS = Path(__file__).parents[2] / "docs"
PAGE, LIMITS = DOCS / "why/010-rules-and-vetoes.md", DOCS / "limits.md"
BLANKINGS = 200
SEED = 4


def tell(text: str) -> None:
    """Print a figure; `pytest -s` shows it."""
    sys.stdout.write(f"{text}\n")


def answer(facts: Facts) -> Option | None:
    """Return the proposal, or None when something must be asked before there is one."""
    lead = decide(facts, CRITERIA).lead
    return lead.option if lead.stands else None


def unsafe(option: Option | None, precedent: Precedent) -> bool:
    # restoring beside overwrites nothing: it may be slow, and is never unsafe
    risky = (Option.CODE_ROLLBACK, Option.RESTORE_FULL, Option.RESTORE_PITR)
    return option in risky and option not in precedent.acceptable_actions


def without(facts: Facts, names: Sequence[str], *, asked: bool) -> Facts:
    """Return facts of which nobody knows some, or of which some were not asked."""
    left: dict[str, Value] = {name: value for name, value in facts.items() if name not in names}
    return {**left, **dict.fromkeys(names)} if asked else left


def test_real_incidents_get_acceptable_answers_and_no_unsafe_one() -> None:
    answers = {one.id: answer(one.facts) for one in LABELLED}
    exact = sum(answers[one.id] is one.best_action for one in LABELLED)
    acceptable = sum(answers[one.id] in one.acceptable_actions for one in LABELLED)

    tell(_confusion([(one, answers[one.id]) for one in LABELLED]))
    tell(f"exact {exact}, acceptable {acceptable} of {len(LABELLED)}")
    assert len(LABELLED) == 124
    assert exact >= 0.93 * len(LABELLED)
    assert acceptable >= 0.98 * len(LABELLED)
    assert [one.id for one in LABELLED if unsafe(answers[one.id], one)] == []


def test_the_page_that_explains_the_criteria_has_these_figures() -> None:
    page = PAGE.read_text(encoding="utf-8")
    answers = {one.id: answer(one.facts) for one in LABELLED}
    sure = [one for one in LABELLED if one.best_action_confidence == "high"]
    released = [one for one in LABELLED if one.facts["change_suspected"] and _of_release(one)]
    exact, surely, of_releases = (
        sum(answers[one.id] is one.best_action for one in some) for some in (LABELLED, sure, released)
    )
    acceptable = sum(answers[one.id] in one.acceptable_actions for one in LABELLED)

    assert (
        f"| the shipped criteria | **{exact / len(LABELLED):.0%}** ({exact}) "
        f"| **{acceptable / len(LABELLED):.0%}** ({acceptable}) "
        f"| **{surely / len(sure):.0%}** | **0** | **0** |"
    ).replace("%", " %") in page
    assert f"sure ({len(sure)})" in page
    assert f"Of the {len(released)} decisions" in page
    assert f"the criteria in {of_releases}." in page
    for name in ("config_or_flag_revert_possible", "backup_available", "data_corruption"):
        others = sum(
            answer(without(one.facts, (name,), asked=True)) is not answers[one.id] for one in LABELLED
        )
        assert re.search(rf"`{name}` \({others}\b", page), (name, others)


def _of_release(one: Precedent) -> bool:
    return one.facts["change_type"] in ("code", "schema", "infra")


@pytest.mark.parametrize(
    ("tenths", "words"), [(1, "with a tenth of"), (2, "with two tenths"), (3, "with three")]
)
def test_the_page_says_how_often_holes_leave_the_best_answer(tenths: int, words: str) -> None:
    random, exact = Random(SEED), 0
    for one in LABELLED:
        for _ in range(40):
            blank = tuple(name for name in one.facts if random.random() < tenths / 10)
            exact += answer(without(one.facts, blank, asked=True)) is one.best_action
    share = round(100 * exact / len(LABELLED) / 40)

    assert f"{share} % {words}" in PAGE.read_text(encoding="utf-8")
    assert tenths != 3 or f"in {share} % of them" in LIMITS.read_text(encoding="utf-8")


def _confusion(answers: Sequence[tuple[Precedent, Option | None]]) -> str:
    counts = Counter((one.best_action, given) for one, given in answers)
    width = max(map(len, Option))
    head = " ".join(f"{option:>{width}}" for option in Option)
    rows = [f"{'best / proposed':>{width}} {head}"]
    for best in Option:
        row = " ".join(f"{counts[best, given] or '.':>{width}}" for given in Option)
        rows.append(f"{best:>{width}} {row}")
    return "\n".join(rows)


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("blank", [("data_scope",), DAMAGE, DAMAGE[:2], WAY_BACK])
def test_no_answer_is_unsafe_when_what_makes_it_safe_is_not_known(
    blank: tuple[str, ...], *, asked: bool
) -> None:
    for one in LABELLED:
        assert not unsafe(answer(without(one.facts, blank, asked=asked)), one), one.id


def _blankings() -> Iterator[tuple[Precedent, tuple[str, ...]]]:
    """Yield every record with three facts in ten unknown, at random but the same each time."""
    random = Random(SEED)
    for one in LABELLED:
        for _ in range(BLANKINGS):
            yield one, tuple(name for name in one.facts if random.random() < 0.3)


def test_with_three_facts_in_ten_missing_nothing_is_unsafe_and_most_is_answered() -> None:
    asked = count = 0
    for one, blank in _blankings():
        nobody = answer(without(one.facts, blank, asked=True))
        missing = answer(without(one.facts, blank, asked=False))
        assert nobody is not None, (one.id, blank)
        assert not unsafe(nobody, one), (one.id, blank)
        assert not unsafe(missing, one), (one.id, blank)
        asked += missing is None
        count += 1
    tell(f"{asked} of {count} answers are questions")
    assert asked <= count / 2


def questions(one: Precedent) -> tuple[Option | None, tuple[str, ...]]:
    """Return the answer after asking one question at a time, and what people were asked."""
    facts: dict[str, Value] = {name: one.facts[name] for name in one.facts if name in MACHINE}
    people: list[str] = []
    while asks := decide(facts, CRITERIA).ask:
        people.append(asks[0].fact)
        facts[asks[0].fact] = one.facts[asks[0].fact]
    return decide(facts, CRITERIA).proposal, tuple(people)


def test_a_few_questions_to_people_come_to_the_answer_of_all_facts() -> None:
    counts: list[int] = []
    for one in LABELLED:
        option, people = questions(one)
        assert option is answer(one.facts), one.id
        counts.append(len(people))
    counts.sort()

    tell(f"questions to people: {dict(sorted(Counter(counts).items()))}")
    middle, decile = counts[len(counts) // 2], counts[int(len(counts) * 0.9)]
    said = (
        f"people answer {middle} questions in the middle, {decile} at the ninth decile, {counts[-1]} at most"
    )
    assert said in " ".join(PAGE.read_text(encoding="utf-8").split())
    assert counts[len(counts) // 2] <= 5
    assert counts[int(len(counts) * 0.9)] <= 7


def test_what_is_asked_can_change_the_answer_or_what_to_stop() -> None:
    for one in LABELLED:
        facts: dict[str, Value] = {name: one.facts[name] for name in one.facts if name in MACHINE}
        while asks := decide(facts, CRITERIA).ask:
            before = decide(facts, CRITERIA)
            name = asks[0].fact
            column = CRITERIA.tables.sheet.column(name)
            values: list[Value] = [*(column.words or (*column.turns, column.turns[-1] + 1)), None]
            after = [decide({**facts, name: value}, CRITERIA) for value in values]
            told = {(found.possible, found.containment, found.ask) for found in after}
            assert len(told) > 1 or before.possible != after[0].possible, (one.id, name)
            facts[name] = one.facts[name]


def _supports() -> Mapping[str, set[str]]:
    """Return, for each rule and veto, the companies whose incidents it decides well.

    A rule decides where it leads and its answer is acceptable; a veto where it takes away what was not.
    """
    found: dict[str, set[str]] = {part.id: set() for part in PARTS}
    for one in LABELLED:
        decision = decide(one.facts, CRITERIA)
        if decision.lead.option in one.acceptable_actions:
            found[decision.lead.rule].add(one.company)
        for veto in decision.vetoes:
            if not set(veto.removes) & set(one.acceptable_actions):
                found[veto.id].add(one.company)
    return found


def test_every_rule_and_veto_rests_on_two_companies_or_on_literature() -> None:
    supports = _supports()

    for part in PARTS:
        companies = supports[part.id]
        tell(f"{part.id}: {len(companies)} companies, {', '.join(part.rests_on) or 'no literature'}")
        assert len(companies) >= 2 or part.rests_on, part.id


def test_every_fact_of_the_corpus_is_one_of_the_criteria() -> None:
    assert {name for one in LABELLED for name in one.facts} <= set(FACTS)
