"""A playbook as a drill carries it out."""

from __future__ import annotations

from datetime import timedelta

from playbooks.model import Playbook, target_of
from playbooks.rehearsal import AT_MOST, left_out, rehearsed
from tests.playbooks.examples import pitr


def rehearsal(*changes: tuple[str, str]) -> Playbook:
    playbook = pitr(*changes).playbook
    assert playbook.drill
    return rehearsed(playbook, playbook.drill)


def test_every_target_is_a_stand_in() -> None:
    drill = rehearsal()
    named = {name for step in drill.steps for name in (*step.touches, target_of(step)) if name}
    assert named == {"orders-db-drill", "checkout-drill"}
    assert set(drill.targets) == named


def test_nobody_is_asked_and_nothing_is_frozen_or_held() -> None:
    drill = rehearsal()
    assert (drill.approvals, drill.freeze, drill.fallbacks) == ({}, None, ())
    assert {step.approval for step in drill.steps} == {None}
    assert not any(source.hold for source in drill.sources)


def test_a_step_that_fails_ends_a_drill_unless_it_may_be_passed_over() -> None:
    assert {step.on_failure.then for step in rehearsal().steps} == {"abort"}
    goes_on = rehearsal(
        ("    effect: read\n    idempotency: key\n", "    effect: read\n    on_failure: {then: continue}\n")
    )
    assert [step.id for step in goes_on.steps if step.on_failure.then == "continue"] == ["keep-damaged"]


def test_who_waited_for_a_step_that_is_left_out_waits_for_what_it_waited_for() -> None:
    playbook = pitr().playbook
    assert left_out(playbook) == ("reconcile",)
    start = next(step for step in rehearsal().steps if step.id == "start")
    assert start.needs == ("restore", "previous-release")


def test_what_a_drill_gives_to_a_step_replaces_what_it_is_given_otherwise() -> None:
    given = "    estimate: 2m\n    drill: {with: {replicas: 3, target: checkout-drill}}\n"
    (stop, *_) = rehearsal(("    estimate: 2m\n", given)).steps
    assert stop.params == {"replicas": 3, "target": "checkout-drill"}


def test_a_drill_ends_in_time() -> None:
    assert rehearsal().at_most == timedelta(hours=3)
    assert rehearsal(("at_most: 3h\n", "")).at_most == AT_MOST
    assert rehearsal(("drill: {targets", "drill: {at_most: 1h, targets")).at_most == AT_MOST / 4
