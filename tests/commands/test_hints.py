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


async def test_a_note_that_blames_is_recorded_and_another_way_to_say_it_is_shown(stage: Stage) -> None:
    await declared(stage)
    said = str(await stage.told("ana", 'note "human error"'))
    assert "recorded." in said
    assert "“human error”: say what made the step easy to get wrong." in said
    assert "“" not in str(await stage.told("ana", 'note "the index was gone"'))
    assert "“Bo broke”: say which step did it" in str(await stage.told("ana", 'note "Bo broke production"'))


async def test_closing_and_the_post_mortem_hint_at_what_people_wrote_for_readers(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'note "bo was careless"')
    assert "“" not in str(await stage.told("ana", "postmortem INC-1"))
    await stage.told("ana", 'resolve "Back. The root cause was the index." data:none')
    hint = "“The root cause was”: say what contributed; there is seldom one cause."
    assert hint in str(await stage.told("ana", "postmortem INC-1"))
    closed = str(await stage.told("ana", 'close availability:no speed:no why:"@bo forgot to look"'))
    assert "is closed." in closed
    assert "“@bo forgot to”: say what did not remind anybody." in closed
    assert "“@bo forgot to”" in str(await stage.told("ana", "postmortem INC-1"))
