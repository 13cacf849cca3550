"""A run carried out on a stage, from the plan to the checks at the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.cards.choices import choices
from bot.core.events import (
    AbortAsked,
    Approved,
    AttemptOpened,
    Event,
    FreezePlaced,
    ImpactStated,
    IncidentDeclared,
    PhaseChanged,
    PlanAsked,
    Rejected,
    RetryAsked,
    RunResumed,
    RunStarted,
    Scope,
    Severity,
    StepDone,
    StepSkipped,
    StepStarted,
    UndoAsked,
)
from bot.core.events import Phase as Reached
from bot.core.run import Status
from bot.runs.unchanged import AGAIN, REPLACED, unknown_act
from bot.timeline import Change
from integrations.contract import Fence, Phase
from tests.clock import Clock
from tests.runs.stage import PLAYBOOK, Stage, World

DAMAGE = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)


async def write(stage: Stage, who: str, *events: Event, stream: str = "run/RUN-1") -> None:
    seq = len(await stage.timeline.read(stream))
    await stage.timeline.append({stream: Change(seq, events)}, by=who, via="test")


async def declared(stage: Stage) -> None:
    incident = IncidentDeclared(
        title="Orders are wrong",
        severity=Severity.SEV1,
        service="checkout",
        environment="production",
        commander="ana",
    )
    damage = ImpactStated(statement="wrong totals", impact_start=DAMAGE, damage_start=DAMAGE)
    await write(stage, "ana", incident, damage, stream="incident/INC-1")


async def planned(stage: Stage) -> None:
    await declared(stage)
    asked = PlanAsked(
        incident="INC-1", playbook="restore-orders", service="checkout", environment="production"
    )
    await write(stage, "ana", asked)
    await stage.carry()


async def started(stage: Stage) -> None:
    await planned(stage)
    await set_off(stage)


async def set_off(stage: Stage) -> None:
    run = await stage.run()
    now = stage.timeline.now()
    await write(stage, "ana", RunStarted(hash=run.hash, expires={"overwrite": now + timedelta(minutes=20)}))
    await stage.carry()


async def approved(stage: Stage) -> None:
    run = await stage.run()
    await write(stage, "bo", Approved(gate="overwrite", hash=run.hash, role="dba"))
    await write(stage, "cy", Approved(gate="overwrite", hash=run.hash, role="app"))
    await stage.carry()


async def test_the_newest_point_before_the_damage_is_chosen_and_the_others_refused_with_reasons(
    stage: Stage,
) -> None:
    await planned(stage)

    plan = (await stage.run()).plan

    assert plan is not None
    assert plan.problems == ()
    source = plan.sources[0]
    assert source.point is not None
    assert source.point.id == "P2"
    assert [(item.point.id, item.because) for item in source.refused] == [
        ("P3", "it was finished after 2026-11-23 02:09:59Z")
    ]


async def test_a_damaged_target_that_can_be_restored_is_planned_with_a_warning(
    stage: Stage, world: World
) -> None:
    world.odd = "it cannot be read: file is not a database"
    await planned(stage)
    plan = (await stage.run()).plan
    assert plan is not None
    assert plan.problems == ()
    assert plan.warnings[0] == "orders-db: it cannot be read: file is not a database"


@pytest.mark.parametrize(
    ("destroys", "problem"),
    [
        ("stop", "Stop the shop destroys data and its playbook asks nobody: name an `approval` for it."),
        ("go", "The undo of Stop the shop destroys data and nobody would be asked"),
    ],
)
async def test_what_the_target_says_destroys_data_is_never_started_unapproved(
    stage: Stage, world: World, destroys: str, problem: str
) -> None:
    world.destroys = {destroys}
    await planned(stage)

    plan = (await stage.run()).plan

    assert plan is not None
    assert any(said.startswith(problem) for said in plan.problems)
    assert not (await stage.say("ana", "start RUN-1")).ok
    await set_off(stage)
    assert destroys not in " ".join(world.acts)


async def test_the_same_situation_gives_the_same_hash_and_another_point_another_one(
    stage: Stage, world: World, clock: Clock
) -> None:
    await planned(stage)
    first = (await stage.run()).hash
    clock.advance(60)
    asked = PlanAsked(
        incident="INC-1", playbook="restore-orders", service="checkout", environment="production"
    )
    for id in ("RUN-2", "RUN-3"):
        await write(stage, "ana", asked, stream=f"run/{id}")
        if id == "RUN-3":
            world.points = world.points[:1]
        await stage.carry(id)

    assert (await stage.run("RUN-2")).hash == first
    assert (await stage.run("RUN-3")).hash != first


async def test_steps_without_an_approval_begin_and_the_restore_waits_for_every_yes(
    stage: Stage, world: World
) -> None:
    await started(stage)
    assert world.acts == ["RUN-1.stop.1"]
    assert (await stage.incident()).writers_stopped is not None

    run = await stage.run()
    await write(stage, "bo", Approved(gate="overwrite", hash=run.hash, role="dba"))
    await stage.carry()
    assert world.acts == ["RUN-1.stop.1"]

    await write(stage, "cy", Approved(gate="overwrite", hash=run.hash, role="app"))
    await stage.carry()

    assert world.acts == ["RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.go.1"]
    assert (await stage.run()).state == "recovered"
    assert (await stage.incident()).phase.value == "monitoring"
    assert await stage.timeline.lookup.holder("orders-db") is None


async def test_the_requester_never_counts_as_one_of_the_people(stage: Stage, world: World) -> None:
    await planned(stage)
    run = await stage.run()
    until = stage.timeline.now() + timedelta(minutes=20)
    await write(stage, "bo", RunStarted(hash=run.hash, expires={"overwrite": until}))
    await write(stage, "bo", Approved(gate="overwrite", hash=run.hash, role="dba"))
    await write(stage, "cy", Approved(gate="overwrite", hash=run.hash, role="app"))

    await stage.carry()

    assert "RUN-1.restore.1" not in world.acts


async def test_a_rejection_pauses_the_run_before_the_restore(stage: Stage, world: World) -> None:
    await started(stage)
    run = await stage.run()

    await write(stage, "bo", Rejected(gate="overwrite", hash=run.hash, why="wrong point"))
    await stage.carry()

    run = await stage.run()
    assert run.state == "paused"
    assert run.paused is not None
    assert run.paused.why == "bo rejected overwrite: wrong point"
    assert world.acts == ["RUN-1.stop.1"]


async def test_a_failed_step_pauses_and_a_retry_opens_another_attempt(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)
    assert (await stage.run()).step("restore").status is Status.FAILED
    assert (await stage.run()).step("restore").tail == "output of RUN-1.restore.1"

    await write(stage, "ana", RetryAsked(step="restore", why="the disk is free again"))
    await stage.carry()

    assert world.acts == ["RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.restore.2", "RUN-1.go.1"]
    assert (await stage.run()).state == "recovered"


async def test_a_check_that_fails_after_the_restore_is_a_failed_step(stage: Stage, world: World) -> None:
    world.rows_ok = False
    await started(stage)
    await approved(stage)

    step = (await stage.run()).step("restore")

    assert step.status is Status.FAILED
    assert step.because == "the check rows found 0 rows"


async def test_a_retry_looks_once_more_at_what_is_done_and_does_it_again_only_if_it_is_still_wrong(
    stage: Stage, world: World
) -> None:
    world.rows_ok = False
    await started(stage)
    await approved(stage)

    await write(stage, "ana", RetryAsked(step="restore", why="somebody else wrote there"))
    await stage.carry()

    assert world.acts == ["RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.restore.2"]
    told = [entry.event for entry in await stage.timeline.read("run/RUN-1")]
    said = "it is done, and the check rows found 0 rows"
    assert AttemptOpened(step="restore", attempt=2, target_said=said) in told

    world.rows_ok = True
    await write(stage, "ana", RetryAsked(step="restore", why="they are back by hand"))
    await stage.carry()

    assert world.acts == ["RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.restore.2", "RUN-1.go.1"]
    assert (await stage.run()).state == "recovered"


async def test_end_checks_that_never_pass_ask_people_after_their_time(
    stage: Stage, world: World, clock: Clock
) -> None:
    world.outcomes["go"] = []
    await started(stage)
    run = await stage.run()
    await write(stage, "bo", Approved(gate="overwrite", hash=run.hash, role="dba"))
    await write(stage, "cy", Approved(gate="overwrite", hash=run.hash, role="app"))
    world.held = True
    await stage.carry()
    world.end("RUN-1.restore.1")
    await stage.carry()
    world.rows_ok = False
    world.end("RUN-1.go.1")
    again = await stage.carry()
    assert again is not None

    clock.advance(61)
    await stage.carry()

    run = await stage.run()
    assert run.state == "paused"
    assert run.paused is not None
    assert "place-order found 0 rows" in run.paused.why


async def test_a_foreign_freeze_after_the_approval_pauses_before_the_restore_and_asks(
    stage: Stage, world: World
) -> None:
    await started(stage)
    placed = FreezePlaced(scope=Scope(services=("checkout",)), why="audit under way")
    await write(stage, "cy", placed, stream="freeze/FRZ-1")
    await approved(stage)

    run = await stage.run()
    assert run.paused is not None
    assert run.paused.freeze == "FRZ-1"
    assert "RUN-1.restore.1" not in world.acts

    await write(stage, "ana", RunResumed(why="agreed with the auditor", passes=("FRZ-1",)))
    await stage.carry()

    assert (await stage.run()).state == "recovered"


@pytest.mark.parametrize("ends", [Phase.FAILED, Phase.PARTIAL])
async def test_what_must_be_known_of_a_step_is_told_though_it_did_not_succeed(
    stage: Stage, world: World, ends: Phase
) -> None:
    await started(stage)
    world.caution, world.outcomes = "P2 was not held.", {"restore": [ends]}

    await approved(stage)

    assert (await stage.run()).step("restore").because.endswith(f"scripted {ends.value} P2 was not held.")


async def test_a_step_that_another_backstops_runner_refuses_failed_and_offers_no_retry_before_that_is_mended(
    stage: Stage, world: World
) -> None:
    await started(stage)
    world.others = "This runner belongs to another Backstop. Hand it over."
    await approved(stage)

    run = await stage.run()
    assert run.paused is not None
    assert (
        run.paused.why == "Restore the orders failed: This runner belongs to another Backstop. Hand it over."
    )
    offered = [button.label for button in choices(run)]
    assert offered == ["Skip", "Done by hand", "Undo back to stop", "Handed over: try again", "Abort"]
    assert world.acts == ["RUN-1.stop.1"]

    world.others = ""
    await stage.told("ana", 'retry RUN-1.restore why:"it was handed over"')
    await stage.carry()
    assert (await stage.run()).state == "recovered"
    assert world.acts == ["RUN-1.stop.1", "RUN-1.restore.2", "RUN-1.go.1"]


async def test_an_older_database_than_the_target_has_seen_never_acts_however_often_it_is_tried(
    stage: Stage, world: World
) -> None:
    await started(stage)
    fence = Fence(3, "RUN-9.restore.1.0a1b2c3d", forget="backstop-runner adopt")
    world.fence = fence
    await approved(stage)

    for _ in range(5):
        run = await stage.run()
        assert run.paused is not None
        assert run.paused.why == unknown_act("orders-db", fence)
        await write(stage, "ana", RunResumed(why="try again"))
        await stage.carry()
    assert world.acts == ["RUN-1.stop.1"]

    world.fence = None
    await write(stage, "ana", RunResumed(why="the runner has forgotten it"))
    await stage.carry()
    assert (await stage.run()).state == "recovered"


async def test_a_plan_says_that_its_database_is_older_and_one_that_knows_the_act_does_not(
    stage: Stage, world: World
) -> None:
    world.fence = Fence(3, "RUN-9.restore.1.0a1b2c3d")
    await planned(stage)
    plan = (await stage.run()).plan
    assert plan is not None
    assert unknown_act("orders-db", world.fence) in plan.problems

    known = StepStarted(step="restore", attempt=1, key=world.fence.key, token=3)
    asked = PlanAsked(
        incident="INC-1", playbook="restore-orders", service="checkout", environment="production"
    )
    await write(stage, "backstop", asked, known, stream="run/RUN-9")
    await write(stage, "ana", asked, stream="run/RUN-2")
    await stage.carry("RUN-2")
    plan = (await stage.run("RUN-2")).plan
    assert plan is not None
    assert plan.problems == ()


async def test_another_database_than_the_approved_one_is_never_touched(stage: Stage, world: World) -> None:
    await started(stage)
    world.identity = "orders-2"

    await approved(stage)

    run = await stage.run()
    assert run.paused is not None
    assert run.paused.why == f"orders-db is not the one that was approved any more. {AGAIN}"
    assert world.acts == ["RUN-1.stop.1"]


async def test_a_database_that_somebody_else_replaced_after_the_plan_is_not_restored_over(
    stage: Stage, world: World
) -> None:
    world.made = "16390"
    await started(stage)
    world.made = "16402"

    await approved(stage)

    run = await stage.run()
    assert run.paused is not None
    assert run.paused.why == REPLACED.format(name="orders-db", run="RUN-1")
    assert world.acts == ["RUN-1.stop.1"]


async def test_a_recovery_point_that_changed_after_the_approval_is_not_restored(
    stage: Stage, world: World
) -> None:
    await started(stage)
    world.points = world.points[:1]

    await approved(stage)

    run = await stage.run()
    assert run.paused is not None
    assert run.paused.why == f"The recovery point P2 is gone or changed. {AGAIN}"


async def test_two_runs_never_hold_one_target(stage: Stage, world: World) -> None:
    world.held = True
    await started(stage)
    world.end("RUN-1.stop.1")
    await approved(stage)
    assert await stage.timeline.lookup.holder("orders-db") == "RUN-1"
    world.held = False
    asked = PlanAsked(
        incident="INC-1", playbook="restore-orders", service="checkout", environment="production"
    )
    await write(stage, "ana", asked, stream="run/RUN-2")
    await stage.carry("RUN-2")
    other = await stage.run("RUN-2")
    until = stage.timeline.now() + timedelta(minutes=20)
    await write(stage, "ana", RunStarted(hash=other.hash, expires={"overwrite": until}), stream="run/RUN-2")
    for who, role in (("bo", "dba"), ("cy", "app")):
        yes = Approved(gate="overwrite", hash=other.hash, role=role)
        await write(stage, who, yes, stream="run/RUN-2")

    await stage.carry("RUN-2")

    other = await stage.run("RUN-2")
    assert other.paused is not None
    assert other.paused.why == "orders-db is held by RUN-1; it must end or be aborted first."


async def test_skip_done_by_hand_and_undo_are_ways_on(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)

    await write(stage, "bo", StepDone(step="restore", evidence="restored from tape, row counts in OPS-7"))
    await stage.carry()

    run = await stage.run()
    assert run.state == "recovered"
    assert run.step("restore").status is Status.DONE


async def test_undo_goes_back_to_the_step_and_asks(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)

    await write(stage, "ana", UndoAsked(step="stop", why="customers wait"))
    await stage.carry()

    run = await stage.run()
    assert world.acts[-1] == "RUN-1.stop.1.undo"
    assert run.step("stop").status is Status.UNDONE
    assert run.state == "paused"


async def test_a_skipped_step_is_left_out(stage: Stage, world: World) -> None:
    world.outcomes["go"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)

    await write(stage, "ana", StepSkipped(step="go", why="it is started already"))
    await stage.carry()

    assert (await stage.run()).state == "recovered"


async def test_a_run_whose_restore_was_skipped_ends_and_did_not_recover(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)

    await write(stage, "ana", StepSkipped(step="restore", why="the backup is of another shop"))
    await stage.carry()

    run = await stage.run()
    assert (run.state, run.recovered_at) == ("ended", None)
    assert run.over
    story = [entry.event for entry in await stage.timeline.read("incident/INC-1")]
    assert (
        PhaseChanged(phase=Reached.MONITORING, why="RUN-1 is over, and no restore came to its end") in story
    )


async def test_an_abort_ends_what_acts_and_leaves_nothing_running(stage: Stage, world: World) -> None:
    world.held = True
    await started(stage)
    assert world.jobs["RUN-1.stop.1"].alive

    await write(stage, "ana", AbortAsked(why="false alarm", leaves="the shop may be stopped"))
    await stage.carry()

    run = await stage.run()
    assert run.state == "aborted"
    assert not any(job.alive for job in world.jobs.values())


async def test_an_engine_that_cannot_tell_leaves_the_step_in_doubt_and_asks(
    stage: Stage, world: World
) -> None:
    world.held = True
    await started(stage)
    world.tells = False

    await stage.carry()

    run = await stage.run()
    assert run.step("stop").status is Status.IN_DOUBT
    assert run.state == "paused"


async def test_a_runner_that_does_not_answer_is_waited_for_and_nothing_is_concluded(
    stage: Stage, world: World
) -> None:
    world.held = True
    await started(stage)
    world.reachable = False
    before = await stage.run()

    again = await stage.carry()

    assert again is not None
    assert (await stage.run()).seq == before.seq


async def test_a_retry_waits_until_the_target_says_that_nothing_of_the_old_attempt_runs(
    stage: Stage, world: World
) -> None:
    world.held = True
    await started(stage)
    world.tells = False
    await stage.carry()
    world.tells, world.reachable = True, False
    await write(stage, "ana", RetryAsked(step="stop", why="try again"))

    again = await stage.carry()
    assert again is not None
    assert (await stage.run()).step("stop").attempt == 1

    world.reachable, world.held = True, False
    await stage.carry()
    run = await stage.run()
    assert run.step("stop").attempt == 2
    assert world.jobs["RUN-1.stop.1"].phase is Phase.CANCELLED


async def test_a_plan_made_again_from_the_kept_playbook_is_the_same_plan(
    stage: Stage, world: World, tmp_path: Path
) -> None:
    text = PLAYBOOK.replace(
        "approvals:\n  overwrite:", "approvals:\n  second:\n    require: [{role: dba}]\n  overwrite:"
    )
    text = text.replace("  - id: go\n", "  - id: go\n    approval: second\n")
    (tmp_path / "home" / "playbooks" / "restore.yaml").write_text(text)
    world.outcomes["restore"] = [Phase.FAILED]
    await started(stage)
    run = await stage.run()
    assert run.plan
    assert [gate.name for gate in run.plan.gates] == ["overwrite", "second"]
    await approved(stage)

    retried = RetryAsked(step="restore", why="again", inputs={"before": "2026-11-23T02:09:59Z"})
    await write(stage, "ana", retried)
    await stage.carry()

    again = await stage.run()
    assert (again.hash, again.changes) == (run.hash, ())
    assert again.step("restore").attempt == 2
