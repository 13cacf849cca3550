"""What a person says twice in the same words is there once: tasks, actions and freezes."""

from __future__ import annotations

from inline_snapshot import snapshot

from bot.core.events import FreezeMoved
from bot.timeline import Change
from tests.clock import Clock
from tests.commands.scenes import answers, declared, written
from tests.runs.stage import Stage


async def test_the_same_task_of_the_same_person_is_there_once(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'task @bo "Look at the disk" in:20m')
    before = await written(stage)
    assert await answers(
        stage,
        ("ana", 'task @bo "Look at the disk" in:20m'),
        ("cy", 'task @bo " Look at the disk "'),
    ) == snapshot("""\
ana: task @bo "Look at the disk" in:20m
  INC-1 T1 is that already: @bo has it until 2026-11-23 02:45:00Z. Nothing was recorded. `task T1
      in:…` gives another time. Open (http://here/incidents/INC-1)

cy: task @bo " Look at the disk "
  INC-1 T1 is that already: @bo has it until 2026-11-23 02:45:00Z. Nothing was recorded. `task T1
      in:…` gives another time. Open (http://here/incidents/INC-1)
""")
    assert await written(stage) == before

    for other in (
        'task @cy "Look at the disk"',
        'task @bo "Look at the log"',
        'action "Look at the disk" @bo',
    ):
        await stage.told("ana", other)
    assert [task.number for task in (await stage.incident()).tasks] == [1, 2, 3, 4]


async def test_what_is_over_may_be_given_again(stage: Stage) -> None:
    await declared(stage)
    for over in ("task done T1", "task back T2 why:x"):
        await stage.told("ana", 'task @bo "Look at the disk"')
        await stage.told("bo", over)
    await stage.told("ana", 'task @bo "Look at the disk"')
    assert [task.number for task in (await stage.incident()).tasks] == [1, 2, 3]


async def test_the_same_action_of_the_same_owner_is_there_once(stage: Stage) -> None:
    await declared(stage)
    await stage.told("ana", 'action "Alert earlier" @bo')
    before = await written(stage)
    assert await answers(stage, ("ana", 'action "Alert earlier" @bo due:7d')) == snapshot("""\
ana: action "Alert earlier" @bo due:7d
  INC-1 T1 is that already: @bo has it until 2026-12-07 02:25:00Z. Nothing was recorded. `task T1
      in:…` gives another time. Open (http://here/incidents/INC-1)
""")
    assert await written(stage) == before
    await stage.told("ana", 'action "Alert earlier" @cy')
    await stage.told("ana", 'task @bo "Alert earlier"')
    assert [task.number for task in (await stage.incident()).tasks] == [1, 2, 3]


async def test_the_same_freeze_of_one_person_is_there_once(stage: Stage, clock: Clock) -> None:
    await stage.told("bo", 'freeze on svc:checkout kinds:deploy,config why:"the audit runs"')
    clock.advance(60)
    before = await written(stage)
    assert await answers(
        stage, ("bo", 'freeze on svc:checkout kinds:config,deploy why:"the audit runs" for:8h')
    ) == snapshot("""\
bo: freeze on svc:checkout kinds:config,deploy why:"the audit runs" for:8h
  FRZ-1 stops deploy, config of checkout in every environment already: you placed it at 02:25:00Z
      for the same reason. Nothing was recorded. `freeze extend FRZ-1 for:4h` has it looked at
      later. Open (http://here/freezes/FRZ-1)
  To lift it: /backstop freeze off FRZ-1
""")
    again = await stage.say("bo", 'freeze on svc:checkout kinds:deploy,config why:"the audit runs"')
    assert again.data["freeze"] == "FRZ-1"
    assert await written(stage) == before

    for who, other in (
        ("cy", 'freeze on svc:checkout kinds:deploy,config why:"the audit runs"'),
        ("bo", 'freeze on svc:checkout kinds:deploy why:"the audit runs"'),
        ("bo", 'freeze on svc:check* kinds:deploy,config why:"the audit runs"'),
        ("bo", 'freeze on svc:checkout env:production kinds:deploy,config why:"the audit runs"'),
        ("bo", 'freeze on svc:checkout kinds:deploy,config why:"hands off"'),
    ):
        await stage.told(who, other)
    assert len(await stage.timeline.lookup.freezes()) == 6


async def test_a_freeze_that_was_lifted_may_be_placed_again(stage: Stage) -> None:
    await stage.told("bo", "freeze on svc:checkout why:x")
    await stage.told("bo", "freeze off FRZ-1")
    await stage.told("bo", "freeze on svc:checkout why:x")
    assert await stage.timeline.lookup.freezes() == ["FRZ-2"]


async def test_a_freeze_of_another_incident_is_another_one(stage: Stage) -> None:
    await stage.told("bo", "freeze on svc:checkout why:x")
    await declared(stage)
    moved = FreezeMoved(incident="INC-1", why="merged")
    await stage.timeline.append({"freeze/FRZ-1": Change(1, (moved,))}, by="ana", via="test")
    await stage.told("bo", "freeze on svc:checkout why:x")
    assert await stage.timeline.lookup.freezes() == ["FRZ-1", "FRZ-2"]
