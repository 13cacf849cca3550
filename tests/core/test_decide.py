from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.decide import Decision, Threshold, decide
from playbooks import library
from playbooks.criteria import FACTS, Facts, Look, Value, load_criteria
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
    "restore_point_predates_damage": None,
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
    "restore_point_predates_damage": True,
    "replicas_affected": True,
}

UPGRADED: Mapping[str, Value] = {
    "schema_change": "irreversible",
    "backup_available": True,
    "cause_known": False,
    "service_currently_down": True,
    "good_writes_since_restore_point": "low",
}
TOO_YOUNG: Mapping[str, Value] = {
    "pitr_available": True,
    "restore_point_predates_damage": False,
    "good_writes_since_restore_point": "high",
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
        (RELEASE, {"new_version_wrote_incompatible_state": True}, Option.HOTFIX),
        (
            RELEASE,
            {"new_version_wrote_incompatible_state": True, "mixed_versions_running": True},
            Option.MITIGATE,
        ),
        (RELEASE, {"mixed_versions_running": True}, Option.MITIGATE),
        (RELEASE, {"previous_artifact_available": False}, Option.MITIGATE),
        (RELEASE, {"previous_artifact_available": None}, Option.MITIGATE),
        (RELEASE, {"rollback_tested": False}, Option.MITIGATE),
        (RELEASE, {"minutes_since_change": 4321}, Option.MITIGATE),
        (RELEASE, {"forward_only_clients": True}, Option.MITIGATE),
        (RELEASE, {"overload_or_metastable": True}, Option.MITIGATE),
        (RELEASE, {"rollback_tested": None}, Option.CODE_ROLLBACK),
        (RELEASE, {"rollback_tested": None, "minutes_since_change": 61}, Option.MITIGATE),
        (RELEASE, {"rollback_tested": None, "config_or_flag_revert_possible": None}, Option.MITIGATE),
        (RELEASE, {"customer_impact": "none", "service_currently_down": False}, Option.WAIT),
        (RELEASE, {"customer_impact": "none"}, Option.MITIGATE),
        (RELEASE, {"self_recovering": True}, Option.WAIT),
        (RELEASE, UPGRADED, Option.RESTORE_FULL),
        (RELEASE, {**UPGRADED, "minutes_since_change": 1_441}, Option.MITIGATE),
        (RELEASE, {**UPGRADED, "good_writes_since_restore_point": "high"}, Option.MITIGATE),
        (RELEASE, {**UPGRADED, "good_writes_since_restore_point": None}, Option.MITIGATE),
        (RELEASE, {**UPGRADED, "service_currently_down": False}, Option.MITIGATE),
        (RELEASE, {**UPGRADED, "service_currently_down": None}, Option.MITIGATE),
        (RELEASE, {**UPGRADED, "data_corruption": "suspected"}, Option.MITIGATE),
        (DAMAGE, TOO_YOUNG, Option.RESTORE_PITR),
        (DAMAGE, {**TOO_YOUNG, "pitr_available": False}, Option.RESTORE_FULL),
        (DAMAGE, {}, Option.RESTORE_FULL),
        (DAMAGE, {"pitr_available": True}, Option.RESTORE_PITR),
        (DAMAGE, {"pitr_available": True, "good_writes_since_restore_point": "high"}, Option.RESTORE_PITR),
        (DAMAGE, {"data_scope": "tenants"}, Option.RESTORE_PARTIAL),
        (DAMAGE, {"backup_available": False}, Option.MITIGATE),
        (DAMAGE, {"restore_point_predates_damage": False}, Option.RESTORE_FULL),
        (DAMAGE, {"data_corruption": None}, Option.RESTORE_PARTIAL),
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
    assert decision.why == (
        "Data is damaged, not known to be all of it - restore beside and bring back what is missing"
    )
    assert vetoes(decision) == {"V6", "V6-copies", "V9"}
    assert decision.possible == (Option.RESTORE_PARTIAL,)
    assert decision.ask == ()
    assert [part.id for part in decision.containment] == ["freeze", "hold-backups"]
    assert decision.safe_now == (
        "Freeze deployments, migrations, configuration, autoscalers and retention jobs",
        "Hold the recovery points from before the damage",
    )


def test_a_veto_names_what_would_give_the_option_back() -> None:
    decision = decide({**RELEASE, "mixed_versions_running": True}, CRITERIA)

    hit = next(veto for veto in decision.vetoes if veto.id == "V2")
    assert hit.removes == (Option.CODE_ROLLBACK,)
    assert hit.repair == "Bring all instances to one version"
    assert hit.override == "commander"


def test_versions_that_nobody_counted_are_brought_to_one_before_a_rollback() -> None:
    unseen = decide({**RELEASE, "mixed_versions_running": None}, CRITERIA)

    assert (unseen.proposal, unseen.rule) == (Option.CODE_ROLLBACK, "roll-back")
    assert unseen.first == ("Count the versions that run, and bring all instances to one",)
    assert not unseen.one_click
    assert not vetoes(unseen) & {"V2", "V2-unseen"}
    assert decide(RELEASE, CRITERIA).one_click
    # nobody can go only forward either where two versions may run
    written = {**RELEASE, "new_version_wrote_incompatible_state": True}
    assert proposal(written) is Option.HOTFIX
    assert proposal(written, mixed_versions_running=None) is Option.MITIGATE


@pytest.mark.parametrize(
    ("facts", "changes", "option", "unknown"),
    [
        (RELEASE, {}, Option.CODE_ROLLBACK, "mixed_versions_running"),
        (RELEASE, {}, Option.CODE_ROLLBACK, "new_version_wrote_incompatible_state"),
        (RELEASE, {}, Option.CODE_ROLLBACK, "minutes_since_change"),
        (RELEASE, {}, Option.CODE_ROLLBACK, "rollback_tested"),
        (CALM, {"cause_known": True, "severity": 1}, Option.HOTFIX, "hotfix_can_be_staged"),
        (CALM, {"cause_known": True, "hotfix_can_be_staged": False}, Option.HOTFIX, "severity"),
        (
            CALM,
            {"node_or_site_failure": True, "healthy_replica_available": True, "failover_target_warm": False},
            Option.FAILOVER,
            "overload_or_metastable",
        ),
        (
            CALM,
            {
                "node_or_site_failure": True,
                "healthy_replica_available": True,
                "overload_or_metastable": True,
            },
            Option.FAILOVER,
            "failover_target_warm",
        ),
        (DAMAGE, {}, Option.RESTORE_FULL, "restore_point_predates_damage"),
    ],
)
def test_what_nobody_knows_is_never_as_good_as_the_best_answer(
    facts: Facts, changes: dict[str, Value], option: Option, unknown: str
) -> None:
    known = decide({**facts, **changes}, CRITERIA)
    nobody = decide({**facts, **changes, unknown: None}, CRITERIA)

    assert (known.proposal, known.one_click) == (option, True)
    assert (nobody.proposal, nobody.one_click) != (option, True)


def test_nothing_known_asks_and_says_what_is_safe_meanwhile() -> None:
    decision = decide({}, CRITERIA)

    assert decision.proposal is None
    assert decision.rule is None
    assert decision.why.startswith("Not decided between failover, restore_partial")
    assert decision.why.endswith("what is asked decides it.")
    assert decision.flips == ()
    assert decision.look is None
    assert not decision.one_click
    assert [part.id for part in decision.containment] == ["freeze"]
    assert decision.safe_now[-1] == CRITERIA.meanwhile
    assert decision.first == ()
    assert decision.thresholds == ()
    assert Option.MITIGATE in decision.possible
    assert {ask.fact for ask in decision.ask} >= {"data_corruption", "irreversible_harm_accruing"}


def test_the_answer_so_far_stands_unless_what_is_not_asked_could_forbid_it() -> None:
    nothing = decide({}, CRITERIA).lead
    unclear = decide(without(RELEASE, "forward_only_clients"), CRITERIA)

    assert (nothing.option, nothing.stands, nothing.grounds) == (Option.MITIGATE, True, ())
    assert decide(without(RELEASE, "self_recovering"), CRITERIA).lead.stands
    assert (unclear.lead.option, unclear.lead.stands) == (Option.MITIGATE, True)
    for name in ("new_version_wrote_incompatible_state", "mixed_versions_running", "rollback_tested"):
        lead = decide(without(RELEASE, name), CRITERIA).lead
        assert (lead.option, lead.stands) == (Option.CODE_ROLLBACK, False), name


def test_grounds_are_what_is_known_of_the_facts_that_the_rule_rests_on() -> None:
    lead = decide({**DAMAGE, "data_scope": None}, CRITERIA).lead

    assert {(ground.fact, ground.value) for ground in lead.grounds} == {
        ("data_corruption", "confirmed"),
        ("data_scope", None),
        ("backup_available", True),
    }


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
    assert not {fact for fact, _, _ in flips} & {"backup_age_minutes", "control_plane_lost"}


@pytest.mark.parametrize("facts", [RELEASE, DAMAGE, CALM])
def test_each_flip_is_true(facts: Facts) -> None:
    decision = decide(facts, CRITERIA)

    assert decision.flips
    for flip in decision.flips:
        assert proposal(facts, **{flip.fact: flip.value}) is flip.option


def test_numbers_name_the_limit_at_which_another_answer_overtakes() -> None:
    facts = {**RELEASE, "cause_known": True, "hotfix_eta_minutes": 35, "customer_impact": "partial"}

    assert set(decide(facts, CRITERIA).thresholds) == {
        Threshold("hotfix_eta_minutes", 10, below=True, known=35, option=Option.HOTFIX),
        Threshold("minutes_since_change", 4320, below=False, known=20, option=Option.HOTFIX),
    }
    assert set(decide({**facts, "hotfix_eta_minutes": None}, CRITERIA).thresholds) >= {
        Threshold("hotfix_eta_minutes", 10, below=True, known=None, option=Option.HOTFIX),
    }
    for threshold in decide(facts, CRITERIA).thresholds:
        inside = {threshold.fact: threshold.limit + (0 if threshold.below else 1)}
        outside = {threshold.fact: threshold.limit + (1 if threshold.below else 0)}
        assert proposal(facts, **inside) is threshold.option
        assert proposal(facts, **outside) is Option.CODE_ROLLBACK


def test_the_answer_says_when_to_decide_again() -> None:
    assert decide(RELEASE, CRITERIA).look == Look(timedelta(minutes=15))
    timed = {**DAMAGE, "estimated_restore_minutes": 20}
    assert decide(timed, CRITERIA).look == Look(timedelta(minutes=30))
    unknown = Look(timedelta(hours=1), missing="estimated_restore_minutes")
    assert decide(DAMAGE, CRITERIA).look == unknown


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
