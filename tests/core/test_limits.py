"""How many steps of a kind run at once, and which go first when not all can."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core import run as runs
from bot.core.due import Begin, due
from bot.core.events import PlanAsked, Planned, RunStarted, StepStarted, StepSucceeded
from bot.core.plan import Plan, PlannedStep, plan_hash, urgent_first
from bot.core.run import Run
from tests.core.plans import HOLDERS, START, plan, step, told

ASKED = PlanAsked(incident="INC-1", playbook="many", service="checkout", environment="production")


def many(*steps: PlannedStep, **limits: int) -> Plan:
    return plan(steps=steps, gates=(), limits=limits)


def running(planned: Plan, *events: object) -> Run:
    begin = [ASKED, Planned(plan=planned, hash=plan_hash(planned)), RunStarted(hash=plan_hash(planned))]
    run = runs.fold(told("run/RUN-1", [*begin, *events]))  # type: ignore[list-item]
    assert run
    return run


def begun(run: Run) -> list[str]:
    moves = due(run, now=START + timedelta(minutes=1), holders=HOLDERS, freezes=())
    return [move.step.id for move in moves if isinstance(move, Begin)]


def limited(id: str, estimate_s: float = 1, *needs: str) -> PlannedStep:
    return step(id, limit="readers", estimate_s=estimate_s, needs=needs)


def start(id: str) -> StepStarted:
    return StepStarted(step=id, attempt=1, key=f"RUN-1.{id}.1")


def test_no_more_steps_than_the_limit_begin() -> None:
    planned = many(limited("a"), limited("b"), limited("c"), step("free", needs=()), readers=2)
    assert begun(running(planned)) == ["a", "b", "free"]


def test_a_place_that_is_free_again_is_taken() -> None:
    planned = many(limited("a"), limited("b"), limited("c"), readers=2)
    run = running(planned, start("a"), start("b"))
    assert begun(run) == []
    run = running(planned, start("a"), start("b"), StepSucceeded(step="a", attempt=1))
    assert begun(run) == ["c"]


def test_the_longest_way_to_go_is_begun_first() -> None:
    planned = many(
        limited("short", 5), limited("head", 1), limited("tail", 9, "head"), limited("long", 6), readers=1
    )
    assert begun(running(planned)) == ["head"]
    assert [each.id for each in urgent_first(planned.steps)] == ["head", "tail", "long", "short"]


@pytest.mark.parametrize("limits", [{}, {"writers": 3}])
def test_a_limit_without_a_number_lets_one_step_through(limits: dict[str, int]) -> None:
    planned = many(limited("a"), limited("b"), **limits)
    assert begun(running(planned)) == ["a"]
