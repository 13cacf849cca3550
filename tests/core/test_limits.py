"""How many steps of a kind run at once, and which go first when not all can."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.budget import time_budget
from bot.core.due import Begin, due
from bot.core.events import (
    IncidentDeclared,
    PlanAsked,
    Planned,
    RunStarted,
    Severity,
    StepStarted,
    StepSucceeded,
)
from bot.core.order import urgent_first
from bot.core.plan import Plan, PlannedStep, plan_hash
from bot.core.run import Run
from tests.core.plans import HOLDERS, START, plan, step, told

ASKED = PlanAsked(incident="INC-1", playbook="many", service="checkout", environment="production")

DECLARED = IncidentDeclared(
    title="Many", severity=Severity.SEV1, service="checkout", environment="production", commander="ana"
)


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


def chain(planned: Plan, run: Run) -> list[str]:
    incident = incidents.fold(told("incident/INC-1", (DECLARED,)))
    assert incident
    budget = time_budget(run, planned, incident, now=START)
    return [part.name for part in budget.parts if part.name != "end checks"]


def test_the_time_budget_waits_for_a_free_place_as_the_run_does() -> None:
    planned = many(limited("a", 5), limited("b", 4), limited("c", 3), step("free", needs=()), readers=2)
    titles = {each.id: each.title for each in planned.steps}
    # Two at once: c takes the place of b, which is free first.
    assert chain(planned, running(planned)) == [titles["b"], titles["c"]]
    alone = many(limited("a", 5), limited("b", 4), limited("c", 3), readers=1)
    assert chain(alone, running(alone)) == [titles["a"], titles["b"], titles["c"]]
    free = many(limited("a", 5), limited("b", 4), limited("c", 3), readers=3)
    assert chain(free, running(free)) == [titles["a"]]


def test_what_acts_has_its_place_and_what_is_over_takes_none() -> None:
    planned = many(limited("a", 5), limited("b", 4), limited("c", 3), readers=1)
    titles = {each.id: each.title for each in planned.steps}
    acting = running(planned, start("c"))
    assert chain(planned, acting) == [titles["c"], titles["a"], titles["b"]]
    over = running(planned, start("c"), StepSucceeded(step="c", attempt=1))
    assert chain(planned, over) == [titles["a"], titles["b"]]
