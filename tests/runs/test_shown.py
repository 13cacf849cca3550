"""What people see of a step that runs never goes back, and its silence is drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.core.cards import progress_card
from bot.core.document import plain
from bot.core.events import StepProgressed
from integrations.contract import Progress
from tests.clock import Clock
from tests.runs.stage import Stage, World
from tests.runs.test_carry import started


@pytest.fixture(autouse=True)
def _held(world: World) -> None:
    world.held = True


async def asked(stage: Stage) -> set[str]:
    """Return the kinds of effects that wait, and take them all as done."""
    kinds: set[str] = set()
    while waiting := await stage.timeline.effects.heads():
        kinds |= {effect.kind for effect in waiting}
        await stage.timeline.effects.done(*waiting)
    return kinds


async def drawn(stage: Stage) -> str:
    latest = await stage.timeline.records.progress("RUN-1", "stop")
    run, incident = await stage.run(), await stage.incident()
    return plain(
        progress_card(run, incident, latest={"stop": latest} if latest else {}, now=stage.timeline.now())
    )


async def test_the_silence_of_a_step_that_reports_nothing_is_drawn(stage: Stage, clock: Clock) -> None:
    await started(stage)
    await asked(stage)
    clock.advance(90)
    await stage.carry()
    assert "progress" not in await asked(stage)
    clock.advance(1)
    await stage.carry()
    assert "progress" in await asked(stage)
    assert "no signal for 1 min 31 s" in await drawn(stage)


async def test_a_step_that_works_and_says_nothing_is_not_silent_until_it_is_frozen(
    stage: Stage, world: World, clock: Clock
) -> None:
    await started(stage)
    (key,) = world.jobs
    clock.advance(120)
    world.jobs[key] = replace(world.jobs[key], silent_s=1.5)
    await stage.carry()
    assert "last signal 1 s ago" in await drawn(stage)
    clock.advance(120)
    world.jobs[key] = replace(world.jobs[key], silent_s=121.5)
    await stage.carry()
    assert "no signal for 2 min 1 s" in await drawn(stage)


async def test_a_report_that_goes_back_is_neither_shown_nor_recorded(
    stage: Stage, world: World, clock: Clock
) -> None:
    world.progress = [Progress("draining", 60, 100, "items", clock())]
    await started(stage)
    for said in (
        Progress("draining", 20, 100, "items", clock()),
        Progress("stopping", 1, None, "items", clock()),
        Progress("draining", 90, 100, "items", clock()),
    ):
        clock.advance(1)
        world.progress = [said]
        await stage.carry()

    entries = await stage.timeline.read("run/RUN-1")
    recorded = [e.event for e in entries if isinstance(e.event, StepProgressed)]
    assert [(event.phase, event.percent) for event in recorded] == [("draining", 50), ("stopping", None)]
    assert "stopping, 1 items" in await drawn(stage)


async def test_while_nobody_answers_what_was_known_stays(stage: Stage, world: World, clock: Clock) -> None:
    world.progress = [Progress("draining", 60, 100, "items", clock())]
    await started(stage)
    world.reachable = False
    clock.advance(120)
    await stage.carry()
    said = await drawn(stage)
    assert "no answer, 60 items of 100 items" in said
    assert "no signal for 2 min" in said
    assert "the runner does not answer" in said
