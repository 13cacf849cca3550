"""How long steps take is measured where they are carried out, and the next plan goes by it."""

from __future__ import annotations

import pytest

from bot.app import utc_now
from bot.core.cards import plan_card
from bot.core.document import plain
from bot.core.estimate import NEVER, Took, name_of_act
from bot.core.events import PlanAsked, StepSucceeded
from bot.core.plan import PlannedCall, PlannedStep
from bot.runs.took import act_of
from integrations.connections import Connections
from integrations.contract import Estimate, Measured, Progress
from integrations.registry import open_engines
from tests.clock import Clock
from tests.runs.stage import Stage, World
from tests.runs.test_carry import approved, started, write

COPIED = (Measured("copying", 40.0, 1_000), Measured("swapped", 2.0))


@pytest.fixture(autouse=True)
def _its_clock(world: World, clock: Clock) -> None:
    world.now = clock


async def recovered(stage: Stage) -> None:
    await started(stage)
    await approved(stage)
    assert (await stage.run()).recovered_at


async def took(stage: Stage, step: str) -> Took:
    entries = await stage.timeline.read("run/RUN-1")
    found = [e.event for e in entries if isinstance(e.event, StepSucceeded) and e.event.step == step]
    assert found[0].took
    return found[0].took


async def planned_again(stage: Stage, step: str) -> PlannedStep:
    asked = PlanAsked(
        incident="INC-1", playbook="restore-orders", service="checkout", environment="production"
    )
    await write(stage, "ana", asked, stream="run/RUN-2")
    await stage.carry("RUN-2")
    plan = (await stage.run("RUN-2")).plan
    assert plan
    found = plan.step(step)
    assert found
    return found


async def test_the_next_plan_goes_by_the_rate_that_was_measured(stage: Stage, world: World) -> None:
    world.phases["restore"] = COPIED
    world.work = {"copying": 1_000}
    await recovered(stage)
    world.work = {"copying": 2_000}

    step = await planned_again(stage, "restore")

    assert (step.estimate_s, step.basis) == (82.0, "measured in 1 run, last on 2026-11-23")
    assert [(each.phase, each.likely_s, each.high_s) for each in step.phases] == [
        ("copying", 80.0, 120.0),
        ("swapped", 2.0, 3.0),
    ]
    drawn = plain(plan_card(await stage.run("RUN-2"), await stage.incident(), now=stage.timeline.now()))
    assert "about 1 min 22 s, at most 2 min 3 s (measured in 1 run, last on 2026-11-23)" in drawn


async def test_before_anything_was_measured_the_playbooks_figure_is_called_what_it_is(stage: Stage) -> None:
    await started(stage)
    step = (await stage.run()).plan.step("restore")
    assert (step.estimate_s, step.high_s, step.basis, step.phases) == (120, 300, NEVER, ())


async def test_where_the_engine_measures_nothing_the_phases_seen_from_here_count(
    stage: Stage, world: World, clock: Clock
) -> None:
    world.held = True
    world.progress = [Progress("draining", 1, None, "items", clock())]
    await started(stage)
    clock.advance(5)
    world.progress = [Progress("stopping", 1, None, "items", clock())]
    await stage.carry()
    clock.advance(7)
    world.end("RUN-1.stop.1")
    await stage.carry()

    assert (await took(stage, "stop")).phases == (Measured("draining", 5.0), Measured("stopping", 7.0))


async def test_a_step_that_says_nothing_is_measured_as_a_whole(
    stage: Stage, world: World, clock: Clock
) -> None:
    world.held = True
    await started(stage)
    clock.advance(9)
    world.end("RUN-1.stop.1")
    clock.advance(2)
    await stage.carry()

    found = await took(stage, "stop")
    assert (found.act.operation, found.act.named, found.act.target, found.drill) == (
        "stage.stop",
        "",
        "shop",
        False,
    )
    assert found.phases == (Measured("all of it", 9.0),)


async def test_the_steps_own_checks_are_part_of_it(stage: Stage, world: World, clock: Clock) -> None:
    world.phases["restore"] = COPIED
    await started(stage)
    check = stage.engines["stage"].check

    async def slow(call: object) -> object:
        clock.advance(3)
        return await check(call)

    stage.engines["stage"].check = slow
    await approved(stage)
    assert (await took(stage, "restore")).phases == (*COPIED, Measured("its checks", 3.0))


async def test_a_measured_time_beyond_the_timeout_is_warned_of(stage: Stage, world: World) -> None:
    world.phases["restore"] = (Measured("copying", 400.0),)
    await recovered(stage)

    step = await planned_again(stage, "restore")

    assert (step.estimate_s, step.high_s) == (400.0, 400.0)
    assert (await stage.run("RUN-2")).plan.warnings == (
        "Restore the orders will likely take 6 min 40 s (measured in 1 run, last on 2026-11-23) and is ended "
        "after 5 min: its playbook should give it a longer `timeout`.",
    )


async def test_what_the_engine_itself_has_seen_counts_more_than_the_playbook(
    stage: Stage, world: World
) -> None:
    world.seen = Estimate(30, 45, samples=4)
    await recovered(stage)
    step = (await stage.run()).plan.step("restore")
    assert (step.estimate_s, step.high_s, step.basis) == (30, 45, "as stage has seen it 4 times")
    assert (await planned_again(stage, "restore")).basis == "measured in 1 run, last on 2026-11-23"


def test_one_command_that_stops_in_one_step_and_starts_in_another_is_measured_as_two() -> None:
    command = open_engines(Connections(now=utc_now))["command"]
    call = PlannedCall(engine="command", operation="run", target="shop", params={"name": "scale"})
    stop, start = (act_of(command, call, step) for step in ("stop", "start"))

    assert stop != start
    assert (stop.named, start.named) == (name_of_act("stop", "scale"), name_of_act("start", "scale"))
