"""What holds of every decision, whatever is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.core.decide import decide, decision
from bot.core.decide.walk import RISKY, holds, open_bits
from playbooks.criteria import FACTS, PREDICATES, Criteria, Fact, Facts, Value, sheet
from playbooks.criteria.conditions import Somebody
from playbooks.criteria.sheet import fact_sheet
from playbooks.words import Option
from tests.bench.decisions import decisions, known
from tests.bench.plain_ifs import plain
from tests.core.test_corpus import CRITERIA, LABELLED
from tests.core.test_decide import RELEASE, any_facts

NUMBERS = (0, 1, 2, 10, 11, 60, 61, 1440, 1441, 4320, 4321)


def value_of(name: str) -> st.SearchStrategy[Value]:
    """Draw something that somebody may know of a fact."""
    fact = FACTS[name]
    kinds: dict[str, st.SearchStrategy[Value]] = {
        "yes_no": st.booleans(),
        "choice": st.sampled_from(fact.words or ("",)),
        "number": st.sampled_from(NUMBERS),
    }
    return kinds[fact.kind]


EVERYTHING = st.fixed_dictionaries({name: value_of(name) for name in FACTS})


@st.composite
def near_a_release(draw: st.DrawFn) -> Facts:
    """Draw facts near a rollback that stands, of which some are otherwise, unknown or not asked."""
    changed = draw(st.sets(st.sampled_from(sorted(FACTS)), max_size=3))
    missing = draw(st.sets(st.sampled_from(sorted(FACTS)), max_size=3))
    facts = {**RELEASE, **{name: draw(st.none() | value_of(name)) for name in changed}}
    return {name: value for name, value in facts.items() if name not in missing}


def without_veto(id: str) -> Criteria:
    """Return the criteria as if one veto were not written."""
    kept: dict[str, Any] = CRITERIA.model_dump(mode="json", by_alias=True)
    vetoes = [veto for veto in kept["vetoes"] if veto["id"] != id]
    return Criteria.model_validate({**kept, "vetoes": vetoes})


LESS = {veto.id: without_veto(veto.id) for veto in CRITERIA.vetoes}


@given(any_facts() | near_a_release(), st.randoms(use_true_random=False))
def test_the_order_of_answers_does_not_matter(facts: Facts, random: Any) -> None:
    shuffled = list(facts.items())
    random.shuffle(shuffled)

    assert decide(dict(shuffled), CRITERIA) == decide(facts, CRITERIA)


@given(any_facts() | near_a_release(), st.sampled_from(sorted(LESS)))
def test_a_veto_never_adds_an_option(facts: Facts, id: str) -> None:
    with_it, without_it = decide(facts, CRITERIA), decide(facts, LESS[id])
    removed = {option for veto in with_it.vetoes for option in veto.removes}
    # what a repair brings back is proposed only after that repair
    less = {option for veto in without_it.vetoes for option in veto.removes}

    assert less - removed <= {with_it.lead.option if with_it.lead.first else None}
    assert with_it.lead.option not in removed
    assert with_it.proposal is None or with_it.proposal not in removed


@given(near_a_release(), EVERYTHING)
def test_what_is_learnt_later_forbids_no_risky_proposal_that_stood(facts: Facts, rest: Facts) -> None:
    before = decide(facts, CRITERIA).lead
    after = decide({**rest, **facts}, CRITERIA)

    if before.stands and before.option in RISKY:
        rule = next(choice for choice in CRITERIA.tables.choices if choice.rule.id == before.rule)
        against = {veto.id for veto, _, bit in CRITERIA.tables.vetoes if bit & rule.against}
        assert not against & {veto.id for veto in after.vetoes}
        # only a rule that comes first may still make a better proposal
        order = [choice.rule.id for choice in CRITERIA.tables.choices]
        assert order.index(after.lead.rule) <= order.index(before.rule)


@given(any_facts() | near_a_release(), EVERYTHING)
def test_a_settled_answer_stays_whatever_is_learnt(facts: Facts, rest: Facts) -> None:
    decided = decide(facts, CRITERIA)

    if decided.proposal is not None:
        assert decide({**rest, **facts}, CRITERIA).proposal is decided.proposal


@given(any_facts() | near_a_release())
def test_every_answer_is_explained_by_what_is_known_and_by_nothing_else(facts: Facts) -> None:
    lead = decide(facts, CRITERIA).lead
    grounds = {ground.fact: ground.value for ground in lead.grounds}
    rule = next(choice for choice in CRITERIA.tables.choices if choice.rule.id == lead.rule)

    assert grounds.items() <= facts.items()
    assert holds(rule.when, CRITERIA.tables.sheet.see(grounds).lead)


@given(any_facts() | near_a_release())
def test_nobody_knows_is_always_an_answer(facts: Facts) -> None:
    asked = decide(known(facts), CRITERIA)

    assert asked.proposal is asked.lead.option
    assert asked.lead.stands
    assert asked.ask == ()


@given(any_facts() | near_a_release())
def test_what_was_not_asked_proposes_nothing_risky_that_nobody_knows_would_not(facts: Facts) -> None:
    lead = decide(facts, CRITERIA).lead

    if lead.stands and lead.option in RISKY:
        assert decide(known(facts), CRITERIA).proposal is lead.option


@settings(max_examples=300)
@given(any_facts().map(known) | near_a_release().map(known))
def test_plain_ifs_come_to_the_same(facts: Facts) -> None:
    decided, by_hand = decide(facts, CRITERIA), plain(facts)

    assert decided.lead.option == by_hand.proposal
    assert {part.id for part in decided.containment} == set(by_hand.containment)


@pytest.mark.skipif(Coverage.current() is not None, reason="counting lines costs more than deciding")
def test_a_decision_costs_at_most_thirty_times_the_same_in_plain_ifs() -> None:
    measured = decisions(rounds=15)

    assert len(LABELLED) == 124
    assert measured.criteria_s <= 30 * measured.plain_s


def test_the_machine_knows_no_fact_by_name() -> None:
    machine = [Path(decision.__file__).parent.glob("*.py"), [Path(sheet.__file__)]]
    text = "".join(file.read_text(encoding="utf-8") for files in machine for file in files)

    assert [name for name in (*FACTS, *PREDICATES) if re.search(rf"\b{re.escape(name)}\b", text)] == []


def test_a_new_fact_is_decided_by_without_a_change_of_the_machine() -> None:
    told = Somebody("weather")
    found = fact_sheet({"weather": (Fact("choice", ("calm", "stormy")), "stormy")}, {}, [told], frozenset())
    when = found.alternatives(told)

    assert holds(when, found.see({"weather": "calm"}).true)
    assert not holds(when, found.see({"weather": None}).true)
    assert list(found.facts(open_bits(when, found.see({})) or 0)) == ["weather"]


def test_the_answer_is_one_of_the_options() -> None:
    assert {choice.rule.answer for choice in CRITERIA.tables.choices} == set(Option)
