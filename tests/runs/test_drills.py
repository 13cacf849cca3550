"""A playbook rehearsed on a stage: isolated, measured, proved, and cleaned up whatever happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.drill import PATIENCE_S, TRIES
from bot.core.events import DrillEnded, RetryAsked, RunPaused
from integrations.contract import JobState, Phase
from tests.clock import Clock
from tests.runs.lab import LAB, REHEARSED, Lab
from tests.runs.stage import Stage, World, point

WHERE = ("before start", "after start")
OFTEN = TRIES + 1
"""How often a clean-up fails before people are asked."""


@pytest.fixture
def world() -> World:
    return World(points=[point("P1", 0), point("P2", 5), point("P3", 24)])


@pytest.fixture
def lab(stage: Stage, tmp_path: Path) -> Lab:
    return Lab(stage, tmp_path / "home")


def changed(stage: Stage, tmp_path: Path, *, playbook: tuple[str, str] = ("", ""), **others: str) -> Lab:
    assert playbook[0] in REHEARSED
    return Lab(stage, tmp_path / "home", REHEARSED.replace(*playbook), **others)


async def rehearsed(lab: Lab, line: str = "drill restore-orders") -> DrillEnded:
    await lab.stage.told("cy", line)
    await lab.carry()
    ended = (await lab.drill()).ended
    assert ended
    return ended


async def until_asked(lab: Lab, clock: Clock) -> None:
    """Let a clean-up be tried as often as it is by itself."""
    await lab.carry()
    for _ in range(TRIES):
        clock.advance(PATIENCE_S)
        await lab.carry()


async def test_a_drill_does_every_step_on_stand_ins_and_cleans_up(lab: Lab) -> None:
    ended = await rehearsed(lab)
    assert (ended.outcome, ended.because) == ("passed", "")
    assert lab.acts == [
        "stop RUN-1.stop.1",
        "restore RUN-1.restore.1",
        "go RUN-1.go.1",
        "stop RUN-2.undo-go.1",
        "go RUN-2.undo-stop.1",
        "empty RUN-2.empty.1",
    ]
    run = await lab.stage.run("RUN-1")
    assert run.plan
    assert {step.call.target for step in run.plan.steps} == {"orders-db-drill", "shop-drill"}
    assert {target.stands_for for target in run.plan.targets} == {"orders-db", "shop"}
    assert (run.plan.gates, run.plan.freeze, run.freeze) == ((), None, None)
    assert [point.point for point in ended.restored] == ["P3"]
    assert set(ended.seconds) == {"stop", "restore", "go"}
    assert await lab.stage.timeline.lookup.drilled() == {("stage", "P3", "digest-P3")}
    assert await lab.stage.timeline.lookup.holder("orders-db-drill") is None


async def test_a_drill_is_judged_by_its_own_clock(lab: Lab, clock: Clock) -> None:
    clock.advance(10 * 60)
    await lab.stage.told("cy", "drill restore-orders")
    lab.stage.world.held = True
    await lab.carry()
    clock.advance(31 * 60)
    lab.stage.world.held = False
    lab.stage.world.end("RUN-1.stop.1")
    await lab.carry()
    ended = (await lab.drill()).ended
    assert ended
    assert ended.outcome == "passed"
    assert [gap.id for gap in ended.gaps] == ["rto", "rpo-points"]
    assert ended.gaps[0].what == "It took 31 min, and the RTO is 30 min."
    assert "of good data would be lost. Misses the RPO of 5 min." in ended.gaps[1].what


@pytest.mark.parametrize("operation", ["stop", "restore", "go"])
async def test_a_step_that_fails_ends_the_drill_and_all_that_was_begun_is_undone(
    lab: Lab, operation: str
) -> None:
    lab.stage.world.outcomes[operation] = [Phase.FAILED]
    ended = await rehearsed(lab)
    assert ended.outcome == "failed"
    assert [gap.id for gap in ended.gaps] == [f"step-{operation}"]
    assert lab.acts[-1] == "empty RUN-2.empty.1"
    assert (await lab.stage.run("RUN-2")).state == "recovered"


async def test_nobody_is_waited_for_when_the_end_checks_do_not_pass(lab: Lab, clock: Clock) -> None:
    lab.stage.world.wrong.add("orders-db-drill")
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    clock.advance(120)
    await lab.carry()
    ended = (await lab.drill()).ended
    assert ended
    assert ended.outcome == "failed"
    assert [gap.id for gap in ended.gaps] == ["check-rows"]
    assert lab.acts[-1] == "empty RUN-2.empty.1"


async def test_a_drill_that_is_stopped_is_cleaned_up(lab: Lab) -> None:
    lab.stage.world.held = True
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    said = await lab.stage.told("cy", "abort DRL-1")
    mark = said.partition("confirm:")[2].partition(" ")[0]
    lab.stage.world.held = False
    await lab.stage.told("cy", f'abort DRL-1 confirm:{mark} why:"the lab is needed"')
    await lab.carry()
    ended = (await lab.drill()).ended
    assert ended
    assert (ended.outcome, ended.because) == ("failed", "the lab is needed")
    assert lab.acts[1:] == ["go RUN-2.undo-stop.1", "empty RUN-2.empty.1"]


@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("times", range(1, 7))
async def test_a_crash_at_any_call_is_carried_on_and_cleaned_up(lab: Lab, where: str, times: int) -> None:
    await lab.stage.told("cy", "drill restore-orders")
    world = lab.stage.world
    real, left = world.die, times

    def die(place: str) -> None:
        nonlocal left
        if place == where:
            left -= 1
            world.crash = where if left == 0 else ""
        real(place)

    world.die = die  # type: ignore[method-assign]
    assert await lab.survive() == 1
    ended = (await lab.drill()).ended
    assert ended
    assert ended.outcome == "passed"
    assert len(lab.acts) == len(set(lab.acts)) == 6


@pytest.mark.parametrize("ends", [Phase.LOST, Phase.FAILED, Phase.TIMED_OUT, Phase.REFUSED])
@pytest.mark.parametrize("times", [1, TRIES])
async def test_a_clean_up_that_was_killed_goes_on_by_itself(
    lab: Lab, world: World, clock: Clock, ends: Phase, times: int
) -> None:
    world.outcomes["empty"] = [ends] * times
    await lab.stage.told("cy", "drill restore-orders")
    for attempt in range(1, times + 1):
        again = await lab.carry()
        assert again
        assert (again.at - clock()).total_seconds() == PATIENCE_S
        assert lab.acts[-1] == f"empty RUN-2.empty.{attempt}"
        clock.advance(PATIENCE_S)
    await lab.carry()

    ended = (await lab.drill()).ended
    assert ended
    assert (ended.outcome, ended.gaps) == ("passed", ())
    assert lab.acts[-1] == f"empty RUN-2.empty.{times + 1}"
    told = [entry.event for entry in await lab.stage.timeline.read("run/RUN-2")]
    assert not any(isinstance(event, RunPaused) for event in told)
    assert sum(isinstance(event, RetryAsked) for event in told) == times


async def test_an_undo_of_a_clean_up_that_was_killed_goes_on_by_itself_too(
    lab: Lab, world: World, clock: Clock
) -> None:
    world.outcomes["stop"] = [Phase.SUCCEEDED, Phase.LOST]
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    assert lab.acts[-1] == "stop RUN-2.undo-go.1"
    clock.advance(PATIENCE_S)
    await lab.carry()

    assert lab.acts[-4:] == [
        "stop RUN-2.undo-go.1",
        "stop RUN-2.undo-go.2",
        "go RUN-2.undo-stop.1",
        "empty RUN-2.empty.1",
    ]
    assert (await lab.drill()).ended


async def test_a_clean_up_whose_program_still_acts_is_never_begun_beside_it(
    lab: Lab, world: World, clock: Clock
) -> None:
    world.held = True
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    while lab.acts[-1] != "empty RUN-2.empty.1":
        world.end(world.acts[-1])
        await lab.carry()
    world.jobs["RUN-2.empty.1"] = JobState(Phase.LOST, "its supervisor is gone", alive=True)
    clock.advance(PATIENCE_S)
    await lab.carry()
    assert lab.acts[-1] == "empty RUN-2.empty.1"

    world.jobs["RUN-2.empty.1"] = JobState(Phase.LOST, "its supervisor is gone", alive=False)
    world.held = False
    await lab.carry()
    clock.advance(PATIENCE_S)
    await lab.carry()
    assert lab.acts[-1] == "empty RUN-2.empty.2"
    assert (await lab.drill()).ended


async def test_a_stand_in_that_a_clean_up_made_another_thing_is_still_cleaned_up(
    lab: Lab, world: World, clock: Clock
) -> None:
    world.outcomes["empty"] = [Phase.LOST]
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    world.identity = "orders-2"
    clock.advance(PATIENCE_S)
    await lab.carry()

    assert (await lab.drill()).ended
    assert lab.acts[-1] == "empty RUN-2.empty.2"


async def test_a_clean_up_is_not_done_again_to_what_has_become_the_real_thing(
    lab: Lab, world: World, clock: Clock
) -> None:
    world.outcomes["empty"] = [Phase.LOST]
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    world.same["orders-db-drill"] = "orders-db"
    clock.advance(PATIENCE_S)
    await lab.carry()

    assert lab.acts[-1] == "empty RUN-2.empty.1"
    assert (await lab.drill()).ended is None
    assert (await lab.stage.run("RUN-2")).why_paused == (
        "orders-db-drill is the same thing as orders-db (orders-db:orders-1), by its own word."
    )


async def test_a_clean_up_is_not_done_again_to_what_the_catalog_no_longer_calls_isolated(
    lab: Lab, world: World, clock: Clock, tmp_path: Path
) -> None:
    world.outcomes["empty"] = [Phase.LOST]
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    real = LAB.replace(
        "orders-db-drill: {kind: stage, environment: lab, isolated: true}",
        "orders-db-drill: {kind: stage, environment: lab}",
    )
    assert real != LAB
    (tmp_path / "home" / "catalog.yaml").write_text(real)
    clock.advance(PATIENCE_S)
    await lab.carry()

    assert lab.acts[-1] == "empty RUN-2.empty.1"
    assert (await lab.stage.run("RUN-2")).why_paused.startswith(
        "orders-db-drill is not isolated in the catalog"
    )


async def test_a_clean_up_that_fails_asks_people_and_the_drill_stays_open(
    lab: Lab, world: World, clock: Clock
) -> None:
    world.outcomes["empty"] = [Phase.FAILED] * OFTEN
    await lab.stage.told("cy", "drill restore-orders")
    await until_asked(lab, clock)
    assert (await lab.drill()).ended is None
    asked = await lab.stage.run("RUN-2")
    assert (asked.state, asked.why_paused) == (
        "paused",
        "Empty the stand-in failed 4 times, last: scripted failed",
    )
    again = await lab.stage.say("cy", "drill restore-orders")
    assert again.text.startswith("DRL-1 still uses a stand-in of restore-orders: nothing was done.")
    await lab.stage.told("cy", 'retry RUN-2.empty why:"the disk was full"')
    await lab.carry()
    ended = (await lab.drill()).ended
    assert ended
    assert (ended.outcome, ended.gaps) == ("passed", ())


async def test_a_clean_up_that_is_given_up_is_a_gap(lab: Lab, world: World, clock: Clock) -> None:
    world.outcomes["empty"] = [Phase.FAILED] * OFTEN
    await lab.stage.told("cy", "drill restore-orders")
    await until_asked(lab, clock)
    await lab.stage.told("cy", 'skip RUN-2.empty why:"the lab is torn down"')
    await lab.carry()
    ended = (await lab.drill()).ended
    assert ended
    assert [gap.what for gap in ended.gaps] == [
        "Cleaning up, Empty the stand-in was not done: the lab is torn down"
    ]


async def test_stand_ins_are_kept_as_long_as_the_playbook_says(
    stage: Stage, tmp_path: Path, clock: Clock
) -> None:
    lab = changed(stage, tmp_path, playbook=("drill:\n", "drill:\n  keep_for: 1h\n"))
    await stage.told("cy", "drill restore-orders")
    again = await lab.carry()
    assert again
    assert (again.at - clock()).total_seconds() == 3600
    assert lab.acts[-1] == "go RUN-1.go.1"
    clock.advance(3600)
    await lab.carry()
    assert (await lab.drill()).ended


ISOLATION = [
    (
        LAB.replace(
            "orders-db-drill: {kind: stage, environment: lab, isolated: true}",
            "orders-db-drill: {kind: stage, environment: lab}",
        ),
        "orders-db-drill is not isolated in the catalog: a drill touches only what says `isolated: true`.",
    ),
    (
        LAB.replace(
            "shop-drill: {kind: stage, environment: lab,",
            "shop-drill: {kind: stage, environment: production,",
        ),
        "shop-drill is in production like orders-db: a stand-in needs an environment of its own.",
    ),
    (
        LAB.replace(
            "lab, isolated: true}\nsources", "lab, isolated: true, settings: {target: shop}}\nsources"
        ),
        "shop-drill has the address of shop: stage shop on the runner local. Give the stand-in "
        "another in the catalog.",
    ),
]


@pytest.mark.parametrize(("catalog", "why"), ISOLATION)
async def test_what_is_not_isolated_is_not_touched(
    stage: Stage, tmp_path: Path, catalog: str, why: str
) -> None:
    assert catalog != LAB
    lab = changed(stage, tmp_path, catalog=catalog)
    ended = await rehearsed(lab)
    assert ended.outcome == "refused"
    assert why in [gap.what for gap in ended.gaps]
    assert lab.acts == []
    assert (await stage.run()).state == "not planned"


async def test_one_thing_under_two_names_is_no_stand_in(lab: Lab, world: World) -> None:
    world.same["orders-db-drill"] = "orders-db"
    ended = await rehearsed(lab)
    assert (
        ended.because
        == "orders-db-drill is the same thing as orders-db (orders-db:orders-1), by its own word."
    )
    assert lab.acts == []


async def test_a_proof_of_isolation_that_fails_keeps_the_drill_from_starting(lab: Lab, world: World) -> None:
    world.wrong.add("shop-drill")
    ended = await rehearsed(lab)
    assert ended.outcome == "refused"
    assert ended.because == "The stand-ins are not proved to be isolated: no-egress found 0 rows"
    assert lab.acts == []


async def test_a_target_without_a_stand_in_is_refused(stage: Stage, tmp_path: Path) -> None:
    lab = changed(stage, tmp_path, playbook=("shop: shop-drill}", "}"))
    ended = await rehearsed(lab)
    assert ended.because == (
        "Stop the shop acts on shop, which is no stand-in: name one in `drill.targets`, or leave the step "
        "out with `drill: {skip: true}`."
    )
    assert lab.acts == []


async def test_restored_data_that_nothing_empties_is_refused(stage: Stage, tmp_path: Path) -> None:
    text = REHEARSED[: REHEARSED.index("  cleanup:")]
    lab = Lab(stage, tmp_path / "home", text)
    ended = await rehearsed(lab)
    assert ended.because == (
        "Nothing empties orders-db-drill after Restore the orders: name an operation for it in "
        "`drill.cleanup`."
    )


async def test_what_a_drill_measured_changes_the_estimate_of_the_next_plan(lab: Lab, clock: Clock) -> None:
    lab.stage.world.held, lab.stage.world.now = True, clock
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    clock.advance(42)
    lab.stage.world.held = False
    lab.stage.world.end("RUN-1.stop.1")
    await lab.carry()
    assert (await lab.drill()).ended
    await lab.stage.told("ana", 'declare "Orders are wrong" svc:checkout env:production')
    await lab.stage.told("ana", 'impact "wrong totals" start:-1m damage:-1m')
    await lab.stage.told("ana", "plan restore-orders")
    await lab.stage.carry("RUN-3")
    plan = (await lab.stage.run("RUN-3")).plan
    assert plan
    stop = plan.step("stop")
    assert stop
    assert (stop.estimate_s, stop.basis) == (42, "measured in 1 drill, last on 2026-11-23")


async def test_a_drill_is_shown_from_its_begin_to_its_end(lab: Lab, world: World, clock: Clock) -> None:
    await lab.stage.told("cy", "drill restore-orders")
    assert (await lab.stage.told("ana", "status DRL-1")).startswith(
        "DRL-1 drill of restore-orders: rehearsal planning"
    )
    world.held = True
    await lab.carry()
    assert "Stop the drill" in str((await lab.stage.say("ana", "status DRL-1")).document)
    world.held = False
    world.end("RUN-1.stop.1")
    world.outcomes["empty"] = [Phase.FAILED] * OFTEN
    await until_asked(lab, clock)
    assert (await lab.stage.told("ana", "status DRL-1")).startswith(
        "DRL-1 drill of restore-orders: cleaning up, and it needs you"
    )
    assert "cleaning up, and it needs you" in await lab.stage.told("ana", "drill list")
    await lab.stage.told("cy", 'retry RUN-2.empty why:"the disk was full"')
    await lab.carry()
    shown = await lab.stage.told("ana", "status DRL-1")
    assert shown.startswith("DRL-1 drill of restore-orders: passed")
    assert "P3 of points can be restored" in shown
    assert "Recovered after" in shown
    assert "Drill passed" in await lab.stage.told("ana", "timeline DRL-1")
    assert "passed" in await lab.stage.told("ana", "drill list")


async def test_a_drills_runs_belong_to_it(lab: Lab, world: World, clock: Clock) -> None:
    world.held = True
    await lab.stage.told("cy", "drill restore-orders")
    assert (await lab.stage.say("ana", "start RUN-1")).text.startswith(
        "RUN-1 is for DRL-1, which starts it by itself: nothing was done."
    )
    await lab.carry()
    world.held = False
    world.end("RUN-1.stop.1")
    world.outcomes["empty"] = [Phase.FAILED] * OFTEN
    await until_asked(lab, clock)
    said = await lab.stage.say("ana", "retry RUN-2.empty why:x before:02:00")
    assert said.text.startswith("RUN-2 is for DRL-1: its inputs stay as they are. Nothing was recorded.")


async def test_what_cannot_be_rehearsed_is_refused(stage: Stage, tmp_path: Path) -> None:
    lab = Lab(stage, tmp_path / "home", REHEARSED[: REHEARSED.index("\ndrill:") + 1])
    told = (await stage.say("cy", "drill restore-orders")).text
    assert told.startswith("restore-orders does not say how it is rehearsed: nothing was done.")
    changed(
        stage,
        tmp_path,
        playbook=("applies_to: {services: [checkout], environments: [production]}", "applies_to: {}"),
    )
    told = (await stage.say("ana", "drill restore-orders")).text
    assert told.startswith("Say `svc:`: restore-orders does not say which.")
    changed(
        stage,
        tmp_path,
        playbook=("environments: [production]}\nroles", "environments: [production, test]}\nroles"),
    )
    told = (await stage.say("cy", "drill restore-orders")).text
    assert told.startswith("Say `env:`, one of production, test: restore-orders does not say which.")
    assert (await stage.told("ana", "drill list")).startswith("Nothing was rehearsed yet.")
    assert (await stage.say("ana", "status DRL-9")).text.startswith("There is no drill DRL-9.")
    assert lab.acts == []


async def test_a_plan_names_the_gaps_that_the_newest_drill_showed(lab: Lab, world: World) -> None:
    world.outcomes["go"] = [Phase.FAILED]
    await rehearsed(lab)
    await lab.stage.told("ana", 'declare "Orders are wrong" svc:checkout env:production')
    await lab.stage.told("ana", 'impact "wrong totals" start:-1m damage:-1m')
    await lab.stage.told("ana", "plan restore-orders")
    await lab.stage.carry("RUN-3")
    told = await lab.stage.told("ana", "status RUN-3")
    assert "Open gap, shown by DRL-1: Start the shop: failed: scripted failed" in told


async def test_a_restore_that_gives_the_stand_in_another_identity_is_cleaned_up(
    lab: Lab, world: World, clock: Clock
) -> None:
    world.held = True
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    world.held = False
    world.end("RUN-1.stop.1")
    await lab.stage.carry("RUN-1")
    world.same["orders-db-drill"] = "restored-orders"
    await lab.carry()
    assert (await lab.drill()).ended
    assert lab.acts[-1] == "empty RUN-2.empty.1"


async def test_a_clean_up_never_touches_what_has_become_production(lab: Lab, world: World) -> None:
    world.held = True
    await lab.stage.told("cy", "drill restore-orders")
    await lab.carry()
    world.held = False
    world.end("RUN-1.stop.1")
    await lab.stage.carry("RUN-1")
    world.same["orders-db-drill"] = "orders-db"
    await lab.carry()
    run = await lab.stage.run("RUN-2")
    assert run.paused
    assert run.paused.why.startswith("orders-db-drill is the same thing as orders-db")
    assert not any("RUN-2" in act for act in lab.acts)


async def test_a_target_that_does_not_answer_cannot_be_told_from_its_stand_in(lab: Lab, world: World) -> None:
    world.silent.add("orders-db")
    ended = await rehearsed(lab)
    assert ended.because == (
        "orders-db does not say which thing it is: its stand-in could be the same. Have its engine reach it, "
        "or leave out the steps that act on it with `drill: {skip: true}`."
    )
    assert lab.acts == []
