from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.decide import Decision, decide
from playbooks import library
from playbooks.criteria import FACTS, Facts, Value, load_criteria
from playbooks.words import Option

CRITERIA = load_criteria(library.read("criteria.yaml"), "criteria.yaml")

QUIET: dict[str, Value] = {
    name: {"yes_no": False, "number": None, "choice": "none"}[fact.kind] for name, fact in FACTS.items()
}
CALM = {
    **QUIET,
    "severity": 2,
    "customer_impact": "partial",
    "service_currently_down": True,
    "failover_target_warm": True,
    "restore_point_predates_damage": True,
    "hotfix_can_be_staged": True,
    "rollback_tested": None,
    "good_writes_since_restore_point": "none",
}
RELEASE = {
    **CALM,
    "change_suspected": True,
    "change_type": "code",
    "minutes_since_change": 20,
    "previous_artifact_available": True,
    "rollback_tested": True,
}
DAMAGE = {
    **RELEASE,
    "data_corruption": "confirmed",
    "data_loss_mechanism": "overwrite",
    "data_scope": "database",
    "backup_available": True,
    "replicas_affected": True,
}


def proposal(facts: Facts, **changes: Value) -> Option | None:
    return decide({**facts, **changes}, CRITERIA).proposal


def without(facts: Facts, *names: str) -> Facts:
    return {name: value for name, value in facts.items() if name not in names}


def vetoes(decision: Decision) -> set[str]:
    return {veto.id for veto in decision.vetoes}


@pytest.mark.parametrize(
    ("facts", "changes", "option"),
    [
        (RELEASE, {}, Option.CODE_ROLLBACK),
        (RELEASE, {"config_or_flag_revert_possible": True}, Option.CONFIG_REVERT),
        (RELEASE, {"cause_known": True, "hotfix_eta_minutes": 10}, Option.HOTFIX),
        (RELEASE, {"cause_known": True, "hotfix_eta_minutes": 11}, Option.CODE_ROLLBACK),
        (RELEASE, {"new_version_wrote_incompatible_state": True}, Option.MITIGATE),
        (RELEASE, {"mixed_versions_running": True}, Option.MITIGATE),
        (RELEASE, {"previous_artifact_available": False}, Option.MITIGATE),
        (RELEASE, {"rollback_tested": False}, Option.MITIGATE),
        (RELEASE, {"minutes_since_change": 4321}, Option.MITIGATE),
        (RELEASE, {"forward_only_clients": True}, Option.MITIGATE),
        (RELEASE, {"overload_or_metastable": True}, Option.MITIGATE),
        (RELEASE, {"customer_impact": "none"}, Option.WAIT),
        (RELEASE, {"self_recovering": True}, Option.WAIT),
        (RELEASE, {"schema_change": "irreversible", "backup_available": True}, Option.RESTORE_FULL),
        (DAMAGE, {}, Option.RESTORE_FULL),
        (DAMAGE, {"pitr_available": True}, Option.RESTORE_PITR),
        (DAMAGE, {"pitr_available": True, "good_writes_since_restore_point": "high"}, Option.RESTORE_FULL),
        (DAMAGE, {"data_scope": "tenants"}, Option.RESTORE_PARTIAL),
        (DAMAGE, {"backup_available": False}, Option.MITIGATE),
        (DAMAGE, {"restore_point_predates_damage": False}, Option.MITIGATE),
        (
            DAMAGE,
            {"node_or_site_failure": True, "healthy_replica_available": True, "replicas_affected": False},
            Option.FAILOVER,
        ),
        (CALM, {"node_or_site_failure": True, "healthy_replica_available": True}, Option.FAILOVER),
        (
            CALM,
            {
                "node_or_site_failure": True,
                "healthy_replica_available": True,
                "overload_or_metastable": True,
                "failover_target_warm": False,
            },
            Option.MITIGATE,
        ),
        (CALM, {"cause_known": True}, Option.HOTFIX),
        (CALM, {"cause_known": True, "severity": 1, "hotfix_can_be_staged": False}, Option.MITIGATE),
        (CALM, {}, Option.MITIGATE),
    ],
)
def test_the_first_true_rule_that_no_veto_takes_away_proposes(
    facts: Facts, changes: dict[str, Value], option: Option
) -> None:
    assert proposal(facts, **changes) is option


def test_a_proposal_says_why_and_what_it_ruled_out() -> None:
    decision = decide({**DAMAGE, "data_scope": "rows"}, CRITERIA)

    assert decision.rule == "damage-in-part"
    assert decision.why == "Only a part is damaged - restore beside and bring back what is missing"
    assert vetoes(decision) == {"V6", "V6-copies", "V9"}
    assert decision.possible == (Option.RESTORE_PARTIAL,)
    assert decision.ask == ()
    assert [part.id for part in decision.containment] == ["freeze", "hold-backups"]
    assert decision.safe_now == (
        "Freeze deployments, migrations, configuration, autoscalers and retention jobs",
        "Hold the recovery points from before the damage",
    )


def test_a_veto_names_what_would_give_the_option_back() -> None:
    decision = decide({**RELEASE, "previous_artifact_available": False}, CRITERIA)

    hit = next(veto for veto in decision.vetoes if veto.id == "V3")
    assert hit.removes == (Option.CODE_ROLLBACK,)
    assert hit.repair == "Publish the release before again and pull it once"
    assert hit.override == "commander"


def test_nothing_known_asks_and_says_what_is_safe_meanwhile() -> None:
    decision = decide({}, CRITERIA)

    assert decision.proposal is None
    assert decision.rule is None
    assert decision.why.startswith("Not decided between failover, restore_partial")
    assert decision.why.endswith("what is asked decides it.")
    assert decision.flips == ()
    assert decision.decide_again is None
    assert not decision.one_click
    assert decision.safe_now == (CRITERIA.meanwhile,)
    assert Option.MITIGATE in decision.possible
    assert {ask.fact for ask in decision.ask} >= {"data_corruption", "irreversible_harm_accruing"}


def test_machines_are_asked_before_people_and_people_by_their_role() -> None:
    asks = decide({}, CRITERIA).ask

    assert [ask.machine for ask in asks] == sorted((ask.machine for ask in asks), reverse=True)
    person = next(ask for ask in asks if ask.fact == "data_corruption")
    assert (person.role, person.question) == (
        "dba",
        "Is data wrong or missing, and is it still being damaged?",
    )


def test_containment_is_asked_first_even_when_the_answer_is_clear() -> None:
    decision = decide(without(RELEASE, "irreversible_harm_accruing"), CRITERIA)

    assert decision.proposal is Option.CODE_ROLLBACK
    assert [ask.fact for ask in decision.ask] == ["irreversible_harm_accruing"]


def test_ongoing_damage_stops_the_writers_before_anything_else() -> None:
    decision = decide({"data_corruption": "ongoing"}, CRITERIA)

    assert decision.containment[0].id == "stop-writers"
    assert decision.safe_now[0] == "Stop the writers and consumers, or flip the kill switch"
    assert decision.safe_now[-1] == CRITERIA.meanwhile


def test_unknown_scope_restores_beside_and_never_in_place() -> None:
    assert proposal(DAMAGE, data_scope=None) is Option.RESTORE_PARTIAL
    asked = decide(without(DAMAGE, "data_scope"), CRITERIA)
    assert asked.proposal is None
    assert [ask.fact for ask in asked.ask] == ["data_scope"]


def test_unknown_damage_asks_and_is_never_rolled_back() -> None:
    assert decide(without(RELEASE, "data_corruption"), CRITERIA).proposal is None
    unknown = decide({**RELEASE, "data_corruption": None}, CRITERIA)
    assert unknown.proposal is Option.MITIGATE
    assert "V6-suspected" in vetoes(unknown)


def test_a_rollback_needs_something_known_that_makes_it_safe() -> None:
    nothing: dict[str, Value] = {
        "previous_artifact_available": None,
        "rollback_tested": None,
        "new_version_wrote_incompatible_state": None,
        "mixed_versions_running": None,
        "minutes_since_change": None,
    }
    blank = decide({**RELEASE, **nothing}, CRITERIA)

    assert blank.proposal is Option.MITIGATE
    assert "V3" in vetoes(blank)


def test_a_rollback_is_one_click_only_when_the_old_release_can_read_what_was_written() -> None:
    assert decide(RELEASE, CRITERIA).one_click
    assert not decide({**RELEASE, "new_version_wrote_incompatible_state": None}, CRITERIA).one_click
    assert decide({**RELEASE, "config_or_flag_revert_possible": True}, CRITERIA).one_click


def test_a_veto_that_waits_for_a_fact_is_the_next_question() -> None:
    decision = decide(without(RELEASE, "mixed_versions_running"), CRITERIA)

    assert decision.possible == (Option.CODE_ROLLBACK, Option.MITIGATE)
    assert [ask.fact for ask in decision.ask] == ["mixed_versions_running"]


def test_the_facts_that_would_flip_the_answer_are_named_with_the_value_that_does() -> None:
    flips = {(flip.fact, flip.value, flip.option) for flip in decide(RELEASE, CRITERIA).flips}

    assert ("data_corruption", "suspected", Option.MITIGATE) in flips
    assert ("config_or_flag_revert_possible", True, Option.CONFIG_REVERT) in flips
    assert ("minutes_since_change", 4321, Option.MITIGATE) in flips
    assert not {fact for fact, _, _ in flips} & {"backup_age_minutes", "control_plane_lost"}


def test_each_flip_is_true() -> None:
    for facts in (RELEASE, DAMAGE, CALM):
        for flip in decide(facts, CRITERIA).flips:
            assert proposal(facts, **{flip.fact: flip.value}) is flip.option


def test_the_answer_says_when_to_decide_again() -> None:
    assert decide(RELEASE, CRITERIA).decide_again == timedelta(minutes=15)
    assert decide({**DAMAGE, "estimated_restore_minutes": 20}, CRITERIA).decide_again == timedelta(minutes=30)
    assert decide(DAMAGE, CRITERIA).decide_again is None


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    """Draw facts of which any may be unknown or not asked."""
    known: dict[str, Value] = {}
    for name, fact in FACTS.items():
        values: dict[str, st.SearchStrategy[Value]] = {
            "yes_no": st.booleans(),
            "choice": st.sampled_from(fact.words or ("",)),
            "number": st.sampled_from((0, 1, 2, 10, 11, 60, 61, 4320, 4321)),
        }
        if draw(st.integers(0, 4)):
            known[name] = draw(st.none() | values[fact.kind])
    return known


@given(any_facts())
def test_damaged_data_is_never_only_rolled_back_and_part_of_it_never_overwritten_whole(facts: Facts) -> None:
    decided = decide(facts, CRITERIA)

    if facts.get("data_corruption", "none") in ("confirmed", "ongoing", "suspected", None):
        assert decided.proposal is not Option.CODE_ROLLBACK
    if decided.proposal in (Option.RESTORE_FULL, Option.RESTORE_PITR):
        damaged = facts["data_corruption"] in ("confirmed", "ongoing")
        assert not damaged or facts["data_scope"] in ("database", "estate", "none")
        assert damaged or facts["schema_change"] in ("irreversible", None)
    if decided.proposal is Option.CODE_ROLLBACK:
        assert facts["previous_artifact_available"] is True
    assert decided.proposal is not None or decided.ask


@given(any_facts(), st.sampled_from(sorted(FACTS)), st.none() | st.booleans())
def test_an_answer_once_clear_stays_when_more_is_asked(facts: Facts, name: str, value: Value) -> None:
    decided = decide(facts, CRITERIA)

    if decided.proposal is not None and name not in facts and FACTS[name].kind == "yes_no":
        assert proposal(facts, **{name: value}) is decided.proposal


def _incidents() -> list[dict[str, Any]]:
    shared = os.environ.get("BACKSTOP_SHARED") or Path(__file__).parents[3] / "shared"
    file = Path(shared) / "data" / "incidents.jsonl"
    if not file.is_file():
        pytest.skip(
            f"the coded incidents are not here: set BACKSTOP_SHARED to the folder that holds {file.name}"
        )
    incidents = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [incident for incident in incidents if incident["best_action"]]


def _known(incident: dict[str, Any]) -> Facts:
    """Return what was known at the time; what a record does not say was known to nobody."""
    return {name: incident["facts"].get(name) for name in FACTS}


def _unsafe(incident: dict[str, Any], option: Option | None) -> bool:
    # restoring beside overwrites nothing: it may be slow, and is never unsafe
    risky = (Option.CODE_ROLLBACK, Option.RESTORE_FULL, Option.RESTORE_PITR)
    return option in risky and option not in incident["acceptable_actions"]


def test_real_incidents_get_acceptable_answers_and_no_unsafe_one() -> None:
    incidents = _incidents()
    answers = [(incident, decide(_known(incident), CRITERIA).proposal) for incident in incidents]

    exact = sum(answer == incident["best_action"] for incident, answer in answers)
    acceptable = sum(answer in incident["acceptable_actions"] for incident, answer in answers)
    unsafe = [incident["id"] for incident, answer in answers if _unsafe(incident, answer)]

    assert (len(incidents), exact, acceptable, unsafe) == (124, 116, 122, [])


@pytest.mark.parametrize(
    "blank",
    [
        ("data_scope",),
        ("data_corruption", "data_loss_mechanism", "data_scope"),
        (
            "rollback_tested",
            "new_version_wrote_incompatible_state",
            "mixed_versions_running",
            "minutes_since_change",
            "previous_artifact_available",
        ),
    ],
)
def test_real_incidents_with_facts_that_nobody_knows_get_no_unsafe_answer(blank: tuple[str, ...]) -> None:
    nobody: dict[str, Value] = dict.fromkeys(blank)

    for incident in _incidents():
        assert not _unsafe(incident, proposal(_known(incident), **nobody)), incident["id"]


def test_asking_one_question_at_a_time_from_nothing_comes_to_the_same_answers() -> None:
    for incident in _incidents():
        known = _known(incident)
        facts: dict[str, Value] = {}
        while (decided := decide(facts, CRITERIA)).proposal is None:
            facts[decided.ask[0].fact] = known[decided.ask[0].fact]
        assert decided.proposal is proposal(known), incident["id"]
