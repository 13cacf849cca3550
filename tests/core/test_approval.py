"""When a gate is open, from single approvals to the crowd."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.approval import Approval, GateState, Rejection, Standing, filled, missing, role_of, standing
from bot.core.plan import PlannedGate, Quorum
from tests.core.plans import HOLDERS, START, gate

TWENTY = START + timedelta(minutes=20)


def yes(person: str, role: str, *, hash: str = "h1", break_glass: str | None = None) -> Approval:
    return Approval(person, role, hash, START, break_glass)


def stands(*approvals: Approval, minutes: int = 1, glass: Quorum | None = None, **state: object) -> Standing:
    asked = GateState("overwrite", START, TWENTY, approvals, **state)  # type: ignore[arg-type]
    now = START + timedelta(minutes=minutes)
    return standing(gate(break_glass=glass), asked, hash="h1", holders=HOLDERS, now=now)


def test_different_people_in_every_role_open_a_gate() -> None:
    assert stands(yes("bo", "dba")) is Standing.GATHERING
    assert stands(yes("bo", "dba"), yes("cy", "app")) is Standing.OPEN


def test_the_approval_of_another_plan_does_not_count() -> None:
    assert stands(yes("bo", "dba", hash="h0"), yes("cy", "app")) is Standing.GATHERING


def test_somebody_who_left_the_role_does_not_count_any_more() -> None:
    assert stands(yes("eve", "dba"), yes("cy", "app")) is Standing.GATHERING


def test_an_approval_grows_too_old() -> None:
    assert stands(yes("bo", "dba"), yes("cy", "app"), minutes=60) is Standing.OPEN
    assert stands(yes("bo", "dba"), yes("cy", "app"), minutes=61) is Standing.GATHERING


def test_one_no_outweighs_every_yes() -> None:
    no = Rejection("dee", "wrong backup", START)
    assert stands(yes("bo", "dba"), yes("cy", "app"), rejection=no) is Standing.REJECTED


def test_after_the_time_ran_out_nothing_counts_until_it_is_asked_for_again() -> None:
    assert stands(yes("bo", "dba"), yes("cy", "app"), expired=True) is Standing.EXPIRED


def test_the_broken_glass_opens_a_gate_in_the_role_it_names_and_no_other() -> None:
    glass = Quorum(role="commander")
    assert stands(yes("ana", "commander", break_glass="alone"), glass=glass) is Standing.OPEN
    assert stands(yes("ana", "commander", break_glass="alone")) is Standing.GATHERING
    assert stands(yes("bo", "dba", break_glass="alone"), glass=glass) is Standing.GATHERING
    assert stands(yes("ana", "commander"), glass=glass) is Standing.GATHERING


def test_somebody_with_two_roles_takes_the_seat_that_nobody_else_can() -> None:
    holders = {"dba": ("bo", "cy"), "app": ("cy",)}
    needed = gate()

    assert missing(needed, [yes("cy", "dba")], holders) == ("app",)
    assert filled(needed, [yes("cy", "dba"), yes("bo", "dba")], holders)


def test_one_person_is_one_yes_whatever_roles_they_hold() -> None:
    holders = {"dba": ("bo",), "app": ("bo",)}
    assert missing(gate(), [yes("bo", "dba"), yes("bo", "app")], holders) == ("app",)


@pytest.mark.timeout(10)
def test_a_crowd_of_approvals_that_does_not_suffice_is_counted_at_once() -> None:
    crowd = [f"dba-{number}" for number in range(40)]
    holders = {"dba": tuple(crowd), "app": ("cy",)}
    needed = PlannedGate(
        name="overwrite",
        require=(Quorum(role="dba", least=20), Quorum(role="app", least=2)),
        expires_s=60,
        valid_for_s=60,
    )

    assert missing(needed, [yes(name, "dba") for name in crowd], holders) == ("app", "app")


def test_the_first_role_of_the_gate_that_somebody_holds_is_theirs() -> None:
    assert role_of(gate(), "cy", HOLDERS) == "app"
    assert role_of(gate(), "ana", HOLDERS) is None


def test_whoever_holds_several_roles_says_yes_in_one_that_is_left() -> None:
    holders = {"dba": ("bo", "dan"), "app": ("dan",)}
    assert role_of(gate(), "dan", holders) == "dba"
    assert role_of(gate(), "dan", holders, left=("app",)) == "app"
    assert role_of(gate(), "bo", holders, left=("app",)) == "dba"
