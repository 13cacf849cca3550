"""What an incident's record makes of the criteria, and which events follow."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest

from bot.core.deciding import (
    WROTE,
    against,
    begun,
    choice,
    fitting,
    may_override,
    next_questions,
    not_ruled_out,
    refuted,
    unanswered,
    weigh,
    with_proposal,
)
from bot.core.disputed import disputed
from bot.core.errors import Refused
from bot.core.events import (
    Decided,
    EffectDue,
    EffectObserved,
    FactLearnt,
    IncidentResolved,
    Proposed,
    RoleAssigned,
)
from bot.core.incident import Incident
from bot.core.people import who_knows
from playbooks import library
from playbooks.catalog import load_catalog
from playbooks.criteria import Value, load_criteria
from playbooks.load import load_playbook
from playbooks.words import Option
from tests.core.story import Story, at, planned
from tests.core.test_decide import DAMAGE, RELEASE
from tests.runs.stage import CATALOG, PLAYBOOK
from tests.small_criteria import SMALL

CRITERIA = load_criteria(library.read("criteria.yaml"), "criteria.yaml")
HASH = "c" * 64


def knowing(**facts: Value) -> Story:
    """Return an incident in which bo said these facts."""
    story = planned()
    story.in_incident(5, *(FactLearnt(name=name, value=value) for name, value in facts.items()), by="bo")
    return story


Outcome = Literal["worked", "no_change", "worse"]


def tried(
    story: Story, outcome: Literal["worked", "no_change", "worse"], option: str = "code_rollback"
) -> None:
    """Let ana decide, and bo see what came of it."""
    made = story.in_incident(6, Decided(option=option, why="the release", proposal=option, effect_by=at(21)))
    story.in_incident(21, EffectDue(decision=made.seq, option=option), by="backstop")
    story.in_incident(22, EffectObserved(decision=made.seq, option=option, outcome=outcome), by="bo")


def learnt(incident: Incident, **facts: Value) -> tuple[object, ...]:
    events = (FactLearnt(name=name, value=value) for name, value in facts.items())
    return with_proposal(incident, events, CRITERIA, HASH, by="bo", at=at(30))


def test_a_decision_keeps_when_its_effect_was_asked_for_and_what_was_seen() -> None:
    story = knowing(**RELEASE)
    tried(story, "no_change")
    [decision] = story.incident.decisions
    assert (decision.asked_at, decision.by) == (at(21), "ana")
    assert decision.observed
    assert (decision.observed.at, decision.observed.by, decision.observed.refutes) == (at(22), "bo", True)


def test_what_was_seen_of_a_decision_that_is_not_there_changes_nothing() -> None:
    story = knowing(**RELEASE)
    tried(story, "worked")
    before = story.incident.decisions
    story.in_incident(23, EffectObserved(decision=99, option="wait", outcome="worse"))
    story.in_incident(23, EffectDue(decision=99, option="wait"))
    assert story.incident.decisions == before


@pytest.mark.parametrize(("outcome", "words"), [("no_change", "nothing changed"), ("worse", "it got worse")])
def test_what_did_not_work_is_ruled_out_by_the_record(outcome: Outcome, words: str) -> None:
    story = knowing(**RELEASE)
    assert weigh(story.incident, CRITERIA, at(30)).proposal is Option.CODE_ROLLBACK
    tried(story, outcome)

    found = weigh(story.incident, CRITERIA, at(30))

    assert found.proposal is Option.MITIGATE
    [veto] = against("code_rollback", found)
    assert veto.id == "tried-code-rollback"
    assert veto.because == f"@ana decided it at 2026-11-23 02:16:00Z, and {words}, as @bo says"


def test_what_worked_or_worked_at_last_is_proposed_as_before() -> None:
    story = knowing(**RELEASE)
    tried(story, "worked")
    assert weigh(story.incident, CRITERIA, at(30)).proposal is Option.CODE_ROLLBACK
    tried(story, "worse")
    assert weigh(story.incident, CRITERIA, at(30)).proposal is Option.MITIGATE
    tried(story, "worked")
    assert weigh(story.incident, CRITERIA, at(30)).proposal is Option.CODE_ROLLBACK
    assert refuted(story.incident) == ()


def apart(story: Story, name: str, found: Value, said: Value) -> None:
    """Let a machine find one value of a fact, and bo say another."""
    story.in_incident(
        6, FactLearnt(name=name, value=found, source="machine:changes", because="ci"), by="backstop"
    )
    story.in_incident(7, FactLearnt(name=name, value=said), by="bo")


def test_what_a_machine_knows_still_rules_out_what_a_person_says_is_safe() -> None:
    story = knowing(**RELEASE)
    apart(story, "schema_change", "irreversible", "none")

    found = weigh(story.incident, CRITERIA, at(30))

    [veto] = against("code_rollback", found)
    assert (veto.id, found.proposal, found.facts["schema_change"]) == ("V1", Option.MITIGATE, "none")
    assert veto.because.endswith(
        "schema_change is irreversible as looked up 2026-11-23 02:16:00Z (ci), and @bo says none"
    )
    [over] = choice(story.incident, CRITERIA, HASH, Option.CODE_ROLLBACK, why="x", at=at(30)).overridden
    assert "irreversible as looked up" in over
    assert "@bo says none" in over


def test_a_fact_that_is_given_back_counts_as_the_machine_found_it() -> None:
    story = knowing(**RELEASE)
    apart(story, "schema_change", "irreversible", "none")
    story.in_incident(8, FactLearnt(name="schema_change", value=None), by="bo")
    assert story.incident.facts["schema_change"] == "irreversible"
    assert against("code_rollback", weigh(story.incident, CRITERIA, at(30)))


def test_two_facts_that_people_say_otherwise_are_looked_at_one_by_one_and_together() -> None:
    story = knowing(**{**RELEASE, "customer_impact": "partial"})
    apart(story, "schema_change", "irreversible", "none")
    apart(story, "previous_artifact_available", found=False, said=True)
    ids = {veto.id for veto in against("code_rollback", weigh(story.incident, CRITERIA, at(30)))}
    assert {"V1", "V3"} <= ids


def test_what_a_machine_knows_of_an_old_moment_rules_nothing_out() -> None:
    story = knowing(**RELEASE)
    apart(story, "previous_artifact_available", found=False, said=True)
    assert against("code_rollback", weigh(story.incident, CRITERIA, at(30)))
    assert not disputed(story.incident, CRITERIA, at(120))


def test_what_is_one_press_by_a_person_and_not_by_a_machine_is_not_one() -> None:
    story = knowing(data_corruption="none", previous_artifact_available=True, hotfix_eta_minutes=60)
    apart(story, "rollback_tested", found=True, said=True)
    assert weigh(story.incident, SMALL, at(10)).one_click
    apart(story, "hotfix_eta_minutes", 300, 60)
    assert weigh(story.incident, SMALL, at(10)).one_click
    apart(story, "rollback_tested", found=False, said=True)
    found = weigh(story.incident, SMALL, at(10))
    assert (found.proposal, found.one_click) == (Option.CODE_ROLLBACK, False)


def test_the_last_answer_of_all_is_never_ruled_out_nor_is_what_no_option_is_called_today() -> None:
    story = knowing(**{**RELEASE, "change_suspected": False})
    tried(story, "no_change", "mitigate")
    tried(story, "no_change", "rollback")
    found = weigh(story.incident, CRITERIA, at(30))
    assert found.proposal is Option.MITIGATE
    assert [decision.made.option for decision in refuted(story.incident)] == ["mitigate", "rollback"]


def test_each_role_is_asked_one_thing_and_what_a_machine_may_find_out_last() -> None:
    asks = next_questions(weigh(planned().incident, CRITERIA, at(30)), ())
    assert len({ask.role for ask in asks}) == len(asks) > 1
    found = weigh(knowing(data_corruption="confirmed").incident, CRITERIA, at(30))
    machine = {ask.role: ask.machine for ask in next_questions(found, ())}
    by_person = {ask.role for ask in found.ask if not ask.machine}
    assert all(machine[role] is (role not in by_person) for role in machine)
    machines = replace(found, ask=tuple(ask for ask in found.ask if ask.machine))
    asked = {ask.role: ask.fact for ask in next_questions(machines, {"backup_available"})}
    assert asked["dba"] == "backup_available", "no machine could tell it"


def test_a_fact_that_changes_the_proposal_says_what_it_was_and_why() -> None:
    whole = knowing(**DAMAGE).incident
    assert weigh(whole, CRITERIA, at(30)).proposal is Option.RESTORE_FULL
    *_, changed = learnt(whole, data_scope="tables")
    assert isinstance(changed, Proposed)
    assert (changed.was, changed.option, changed.criteria_hash) == ("restore_full", "restore_partial", HASH)
    assert changed.why == weigh(knowing(**{**DAMAGE, "data_scope": "tables"}).incident, CRITERIA, at(30)).why


def test_the_first_proposal_and_the_loss_of_one_are_said_too() -> None:
    almost = {name: value for name, value in RELEASE.items() if name != "change_suspected"}
    undecided = knowing(**almost).incident
    assert weigh(undecided, CRITERIA, at(30)).proposal is None
    *_, first = learnt(undecided, change_suspected=True)
    assert isinstance(first, Proposed)
    assert (first.was, first.option) == ("", "code_rollback")


def test_a_fact_that_changes_nothing_or_comes_after_the_end_is_only_learnt() -> None:
    story = knowing(**DAMAGE)
    assert learnt(story.incident, backup_age_minutes=5) == (FactLearnt(name="backup_age_minutes", value=5),)
    story.in_incident(20, IncidentResolved(statement="back", data_statement="none"))
    assert learnt(story.incident, data_scope="rows") == (FactLearnt(name="data_scope", value="rows"),)


def test_the_record_of_a_choice_holds_all_that_was_known_when_it_was_made() -> None:
    story = knowing(**{**DAMAGE, "estimated_restore_minutes": 20})
    made = choice(story.incident, CRITERIA, HASH, Option.HOTFIX, why="it is small", at=at(10))
    found = weigh(story.incident, CRITERIA, at(30))
    assert (made.option, made.why, made.proposal) == ("hotfix", "it is small", "restore_full")
    assert made.facts == story.incident.facts
    assert (made.possible, made.criteria_hash) == (("restore_full",), HASH)
    assert [line.partition(" ")[0] for line in made.vetoes] == [veto.id for veto in found.vetoes]
    assert [line.partition(":")[0] for line in made.overridden] == ["V6"]
    assert len(made.containment) == len(found.containment) > 0
    # nobody knows how long a fix would take, and it is asked all the same whether it helped
    assert made.effect_by == at(10) + timedelta(minutes=30)
    assert made.effect_missing == "hotfix_eta_minutes"
    asked = choice(story.incident, CRITERIA, HASH, Option.RESTORE_FULL, why="whole", at=at(10))
    assert (asked.effect_by, asked.overridden) == (at(40), ())


def test_the_record_of_a_dangerous_choice_says_what_could_still_rule_it_out() -> None:
    guess = knowing(data_corruption="confirmed", pitr_available=True).incident
    made = choice(guess, CRITERIA, HASH, Option.RESTORE_FULL, why="feels right", at=at(10))
    assert made.unasked == ("data_scope (V9)",)
    careful = choice(guess, CRITERIA, HASH, Option.MITIGATE, why="feels right", at=at(10))
    assert (careful.unasked, not_ruled_out(careful)) == ((), "")
    asked = choice(knowing(**DAMAGE).incident, CRITERIA, HASH, Option.RESTORE_FULL, why="all", at=at(10))
    assert asked.unasked == ()
    back = choice(planned().incident, CRITERIA, HASH, Option.CODE_ROLLBACK, why="feels right", at=at(10))
    assert "new_version_wrote_incompatible_state (V1, V1-unread)" in back.unasked
    assert not_ruled_out(back).endswith(f" and {len(back.unasked) - 3} more.")
    assert not_ruled_out(made) == "Not ruled out yet, because nobody was asked: data_scope (V9)."


def test_going_over_a_veto_takes_its_role() -> None:
    [veto] = against("hotfix", weigh(knowing(**DAMAGE).incident, CRITERIA, at(30)))
    may_override("ana", (), {})
    may_override("ana", (veto,), {"commander": ("ana",)})
    with pytest.raises(Refused) as refused:
        may_override("bo", (veto,), {"commander": ("ana", "cy")})
    assert str(refused.value) == (
        "V6 rules out code_rollback, config_revert, hotfix: Data is damaged, and no change of code brings it "
        "back. Only the role commander may go over it, with a reason, and @ana, @cy holds it: nothing was "
        "recorded."
    )
    mended = replace(veto, repair="Publish the release before again")
    with pytest.raises(Refused, match=r"nobody holds it: nothing was recorded\. To have it back: Publish"):
        may_override("bo", (mended,), {})


def without_a_release(**facts: Value) -> Incident:
    return replace(knowing(**facts).incident, release=None)


def test_what_a_release_wrote_is_asked_where_one_was_undone_or_mended() -> None:
    story = planned()
    story.in_incident(6, Decided(option="restore_full", why="all of it", proposal="restore_full"))
    assert not unanswered(replace(story.incident, release=None))
    story.in_incident(6, Decided(option="hotfix", why="small", proposal="hotfix"))
    assert unanswered(replace(story.incident, release=None))
    story.in_incident(7, FactLearnt(name=WROTE, value=None))
    assert not unanswered(story.incident)


def test_what_a_release_wrote_is_asked_where_one_is_named_or_suspected_whatever_was_decided() -> None:
    assert not unanswered(without_a_release())
    assert unanswered(replace(planned().incident, release="2.4.0"))
    assert unanswered(without_a_release(change_suspected=True, change_type="code"))
    assert not unanswered(without_a_release(change_suspected=True, change_type="data_op"))
    assert not unanswered(without_a_release(change_suspected=False, change_type="code"))
    told = {"change_suspected": True, "change_type": "schema", WROTE: False}
    assert not unanswered(replace(without_a_release(**told), release="2.4.0"))


def test_the_playbooks_for_a_choice_are_those_of_the_service() -> None:
    book = load_playbook(PLAYBOOK, "restore.yaml").playbook
    incident = planned().incident
    assert fitting([book], "restore_full", incident) == ("restore-orders",)
    assert fitting([book], "hotfix", incident) == ()
    elsewhere = book.model_copy(
        update={"applies_to": book.applies_to.model_copy(update={"services": ("search",)})}
    )
    assert fitting([elsewhere], "restore_full", incident) == ()


def test_whoever_took_a_role_is_asked_before_its_holders_in_playbooks_and_those_before_a_group() -> None:
    book = load_playbook(PLAYBOOK, "restore.yaml").playbook
    catalog = load_catalog(CATALOG, "catalog.yaml")
    incident = planned().incident
    assert who_knows(incident, [book], catalog, {})["app"] == ("cy",)
    assert "app" not in who_knows(incident, [], catalog, {})
    assert who_knows(incident, [], catalog, {})["dba"] == ("bo",)
    taken = planned()
    taken.in_incident(3, RoleAssigned(role="dba", person="cy"))
    assert who_knows(taken.incident, [book], catalog, {})["dba"] == ("cy",)


def test_a_decision_is_begun_by_a_run_that_can_carry_it_out_and_was_not_over_before() -> None:
    story = knowing(**DAMAGE)
    tried(story, "worked", "restore_full")
    [decision] = story.incident.decisions
    run = story.run
    name = run.asked.playbook
    assert begun([run], (), decision) == (False, ())
    assert begun([run], (name,), decision) == (False, (run.id,))
    assert begun([replace(run, started_at=at(7))], (name,), decision) == (True, ())
    assert begun([replace(run, started_at=at(1), aborted_at=at(2))], (name,), decision) == (False, ())
    assert begun([replace(run, aborted_at=at(8))], (name,), decision) == (False, ())
