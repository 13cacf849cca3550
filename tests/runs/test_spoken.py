"""A whole incident, spoken: every line as a person would type it."""

from __future__ import annotations

from bot.core.run import Status
from integrations.contract import Phase
from tests.runs.stage import Stage, World


async def test_an_incident_is_run_from_declaration_to_close_with_words_alone(
    stage: Stage, world: World
) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    assert "INC-1 is open" in await stage.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
    await stage.told("ana", 'impact "wrong totals" start:02:10 damage:02:10')
    await stage.told("cy", 'note "customers call" at:02:12')
    assert "nothing is proposed" in await stage.told("ana", "decide")
    await stage.told("ana", "decide data-corruption:confirmed data-scope:database")
    await stage.told("ana", 'decide restore_full why:"orders are damaged as a whole"')
    assert "RUN-1" in await stage.told("ana", "plan restore-orders")
    await stage.carry()
    assert "FRZ-1" in await stage.told("ana", "start RUN-1")
    await stage.carry()
    assert "Still needed: app" in await stage.told("bo", "approve RUN-1")
    assert "That is enough" in await stage.told("cy", "approve RUN-1.restore")
    await stage.carry()
    assert (await stage.run()).step("restore").status is Status.FAILED
    assert "is failed" in (await stage.say("ana", "resume RUN-1")).text
    await stage.told("ana", 'retry RUN-1.S2 why:"disk freed"')
    await stage.carry()
    assert (await stage.run()).state == "recovered"
    await stage.told("ana", 'update post N:"none" next:30m')
    await stage.told("ana", 'resolve "restored" data:"5 min of orders are in the kept copy"')
    await stage.told("ana", "close availability:helped speed:no")

    incident = await stage.incident()

    assert incident.phase.value == "closed"
    assert "RUN-1" in await stage.told("ana", "timeline INC-1")
    assert "recovered" in await stage.told("ana", "status RUN-1")
    assert "Nothing is frozen" in await stage.told("ana", "freeze show")
    assert await stage.timeline.verify() == []


async def test_an_abort_says_first_what_it_leaves_behind(stage: Stage, world: World) -> None:
    await stage.told("ana", 'declare "Orders are wrong" sev:1')
    await stage.told("ana", "impact damage:02:10")
    await stage.told("ana", "plan restore-orders")
    await stage.carry()
    await stage.told("ana", "start RUN-1")
    await stage.carry()

    first = await stage.told("ana", "abort RUN-1")

    assert "orders-db: untouched" in first
    assert (await stage.run()).abort is None
    confirm = first.rpartition("confirm:")[2].split()[0]
    await stage.told("ana", f'abort RUN-1 confirm:{confirm} why:"false alarm"')
    await stage.carry()
    assert (await stage.run()).state == "aborted"
    assert world.acts == ["RUN-1.stop.1"]


async def test_an_exception_needs_two_people_and_lets_one_sha_through(stage: Stage) -> None:
    await stage.told("cy", 'freeze on svc:checkout env:production why:"orders are being restored"')
    await stage.told("bo", 'freeze allow FRZ-1 checkout@ab12 "the fix"')

    assert "second person" in (await stage.say("bo", "freeze allow FRZ-1 checkout@ab12")).text
    assert "through until" in await stage.told("cy", "freeze allow FRZ-1 checkout@ab12")


async def test_an_unknown_verb_gets_the_nearest_one_and_does_nothing(stage: Stage) -> None:
    answer = await stage.say("ana", "aprove RUN-1")

    assert not answer.ok
    assert "Did you mean `approve`?" in answer.text


async def test_every_verb_explains_itself(stage: Stage) -> None:
    shown = (await stage.say("ana", "help")).data["verbs"]
    assert isinstance(shown, list)
    for verb in shown:
        assert (await stage.say("ana", f"help {verb}")).ok
