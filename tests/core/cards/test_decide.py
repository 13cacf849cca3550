"""The card a decision is made on."""

from __future__ import annotations

from dataclasses import replace

import pytest
from inline_snapshot import snapshot

from bot.core.cards import said
from bot.core.cards.decide import Deciding, decision_card, effect_line
from bot.core.cards.incident import incident_card
from bot.core.deciding import WROTE, choice, weigh
from bot.core.document import Document, Menu, Paragraph, Who
from bot.core.events import (
    Decided,
    EffectDue,
    EffectObserved,
    FactLearnt,
    FreezePlaced,
    IncidentClosed,
    IncidentResolved,
    Probed,
    Proposed,
    ReasonStated,
    Scope,
)
from bot.core.freeze import Freeze, over
from bot.core.price import Market
from bot.core.probing import LOOKED_UP
from playbooks.catalog import load_catalog
from playbooks.load import load_playbook
from playbooks.words import Option
from tests.core.story import Story, at, planned, shown
from tests.core.test_decide import DAMAGE, RELEASE
from tests.core.test_deciding import CRITERIA, knowing, tried
from tests.runs.stage import CATALOG, PLAYBOOK

BOOK = load_playbook(PLAYBOOK, "restore.yaml").playbook


def seen(story: Story, minute: float = 30) -> Deciding:
    catalog = load_catalog(CATALOG, "catalog.yaml")
    market = Market(story.incident, catalog.tier("checkout"), [BOOK], (), str, at(minute))
    return Deciding.of(story.incident, CRITERIA, market, catalog, {}, command="/backstop")


def card(story: Story, minute: float = 30) -> str:
    return shown(decision_card(seen(story, minute)))


def test_a_freeze_of_the_service_is_told_with_its_end_and_others_are_not() -> None:
    def placed(id: str, seq: int, **more: object) -> Freeze:
        told = FreezePlaced(why="w", review_at=at(60), **more)  # type: ignore[arg-type]
        return Freeze(id, told, "ana", at(seq), review_at=at(60))

    here = Scope(services=("check*",), environments=("production",), kinds=("deploy", "config"))
    away = Scope(services=("search",), environments=("*",), kinds=("*",))
    elsewhere = Scope(services=("*",), environments=("staging",), kinds=("*",))
    freezes = [
        placed("FRZ-1", 1, scope=here),
        placed("FRZ-2", 2, scope=here, lift="at_until", until=at(50)),
        placed("FRZ-3", 3, scope=here, lift="at_until", until=at(29)),
        placed("FRZ-4", 4, scope=away),
        placed("FRZ-5", 5, scope=elsewhere),
    ]
    text = shown(
        decision_card(replace(seen(planned()), frozen=over(freezes, "checkout", "production", at(30))))
    )
    assert [line.strip() for line in text.splitlines() if "Frozen now" in line] == snapshot(
        [
            "• Frozen now: FRZ-1 stops deploy, config of check* in production, next look at 2026-11-23",
            "• Frozen now: FRZ-2 stops deploy, config of check* in production, until 2026-11-23 03:00:00Z.",
        ]
    )
    assert "Frozen now" not in card(planned())


def pinged(document: Document) -> list[str]:
    lines = [block.line for block in document.blocks if isinstance(block, Paragraph)]
    return [span.name for line in lines for span in line if isinstance(span, Who) and span.ping]


def test_where_nothing_is_known_several_people_are_asked_at_once() -> None:
    assert card(planned()) == snapshot("""\
INC-1: what to do
Nothing is known yet, so nothing is proposed. Ask what stands below: the answers choose between
        failover, restore_partial, restore_pitr, restore_full, mitigate, config_revert, wait,
        hotfix, code_rollback.
Meanwhile: Ease the pain without changing data - shed or drain load, switch features off - and find
        out what is asked below.
  • First: Freeze deployments, migrations, configuration, autoscalers and retention jobs. A change
        nobody planned undoes the recovery.
Still looking: change_type, minutes_since_change, previous_artifact_available and 5 more. What is
        found changes this card.
@bo (dba): Is data wrong or missing, and is it still being damaged?
  [None]  decide data_corruption:none unless:known inc:INC-1
  [Suspected]  decide data_corruption:suspected unless:known inc:INC-1
  [Confirmed]  decide data_corruption:confirmed unless:known inc:INC-1
  [Ongoing]  decide data_corruption:ongoing unless:known inc:INC-1
  [Nobody knows]  decide data_corruption:? unless:known inc:INC-1
@ana (commander): Is harm growing that cannot be taken back: money leaving, data leaking, messages
        going out?
  [Yes]  decide irreversible_harm_accruing:yes unless:known inc:INC-1
  [No]  decide irreversible_harm_accruing:no unless:known inc:INC-1
  [Nobody knows]  decide irreversible_harm_accruing:? unless:known inc:INC-1
@cy (app): Can a flag or a setting undo what set this off?
  [Yes]  decide config_or_flag_revert_possible:yes unless:known inc:INC-1
  [No]  decide config_or_flag_revert_possible:no unless:known inc:INC-1
  [Nobody knows]  decide config_or_flag_revert_possible:? unless:known inc:INC-1
@ana (nobody is ops yet: who knows?): Is it getting better by itself, measurably?
  [Yes]  decide self_recovering:yes unless:known inc:INC-1
  [No]  decide self_recovering:no unless:known inc:INC-1
  [Nobody knows]  decide self_recovering:? unless:known inc:INC-1
  [Choose…]  decide inc:INC-1 …
/backstop decide <fact>:<value> corrects a fact (?: nobody knows), /backstop decide <option> why:"…"
        records the choice · as of 2026-11-23 02:40:00Z
""")
    assert pinged(decision_card(seen(planned()))) == ["bo", "ana", "cy", "ana"]


def test_a_proposal_is_shown_with_what_rules_others_out_what_is_known_and_what_would_change_it() -> None:
    story = knowing(**{**DAMAGE, "replicas_affected": None})
    story.in_incident(6, FactLearnt(name="backup_age_minutes", value=12, source="machine:points"))
    assert card(story) == snapshot("""\
INC-1: what to do
Proposal: restore_full. The whole database is damaged and there is a backup.
  [Decide restore_full]  decide restore_full as:proposed inc:INC-1 why:"…"
  • First: Freeze deployments, migrations, configuration, autoscalers and retention jobs. A change
        nobody planned undoes the recovery.
  • First: Hold the recovery points from before the damage. Retention does not know that they are
        needed.
  • V6 rules out code_rollback, config_revert, hotfix: Data is damaged, and no change of code brings
        it back.
  • V6-copies rules out failover: Data is damaged or may be, and the copies are not known to be free
        of it.
  • restore_full with restore-orders: nobody can tell how long it takes, it was never carried out;
        gives up 36 min of writes, none of them good; meets the RPO.
Known:
  • change_suspected: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • change_type: code (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • minutes_since_change: 20 (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • config_or_flag_revert_possible: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • previous_artifact_available: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • rollback_tested: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • schema_change: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • new_version_wrote_incompatible_state: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • mixed_versions_running: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • data_corruption: confirmed (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • data_loss_mechanism: overwrite (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • data_scope: database (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • irreversible_harm_accruing: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • backup_available: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • backup_verified: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • backup_age_minutes: 12 (looked up: points, 2026-11-23 02:16:00Z, 24 min ago)
  • restore_point_predates_damage: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • pitr_available: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • replicas_affected: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • healthy_replica_available: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • failover_target_warm: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • node_or_site_failure: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • overload_or_metastable: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • estimated_restore_minutes: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • good_writes_since_restore_point: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • cause_known: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • hotfix_eta_minutes: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • hotfix_can_be_staged: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • traffic_drain_possible: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • external_dependency: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • forward_only_clients: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • self_recovering: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • service_currently_down: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • control_plane_lost: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • severity: 2 (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • customer_impact: partial (@bo, 2026-11-23 02:15:00Z, 25 min ago)
It would change if: backup_available = no → mitigate; pitr_available = yes → restore_pitr;
        data_corruption = suspected → mitigate; data_scope = none → restore_partial.
  [Choose…]  decide inc:INC-1 …
/backstop decide <fact>:<value> corrects a fact (?: nobody knows), /backstop decide <option> why:"…"
        records the choice · as of 2026-11-23 02:40:00Z
""")


def test_a_number_is_typed_and_many_answers_are_a_menu() -> None:
    facts = {name: value for name, value in DAMAGE.items() if name != "data_scope"}
    menus = [block for block in decision_card(seen(knowing(**facts))).blocks if isinstance(block, Menu)]
    assert [[button.label for button in menu.buttons] for menu in menus] == [
        ["None", "Rows", "Tables", "Tenants", "Database", "Estate", "Nobody knows"]
    ]
    fix = {name: value for name, value in RELEASE.items() if name != "hotfix_eta_minutes"}
    assert "/backstop decide hotfix_eta_minutes:<minutes>" in card(knowing(**{**fix, "cause_known": True}))


def test_a_proposal_that_needs_a_first_stage_has_no_button() -> None:
    story = knowing(**{**RELEASE, WROTE: None})
    assert (
        "It is not one press of a button, for not all is known that makes it safe: "
        "look that up, or go in stages." in " ".join(card(story).split())
    )
    assert "[Decide" not in card(story)


def test_what_must_be_repaired_before_the_proposal_stands_under_it() -> None:
    shown_so = " ".join(card(knowing(**{**RELEASE, "mixed_versions_running": None})).split())

    assert "Proposal: code_rollback." in shown_so
    assert "Before it: Count the versions that run, and bring all instances to one." in shown_so
    assert "[Decide" not in shown_so


def test_of_many_who_could_know_three_are_called() -> None:
    some = replace(seen(planned()), holders={"dba": ("bo", "cy", "dee", "eli", "flo")})
    assert "@bo, @cy, @dee and 2 more (dba): " in shown(decision_card(some))


def test_a_decision_stands_on_the_card_and_nothing_more_is_asked() -> None:
    story = knowing(**DAMAGE)
    story.in_incident(6, Decided(option="restore_full", why="all of it", proposal="restore_full"))
    text = card(story)
    assert "Decided: restore_full by @ana 2026-11-23 02:16:00Z: all of it.\n" in text
    assert "[Plan restore-orders]  plan restore-orders inc:INC-1" in text
    assert "Proposal" not in text
    assert "would change" not in text
    story.in_incident(7, FactLearnt(name="data_scope", value="rows"))
    assert "Proposal: restore_partial. " in card(story)


def test_what_came_of_a_decision_is_asked_and_shown() -> None:
    story = knowing(**RELEASE)
    made = story.in_incident(
        6, Decided(option="code_rollback", why="", proposal="", overridden=("V4: old",), effect_by=at(21))
    )
    story.in_incident(21, EffectDue(decision=made.seq, option="code_rollback"), by="backstop")
    assert card(story) == snapshot("""\
INC-1: what to do
Decided: code_rollback by @ana 2026-11-23 02:16:00Z. Against V4: old. It should help by 2026-11-23
        02:31:00Z.
Did it work? It was asked 2026-11-23 02:31:00Z.
  [It worked]  decide of:40 inc:INC-1 worked:yes
  [No change]  decide of:40 inc:INC-1 worked:no
  [It got worse]  decide of:40 inc:INC-1 worked:worse
  • First: Freeze deployments, migrations, configuration, autoscalers and retention jobs. A change
        nobody planned undoes the recovery.
  • V7 rules out restore_partial, restore_pitr, restore_full: Nothing shows that the data is bad.
Known:
  • change_suspected: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • change_type: code (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • minutes_since_change: 20 (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • config_or_flag_revert_possible: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • previous_artifact_available: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • rollback_tested: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • schema_change: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • new_version_wrote_incompatible_state: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • mixed_versions_running: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • data_corruption: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • data_loss_mechanism: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • data_scope: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • irreversible_harm_accruing: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • backup_available: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • backup_verified: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • backup_age_minutes: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • restore_point_predates_damage: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • pitr_available: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • replicas_affected: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • healthy_replica_available: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • failover_target_warm: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • node_or_site_failure: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • overload_or_metastable: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • estimated_restore_minutes: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • good_writes_since_restore_point: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • cause_known: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • hotfix_eta_minutes: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • hotfix_can_be_staged: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • traffic_drain_possible: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • external_dependency: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • forward_only_clients: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • self_recovering: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • service_currently_down: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • control_plane_lost: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • severity: 2 (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • customer_impact: partial (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  [Choose…]  decide inc:INC-1 …
/backstop decide <fact>:<value> corrects a fact (?: nobody knows), /backstop decide <option> why:"…"
        records the choice · as of 2026-11-23 02:40:00Z
""")
    story.in_incident(22, EffectObserved(decision=made.seq, option="code_rollback", outcome="worse"), by="bo")
    assert card(story) == snapshot("""\
INC-1: what to do
Decided: code_rollback by @ana 2026-11-23 02:16:00Z. Against V4: old. It should help by 2026-11-23
        02:31:00Z.
✗ Refuted: it got worse, @bo says 2026-11-23 02:32:00Z. code_rollback is not proposed again.
Proposal: mitigate. Nothing better is known - ease the pain and look for the cause.
  [Decide mitigate]  decide mitigate as:proposed inc:INC-1 why:"…"
  • First: Freeze deployments, migrations, configuration, autoscalers and retention jobs. A change
        nobody planned undoes the recovery.
  • V7 rules out restore_partial, restore_pitr, restore_full: Nothing shows that the data is bad.
  • tried-code-rollback rules out code_rollback: @ana decided it at 2026-11-23 02:16:00Z, and it got
        worse, as @bo says.
  • mitigate: nobody can tell how long it takes, nobody measured it; gives up no writes; meets the
        RPO.
Known:
  • change_suspected: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • change_type: code (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • minutes_since_change: 20 (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • config_or_flag_revert_possible: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • previous_artifact_available: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • rollback_tested: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • schema_change: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • new_version_wrote_incompatible_state: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • mixed_versions_running: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • data_corruption: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • data_loss_mechanism: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • data_scope: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • irreversible_harm_accruing: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • backup_available: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • backup_verified: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • backup_age_minutes: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • restore_point_predates_damage: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • pitr_available: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • replicas_affected: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • healthy_replica_available: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • failover_target_warm: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • node_or_site_failure: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • overload_or_metastable: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • estimated_restore_minutes: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • good_writes_since_restore_point: none (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • cause_known: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • hotfix_eta_minutes: nobody knows (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • hotfix_can_be_staged: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • traffic_drain_possible: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • external_dependency: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • forward_only_clients: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • self_recovering: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • service_currently_down: yes (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • control_plane_lost: no (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • severity: 2 (@bo, 2026-11-23 02:15:00Z, 25 min ago)
  • customer_impact: partial (@bo, 2026-11-23 02:15:00Z, 25 min ago)
It would change if: config_or_flag_revert_possible = yes → config_revert; self_recovering = yes →
        wait; cause_known = yes → hotfix; new_version_wrote_incompatible_state = yes → hotfix.
  [Choose…]  decide inc:INC-1 …
/backstop decide <fact>:<value> corrects a fact (?: nobody knows), /backstop decide <option> why:"…"
        records the choice · as of 2026-11-23 02:40:00Z
""")


def test_what_a_choice_was_made_without_knowing_stands_on_the_card_and_in_the_record() -> None:
    story, facts = knowing(), tuple(f"fact{number} (V{number})" for number in range(4))
    made = story.in_incident(6, Decided(option="restore_full", why="x", proposal="ask", unasked=facts))
    doubt = "Not ruled out yet, because nobody was asked: fact0 (V0), fact1 (V1), fact2 (V2) and 1 more."
    assert doubt in " ".join(card(story).split())
    record = shown(said(made, incident=story.incident, run=None, freeze=None))
    asked = "Not ruled out, for nobody was asked fact0 (V0), fact1 (V1), fact2 (V2) and 1 more"
    assert asked in " ".join(record.split())


def test_what_worked_is_said() -> None:
    story = knowing(**RELEASE)
    tried(story, "worked")
    assert "✓ it worked, @bo says 2026-11-23 02:32:00Z." in card(story)


def test_the_last_answer_that_was_tried_is_never_proposed_in_silence() -> None:
    story = knowing(**{**RELEASE, "change_suspected": False})
    tried(story, "no_change", "rollback")
    tried(story, "no_change", "mitigate")
    assert (
        "It was tried and did not work: nothing changed. Nothing else is left, so do it another way."
        in " ".join(card(story).split())
    )


@pytest.mark.parametrize("asks", [True, False])
def test_when_it_is_over_the_card_asks_only_what_a_release_wrote(asks: bool) -> None:
    story = knowing(cause_known=True)
    made = story.in_incident(6, Decided(option="hotfix", why="small", proposal="ask"))
    if not asks:
        story.in_incident(7, FactLearnt(name=WROTE, value=True))
        story.in_incident(8, EffectObserved(decision=made.seq, option="hotfix", outcome="worked"))
    story.in_incident(20, IncidentResolved(statement="back", data_statement="none"))
    text = card(story)
    assert ("Before it is closed: did the failed version write anything?" in text) is asks
    assert "INC-1 is resolved · as of" in text
    assert "decide <option>" not in text
    story.in_incident(21, IncidentClosed(backup_availability="no", recovery_speed="no"))
    assert "INC-1 is closed · as of" in card(story)


def test_the_answers_that_have_a_price_show_it() -> None:
    facts = {name: value for name, value in RELEASE.items() if name != "change_suspected"}
    text = " ".join(card(knowing(**{**facts, "cause_known": True, "hotfix_eta_minutes": 20})).split())
    assert "hotfix: 20 min to 30 min (a guess, as bo says); gives up no writes; the RTO has passed" in text


def test_what_a_machine_knows_otherwise_stands_beside_what_a_person_says() -> None:
    story = knowing(**RELEASE)
    story.in_incident(
        6, FactLearnt(name="change_type", value="schema", source="machine:x", because="ci"), by="backstop"
    )
    story.in_incident(7, FactLearnt(name="change_type", value="code"), by="bo")
    told = " ".join(card(story).split())
    assert "change_type: code (@bo" in told
    assert "but schema as looked up 2026-11-23 02:16:00Z (ci)" in told


def test_a_fact_that_is_too_old_to_count_says_so() -> None:
    story = knowing(**RELEASE)
    found = weigh(story.incident, CRITERIA, at(30))
    facts = {name: value for name, value in found.facts.items() if name != "cause_known"}
    text = shown(decision_card(replace(seen(story), found=replace(found, facts=facts))))
    assert "cause_known: no (@bo, 2026-11-23 02:15:00Z, 25 min ago) too old to count" in text


def test_without_anything_to_stop_or_a_playbook_nothing_of_it_is_shown() -> None:
    story = knowing(**RELEASE)
    quiet = replace(seen(story), found=replace(seen(story).found, containment=()))
    assert "First: " not in shown(decision_card(quiet))
    story.in_incident(6, Decided(option="hotfix", why="small", proposal="hotfix"))
    assert "[Plan" not in card(story)


def test_the_channel_reads_the_first_proposal_and_is_asked_whether_the_choice_worked() -> None:
    story = knowing(**RELEASE)
    first = story.in_incident(6, Proposed(option="wait", was="", why="SEV4 hurts nobody"))
    made = story.in_incident(7, Decided(option="wait", why="it gets better", proposal="wait"))
    due = story.in_incident(20, EffectDue(decision=made.seq, option="wait"), by="backstop")
    read = [shown(said(entry, incident=story.incident, run=None, freeze=None)) for entry in (first, due)]
    assert "\n".join(read) == snapshot("""\
@ana: Proposal: wait, because SEV4 hurts nobody

@ana: did it work? Decided: wait by @ana 2026-11-23 02:17:00Z: it gets better.
  [It worked]  decide of:41 inc:INC-1 worked:yes
  [No change]  decide of:41 inc:INC-1 worked:no
  [It got worse]  decide of:41 inc:INC-1 worked:worse
""")


def test_facts_that_do_not_go_together_stand_on_the_card() -> None:
    text = card(knowing(**{**DAMAGE, "backup_available": False, "restore_point_predates_damage": True}))
    assert (
        "Look again: backup_available is no and restore_point_predates_damage is yes: they do not go "
        "together, so one of them is mistaken."
    ) in " ".join(text.split())
    assert "Look again" not in card(knowing(**DAMAGE))


def test_where_nobody_knows_how_long_it_takes_it_is_asked_all_the_same_and_said() -> None:
    story = knowing(**DAMAGE)
    made = choice(story.incident, CRITERIA, "", Option.RESTORE_FULL, why="whole", at=at(10))
    entry = story.in_incident(10, made)
    assert (
        "Decided: restore_full by @ana 2026-11-23 02:20:00Z: whole. Nobody knows how long it takes, so "
        "whether it helps is asked 2026-11-23 03:20:00Z whatever comes of it; "
        "estimated_restore_minutes would tell better."
    ) in " ".join(card(story).split())
    told = said(entry, incident=story.incident, run=None, freeze=None)
    assert told
    assert (
        "Whether it helps is asked 2026-11-23 03:20:00Z, for nobody knows its minutes "
        "(estimated_restore_minutes)"
    ) in " ".join(shown(told).split())


def test_what_was_not_run_yet_is_asked_for_and_not_whether_it_worked() -> None:
    story = knowing(**DAMAGE)
    made = story.in_incident(10, Decided(option="restore_full", why="whole", proposal="", effect_by=at(20)))
    due = EffectDue(decision=made.seq, option="restore_full", waits=("RUN-1",))
    entry = story.in_incident(20, due, by="backstop")
    told = said(entry, incident=story.incident, run=None, freeze=None)
    assert told
    assert " ".join(shown(told).split()) == (
        "@ana: nothing was run for it yet. RUN-1 waits to be started: start it, or decide otherwise. "
        "Decided: restore_full by @ana 2026-11-23 02:20:00Z: whole. It should help by 2026-11-23 02:30:00Z."
    )


def test_what_machines_still_look_for_is_said_and_asked_of_nobody() -> None:
    facts = {name: value for name, value in RELEASE.items() if name not in LOOKED_UP["backups"]}
    known = {name: value for name, value in facts.items() if name not in ("data_corruption", "schema_change")}
    story = knowing(**known)
    text = " ".join(card(story).split())
    assert "Still looking: schema_change, " in text
    assert "What is found changes this card." in text
    assert "Did the release change the schema" not in text
    assert "Is data wrong or missing" in text
    for probe in LOOKED_UP:
        story.in_incident(7, Probed(probe=probe, unanswered={"schema_change": "nobody recorded it"}))
    text = " ".join(card(story).split())
    assert "Still looking" not in text


def test_a_choice_of_which_nobody_asks_whether_it_worked_names_no_moment() -> None:
    made = Decided(option="mitigate", why="nothing else is left", proposal="mitigate")
    assert effect_line(made) == ()


def test_a_reason_that_was_said_anew_stands_with_who_said_it_and_what_it_was_at_first() -> None:
    def told(why: str) -> str:
        story = planned()
        made = story.in_incident(6, Decided(option="wait", why=why, proposal="wait"))
        story.in_incident(7, ReasonStated(decision=99, option="wait", why="of another one"))
        for minute, reason in ((8, "it falls"), (9, "it falls since 02:15Z")):
            said = ReasonStated(decision=made.seq, option="wait", why=reason)
            story.in_incident(minute, said, by="bo")
        drawn = incident_card(story.incident, runs=[], freezes=[], recent=[], now=at(30))
        assert "Decided: wait: it falls since 02:15Z (@ana" in shown(drawn)
        return "\n".join(card(story).splitlines()[1:3])

    assert told("a guess") == snapshot("""\
Decided: wait by @ana 2026-11-23 02:16:00Z: it falls since 02:15Z.
The reason is as @bo said it anew 2026-11-23 02:19:00Z. At first it was: a guess.\
""")
    assert told("") == snapshot("""\
Decided: wait by @ana 2026-11-23 02:16:00Z: it falls since 02:15Z.
The reason is as @bo said it anew 2026-11-23 02:19:00Z. At first there was none.\
""")
