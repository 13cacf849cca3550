"""Whoever blames in an update reads another way to say it, and the update is posted."""

from __future__ import annotations

from tests.commands.scenes import declared
from tests.runs.stage import Stage


async def test_an_update_that_blames_is_posted_and_another_way_to_say_it_is_shown(
    stage: Stage,
) -> None:
    await declared(stage)
    said = await stage.told("ana", 'update C:"Obviously @bo failed to restart it" A:"restarting" N:"none"')
    assert "update 1 posted." in str(said)
    assert "“Obviously”: leave it out: it was not so at the time." in str(said)
    assert "“@bo failed to”: say what was done" in str(said)


async def test_an_update_as_drafted_is_not_judged(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'impact "obviously wrong totals" start:02:10')
    assert "“" not in str(await stage.told("ana", "update post"))
