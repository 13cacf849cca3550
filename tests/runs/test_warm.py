"""A copy is made ready before anybody decided: stoppable, one for each target, and always removed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.due import MOST_REMOVALS
from bot.core.errors import Conflict
from bot.core.events import (
    AbortAsked,
    Approved,
    Event,
    ImpactStated,
    IncidentDeclared,
    PlanAsked,
    PlanAttached,
    RunStarted,
    Severity,
    StepStarted,
    UndoAsked,
    WarmAsked,
    WarmStopped,
)
from bot.core.failure import BUSY_AGAIN
from bot.core.hold import fold_target
from bot.core.run import Status
from bot.jobs import Again
from bot.timeline import Change
from bot.watch import Watch
from integrations.contract import Phase
from tests.clock import Clock
from tests.runs.stage import PLAYBOOK, Crash, Stage, World
from tests.runs.test_carry import DAMAGE

PREPARE = """steps:
  - id: prepare
    title: Make a copy ready
    uses: stage.prepare
    source: points
    with: {target: orders-db}
    needs: []
    by: dba
    effect: read
    warm: true
    estimate: 1m
    timeout: 2m
    on_failure: {then: continue}
    undo: {uses: stage.discard}
"""
WARM = PLAYBOOK.replace("steps:\n", PREPARE) + "warm: true\n"


Book = Callable[[str], object]


@pytest.fixture(autouse=True)
def book(stage: Stage, tmp_path: Path) -> Book:
    """The playbook in force is warm; it is replaced by calling this with another text."""
    file = tmp_path / "home" / "playbooks" / "restore.yaml"
    file.write_text(WARM)
    return file.write_text


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


async def planned(stage: Stage, run: str = "RUN-1", **inputs: str) -> None:
    asked = PlanAsked(
        incident="INC-1",
        playbook="restore-orders",
        service="checkout",
        environment="production",
        inputs=inputs,
    )
    await write(stage, "ana", asked, stream=f"run/{run}")
    await write(stage, "ana", PlanAttached(run=run, playbook="restore-orders"), stream="incident/INC-1")
    await stage.carry(run)


async def warm(stage: Stage) -> None:
    await declared(stage)
    await planned(stage)


async def set_off(stage: Stage, run: str = "RUN-1") -> None:
    hash = (await stage.run(run)).hash
    until = stage.timeline.now() + timedelta(minutes=20)
    await write(stage, "ana", RunStarted(hash=hash, expires={"overwrite": until}), stream=f"run/{run}")
    for who, role in (("bo", "dba"), ("cy", "app")):
        await write(stage, who, Approved(gate="overwrite", hash=hash, role=role), stream=f"run/{run}")
    await stage.carry(run)


async def test_a_warm_playbook_makes_its_copy_ready_as_soon_as_it_is_planned(
    stage: Stage, world: World
) -> None:
    await warm(stage)
    run = await stage.run()
    assert world.acts == ["RUN-1.prepare.1"]
    assert run.state == "planned"
    assert run.step("prepare").status is Status.SUCCEEDED
    assert dict(run.copies) == {"prepare": 0}
    assert run.warm is not None
    assert run.warm.until == stage.timeline.now() + timedelta(hours=4)
    # However often it is looked at, nothing more happens before people start it.
    await stage.carry()
    assert world.acts == ["RUN-1.prepare.1"]


async def test_what_is_started_goes_on_with_the_copy_that_lies_ready(stage: Stage, world: World) -> None:
    await warm(stage)
    await set_off(stage)
    run = await stage.run()
    assert world.acts == ["RUN-1.prepare.1", "RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.go.1"]
    assert run.recovered_at
    assert dict(run.copies) == {}


async def test_a_plan_that_cannot_start_makes_nothing_ready(stage: Stage, world: World) -> None:
    world.points.clear()
    await warm(stage)
    run = await stage.run()
    assert run.warm is None
    assert world.acts == []
    answer = await stage.say("bo", "prepare RUN-1")
    assert not answer.ok
    assert answer.text.startswith("RUN-1 cannot start, so nothing is prepared: No recovery point of points")


async def test_what_is_not_warm_is_made_ready_when_somebody_asks(
    stage: Stage, world: World, book: Book
) -> None:
    book(WARM.removesuffix("warm: true\n"))
    await warm(stage)
    assert world.acts == []
    assert "makes a checked copy ready. It changes nothing, and needs no approval." in await stage.told(
        "bo", "prepare RUN-1"
    )
    await stage.carry()
    assert world.acts == ["RUN-1.prepare.1"]
    again = await stage.say("bo", "prepare RUN-1")
    assert again.text.startswith("RUN-1 has its copy, or is making it: `status RUN-1` shows where")


async def test_what_nobody_wants_any_more_is_removed_and_can_be_made_again(
    stage: Stage, world: World
) -> None:
    await warm(stage)
    assert (
        "RUN-1 makes nothing ready any more; its plan stays. Its copy beside orders-db is being removed."
        in (await stage.told("bo", 'discard RUN-1 why:"no room"'))
    )
    await stage.carry()
    run = await stage.run()
    assert world.acts == ["RUN-1.prepare.1", "RUN-1.prepare.1.undo"]
    assert dict(run.copies) == {}
    assert run.step("prepare").status is Status.WAITING
    assert (await stage.say("bo", 'discard RUN-1 why:"again"')).text.strip() == (
        "RUN-1 makes no copy ready: nothing was recorded. None of it is left."
    )
    await stage.told("bo", "prepare RUN-1")
    await stage.carry()
    assert world.acts[2:] == ["RUN-1.prepare.2"]
    await set_off(stage)
    assert (await stage.run()).recovered_at


async def test_a_copy_that_is_being_made_is_stopped_and_what_there_is_of_it_removed(
    stage: Stage, world: World
) -> None:
    world.held = True
    await warm(stage)
    assert (await stage.run()).step("prepare").status is Status.STARTED
    world.held = False
    await write(stage, "ana", WarmStopped(why="not needed"))
    await stage.carry()
    assert world.acts == ["RUN-1.prepare.1", "RUN-1.prepare.1.undo"]
    assert world.jobs["RUN-1.prepare.1"].phase is Phase.CANCELLED
    assert dict((await stage.run()).copies) == {}


async def test_an_abort_before_the_start_leaves_nothing_behind(stage: Stage, world: World) -> None:
    await warm(stage)
    asked = await stage.told("ana", "abort RUN-1")
    assert "S1 Make a copy ready (✓ succeeded): its copy beside the target is removed" in asked
    mark = asked.partition("confirm:")[2][:8]
    await stage.told("ana", f'abort RUN-1 confirm:{mark} why:"no restore"')
    await stage.carry()
    run = await stage.run()
    assert run.state == "aborted"
    assert world.acts == ["RUN-1.prepare.1", "RUN-1.prepare.1.undo"]
    assert dict(run.copies) == {}


async def test_a_run_that_was_never_started_and_made_nothing_needs_no_abort(stage: Stage, book: Book) -> None:
    book(PLAYBOOK)
    await warm(stage)
    answer = await stage.say("ana", "abort RUN-1")
    assert answer.text.startswith("RUN-1 was never started")
    assert (await stage.say("ana", "prepare RUN-1")).text.strip() == (
        "No step of restore-orders is `warm`: nothing can be made ready before the start."
    )


async def test_an_abort_of_a_started_run_removes_the_copy_that_was_not_used(
    stage: Stage, world: World
) -> None:
    await warm(stage)
    hash = (await stage.run()).hash
    until = stage.timeline.now() + timedelta(minutes=20)
    await write(stage, "ana", RunStarted(hash=hash, expires={"overwrite": until}))
    await stage.carry()
    assert (await stage.say("bo", 'discard RUN-1 why:"x"')).text.strip() == (
        "RUN-1 is running and uses its copy: `abort RUN-1` removes it."
    )
    assert (await stage.say("bo", "prepare RUN-1")).text.strip() == (
        "RUN-1 is running: what can be made ready is a step of it like any other."
    )
    await write(stage, "ana", AbortAsked(why="no", leaves="-"))
    await stage.carry()
    assert world.acts == ["RUN-1.prepare.1", "RUN-1.stop.1", "RUN-1.prepare.1.undo"]
    assert (await stage.run()).aborted_at


async def test_a_copy_that_will_not_go_is_tried_again_and_then_left_to_people(
    stage: Stage, world: World, clock: Clock
) -> None:
    await warm(stage)
    world.outcomes["discard"] = [Phase.FAILED] * MOST_REMOVALS
    await write(stage, "ana", AbortAsked(why="no", leaves="-"))
    again = await stage.carry()
    run = await stage.run()
    # It does not keep the run from ending.
    assert run.aborted_at
    assert dict(run.copies) == {"prepare": 1}
    assert again is not None
    for tries in range(2, MOST_REMOVALS + 1):
        assert again is not None
        clock.advance((again.at - clock()).total_seconds())
        again = await stage.carry()
        assert dict((await stage.run()).copies) == {"prepare": tries}
    assert again is None
    assert sum(act.endswith(".undo") for act in world.acts) == MOST_REMOVALS
    refused = await stage.say("bo", 'discard RUN-1 why:"no room"')
    assert refused.text.strip() == (
        "RUN-1 makes no copy ready: nothing was recorded. Its copy beside orders-db could not be removed in "
        f"{MOST_REMOVALS} tries. Remove it by hand: `discard orders-db `"
    )


async def test_a_removal_that_nobody_can_tell_the_end_of_is_tried_again(
    stage: Stage, world: World, clock: Clock
) -> None:
    await warm(stage)
    world.outcomes["discard"] = [Phase.LOST]
    await write(stage, "ana", WarmStopped(why="no"))
    again = await stage.carry()
    assert again is not None
    clock.advance(60)
    again = await stage.carry()
    assert dict((await stage.run()).copies) == {}
    assert [act for act in world.acts if act.endswith(".undo")] == [
        "RUN-1.prepare.1.undo",
        "RUN-1.prepare.2.undo",
    ]


async def test_a_copy_that_could_not_be_made_keeps_nobody_from_restoring(stage: Stage, world: World) -> None:
    world.outcomes["prepare"] = [Phase.FAILED]
    await warm(stage)
    run = await stage.run()
    assert (run.step("prepare").status, run.paused) == (Status.FAILED, None)
    await set_off(stage)
    run = await stage.run()
    assert run.recovered_at
    assert world.acts == ["RUN-1.prepare.1", "RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.go.1"]


async def test_a_copy_is_made_again_by_itself_or_because_somebody_asks(stage: Stage, world: World) -> None:
    world.outcomes["prepare"] = [Phase.LOST]
    await warm(stage)
    assert (await stage.run()).step("prepare").status is Status.FAILED
    await stage.told("bo", "prepare RUN-1")
    await stage.carry()
    assert world.acts == ["RUN-1.prepare.1", "RUN-1.prepare.2"]
    assert (await stage.run()).step("prepare").status is Status.SUCCEEDED


@pytest.mark.parametrize("where", ["before start", "after start"])
async def test_a_crash_while_it_is_made_or_removed_leaves_no_copy_behind(
    stage: Stage, world: World, where: str
) -> None:
    world.crash = where
    with pytest.raises(Crash):
        await warm(stage)
    await stage.carry()
    assert world.acts == ["RUN-1.prepare.1"]
    assert (await stage.run()).step("prepare").status is Status.SUCCEEDED
    await write(stage, "ana", WarmStopped(why="no"))
    world.crash = where
    with pytest.raises(Crash):
        await stage.carry()
    await stage.carry()
    assert world.acts == ["RUN-1.prepare.1", "RUN-1.prepare.1.undo"]
    assert dict((await stage.run()).copies) == {}
    assert world.copy == ""


async def test_a_later_plan_goes_on_with_the_copy_of_an_earlier_one(stage: Stage, world: World) -> None:
    await warm(stage)
    await planned(stage, "RUN-2")
    first, second = await stage.run(), await stage.run("RUN-2")
    assert world.acts == ["RUN-1.prepare.1", "RUN-2.prepare.1"]
    assert (dict(first.copies), first.warm) == ({}, None)
    assert dict(second.copies) == {"prepare": 0}
    await stage.carry()
    # It is the second run's now, so that the first one does not remove it.
    assert world.acts == ["RUN-1.prepare.1", "RUN-2.prepare.1"]
    assert fold_target(await stage.timeline.read("target/orders-db")).copy == "RUN-2"
    await set_off(stage)
    assert (await stage.run()).recovered_at
    assert world.acts[2:] == ["RUN-1.prepare.2", "RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.go.1"]
    assert dict((await stage.run("RUN-2")).copies) == {}


async def test_a_later_plan_waits_until_an_earlier_one_stopped_making_its_copy(
    stage: Stage, world: World, clock: Clock
) -> None:
    world.held = True
    await warm(stage)
    await planned(stage, "RUN-2")
    assert world.acts == ["RUN-1.prepare.1"]
    assert (await stage.run()).warm is None
    world.held = False
    await stage.carry()
    clock.advance(1)
    await stage.carry("RUN-2")
    assert world.acts == ["RUN-1.prepare.1", "RUN-1.prepare.1.undo", "RUN-2.prepare.1"]
    assert world.jobs["RUN-1.prepare.1"].phase is Phase.CANCELLED


async def test_a_copy_of_a_run_that_is_under_way_is_left_to_it(stage: Stage, world: World) -> None:
    await warm(stage)
    hash = (await stage.run()).hash
    until = stage.timeline.now() + timedelta(minutes=20)
    await write(stage, "ana", RunStarted(hash=hash, expires={"overwrite": until}))
    await stage.carry()
    await planned(stage, "RUN-2")
    second = await stage.run("RUN-2")
    assert second.warm is None
    assert "RUN-2.prepare.1" not in world.acts
    # Also when both were started, one goes on without a copy.
    await set_off(stage, "RUN-2")
    second = await stage.run("RUN-2")
    assert "under way and has its own copy beside orders-db" in second.step("prepare").because
    assert second.recovered_at


async def test_nothing_is_made_ready_at_a_target_that_a_run_holds(stage: Stage, world: World) -> None:
    await warm(stage)
    world.held = True
    await set_off(stage)
    world.end("RUN-1.stop.1")
    await stage.carry()
    assert world.acts[-1] == "RUN-1.restore.1"
    await planned(stage, "RUN-2")
    assert (await stage.run("RUN-2")).warm is None
    assert "RUN-2.prepare.1" not in world.acts


async def test_a_run_that_acts_has_the_copy_that_another_is_making_stopped_first(
    stage: Stage, world: World, book: Book, clock: Clock
) -> None:
    await declared(stage)
    book(PLAYBOOK)
    await planned(stage, "RUN-2")
    book(WARM)
    world.held = True
    await planned(stage)
    world.held = False
    await set_off(stage, "RUN-2")
    assert world.acts == ["RUN-1.prepare.1", "RUN-2.stop.1"]
    await stage.carry()
    clock.advance(1)
    await stage.carry("RUN-2")
    assert world.acts == [
        *("RUN-1.prepare.1", "RUN-2.stop.1", "RUN-1.prepare.1.undo", "RUN-2.restore.1", "RUN-2.go.1"),
    ]
    assert (await stage.run("RUN-2")).recovered_at


async def test_a_copy_is_not_removed_while_another_run_holds_its_target(
    stage: Stage, world: World, book: Book, clock: Clock
) -> None:
    await warm(stage)
    book(PLAYBOOK)
    await planned(stage, "RUN-2")
    world.held = True
    await set_off(stage, "RUN-2")
    world.end("RUN-2.stop.1")
    await stage.carry("RUN-2")
    held = "orders-db is held by RUN-2: the copy beside it is removed when RUN-2 lets it go."
    assert held in await stage.told("ana", 'discard RUN-1 why:"no"')
    for _ in range(2 * MOST_REMOVALS):
        again = await stage.carry()
        # It is in nobody's way, and no try is used up by waiting.
        assert again == Again(clock() + timedelta(seconds=30))
        assert dict((await stage.run()).copies) == {"prepare": 0}
        clock.advance(30)
    refused = await stage.say("ana", 'discard RUN-1 why:"no"')
    assert refused.text.strip() == f"RUN-1 makes no copy ready: nothing was recorded. {held}"
    world.held = False
    for act in [act for act in world.acts if world.jobs[act].phase is Phase.RUNNING]:
        world.end(act)
    await stage.carry("RUN-2")
    clock.advance(30)
    await stage.carry()
    assert dict((await stage.run()).copies) == {}


async def test_a_removal_that_finds_its_target_busy_is_tried_until_it_is_free(
    stage: Stage, world: World, clock: Clock
) -> None:
    await warm(stage)
    world.outcomes["discard"] = [Phase.REFUSED] * (MOST_REMOVALS + 2)
    await write(stage, "ana", AbortAsked(why="no", leaves="-"))
    again = await stage.carry()
    assert (await stage.run()).aborted_at
    # The first one was waited for by the end of the run, and counts.
    assert dict((await stage.run()).copies) == {"prepare": 1}
    while world.outcomes["discard"]:
        assert again
        clock.advance((again.at - clock()).total_seconds())
        again = await stage.carry()
        assert dict((await stage.run()).copies) == {"prepare": 1}
    assert again
    assert again.at - clock() == BUSY_AGAIN
    refused = await stage.say("bo", 'discard RUN-1 why:"no room"')
    assert refused.text.strip() == (
        "RUN-1 makes no copy ready: nothing was recorded. Its copy beside orders-db would not go; it is "
        f"tried again at {again.at:%H:%M:%SZ}."
    )
    clock.advance(BUSY_AGAIN.total_seconds())
    await stage.carry()
    assert dict((await stage.run()).copies) == {}


async def test_an_abort_does_not_wait_until_a_copy_can_be_removed(
    stage: Stage, world: World, book: Book, clock: Clock
) -> None:
    await warm(stage)
    book(PLAYBOOK)
    await planned(stage, "RUN-2")
    world.held = True
    await set_off(stage, "RUN-2")
    world.end("RUN-2.stop.1")
    await stage.carry("RUN-2")
    await write(stage, "ana", AbortAsked(why="no", leaves="-"))
    again = await stage.carry()
    run = await stage.run()
    assert (run.state, dict(run.copies)) == ("aborted", {"prepare": 1})
    for _ in range(2 * MOST_REMOVALS):
        assert again is not None
        clock.advance((again.at - clock()).total_seconds())
        again = await stage.carry()
    # Of what was aborted, too, the copy is removed once its target is free, however long that takes.
    assert dict((await stage.run()).copies) == {"prepare": 1}
    world.end("RUN-2.restore.1")
    world.held = False
    await stage.carry("RUN-2")
    clock.advance(30)
    await stage.carry()
    assert dict((await stage.run()).copies) == {}


async def test_an_incident_that_is_resolved_while_it_is_planned_gets_no_copy(
    stage: Stage, world: World
) -> None:
    async def resolved() -> None:
        await stage.told("ana", 'resolve "all is well" data:"nothing was lost"')

    await declared(stage)
    world.meanwhile = [resolved]
    with pytest.raises(Conflict):
        await planned(stage)
    await stage.carry()
    run = await stage.run()
    assert (run.state, run.warm, world.acts) == ("planned", None, [])


async def test_a_target_that_calls_making_a_copy_destructive_is_not_warm(stage: Stage, world: World) -> None:
    world.destroys.add("prepare")
    await warm(stage)
    run = await stage.run()
    assert run.warm is None
    assert world.acts == []
    assert run.plan is not None
    assert any("is warm and is destructive" in problem for problem in run.plan.problems)
    # And whatever a timeline says, nothing that is not harmless is begun before the start.
    await write(stage, "ana", WarmAsked(why="x", until=stage.timeline.now()))
    await stage.carry()
    assert world.acts == []


async def test_a_copy_that_nobody_used_in_time_is_removed(stage: Stage, world: World, clock: Clock) -> None:
    await warm(stage)
    watch = Watch(stage.timeline, stage.shelf, dict)
    run = await stage.run()
    assert run.warm
    subject = f"RUN-1@{run.warm.until:%Y%m%dT%H%M%S}"
    clock.advance(3600)
    assert await watch.warm_expiry(subject)
    clock.advance(3 * 3600 + 1)
    assert await watch.warm_expiry(subject) is None
    assert (await stage.run()).warm is None
    await stage.carry()
    assert world.copy == ""
    # Fired again it says nothing a second time.
    seq = (await stage.run()).seq
    assert await watch.warm_expiry(subject) is None
    assert (await stage.run()).seq == seq


async def test_a_copy_asked_for_anew_is_kept_for_its_own_time(stage: Stage, clock: Clock) -> None:
    await warm(stage)
    watch = Watch(stage.timeline, stage.shelf, dict)
    first = (await stage.run()).warm
    assert first
    clock.advance(3600)
    await stage.told("bo", 'discard RUN-1 why:"x"')
    await stage.carry()
    await stage.told("bo", "prepare RUN-1")
    clock.advance(3 * 3600 + 1)
    again = await watch.warm_expiry(f"RUN-1@{first.until:%Y%m%dT%H%M%S}")
    assert again is not None
    assert again.at == first.until + timedelta(hours=1)
    assert await watch.warm_expiry(f"RUN-9@{first.until:%Y%m%dT%H%M%S}") is None


async def test_a_resolved_incident_leaves_no_copy_behind(stage: Stage, world: World) -> None:
    await warm(stage)
    await stage.told("ana", 'resolve "the release was taken back" data:"nothing was lost"')
    await stage.carry()
    assert world.copy == ""
    answer = await stage.say("ana", "prepare RUN-1")
    assert answer.text.strip() == "INC-1 is resolved: `reopen` it first. Nothing is prepared."


async def test_an_aborted_run_makes_nothing_ready(stage: Stage) -> None:
    await warm(stage)
    await write(stage, "ana", AbortAsked(why="no", leaves="-"))
    await stage.carry()
    for line in ("prepare RUN-1", 'discard RUN-1 why:"x"'):
        assert not (await stage.say("ana", line)).ok


async def test_a_run_that_is_still_planned_has_nothing_to_prepare_yet(stage: Stage) -> None:
    await declared(stage)
    asked = PlanAsked(
        incident="INC-1", playbook="restore-orders", service="checkout", environment="production"
    )
    await write(stage, "ana", asked)
    assert (await stage.say("ana", "prepare RUN-1")).text.strip() == (
        "RUN-1 is still being planned: nothing is prepared. Wait for its plan card."
    )


async def test_a_person_can_undo_a_copy_of_a_run_that_is_under_way(stage: Stage, world: World) -> None:
    await warm(stage)
    hash = (await stage.run()).hash
    until = stage.timeline.now() + timedelta(minutes=20)
    await write(stage, "ana", RunStarted(hash=hash, expires={"overwrite": until}))
    await stage.carry()
    world.outcomes["discard"] = [Phase.FAILED]
    await write(stage, "ana", UndoAsked(step="prepare", why="again"))
    await stage.carry()
    run = await stage.run()
    assert run.paused
    begun = [e.event for e in await stage.timeline.read("run/RUN-1") if isinstance(e.event, StepStarted)]
    assert [event.step for event in begun if event.undo] == ["stop", "prepare"]


async def test_the_copy_of_an_older_point_is_put_away_by_the_plan_of_another(
    stage: Stage, world: World
) -> None:
    await warm(stage)
    assert world.copy == "P2"
    await planned(stage, "RUN-2", before="2026-11-23T02:02:00Z")
    assert world.copy == "P1"
    assert (await stage.run("RUN-2")).step("prepare").evidence["point"] == "P1"
