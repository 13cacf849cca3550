from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import BaseModel

from playbooks.load import load_playbook
from playbooks.model import Playbook, parameters, target_of
from playbooks.problems import PlaybookInvalid
from playbooks.validate import fields_at
from tests.playbooks.examples import PITR, mutant, pitr


def problems(*changes: tuple[str, str]) -> list[str]:
    with pytest.raises(PlaybookInvalid) as invalid:
        pitr(*changes)
    return [str(problem).removeprefix("checkout-pitr.yaml:") for problem in invalid.value.problems]


def test_the_good_example_loads() -> None:
    playbook = pitr().playbook
    restore = playbook.steps[2]

    assert playbook.name == "checkout-pitr"
    assert [step.id for step in playbook.before(restore)] == ["stop-writers", "keep-damaged"]
    assert playbook.needs(playbook.steps[0]) == ()
    assert (restore.engine, restore.operation, restore.target) == (
        "pgbackrest",
        "pgbackrest.restore",
        "orders-db",
    )
    assert (playbook.steps[4].operation, playbook.steps[4].target) == ("person.do", None)
    assert playbook.steps[4].manual
    assert target_of(playbook.steps[1]) == "orders-db"
    assert parameters(playbook.steps[1]) == {}
    assert playbook.step("nowhere") is None
    assert playbook.source("nowhere") is None


def test_a_step_that_two_others_need_is_over_once() -> None:
    playbook = pitr(
        ("    needs: [restore]                       #", "    needs: [restore, keep-damaged] #")
    ).playbook

    assert [step.id for step in playbook.before(playbook.steps[3])] == [
        "stop-writers",
        "keep-damaged",
        "restore",
    ]


def test_the_day_of_the_review_is_a_real_one() -> None:
    assert problems(("2026-10-02", "2026-13-02")) == ["2: metadata.reviewed: month must be in 1..12"]


def test_a_run_keeps_the_playbook_as_json_and_reads_it_back() -> None:
    playbook = pitr().playbook

    assert Playbook.model_validate(playbook.as_json()) == playbook


def test_the_hash_is_of_the_content_and_not_of_its_form() -> None:
    good = pitr()
    reformatted = pitr(
        (
            "    approval: overwrite-orders\n    effect: destructive",
            "    effect: destructive\n    approval: overwrite-orders",
        ),
        ("# which backups", "# another comment"),
        ("effect: reversible\n", "effect: reversible\n    heartbeat: 90s\n"),
        ("estimate: 31m", "estimate: 1860s"),
    )

    assert reformatted.hash == good.hash
    assert pitr(("estimate: 31m", "estimate: 32m")).hash != good.hash
    assert pitr(("inputs.target-time, max_age: 36h", "inputs.target-time, max_age: 37h")).hash != good.hash


def test_an_empty_or_another_file_says_what_it_should_be() -> None:
    with pytest.raises(PlaybookInvalid, match="the file: Input should be a valid dictionary"):
        load_playbook("- a\n", "f.yaml")
    assert problems(("backstop/playbook/1", "backstop/playbook/2")) == [
        "1: schema cannot be 'backstop/playbook/2', did you mean backstop/playbook/1?, "
        "valid: backstop/playbook/1"
    ]


def test_a_misspelt_key_is_named_and_the_one_it_stands_for_is_not_missing_as_well() -> None:
    found = problems(("timeout: 75m", "timeoutt: 75m"))

    assert len(found) == 1
    assert found[0].startswith(
        "64: there is no key 'timeoutt' here, did you mean timeout?, valid: uses, with, id,"
    )


def test_an_unknown_key_far_from_any_is_named_with_the_valid_ones() -> None:
    assert problems(("{replicas: 0}\n    by: app\n", "{replicas: 0}\n    banana: 1\n    by: app\n"))[
        0
    ].startswith("38: there is no key 'banana' here, valid: uses, with")


def test_a_key_under_a_name_of_the_authors_choice_is_checked_too() -> None:
    assert problems(("dba: {slack_group", "dba: {slack_grup")) == [
        "8: there is no key 'slack_grup' here, did you mean slack_group?, "
        "valid: incident, group, slack_group, pagerduty, people, substitute"
    ]


def test_a_missing_key_and_a_wrong_word_say_where_and_what_is_valid() -> None:
    assert problems(("    estimate: 31m\n", ""), ("effect: destructive", "effect: destroy")) == [
        "54: estimate is missing, it has no default",
        "60: steps.2.effect cannot be 'destroy', valid: read, reversible, destructive",
    ]


def test_a_duration_without_its_unit_is_refused() -> None:
    assert problems(("estimate: 31m", "estimate: 31")) == [
        "63: steps.2.estimate: 31 is not a duration: write a number with its unit, such as 90m"
    ]


NOTHING = "0s is no time at all, so it would be over before it began: write such as 90m"


@pytest.mark.parametrize(
    ("old", "new", "where"),
    [
        ("expires: 20m", "expires: 0s", "31: approvals.overwrite-orders.expires"),
        ("expires: 20m", "valid_for: 0h", "31: approvals.overwrite-orders.valid_for"),
        ("rto: 90m", "rto: 0s", "5: objectives.rto"),
        ("max_age: 36h", "max_age: 0d", "16: sources.0.select.max_age"),
        ("lift: by_hand, at_most: 6h", "lift: by_hand, at_most: 0s", "27: freeze.at_most"),
        ("idempotency: key", "heartbeat: 0s", "51: steps.1.heartbeat"),
        ("within: 5m", "within: 0s", "104: verify.0.within"),
        ("within: 5m", "timeout: 0s", "104: verify.0.timeout"),
        ("\nat_most: 3h", "\nat_most: 0s", "109: at_most"),
        ("\nat_most: 3h", "\nupdates: {every: 0s}", "109: updates.every"),
    ],
)
def test_what_lasts_no_time_at_all_is_refused(old: str, new: str, where: str) -> None:
    assert problems((old, new)) == [f"{where}: {NOTHING}"]


def test_some_durations_may_be_nothing() -> None:
    objectives = pitr(("rpo: 5m", "rpo: 0s, decide_within: 0s")).playbook.objectives

    assert (objectives.rpo, objectives.decide_within) == (timedelta(0), timedelta(0))


def test_a_number_in_quotes_and_a_yes_in_words_are_no_number_and_no_yes() -> None:
    found = problems(("role: dba, min: 1", 'role: dba, min: "1"'), ("no_way_back: true", "no_way_back: yes"))

    assert [line.split(":")[0] for line in found] == ["30", "61"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "needs: [restore]  ",
            "needs: [restoer]  ",
            "72: there is no other step 'restoer', did you mean restore?",
        ),
        ("needs: [restore]  ", "needs: [start]  ", "69: the step 'previous-release' waits for itself"),
        (
            "{role: dba, min",
            "{role: dbb, min",
            "30: there is no role 'dbb', did you mean dba?, valid: commander, dba, app",
        ),
        ("break_glass: {role: commander", "break_glass: {role: comander", "32: there is no role 'comander'"),
        ("by: dba\n    approval", "by: nobody\n    approval", "58: there is no role 'nobody'"),
        ("approval: overwrite", "approval: overwrit", "59: there is no approval 'overwrit-orders'"),
        (
            "source: orders-log",
            "source: orders-lag",
            "57: there is no source 'orders-lag', did you mean orders-log?",
        ),
        (
            "fallback: orders-snapshot\n",
            "fallback: orders-log\n",
            "13: the source 'orders-log' falls back on itself",
        ),
        ("fallback: orders-snapshot\n", "fallback: nowhere\n", "17: there is no source 'nowhere'"),
        ("{then: pause}", "{then: pause, fallback: nowhere}", "65: there is no source 'nowhere'"),
        (
            "then: pause",
            "then: fallback",
            "65: fallback is missing, no other source is named",
        ),
        (
            "touches: [orders-db]",
            "touches: [order-db]",
            "62: there is no target 'order-db', did you mean orders-db?",
        ),
        ("with: {target: orders-db}", "with: {target: order-db}", "48: there is no target 'order-db'"),
        ("{orders-db: orders-db-drill", "{order-db: orders-db-drill", "110: there is no target 'order-db'"),
        (
            "{orders-db: orders-db-drill",
            "{orders-db: order-db-drill",
            "110: there is no target 'order-db-drill'",
        ),
        (
            "drill: {targets",
            'drill: {schedule: "61 3 * * *", targets',
            "110: drill.schedule: Bad minute; write minute, hour, day, month and weekday, as 0 3 * * 2",
        ),
        (
            "drill: {targets",
            'drill: {schedule: "0 3 * * 2", zone: Europe/Nowhere, targets',
            "110: drill.zone: it is no time zone, as Europe/Berlin or UTC",
        ),
        ("drill: {targets", "drill: {window: 2h, targets", "110: window without a schedule"),
        ("drill: {targets", "drill: {after: major, targets", "110: after without a schedule"),
        (
            "cleanup: [{id: empty,",
            "cleanup: [{id: empty, title: Empty, uses: kubernetes.wipe}, {id: empty,",
            "110: a second operation 'empty'",
        ),
        (
            "cleanup: [{",
            "isolation: [{id: place-order, uses: postgres.amcheck}], cleanup: [{",
            "104: the check 'place-order' is named 2 times",
        ),
        ("timeout: 75m", "timeout: 31m", "64: timeout 31m is not over estimate 31m"),
        (
            "with: {at: inputs.target-time}",
            "with: {at: inputs.target}",
            "67: inputs.target stands for nothing",
        ),
        ("newer than inputs.target-time", "newer than inputs.target", "88: inputs.target stands for nothing"),
        (
            "pitr, before: inputs.target-time",
            "pitr, before: inputs.target",
            "16: inputs.target stands for nothing",
        ),
        (
            "drill: {skip: true}",
            "drill: {with: {at: run.idd}}",
            "91: run.idd stands for nothing, did you mean id?",
        ),
        (
            "latest_before, before: inputs.target-time,",
            "latest_before,",
            "21: before is missing, latest_before chooses",
        ),
        ("pitr, before: inputs.target-time,", "exact,", "16: point is missing, exact chooses by it"),
        (
            "pitr, before: inputs.target-time,",
            "pitr,",
            "16: before or marker or lsn or xid is missing, pitr chooses by one of them",
        ),
        (
            "pitr, before: inputs.target-time,",
            "pitr, before: inputs.target-time, marker: before-2-4-0,",
            "16: before and marker are both given, pitr chooses by one of them",
        ),
        ("id: keep-damaged", "id: restore", "54: a second step 'restore', ids are what people type"),
        ("- id: orders-snapshot", "- id: orders-log", "18: a second source 'orders-log'"),
        ("id: amcheck", "id: reached-target", "67: the check 'reached-target' is named 2 times"),
        ("{incident: commander}", "{substitute: dba}", "7: nobody is named for the role 'commander'"),
        ("{incident: commander}", "{incident: commander, substitute: dbb}", "7: there is no role 'dbb'"),
        (
            "{incident: commander}",
            "{incident: commander, substitute: commander}",
            "7: the role 'commander' stands in",
        ),
        ("ask: commander}", "ask: comander}", "106: there is no role 'comander'"),
        (
            "type: instant,",
            "type: choice,",
            "11: the input 'target-time' is of type choice, a choice needs choices",
        ),
        ("type: instant,", "type: instant, choices: [a],", "11: the input 'target-time' is of type instant"),
        ("no_way_back: true", "keep: none", "54: the step 'restore' has only one of keep and because"),
        (
            "effect: read\n    idem",
            "effect: read\n    no_way_back: true\n    idem",
            "51: no_way_back on a step that is read",
        ),
        (
            "no_way_back: true",
            "when: damage.confirmd",
            "61: steps.2.when: 'damage.confirmd' is no condition: did you",
        ),
        ("no_way_back: true", "when: damaged", "61: there is no predicate 'damaged'"),
        (
            "suggest: decision.damage_start - 60s",
            "suggest: soon",
            "11: inputs.target-time.suggest: 'soon' suggests",
        ),
    ],
)
def test_a_contradiction_is_told_at_its_line(old: str, new: str, expected: str) -> None:
    assert any(problem.startswith(expected) for problem in problems((old, new))), problems((old, new))


def test_an_input_that_does_not_exist_says_what_can_be_referred_to_when_there_is_none() -> None:
    text = mutant(
        PITR, ("inputs:\n  target-time: {type", "updates_of: {}\ninputs: {}\nold:\n  target-time: {type")
    )
    with pytest.raises(PlaybookInvalid, match="there is no key 'updates_of'"):
        load_playbook(text, "f.yaml")

    without = "\n".join(
        line for line in PITR.splitlines() if not line.startswith(("inputs:", "  target-time:"))
    )
    with pytest.raises(
        PlaybookInvalid, match=r"inputs\.target-time stands for nothing, valid: inputs, point, run"
    ):
        load_playbook(without, "f.yaml")


def test_a_name_where_none_is_named_says_so() -> None:
    found = problems(("approvals:\n", "approvals: {}\nold:\n"))
    assert found[0].startswith("29: there is no key 'old' here")


def test_a_condition_on_a_fact_is_kept() -> None:
    step = pitr(("no_way_back: true", "when: {release.younger_than: 3d}")).playbook.steps[2]

    assert step.model_dump(mode="json", by_alias=True)["when"] == {"release.younger_than": "3d"}


def test_two_ways_round_in_a_circle_are_found_once_each() -> None:
    found = problems(
        (
            "touches: [checkout]\n    stops_writers: true\n    estimate: 2m",
            "needs: [keep-damaged]\n    touches: [checkout]\n    stops_writers: true\n    estimate: 2m",
        )
    )

    assert [line for line in found if "waits for itself" in line] == [
        "34: the step 'stop-writers' waits for itself, it could never start",
        "46: the step 'keep-damaged' waits for itself, it could never start",
    ]


def test_the_keys_of_what_is_no_part_of_the_schema_are_none() -> None:
    class Inner(BaseModel):
        a: int

    class Outer(BaseModel):
        many: list[Inner]
        maybe: Inner | None = None
        plain: int = 0

    assert fields_at(Outer, ("many", 0)) == ("a",)
    assert fields_at(Outer, ("maybe",)) == ("a",)
    assert fields_at(Outer, ("plain", "x")) == ()
    assert fields_at(Outer, ("nowhere",)) == ()


def test_a_schedule_names_what_it_rehearses() -> None:
    both = ("services: [checkout], environments", "services: [checkout, search], environments")
    with pytest.raises(PlaybookInvalid) as wrong:
        pitr(both, ("drill: {targets", 'drill: {schedule: "0 3 * * 2", zone: Europe/Berlin, targets'))
    assert "a schedule needs one service and one environment in applies_to" in str(wrong.value)
