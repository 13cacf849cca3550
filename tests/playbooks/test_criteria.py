from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playbooks import library
from playbooks.criteria import (
    FACTS,
    PREDICATES,
    Facts,
    FactUnknown,
    Judge,
    Truth,
    Value,
    check_fact,
    limits,
    load_criteria,
    parse_condition,
    parse_fact,
    say_condition,
)
from playbooks.problems import PlaybookInvalid
from playbooks.words import Option
from tests.playbooks.examples import mutant

TEXT = library.read("criteria.yaml")
CRITERIA = load_criteria(TEXT, "criteria.yaml")


def problems(*changes: tuple[str, str]) -> list[str]:
    with pytest.raises(PlaybookInvalid) as invalid:
        load_criteria(mutant(TEXT, *changes), "criteria.yaml")
    return [str(problem).partition(": ")[2] for problem in invalid.value.problems]


def read(condition: object, **facts: Value) -> tuple[Truth, tuple[str, ...]]:
    safe: dict[str, Value] = {
        "cause_known": False,
        "data_scope": "tenants",
        "rollback_tested": "neither",
        "hotfix_eta_minutes": "neither",
    }
    judge = Judge(facts, {"damaged": parse_condition("damage.confirmed")}, safe)
    reading = judge.read(parse_condition(condition))  # type: ignore[arg-type]
    return reading.truth, reading.missing


@pytest.mark.parametrize(
    ("condition", "facts", "truth"),
    [
        ("cause.known", {"cause_known": True}, Truth.TRUE),
        ("cause.known", {"cause_known": False}, Truth.FALSE),
        ("damaged", {"data_corruption": "ongoing"}, Truth.TRUE),
        ({"not": "damaged"}, {"data_corruption": "ongoing"}, Truth.FALSE),
        ({"hotfix.within": "10m"}, {"hotfix_eta_minutes": 10}, Truth.TRUE),
        ({"hotfix.within": "10m"}, {"hotfix_eta_minutes": 10.1}, Truth.FALSE),
        ({"release.older_than": "3d"}, {"minutes_since_change": 4321}, Truth.TRUE),
        ({"release.older_than": "3d"}, {"minutes_since_change": 4320}, Truth.FALSE),
        ("always", {}, Truth.TRUE),
        ({"not": "always"}, {}, Truth.FALSE),
        ({"all": ["cause.known", "overload"]}, {"cause_known": False}, Truth.FALSE),
        ({"any": ["overload", "cause.known"]}, {"cause_known": True}, Truth.TRUE),
        ({"any": ["cause.known", "cause.known"]}, {"cause_known": False}, Truth.FALSE),
        ({"not": {"all": ["cause.known", "cause.known"]}}, {"cause_known": True}, Truth.FALSE),
        ({"not": {"any": ["overload", "cause.known"]}}, {"cause_known": True}, Truth.FALSE),
    ],
)
def test_conditions_come_to_what_the_facts_say(condition: object, facts: Facts, truth: Truth) -> None:
    assert read(condition, **facts) == (truth, ())


def test_what_was_not_asked_makes_a_condition_unknown_and_is_named_in_order() -> None:
    assert read({"all": ["overload", "cause.known", "overload"]}) == (
        Truth.UNKNOWN,
        ("overload_or_metastable", "cause_known"),
    )
    assert read({"not": {"any": ["overload", "cause.known"]}}, cause_known=False) == (
        Truth.UNKNOWN,
        ("overload_or_metastable",),
    )


def test_what_nobody_knows_has_its_safe_value() -> None:
    assert read("cause.known", cause_known=None) == (Truth.FALSE, ())
    assert read("scope.part", data_scope=None) == (Truth.TRUE, ())


@pytest.mark.parametrize("condition", ["rollback.tested", "rollback.untested", {"not": "rollback.tested"}])
def test_nothing_said_of_a_fact_that_is_neither_is_true(condition: object) -> None:
    assert read(condition, rollback_tested=None) == (Truth.FALSE, ())


CONDITIONS = st.recursive(
    st.sampled_from(
        [name for name, predicate in PREDICATES.items() if not predicate.limit] + ["always", "damaged"]
    )
    | st.builds(lambda n: {"hotfix.within": f"{n}m"}, st.integers(1, 59)),
    lambda inner: (
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3))
        | st.builds(lambda part: {"not": part}, inner)
    ),
    max_leaves=8,
)


@given(CONDITIONS)
def test_a_condition_is_said_as_it_was_written(written: object) -> None:
    condition = parse_condition(written)  # type: ignore[arg-type]

    assert say_condition(condition) == written
    assert parse_condition(say_condition(condition)) == condition


VALUES = {
    "yes_no": st.booleans(),
    "number": st.integers(0, 10_000),
}
FACTS_KNOWN = st.fixed_dictionaries(
    {},
    optional={
        name: st.sampled_from(fact.words) if fact.kind == "choice" else VALUES[fact.kind]
        for name, fact in FACTS.items()
    },
)


@given(CONDITIONS, FACTS_KNOWN, st.data())
def test_learning_a_fact_never_turns_true_into_false(
    written: object, facts: Facts, data: st.DataObject
) -> None:
    condition = parse_condition(written)  # type: ignore[arg-type]
    terms = {"damaged": parse_condition("damage.confirmed")}
    before = Judge(facts, terms, {}).read(condition)
    more = {**data.draw(FACTS_KNOWN), **facts}

    after = Judge(more, terms, {}).read(condition)

    assert before.truth in (Truth.UNKNOWN, after.truth)
    assert set(before.missing).isdisjoint(facts)
    assert bool(before.missing) is (before.truth is Truth.UNKNOWN)


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("cause.knwon", "did you mean cause.known"),
        ("zebra.zebra", "predicates are artifact.available"),
        ("hotfix.within", "needs a duration"),
        ({"hotfix.within": 10}, "needs a duration"),
        ({"hotfix.within": "10"}, "not a duration"),
        ({"cause.known": "10m"}, "is no condition"),
        ({"any": []}, "is no condition"),
        ({"all": ["overload"], "any": ["overload"]}, "is no condition"),
        (3, "is no condition"),
        (None, "is no condition"),
    ],
)
def test_what_is_no_condition_is_refused_with_the_valid_words(written: object, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_condition(written)  # type: ignore[arg-type]


def test_the_default_criteria_ask_for_every_fact_and_end_with_an_answer() -> None:
    assert set(CRITERIA.facts) == set(FACTS)
    assert CRITERIA.rules[-1].answer is Option.MITIGATE
    assert limits(CRITERIA)["hotfix_eta_minutes"] == (10, 60)
    assert {predicate.fact for predicate in PREDICATES.values()} <= set(FACTS)


def test_criteria_are_kept_as_json_and_read_back() -> None:
    kept = CRITERIA.model_dump(mode="json", by_alias=True)

    assert type(CRITERIA).model_validate(kept) == CRITERIA


def test_an_action_is_looked_at_again_after_its_time() -> None:
    assert CRITERIA.box(Option.CODE_ROLLBACK, {}) == timedelta(minutes=15)
    assert CRITERIA.box(Option.HOTFIX, {"hotfix_eta_minutes": 20}) == timedelta(minutes=30)
    assert CRITERIA.box(Option.HOTFIX, {"hotfix_eta_minutes": None}) is None
    without = load_criteria(mutant(TEXT, ("  wait: {after: 30m}\n", "")), "criteria.yaml")
    assert without.box(Option.WAIT, {}) is None


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "  control_plane_lost: {",
            "  control_plane_gone: {",
            "there is no fact 'control_plane_gone', did you mean",
        ),
        ("  control_plane_lost: {", "  control_plane_gone: {", "the fact control_plane_lost has no question"),
        (
            "nobody_knows: tenants",
            "nobody_knows: tenant",
            "data_scope cannot be 'tenant'. Valid are: none, rows",
        ),
        (
            "scope.part]}\n",
            "scope.prt]}\n",
            "terms.partial-damage: 'scope.prt' is no condition: did you mean",
        ),
        (
            "when: partial-damage",
            "when: partial-damag",
            "there is no term 'partial-damag', did you mean partial-damage",
        ),
        (
            "{all: [damage.confirmed, scope.part]}",
            "{all: [partial-damage]}",
            "the term 'partial-damage' is explained by",
        ),
        (
            "when: self.recovering",
            "when: always",
            "no rule after getting-better is ever reached, it is always true",
        ),
        ("when: always", "when: overload", "the last rule is not `when: always`, there would be no answer"),
        ("when: always", "when: overload", "otherwise is overloaded again, it is never reached"),
        ("removes: [failover]", "removes: [mitigate]", "V6-copies can take away the last answer, mitigate"),
        ("{after: 20m}", "{after: 20m, fact: hotfix_eta_minutes}", "a box has either `after` or `fact`"),
        ("{after: 20m}", "{after: 0s}", "boxes.failover.after: 0s is no time at all"),
        ("{after: 20m}", "{times: 2}", "a box has either `after` or `fact`"),
        ("{after: 20m}", "{fact: severity}", "there is no fact in minutes 'severity'"),
        ("id: V2\n", "id: V1\n", "a second 'V1', decisions name it"),
        (
            "answer: failover",
            "answer: fallover",
            "rules.0.answer cannot be 'fallover', did you mean failover?",
        ),
        (
            "because: It recovers by itself",
            "becuase: It recovers by itself",
            "there is no key 'becuase' here",
        ),
    ],
)
def test_a_mistake_in_the_criteria_is_told(old: str, new: str, expected: str) -> None:
    assert any(problem.startswith(expected) for problem in problems((old, new))), problems((old, new))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("cause_known", "Yes", True),
        ("cause_known", "false", False),
        ("cause_known", "unknown", None),
        ("data_scope", " Tenants ", "tenants"),
        ("hotfix_eta_minutes", "45", 45),
        ("severity", "?", None),
    ],
)
def test_people_type_facts(name: str, text: str, value: Value) -> None:
    assert parse_fact(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("cause_knwon", "yes", "did you mean cause_known"),
        ("zebra", "yes", "there are change_suspected"),
        ("cause_known", "maybe", "Valid are: yes, no, or unknown"),
        ("data_scope", "some", "Valid are: none, rows, tables"),
        ("hotfix_eta_minutes", "-5", "a number of minutes"),
        ("hotfix_eta_minutes", "٣", "a number of minutes"),
        ("hotfix_eta_minutes", "99999999999", "a number of minutes"),
    ],
)
def test_what_is_no_fact_or_no_value_is_refused(name: str, text: str, why: str) -> None:
    with pytest.raises(FactUnknown, match=why):
        parse_fact(name, text)


@pytest.mark.parametrize(
    ("name", "value"),
    [("cause_known", 1), ("hotfix_eta_minutes", True), ("hotfix_eta_minutes", -1), ("severity", "1")],
)
def test_a_stored_fact_has_the_type_of_its_fact(name: str, value: object) -> None:
    with pytest.raises(FactUnknown):
        check_fact(name, value)
    assert check_fact("hotfix_eta_minutes", 2.5) == 2.5
    assert check_fact("data_scope", None) is None
