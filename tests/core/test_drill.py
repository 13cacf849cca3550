"""What a drill does next, and what it showed, from its timeline and those of its runs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.core import drill as drills
from bot.core import incident as incidents
from bot.core.drill import Begin, CleanUp, Drill, End, Keep, Stop, cleaned, fold, next_move, showed
from bot.core.due import Pause, due
from bot.core.events import (
    AbortAsked,
    AttemptOpened,
    CheckFound,
    DrillAsked,
    DrillEnded,
    Event,
    Gap,
    Phase,
    PlanAsked,
    PlanAttached,
    PlanFailed,
    Planned,
    RunAborted,
    RunPaused,
    RunRecovered,
    RunStarted,
    StepFailed,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    TaskOpened,
)
from bot.core.incident import Incident
from bot.core.plan import Plan, PlannedTarget
from bot.core.run import Run
from bot.core.run import fold as fold_run
from integrations.contract import Effect
from tests.core.plans import START, call, plan, step, told

ASKED = DrillAsked(
    playbook="p", title="P", service="checkout", environment="production", commander="ana", owner="owners"
)
LAB = PlannedTarget(name="lab", kind="stage", environment="lab", identity="l", isolated=True)
REAL = PlannedTarget(name="shop", kind="stage", environment="production", identity="s")


def rehearsal_plan(**more: object) -> Plan:
    stop = step("stop", call=call("stop", target="lab"), undo=call("go", target="lab"))
    by_hand = call("do", target="lab").model_copy(update={"kind": "person"})
    ask = step("ask", call=call("ask", target="lab"), undo=by_hand, needs=("stop",))
    last = step("last", call=call("last", target="lab"), needs=("ask",))
    fields: dict[str, object] = {"drill": True, "steps": (stop, ask, last), "gates": (), "targets": (LAB,)}
    return plan(**{**fields, **more})


def drill_of(*events: Event) -> tuple[Drill, Incident]:
    entries = told("drill/DRL-1", (ASKED, *events))
    drill, occasion = fold(entries), incidents.fold(entries)
    assert drill
    assert occasion
    return drill, occasion


def run_of(*events: Event, id: str = "RUN-1") -> Run:
    asked = PlanAsked(incident="DRL-1", playbook="p", service="checkout", environment="production")
    run = fold_run(told(f"run/{id}", (asked, *events)))
    assert run
    return run


def running(*events: Event, **more: object) -> Run:
    return run_of(Planned(plan=rehearsal_plan(**more), hash="h"), RunStarted(hash="h"), *events)


BEGUN = StepStarted(step="stop", attempt=1, key="k")
DONE = StepSucceeded(step="stop", attempt=1)
ABORTED = (AbortAsked(why="enough", leaves=""), RunAborted(leaves=""))


def move(run: Run, cleaning: Run | None = None, *events: Event) -> object:
    drill, occasion = drill_of(*events)
    return next_move(drill, occasion, run, cleaning, now=START + timedelta(minutes=5))


def test_a_timeline_without_a_drill_folds_to_none() -> None:
    assert fold([]) is None
    assert (
        fold(
            told(
                "drill/DRL-1",
                (
                    DrillEnded(outcome="passed"),
                    TaskOpened(gap="a", first="DRL-1", system="jira", key="OPS-1", url="https://x.example"),
                    PlanAttached(run="RUN-1", playbook="p"),
                ),
            )
        )
        is None
    )
    (entry,) = told("drill/DRL-1", (ASKED,))
    assert fold([replace(entry, event=None)]) is None


def test_a_drill_is_an_incident_in_which_nothing_is_the_matter_until_it_ends() -> None:
    drill, occasion = drill_of(PlanAttached(run="RUN-1", playbook="p"))
    assert (occasion.drill, occasion.open, occasion.commander) == (True, True, "ana")
    assert occasion.damage_start == occasion.impact_start == drill.asked_at
    assert (drill.runs, occasion.runs) == (("RUN-1",), ("RUN-1",))
    ended = drill_of(DrillEnded(outcome="passed"))[1]
    assert (ended.phase, ended.open) == (Phase.CLOSED, False)


def test_a_drill_that_is_over_does_nothing_more() -> None:
    assert move(running(), None, DrillEnded(outcome="passed")) is None


def test_a_drill_waits_for_its_plan_and_then_begins() -> None:
    assert move(run_of()) is None
    assert move(run_of(Planned(plan=rehearsal_plan(), hash="h"))) == Begin()
    assert move(running()) is None


def test_a_plan_with_problems_ends_it() -> None:
    said = move(run_of(Planned(plan=rehearsal_plan(problems=("No 3 points.", "No disk.")), hash="h")))
    gaps = (Gap(id="plan-no-points", what="No 3 points."), Gap(id="plan-no-disk", what="No disk."))
    assert said == End(DrillEnded(outcome="refused", because="No 3 points.", gaps=gaps))
    failed = move(run_of(PlanFailed(because="The playbook is gone.")))
    assert isinstance(failed, End)
    assert failed.result.outcome == "refused"


def test_a_pause_ends_the_rehearsal_once() -> None:
    paused = RunPaused(why="It takes too long.")
    assert move(running(paused)) == Stop("It takes too long.")
    assert move(running(paused, AbortAsked(why="enough", leaves=""))) is None


def in_trouble(run: Run, cleaning: Run | None = None) -> object:
    drill, _ = drill_of(PlanAttached(run="RUN-1", playbook="p"))
    return drills.in_trouble(drill, run, cleaning, "The disk is gone.", now=START)


def test_a_drill_in_trouble_comes_to_an_end_or_has_people_clean_up() -> None:
    why = "DRL-1 could not be carried on: The disk is gone."
    refused = in_trouble(run_of())
    assert isinstance(refused, End)
    assert (refused.result.outcome, refused.result.because) == ("refused", why)
    assert in_trouble(running(BEGUN)) == Stop(why)
    assert in_trouble(running(BEGUN, AbortAsked(why="enough", leaves=""))) is None
    left = in_trouble(running(BEGUN, *ABORTED))
    assert isinstance(left, CleanUp)
    assert left.plan.problems == (f"{why} Put the stand-ins back by hand, then say `abort DRL-1`.",)
    assert in_trouble(running(BEGUN, *ABORTED), running()) is None
    gap = Gap(id="unfinished", what=f"The drill did not come to its end: {why}")
    end = End(DrillEnded(outcome="failed", because=why, gaps=(gap,)))
    assert in_trouble(running(*ABORTED)) == end
    assert in_trouble(running(BEGUN, *ABORTED), running(*ABORTED)) == end


def test_what_was_begun_is_undone_the_newest_first_and_by_no_person() -> None:
    empty = step("empty", call=call("empty", Effect.DESTRUCTIVE, "lab"))
    ask = (StepStarted(step="ask", attempt=1, key="k2"), StepFailed(step="ask", attempt=1, because="no"))
    run = running(BEGUN, DONE, *ask, *ABORTED, cleanup=(empty,))
    said = move(run)
    assert isinstance(said, CleanUp)
    assert [(each.id, each.needs) for each in said.plan.steps] == [
        ("undo-stop", ()),
        ("empty", ("undo-stop",)),
    ]
    assert (said.plan.checks, said.plan.cleanup, said.plan.drill) == ((), (), True)


def test_what_is_undone_already_is_not_undone_again() -> None:
    undone = (
        StepStarted(step="stop", attempt=1, key="k.undo", undo=True),
        DONE.model_copy(update={"undo": True}),
    )
    plan = cleaned(running(BEGUN, DONE, *undone, *ABORTED), START)
    assert plan
    assert plan.steps == ()


def test_what_acted_before_its_retry_was_opened_is_undone_too() -> None:
    failed = StepFailed(step="stop", attempt=1, because="no")
    opened = AttemptOpened(step="stop", attempt=2, target_said="no")
    plan = cleaned(running(BEGUN, failed, opened, *ABORTED), START)
    assert plan
    assert [each.id for each in plan.steps] == ["undo-stop"]


def test_nobody_goes_on_past_a_stand_in_that_is_not_apart_any_more() -> None:
    run = running(problems=("lab is orders-db itself.",))
    (said,) = due(run, now=START + timedelta(minutes=5), holders={}, freezes=())
    assert said == Pause("lab is orders-db itself.", "stop")


def test_where_nothing_was_begun_there_is_nothing_to_clean_up() -> None:
    said = move(running(*ABORTED))
    assert isinstance(said, End)
    assert [gap.what for gap in said.result.gaps] == ["The drill did not come to its end: enough"]


def test_stand_ins_are_kept_for_a_while() -> None:
    drill, occasion = drill_of()
    kept = replace(drill, asked=ASKED.model_copy(update={"keep_for_s": 3600}))
    run = running(BEGUN, DONE, RunRecovered())
    assert run.recovered_at
    until = run.recovered_at + timedelta(hours=1)
    assert next_move(kept, occasion, run, None, now=START) == Keep(until)
    assert isinstance(next_move(kept, occasion, run, None, now=until), CleanUp)


def test_it_ends_when_the_clean_up_is_over() -> None:
    rehearsal = running(BEGUN, DONE, RunRecovered())
    tidy = rehearsal_plan(steps=(step("empty", call=call("empty", target="lab")),))
    cleaning = (Planned(plan=tidy, hash="c"), RunStarted(hash="c"))
    assert move(rehearsal, run_of(*cleaning, id="RUN-2")) is None
    given_up = run_of(*cleaning, StepSkipped(step="empty", why="torn down"), *ABORTED, id="RUN-2")
    said = move(rehearsal, given_up)
    assert isinstance(said, End)
    assert (said.result.outcome, said.result.seconds) == ("passed", {"stop": 1.0})
    assert [gap.id for gap in said.result.gaps] == ["cleanup-empty"]
    never = move(rehearsal, run_of(*cleaning, *ABORTED, id="RUN-2"))
    assert isinstance(never, End)
    assert never.result.gaps[0].what == "Cleaning up, Empty was not done"
    unplanned = move(rehearsal, run_of(PlanFailed(because="x"), id="RUN-2"))
    assert isinstance(unplanned, End)
    assert unplanned.result.gaps == ()


def test_checks_that_fail_are_gaps_and_a_failed_check_explains_its_step() -> None:
    found = CheckFound(check="rows", step="stop", ok=False, blocking=True, found="0 rows")
    fine = CheckFound(check="size", step="stop", ok=True, blocking=True, found="1 MB")
    end = CheckFound(check="orders", ok=False, blocking=False, found="none")
    failed = StepFailed(step="stop", attempt=1, because="the check rows found 0 rows")
    run = running(BEGUN, found, fine, failed, end, *ABORTED)
    said = showed(drill_of()[1], run, None)
    assert [gap.id for gap in said.gaps] == ["check-rows", "check-orders"]
    assert (said.outcome, said.because) == ("failed", "enough")


def test_a_run_that_restored_nothing_proves_nothing() -> None:
    said = showed(drill_of()[1], running(BEGUN, DONE, RunRecovered(left_out=("restore",))), None)
    assert (said.outcome, said.because, said.restored) == ("failed", "nothing was restored", ())


def test_a_rehearsal_whose_restore_was_skipped_after_it_had_begun_says_that_it_came_to_no_end() -> None:
    begun = StepStarted(step="restore", attempt=1, key="k")
    skipped = StepSkipped(step="restore", why="the stand-in is too small")
    steps = (step("restore", call=call("restore", Effect.DESTRUCTIVE, "lab")),)
    run = running(begun, skipped, RunRecovered(left_out=("restore",)), steps=steps)
    assert showed(drill_of()[1], run, None).because == "no restore came to its end"


@pytest.mark.parametrize("effect", [Effect.REVERSIBLE, Effect.DESTRUCTIVE])
def test_a_drill_changes_nothing_that_is_not_isolated(effect: Effect) -> None:
    acts = step("stop", call=call("stop", effect, "shop"))
    run = run_of(Planned(plan=rehearsal_plan(steps=(acts,), targets=(REAL,)), hash="h"), RunStarted(hash="h"))
    why = "Stop would change what is not isolated, which no drill does."
    assert due(run, now=START, holders={}, freezes=()) == (Pause(why, "stop"),)


def test_a_step_that_never_ended_has_no_length() -> None:
    assert showed(drill_of()[1], running(BEGUN, *ABORTED), None).seconds == {}
