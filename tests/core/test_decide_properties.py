"""What holds of every decision, whatever is known."""

from __future__ import annotations

import re
from collections.abc import Mapping
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
from playbooks.criteria.odds import APART, Apart
from playbooks.criteria.sheet import fact_sheet
from playbooks.words import Option
from tests.bench.decisions import decisions, known
from tests.bench.plain_ifs import plain
from tests.core.test_corpus import CRITERIA, DAMAGE, LABELLED
from tests.core.test_decide import RELEASE, any_facts

WAY_BACK_GOES: Mapping[str, tuple[Value, Value]] = {
    "previous_artifact_available": (False, True),
    "rollback_tested": (False, True),
    "new_version_wrote_incompatible_state": (True, False),
    "mixed_versions_running": (True, False),
    "forward_only_clients": (True, False),
    "schema_change": ("irreversible", "none"),
    "minutes_since_change": (4321, 0),
    "data_corruption": ("suspected", "none"),
}
"""What makes a rollback safe, with its bad and its good value."""

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
WAITED_FOR = st.fixed_dictionaries(
    {name: value_of(name) for name, asked in CRITERIA.facts.items() if not asked.optional}
)
"""Everything that may be asked before an answer is settled; what is optional may still change it later."""


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


def with_each(facts: Facts, name: str) -> dict[Value, Option | None]:
    """Return the proposal for each value of one fact, and for nobody knows."""
    values: tuple[Value, ...] = NUMBERS
    if FACTS[name].kind != "number":
        values = (True, False) if FACTS[name].kind == "yes_no" else FACTS[name].words
    return {value: decide({**facts, name: value}, CRITERIA).proposal for value in (*values, None)}


@settings(max_examples=200)
@given(near_a_release(), st.sampled_from(sorted(WAY_BACK_GOES)))
def test_worse_news_of_the_way_back_never_makes_a_rollback_of_another_answer(facts: Facts, name: str) -> None:
    coherent = {other: value for other, value in facts.items() if other not in DAMAGE}
    found = with_each({**coherent, "data_corruption": "none", name: None}, name)
    bad, good = WAY_BACK_GOES[name]

    assert found[bad] is not Option.CODE_ROLLBACK
    # nobody knows is worse than the good news
    assert found[None] is not Option.CODE_ROLLBACK or found[good] is Option.CODE_ROLLBACK


@given(near_a_release())
def test_whether_the_cause_is_open_or_nobody_knows_that_makes_the_same_rollback(facts: Facts) -> None:
    found = with_each(facts, "cause_known")

    assert (found[False] is Option.CODE_ROLLBACK) is (found[None] is Option.CODE_ROLLBACK)


@settings(max_examples=300)
@given(near_a_release(), st.sampled_from(APART), st.data())
def test_nothing_that_does_harm_rests_on_one_of_two_facts_that_contradict_each_other(
    facts: Facts, pair: Apart, data: st.DataObject
) -> None:
    one, other = data.draw(st.sampled_from(pair.values)), data.draw(st.sampled_from(pair.against))
    decided = decide({**facts, pair.one: one, pair.other: other}, CRITERIA)

    if decided.proposal in RISKY:
        left = {name: value for name, value in decided.facts.items() if name not in (pair.one, pair.other)}
        assert decide(left, CRITERIA).lead.option is decided.proposal
    assert decided.proposal is not None or decided.ask


@given(any_facts() | near_a_release(), WAITED_FOR)
def test_a_settled_answer_stays_whatever_is_learnt(facts: Facts, rest: Facts) -> None:
    decided = decide(facts, CRITERIA)

    if decided.proposal is not None:
        later = decide({**rest, **facts}, CRITERIA)
        # what contradicts a fact puts it to question again
        assert later.proposal is decided.proposal or (later.apart and later.ask)


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

    if asked.apart and asked.ask:
        assert asked.lead.option in RISKY
        return
    assert asked.proposal is asked.lead.option
    assert asked.lead.stands
    assert asked.ask == ()


@given(any_facts() | near_a_release())
def test_what_was_not_asked_proposes_nothing_risky_that_nobody_knows_would_not(facts: Facts) -> None:
    lead = decide(facts, CRITERIA).lead

    if lead.stands and lead.option in RISKY:
        assert decide(known(facts), CRITERIA).lead.option is lead.option


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
