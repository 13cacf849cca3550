"""A recovery point that could not be restored is not trusted again before it was proved again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from bot.core.cards.plan import plan_card
from bot.core.document import plain
from bot.core.events import AbortAsked, PlanAsked
from bot.core.plan import PlannedSource
from integrations.contract import Cap, CheckResult, IntegrationError, Phase, RecoveryPoint, Source
from tests.runs.stage import Stage, StageEngine, World
from tests.runs.test_carry import approved, planned, started, write

AGAIN = PlanAsked(incident="INC-1", playbook="restore-orders", service="checkout", environment="production")


class Unproving(StageEngine):
    """A stage that cannot prove its recovery points."""

    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS})


class Silent(StageEngine):
    """A stage that is not allowed to prove its recovery points."""

    async def verify_point(self, source: Source, point: RecoveryPoint) -> CheckResult:
        raise IntegrationError("the runner does not allow it", permanent=True)


async def failed(stage: Stage, world: World) -> None:
    """Let RUN-1 fail to restore P2, and end it."""
    world.outcomes["restore"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)
    await write(stage, "ana", AbortAsked(why="another point", leaves=""))
    await stage.carry()
    assert (await stage.run()).state == "aborted"


async def planned_again(stage: Stage, **inputs: str) -> PlannedSource:
    await write(stage, "ana", AGAIN.model_copy(update={"inputs": inputs}), stream="run/RUN-2")
    await stage.carry("RUN-2")
    plan = (await stage.run("RUN-2")).plan
    assert plan
    return plan.sources[0]


async def test_a_point_that_failed_and_is_found_damaged_is_refused_with_what_happened(
    stage: Stage, world: World
) -> None:
    await failed(stage, world)
    world.damaged = {"P2"}

    source = await planned_again(stage)

    assert source.point
    assert source.point.id == "P1"
    refused = {item.point.id: item.because for item in source.refused}
    assert refused["P2"] == "RUN-1 could not restore it: scripted failed; now its digest is another"
    assert world.proved == ["P2"]
    card = plain(plan_card(await stage.run("RUN-2"), await stage.incident(), now=stage.timeline.now()))
    assert "RUN-1 could not restore it" in card


async def test_a_point_that_failed_for_another_reason_is_chosen_once_it_was_proved_again(
    stage: Stage, world: World
) -> None:
    await failed(stage, world)

    source = await planned_again(stage)

    assert source.point
    assert source.point.id == "P2"
    assert world.proved == ["P2"]
    plan = (await stage.run("RUN-2")).plan
    assert plan
    assert plan.warnings == (
        "RUN-1 could not restore P2 (scripted failed); it was read whole again: readable.",
    )


async def test_a_point_that_its_engine_calls_damaged_by_now_is_refused_without_reading_it(
    stage: Stage, world: World
) -> None:
    await failed(stage, world)
    world.points[1] = replace(world.points[1], health="invalid")

    source = await planned_again(stage)

    refused = {item.point.id: item.because for item in source.refused}
    assert refused["P2"] == "RUN-1 could not restore it: scripted failed"
    assert world.proved == []


async def test_a_point_that_cannot_be_read_now_is_refused_and_the_reason_said(
    stage: Stage, world: World
) -> None:
    await failed(stage, world)
    stage.engines["stage"] = Silent(world)

    source = await planned_again(stage)

    assert source.refused[-1].because == (
        "RUN-1 could not restore it: scripted failed; it cannot be proved: the runner does not allow it"
    )


async def test_no_other_point_is_read_whole(stage: Stage, world: World) -> None:
    await planned(stage)

    await planned_again(stage)

    assert world.proved == []


async def test_an_engine_that_can_prove_nothing_has_the_point_refused(stage: Stage, world: World) -> None:
    await failed(stage, world)
    stage.engines["stage"] = Unproving(world)

    source = await planned_again(stage)

    assert source.point
    assert source.point.id == "P1"
    assert source.refused[-1].because == (
        "RUN-1 could not restore it: scripted failed; stage cannot prove that it can be read"
    )


async def test_a_point_that_was_restored_in_the_end_is_trusted(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED, Phase.SUCCEEDED]
    await started(stage)
    await approved(stage)
    await stage.told("ana", 'retry RUN-1.restore why:"the disk is free now"')
    await stage.carry()
    assert (await stage.run()).state == "recovered"

    await planned_again(stage)

    assert world.proved == []


async def test_a_step_that_an_abort_stopped_says_nothing_of_its_point(stage: Stage, world: World) -> None:
    world.held = True
    await started(stage)
    world.end("RUN-1.stop.1")
    await stage.carry()
    await approved(stage)
    assert (await stage.run()).step("restore").status.value == "started"
    await write(stage, "ana", AbortAsked(why="not that point", leaves=""))
    await stage.carry()

    await planned_again(stage)

    assert world.proved == []


def _naming(home: Path, point: str) -> None:
    """Have the playbook restore one point by its name."""
    rule = "{strategy: latest_before, before: inputs.before}"
    exact = f"{{strategy: exact, point: {point}, before: inputs.before}}"
    file = home / "playbooks" / "restore.yaml"
    file.write_text(file.read_text().replace(rule, exact))


async def test_a_point_that_was_found_damaged_and_is_asked_for_by_name_is_read_again(
    stage: Stage, world: World, tmp_path: Path
) -> None:
    _naming(tmp_path / "home", "P2")
    await planned(stage)
    world.points[1] = replace(world.points[1], health="invalid", verified_at=None)

    source = await planned_again(stage)

    assert source.point
    assert (source.point.id, source.point.health) == ("P2", "valid")
    assert world.proved == ["P2"]
    plan = (await stage.run("RUN-2")).plan
    assert plan
    assert plan.warnings == ("P2 was found damaged before; it was read whole again: readable.",)


@pytest.mark.parametrize("proves", [True, False])
async def test_a_named_point_that_is_still_damaged_is_refused_with_what_was_found_now(
    stage: Stage, world: World, tmp_path: Path, *, proves: bool
) -> None:
    _naming(tmp_path / "home", "P2")
    world.points[1] = replace(world.points[1], health="invalid")
    world.damaged = {"P2"}
    await planned(stage)
    if not proves:
        stage.engines["stage"] = Unproving(world)

    source = await planned_again(stage)

    assert source.point is None
    refused = {item.point.id: item.because for item in source.refused}
    assert refused["P2"] == (
        "it was found damaged before; now its digest is another"
        if proves
        else "it is invalid; once it was mended, a plan that names it has it read again"
    )
