"""What people say or change between a plan and its first destructive call."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core.cards.choices import choices
from bot.core.events import Approved, ImpactStated, RetryAsked
from bot.jobs import Again
from bot.timeline import Change
from integrations.contract import Phase
from tests.clock import Clock
from tests.runs.stage import Stage, World
from tests.runs.test_carry import approved, started, write


async def test_a_group_that_is_edited_between_the_approvals_holds_nothing_up_for_long(
    stage: Stage, clock: Clock
) -> None:
    await started(stage)
    run = await stage.run()
    catalog = stage.shelf.catalog_file
    whole = catalog.read_text()
    catalog.write_text(whole.replace("dba: {people: [bo]}", "dba: {people: [ana]}"))
    await write(stage, "bo", Approved(gate="overwrite", hash=run.hash, role="dba"))
    await write(stage, "cy", Approved(gate="overwrite", hash=run.hash, role="app"))
    assert await stage.carry() == Again(clock() + timedelta(seconds=5))

    catalog.write_text(whole)
    await stage.carry()

    assert (await stage.run()).state == "recovered"


async def test_a_damage_that_began_before_the_recovery_point_stops_what_was_approved(
    stage: Stage, world: World, clock: Clock
) -> None:
    await started(stage)
    incident = await stage.incident()
    plan = (await stage.run()).plan
    assert plan
    point = plan.sources[0].point
    assert point
    earlier = point.finished_at - timedelta(minutes=1)
    change = Change(incident.seq, (ImpactStated(damage_start=earlier),))
    clock.advance(1)
    await stage.timeline.append({"incident/INC-1": change}, by="cy", via="test")

    await approved(stage)

    run = await stage.run()
    assert run.paused is not None
    assert "damaged data would come back. Abort and plan again." in run.paused.why
    assert "RUN-1.restore.1" not in world.acts


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ('freeze on svc:checkout env:production why:"The payment provider is down"', "FRZ-1 was placed"),
        ('hold RUN-1 why:"Wait for the provider"', "Wait for the provider"),
        ("impact damage:-10d inc:INC-1", "damaged data would come back"),
    ],
)
async def test_what_people_say_while_the_engines_are_asked_stops_a_destructive_call(
    stage: Stage, world: World, clock: Clock, line: str, why: str
) -> None:
    await started(stage)
    clock.advance(1)
    world.meanwhile.append(lambda: said(stage, line))

    await approved(stage)

    run = await stage.run()
    assert run.paused is not None
    assert why in run.paused.why
    assert "RUN-1.restore.1" not in world.acts


async def said(stage: Stage, line: str) -> None:
    answer = await stage.say("ana", line)
    assert answer.ok, answer.text


async def test_a_run_that_another_one_overtook_does_not_overwrite_what_that_one_restored(
    stage: Stage, world: World, clock: Clock
) -> None:
    await started(stage)
    await said(stage, 'hold RUN-1 why:"a call"')
    clock.advance(60)
    await approved(stage)
    await said(stage, "plan restore-orders inc:INC-1")
    await stage.carry("RUN-2")
    await said(stage, "start RUN-2")
    await stage.carry("RUN-2")
    for who in ("bo", "cy"):
        assert (await stage.say(who, "approve RUN-2")).ok
    await stage.carry("RUN-2")
    assert (await stage.run("RUN-2")).state == "recovered"

    await said(stage, "resume RUN-1")
    await stage.carry()

    run = await stage.run()
    assert run.paused is not None
    assert run.paused.why == "RUN-2 has changed orders-db since RUN-1 was planned. Abort and plan again."
    assert "RUN-1.restore.1" not in world.acts


async def test_what_was_restored_cannot_be_planned_anew_by_a_retry(stage: Stage, world: World) -> None:
    world.outcomes["go"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)
    before = await stage.run()
    earlier = RetryAsked(step="go", why="earlier", inputs={"before": "2026-11-23T02:04:00Z"})

    await write(stage, "ana", earlier)
    await stage.carry()

    run = await stage.run()
    assert run.paused is not None
    assert run.paused.why == (
        "The plan cannot be changed like that: Restore the orders is over, and would have been another one. "
        "Abort, and plan a new run."
    )
    assert (run.hash, run.step("go").attempt) == (before.hash, 1)


async def test_no_other_inputs_are_taken_or_offered_after_a_restore(stage: Stage, world: World) -> None:
    world.outcomes["go"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)

    answer = await stage.say("ana", 'retry RUN-1.go why:"earlier" before:02:04')

    assert answer.text.strip() == (
        "RUN-1 has overwritten data already, from what its inputs chose: they cannot be changed any more, "
        "and nothing was recorded. `retry RUN-1.go` as it was, or abort and plan again."
    )
    labels = [button.label for button in choices(await stage.run())]
    assert "Retry" in labels
    assert "Retry, other before" not in labels
