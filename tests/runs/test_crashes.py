"""Whenever the process dies, the next one goes on, and no act is done twice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import pytest

from bot.core.events import Approved, Entry
from bot.core.run import Status
from bot.timeline import Change, Delivery, Timeline
from integrations.contract import Call, JobRef, Operation
from tests.runs.stage import Crash, Stage, StageEngine, World
from tests.runs.test_carry import started


class MortalTimeline(Timeline):
    """A timeline whose process dies at one of its writes: just before it, or just after it is committed."""

    die_before: int | None = None
    die_after: int | None = None
    writes = 0

    async def append(
        self, changes: Mapping[str, Change], *, by: str, via: str, delivery: Delivery | None = None
    ) -> list[Entry]:
        if by != "backstop":
            return await super().append(changes, by=by, via=via, delivery=delivery)
        self.writes += 1
        if self.writes == self.die_before:
            raise Crash("before a write")
        entries = await super().append(changes, by=by, via=via, delivery=delivery)
        if self.writes == self.die_after:
            raise Crash("after a write")
        return entries


async def play(stage: Stage) -> None:
    """Play the whole run; after each death a new process goes on."""
    deaths = 0
    while True:
        try:
            if not await stage.timeline.read("run/RUN-1"):
                await started(stage)
            await stage.carry()
            run = await stage.run()
            if run.over:
                return
            assert run.gates, run.state
            said = {approval.person for approval in run.gates["overwrite"].approvals}
            for who, role in (("bo", "dba"), ("cy", "app")):
                if who not in said:
                    yes = Approved(gate="overwrite", hash=run.hash, role=role)
                    change = Change((await stage.run()).seq, (yes,))
                    await stage.timeline.append({"run/RUN-1": change}, by=who, via="test")
        except Crash:
            deaths += 1
            assert deaths < 5


def assert_each_act_once(world: World) -> None:
    assert [key for key, count in Counter(world.acts).items() if count > 1] == []
    assert world.acts == ["RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.go.1"]


@pytest.mark.parametrize("when", ["die_before", "die_after"])
@pytest.mark.parametrize("write", range(2, 12))
async def test_a_death_at_any_write_neither_loses_nor_repeats_an_act(
    stage: Stage, world: World, when: str, write: int
) -> None:
    stage.timeline.__class__ = MortalTimeline
    await play_until_started(stage)
    setattr(stage.timeline, when, write)

    await play(stage)

    assert_each_act_once(world)
    assert (await stage.run()).state == "recovered"


async def play_until_started(stage: Stage) -> None:
    """The people's part of the beginning is not what dies here."""
    stage.timeline.writes = 0  # type: ignore[attr-defined]
    await started(stage)


@pytest.mark.parametrize("where", ["before start", "after start"])
async def test_a_death_around_the_call_itself_neither_loses_nor_repeats_the_act(
    stage: Stage, world: World, where: str
) -> None:
    await started(stage)
    world.crash = where

    await play(stage)

    assert_each_act_once(world)
    assert (await stage.run()).state == "recovered"


class Forgetful(StageEngine):
    """An engine whose other side cannot be asked what it received: it knows only what this process sent."""

    operations: ClassVar[Mapping[str, Operation]] = {
        **StageEngine.operations,
        "stop": replace(StageEngine.operations["stop"], traceable=False),
    }

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        return None


async def test_a_call_nobody_can_ask_about_is_never_made_again_after_a_death(
    stage: Stage, world: World
) -> None:
    stage.engines["stage"] = Forgetful(world)
    world.crash = "after start"
    with pytest.raises(Crash):
        await started(stage)

    await stage.carry()

    run = await stage.run()
    assert world.acts == ["RUN-1.stop.1"]
    assert run.step("stop").status is Status.IN_DOUBT
    assert run.state == "paused"


class OnItsWay(StageEngine):
    """An engine that a call of a process that died reaches just after it was first asked about it."""

    sent = 0
    arrived = False

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        found = await super().find(call, key=key)
        if not self.arrived:
            self.arrived = True
            await super().start(call, key=key)
        return found

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        self.sent += 1
        return await super().start(call, key=key, token=token)


async def test_a_call_that_arrives_after_the_first_look_is_not_made_again(stage: Stage, world: World) -> None:
    engine = stage.engines["stage"] = OnItsWay(world)
    world.crash = "before start"
    with pytest.raises(Crash):
        await started(stage)

    await stage.carry()

    assert (await stage.run()).step("stop").status is Status.SUCCEEDED
    assert engine.sent == 1
