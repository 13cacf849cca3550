from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.budget import Part, Verdict, time_budget, time_to_recover
from bot.core.events import CheckFound, RunPaused, RunRecovered
from bot.core.plan import Plan
from tests.core.story import ASK_FINANCE, PLAN, RESTORE, STOP, Story, approved, at, planned, restoring, step


def minutes(part: timedelta) -> float:
    return part.total_seconds() / 60


def budget_of(story: Story, minute: float, plan: Plan = PLAN, **live: Part):
    return time_budget(story.run, plan, story.incident, now=at(minute), live=live)


def test_the_chain_that_ends_last_decides_with_half_the_time_of_the_approval_it_waits_for() -> None:
    budget = budget_of(planned(), 7)
    assert [part.name for part in budget.parts] == [
        "approval overwrite-orders",
        "Put orders back",
        "Agree with finance",
        "end checks",
    ]
    assert minutes(budget.likely) == 10 + 10 + 5 + 2
    assert minutes(budget.high) == 20 + 20 + 10 + 2


def test_what_decides_when_all_takes_its_longest_may_be_another_chain_than_the_likely_one() -> None:
    slow = STOP.model_copy(update={"high_s": 45 * 60.0})
    plan = PLAN.model_copy(update={"steps": (slow, *PLAN.steps[1:])})
    budget = budget_of(planned(plan), 7, plan)
    assert budget.parts[0].name == "approval overwrite-orders"
    assert budget.worst[0].name == slow.title
    assert minutes(budget.high) == 45 + 20 + 10 + 2
    assert minutes(budget.likely) == 10 + 10 + 5 + 2


def test_an_approval_that_is_there_costs_nothing_more() -> None:
    assert minutes(budget_of(approved(), 14).likely) == 10 + 5 + 2


def test_an_approval_under_way_costs_half_of_what_is_left() -> None:
    story = planned()
    story.entries += [entry for entry in approved().entries if entry.stream == "run/RUN-1"][2:3]
    assert budget_of(story, 18).parts[0].likely == timedelta(minutes=5)


def test_the_time_a_step_already_took_is_taken_off_its_estimate() -> None:
    budget = budget_of(restoring(), 18)
    assert (minutes(budget.parts[0].likely), minutes(budget.parts[0].high)) == (6, 16)


def test_what_a_running_step_says_of_itself_counts_more() -> None:
    said = Part("Put orders back", timedelta(minutes=1), timedelta(minutes=2), "its rate so far")
    assert budget_of(restoring(), 18, restore=said).parts[0] == said


@pytest.mark.parametrize(
    ("rto", "verdict", "why"),
    [
        (69 * 60, Verdict.MEETS, "even at worst 0 s are left"),
        (69 * 60 - 1, Verdict.MAY_MISS, "at worst it ends 1 s after the RTO"),
        (44 * 60, Verdict.MAY_MISS, "at worst it ends 25 min after the RTO"),
        (44 * 60 - 1, Verdict.MISSES, "it likely ends 1 s after the RTO"),
        (None, Verdict.CANNOT_SAY, "no RTO is set"),
    ],
)
def test_the_verdict_turns_at_the_second(rto: float | None, verdict: Verdict, why: str) -> None:
    plan = PLAN.model_copy(update={"rto_s": rto})
    budget = budget_of(planned(plan), 7, plan)
    assert (budget.verdict, budget.why) == (verdict, why)


def without_impact(plan: Plan = PLAN) -> Story:
    story = planned(plan)
    first = story.entries[0]
    assert first.event is not None
    event = first.event.model_copy(update={"impact_start": None})
    story.entries[0] = type(first)(
        first.stream, 1, first.occurred_at, first.recorded_at, "ana", "slack", event
    )
    return story


def test_without_an_impact_start_nothing_can_be_said_but_a_sure_miss() -> None:
    assert budget_of(without_impact(), 7).why == "nobody has said when the impact began"
    assert budget_of(without_impact(), 60).verdict is Verdict.MISSES


def test_a_step_nobody_estimated_makes_the_budget_unsayable() -> None:
    plan = PLAN.model_copy(update={"steps": (STOP, step("odd", "Odd step", estimate_s=0))})
    assert budget_of(planned(plan), 7, plan).why == "nobody estimated Odd step"


def test_a_paused_run_promises_nothing() -> None:
    story = restoring()
    story.in_run(15, RunPaused(why="held by ana"))
    assert budget_of(story, 16).why == "the run does not go on until a person decides"


def test_steps_that_need_nothing_run_side_by_side() -> None:
    alone = ASK_FINANCE.model_copy(update={"needs": ()})
    plan = PLAN.model_copy(update={"steps": (STOP, alone), "checks": ()})
    assert [part.name for part in budget_of(planned(plan), 7, plan).parts] == ["Agree with finance"]


def test_the_gate_is_waited_for_only_before_its_own_step() -> None:
    plan = PLAN.model_copy(
        update={"steps": (STOP.model_copy(update={"estimate_s": 900, "high_s": 900}), RESTORE)}
    )
    names = [part.name for part in budget_of(planned(plan), 7, plan).parts]
    assert names == ["Stop checkout", "Put orders back", "end checks"]


def test_recovery_is_measured_from_the_impact() -> None:
    story = restoring()
    assert time_to_recover(story.run, story.incident) is None
    story.in_run(30, CheckFound(check="c", ok=True, blocking=True, found="ok"), RunRecovered())
    assert time_to_recover(story.run, story.incident) == timedelta(minutes=40)
