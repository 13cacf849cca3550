from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.decide.walk import open_bits
from playbooks import library
from playbooks.corpus import corpus
from playbooks.criteria import (
    FACTS,
    PREDICATES,
    Alternatives,
    Facts,
    FactSheet,
    FactUnknown,
    Known,
    Look,
    Value,
    apart,
    check_fact,
    load_criteria,
    parse_condition,
    parse_fact,
    say_condition,
)
from playbooks.criteria.conditions import All, Atom, Condition, Either, Not, Somebody, Term
from playbooks.criteria.odds import APART
from playbooks.criteria.predicates import holds
from playbooks.criteria.sheet import NEITHER, fact_sheet
from playbooks.problems import PlaybookInvalid
from playbooks.words import Option
from tests.playbooks.examples import mutant

LAST = "when: always\n    answer"
TEXT = library.read("criteria.yaml")
CRITERIA = load_criteria(TEXT, "criteria.yaml")


def problems(*changes: tuple[str, str]) -> list[str]:
    with pytest.raises(PlaybookInvalid) as invalid:
        load_criteria(mutant(TEXT, *changes), "criteria.yaml")
    return [str(problem).partition(": ")[2] for problem in invalid.value.problems]


SAFE: dict[str, Value] = {
    **dict.fromkeys(FACTS, NEITHER),
    "cause_known": False,
    "data_scope": "tenants",
}
TERMS = {"damaged": parse_condition("damage.confirmed")}


def sheet_for(written: object, safe: Facts = SAFE) -> tuple[FactSheet, Alternatives]:
    condition = parse_condition(written)  # type: ignore[arg-type]
    kinds = {name: (FACTS[name], safe[name]) for name in FACTS}
    sheet = fact_sheet(kinds, TERMS, [condition], frozenset())
    return sheet, sheet.alternatives(condition)


def read(written: object, **facts: Value) -> tuple[bool | None, tuple[str, ...]]:
    """Return whether a condition is true, or None, with the facts it waits for."""
    sheet, when = sheet_for(written)
    seen = sheet.see(facts)
    waits = open_bits(when, seen)
    return (None if waits else waits is not None), tuple(sheet.facts(waits or 0))


@pytest.mark.parametrize(
    ("condition", "facts", "truth"),
    [
        ("cause.known", {"cause_known": True}, True),
        ("cause.known", {"cause_known": False}, False),
        ("damaged", {"data_corruption": "ongoing"}, True),
        ({"not": "damaged"}, {"data_corruption": "ongoing"}, False),
        ({"hotfix.within": "10m"}, {"hotfix_eta_minutes": 10}, True),
        ({"hotfix.within": "10m"}, {"hotfix_eta_minutes": 10.1}, False),
        ({"release.older_than": "3d"}, {"minutes_since_change": 4321}, True),
        ({"release.older_than": "3d"}, {"minutes_since_change": 4320}, False),
        ("sev1", {"severity": 1}, True),
        ("sev1", {"severity": 2}, False),
        ("always", {}, True),
        ({"not": "always"}, {}, False),
        ({"known": "cause_known"}, {"cause_known": False}, True),
        ({"known": "cause_known"}, {"cause_known": None}, False),
        ({"not": {"known": "hotfix_eta_minutes"}}, {"hotfix_eta_minutes": None}, True),
        ({"known": "hotfix_eta_minutes"}, {"hotfix_eta_minutes": 5}, True),
        ({"all": ["cause.known", "overload"]}, {"cause_known": False}, False),
        ({"any": ["overload", "cause.known"]}, {"cause_known": True}, True),
        ({"any": ["cause.known", "cause.known"]}, {"cause_known": False}, False),
        ({"not": {"all": ["cause.known", "cause.known"]}}, {"cause_known": True}, False),
        ({"not": {"any": ["overload", "cause.known"]}}, {"cause_known": True}, False),
    ],
)
def test_conditions_come_to_what_the_facts_say(condition: object, facts: Facts, truth: bool) -> None:
    assert read(condition, **facts) == (truth, ())


def test_what_was_not_asked_leaves_a_condition_open_and_is_named() -> None:
    assert read({"all": ["overload", "cause.known", "overload"]}) == (
        None,
        ("overload_or_metastable", "cause_known"),
    )
    assert read({"not": {"any": ["overload", "cause.known"]}}, cause_known=False) == (
        None,
        ("overload_or_metastable",),
    )
    assert read({"known": "cause_known"}) == (None, ("cause_known",))


def test_what_nobody_knows_has_its_safe_value() -> None:
    assert read("cause.known", cause_known=None) == (False, ())
    assert read("scope.part", data_scope=None) == (True, ())


@pytest.mark.parametrize("condition", ["rollback.tested", "rollback.untested", {"not": "rollback.tested"}])
def test_nothing_said_of_a_fact_that_is_neither_is_true(condition: object) -> None:
    assert read(condition, rollback_tested=None) == (False, ())


def test_a_value_that_the_fact_cannot_have_counts_as_known_to_nobody() -> None:
    assert read("scope.part", data_scope="galaxy") == (True, ())
    assert read({"hotfix.within": "10m"}, hotfix_eta_minutes="soon") == (False, ())


def test_a_condition_that_can_be_true_in_too_many_ways_is_refused() -> None:
    either = {"any": ["overload", "cause.known", "external", "sev1"]}
    others = {"any": ["site.failed", "impact.none", "self.recovering", "service.down"]}
    more = {"any": ["versions.mixed", "control.lost", "config.revertible", "backup.available"]}
    many = {"any": [{"all": [left, right]} for left in PLAIN[:9] for right in PLAIN[9:18]]}

    with pytest.raises(ValueError, match="over 64 ways"):
        sheet_for({"all": [either, others, more, {"any": ["pitr.available", "replica.healthy"]}]})
    with pytest.raises(ValueError, match="over 64 ways"):
        sheet_for(many)


PLAIN = [name for name, predicate in PREDICATES.items() if not predicate.limit]
CONDITIONS = st.recursive(
    st.sampled_from([*PLAIN, "always", "damaged"])
    | st.sampled_from([{"known": "cause_known"}, {"known": "severity"}])
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
    more = {**data.draw(FACTS_KNOWN), **facts}
    before, missing = read(written, **facts)

    assert before in (None, read(written, **more)[0])
    assert set(missing).isdisjoint(facts)
    assert bool(missing) is (before is None)


@given(CONDITIONS, FACTS_KNOWN)
def test_what_is_looked_up_is_what_the_condition_says(written: object, facts: Facts) -> None:
    known = {name: facts.get(name) for name in FACTS}

    assert read(written, **known) == (_by_hand(parse_condition(written), known, wanted=True), ())  # type: ignore[arg-type]


def _by_hand(condition: Condition, facts: Facts, *, wanted: bool) -> bool:
    """Return what a condition comes to, worked out as it is written."""
    match condition:
        case Term(name):
            return _by_hand(TERMS[name], facts, wanted=wanted)
        case Not(part):
            return _by_hand(part, facts, wanted=not wanted)
        case All(parts) | Either(parts):
            each = [_by_hand(part, facts, wanted=wanted) for part in parts]
            return all(each) if isinstance(condition, All) is wanted else any(each)
        case Somebody(fact):
            return (facts[fact] is not None) is wanted
        case Atom():
            value = facts[condition.test.fact]
            value = SAFE[condition.test.fact] if value is None else value
            return value != NEITHER and holds(condition.test, value) is wanted


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("cause.knwon", "did you mean cause.known"),
        ("zebra.zebra", "predicates are artifact.available"),
        ("hotfix.within", "needs a duration"),
        ({"hotfix.within": 10}, "needs a duration"),
        ({"hotfix.within": "10"}, "not a duration"),
        ({"cause.known": "10m"}, "is no condition"),
        ({"known": "cause_knwon"}, "did you mean cause_known"),
        ({"known": 3}, "is no condition"),
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
    assert CRITERIA.tables.sheet.column("hotfix_eta_minutes").turns == (10, 60)
    assert {predicate.fact for predicate in PREDICATES.values()} <= set(FACTS)


def test_criteria_are_kept_as_json_and_read_back() -> None:
    kept = CRITERIA.model_dump(mode="json", by_alias=True)

    assert type(CRITERIA).model_validate(kept) == CRITERIA


def test_an_action_is_looked_at_again_after_its_time() -> None:
    assert CRITERIA.look(Option.CODE_ROLLBACK, {}) == Look(timedelta(minutes=15))
    assert CRITERIA.look(Option.HOTFIX, {"hotfix_eta_minutes": 40}) == Look(timedelta(minutes=60))
    unknown = Look(timedelta(minutes=30), missing="hotfix_eta_minutes")
    assert CRITERIA.look(Option.HOTFIX, {"hotfix_eta_minutes": None}) == unknown
    assert set(CRITERIA.boxes) == set(Option)
    less = (
        ("  wait: {after: 30m}\n", ""),
        ("{fact: hotfix_eta_minutes, after: 30m}", "{fact: hotfix_eta_minutes}"),
    )
    without = load_criteria(mutant(TEXT, *less), "criteria.yaml")
    assert without.look(Option.WAIT, {}) is None
    assert without.look(Option.HOTFIX, {}) is None


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
            "scope.whole]}\n",
            "scope.whoel]}\n",
            "terms.damaged-whole: 'scope.whoel' is no condition: did you mean",
        ),
        (
            "when: damaged-in-part",
            "when: damaged-in-pat",
            "there is no term 'damaged-in-pat', did you mean damaged-in-part",
        ),
        (
            "{all: [damage.confirmed, scope.whole]}",
            "{all: [damaged-in-part]}",
            "the term 'damaged-whole' is explained by",
        ),
        (
            "when: self.recovering",
            "when: always",
            "fail-back is never reached, getting-better decides whenever it is true",
        ),
        (LAST, LAST.replace("always", "overload"), "the last rule is not `when: always`, there would be"),
        (
            "when: {all: [versions.mixed, {known: mixed_versions_running}]}",
            "when: {all: [versions.mixed, versions.same]}",
            "V2 can never be true, no facts",
        ),
        (
            "when: self.recovering",
            "when: {all: [scope.part, scope.whole]}",
            "getting-better is never reached, no facts make it true",
        ),
        (
            "{all: [change.suspected, fix-at-hand, {not: overload}]}",
            "damage.confirmed",
            "fix-is-there is never reached, V6 takes hotfix away whenever it is true",
        ),
        (
            "{all: [change.suspected, fix-at-hand, {not: overload}]}",
            "{all: [cause.known, overload, {hotfix.within: 20m}]}",
            "fix-is-there is never reached, fix-the-overload decides whenever it is true",
        ),
        ("repairs: [V2-unseen]", "repairs: [V3, V44]", "there is no veto 'V44', did you mean V4?"),
        (
            "      cause_known: With",
            "      cause_knwon: With",
            "there is no fact 'cause_knwon', did you mean cause_known",
        ),
        (
            "repairs: [V2-unseen]",
            "repairs: [V1]",
            "roll-back cannot repair V1, it has no `repair`",
        ),
        (
            "repairs: [V2-unseen]",
            "repairs: [V8]",
            "roll-back cannot repair V8, it leaves code_roll",
        ),
        (
            "when: cause.known",
            "when: {all: ["
            + ", ".join(["{any: [sev1, overload, external, cause.known, service.down]}"] * 1)
            + ", {any: [pitr.available, site.failed, impact.full, backup.verified]}"
            + ", {any: [control.lost, writes.few, versions.same, replica.healthy]}]}",
            "it can be true in over 64 ways: make it several",
        ),
        ("rests_on: [L3, L5]", "rests_on: [L14]", "vetoes.0.rests_on.0: String should match pattern"),
        ("removes: [failover]", "removes: [mitigate]", "V6-copies can take away the last answer, mitigate"),
        ("{after: 20m}", "{after: 0s}", "boxes.failover.after: 0s is no time at all"),
        ("{after: 20m}", "{times: 2}", "a box has neither `after` nor `fact`"),
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
        ("severity", "4", 4),
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
        ("severity", "9", "severity cannot be '9'. Valid are: 1, 2, 3, 4, or unknown"),
        ("severity", "0", "Valid are: 1, 2, 3, 4"),
        ("data_scope", "3", "Valid are: none, rows, tables"),
    ],
)
def test_what_is_no_fact_or_no_value_is_refused(name: str, text: str, why: str) -> None:
    with pytest.raises(FactUnknown, match=why):
        parse_fact(name, text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cause_known", 1),
        ("hotfix_eta_minutes", True),
        ("hotfix_eta_minutes", -1),
        ("severity", "1"),
        ("severity", 9),
        ("severity", 1.5),
        ("severity", True),
        ("data_scope", 3),
    ],
)
def test_a_stored_fact_has_the_type_of_its_fact(name: str, value: object) -> None:
    with pytest.raises(FactUnknown):
        check_fact(name, value)
    assert check_fact("hotfix_eta_minutes", 2.5) == 2.5
    assert check_fact("data_scope", None) is None


def test_a_fact_learnt_too_long_ago_is_as_if_not_asked() -> None:
    now = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

    def learnt(value: Value, minutes: int) -> Known:
        return Known(value, "person", "ana", now - timedelta(minutes=minutes))

    known = {
        "self_recovering": learnt(value=True, minutes=30),
        "cause_known": learnt(value=None, minutes=600),
        "long_gone": learnt("word", minutes=1),
    }
    assert CRITERIA.fresh(known, now) == {"self_recovering": True, "cause_known": None, "long_gone": "word"}
    assert "self_recovering" not in CRITERIA.fresh(known, now + timedelta(seconds=1))


def test_facts_that_do_not_go_together_can_be_so_and_hardly_ever_are() -> None:
    for pair in APART:
        for name, values in ((pair.one, pair.values), (pair.other, pair.against)):
            assert [check_fact(name, value) for value in values] == list(values)
    odd = [one.id for one in corpus().values() if list(apart(one.facts))]
    assert odd == ["pixar-toystory2-1998"]
