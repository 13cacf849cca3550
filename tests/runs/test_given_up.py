"""What carries runs along and cannot go on asks people, or comes to an end that they read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bot.app import carrying
from bot.core.drill import Drill
from bot.core.due import MOST_REMOVALS
from bot.core.events import AbortAsked, CopyOffered, IncidentDeclared, Severity
from bot.jobs import ASK_AFTER, Dispatcher
from bot.runs.book import Book
from integrations.contract import Call, CheckResult, Health, IntegrationError, JobRef, Phase, Target
from tests.clock import Clock
from tests.runs.lab import Lab
from tests.runs.stage import Stage, World, point
from tests.runs.test_carry import approved, planned, started, write
from tests.runs.test_salvage import Keeping, ended
from tests.runs.test_unforeseen import CANARY, dispatched, tried
from tests.runs.test_warm import WARM

WHAT = f"something unforeseen (LookupError) happened {ASK_AFTER} times. Backstop's log says where."


class Faulty(Keeping):
    """A stage with mistakes nobody foresaw in the methods named by `faults`."""

    def __init__(self, world: World, *faults: str) -> None:
        super().__init__(world)
        self.faults = set(faults)

    def _break(self, method: str) -> None:
        if method in self.faults:
            raise LookupError(CANARY)

    async def health(self, target: Target) -> Health:
        self._break("health")
        return await super().health(target)

    async def check(self, call: Call) -> CheckResult:
        self._break("check")
        return await super().check(call)

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        self._break(call.operation)
        return await super().start(call, key=key, token=token)


@pytest.fixture
def world() -> World:
    return World(points=[point("P1", 0), point("P2", 5), point("P3", 24)])


@pytest.fixture
def faulty(stage: Stage, world: World) -> Faulty:
    engine = Faulty(world)
    stage.engines["stage"] = engine
    return engine


async def rehearsed(stage: Stage, tmp_path: Path) -> Lab:
    lab = Lab(stage, tmp_path / "home")
    await stage.told("cy", "drill restore-orders")
    return lab


async def drill_that(stage: Stage, clock: Clock, lab: Lab, done: Callable[[Drill], object]) -> Drill:
    """Let everything be tried again and again, until a drill is where it should be."""
    async with dispatched(stage) as dispatcher:
        for _ in range(4 * ASK_AFTER):
            await tried(dispatcher, clock, 1)
            if done(drill := await lab.drill()):
                return drill
    raise AssertionError(await stage.timeline.read("drill/DRL-1"))


async def test_a_drill_that_cannot_begin_is_refused_with_why(
    stage: Stage, tmp_path: Path, faulty: Faulty, clock: Clock
) -> None:
    lab = await rehearsed(stage, tmp_path)
    faulty.faults.add("check")
    drill = await drill_that(stage, clock, lab, lambda drill: drill.ended)
    assert drill.ended
    assert (drill.ended.outcome, drill.ended.because) == (
        "refused",
        f"DRL-1 could not be carried on: {WHAT}",
    )
    assert (await stage.run()).failed == f"DRL-1 could not be carried on: {WHAT}"
    assert lab.acts == []


async def test_a_clean_up_that_cannot_be_drawn_up_asks_people_and_ends_by_their_word(
    stage: Stage, tmp_path: Path, faulty: Faulty, clock: Clock, world: World
) -> None:
    lab = await rehearsed(stage, tmp_path)
    world.held = True
    await lab.carry()
    faulty.faults.add("health")
    world.held = False
    world.end("RUN-1.stop.1")
    await write(stage, "cy", AbortAsked(why="enough", leaves=""))

    await drill_that(stage, clock, lab, lambda drill: len(drill.runs) == 2)

    paused = (await stage.run("RUN-2")).paused
    assert paused
    assert paused.why == (
        f"DRL-1 could not be carried on: {WHAT} Put the stand-ins back by hand, then say `abort DRL-1`."
    )
    assert lab.acts == ["stop RUN-1.stop.1"]
    asked = await stage.told("cy", "abort DRL-1")
    mark = asked.partition("confirm:")[2].partition(" ")[0]
    await stage.told("cy", f'abort DRL-1 confirm:{mark} why:"put back by hand"')
    drill = await drill_that(stage, clock, lab, lambda drill: drill.ended)
    assert drill.ended
    assert [gap.id for gap in drill.ended.gaps][-2:] == ["cleanup-undo-stop", "cleanup-empty"]


async def test_a_search_that_cannot_be_carried_on_is_answered(
    stage: Stage, faulty: Faulty, clock: Clock
) -> None:
    await started(stage)
    await approved(stage)
    await stage.told("bo", "salvage RUN-1")
    faulty.faults.add("salvage")
    async with dispatched(stage) as dispatcher:
        await tried(dispatcher, clock, 3 * ASK_AFTER)
    [failed] = await ended(stage)
    assert (failed.asked_by, failed.kind) == ("bo", "salvage-failed")
    assert f"{WHAT} Say `salvage` again once it is mended." in str(failed)


async def test_a_copy_that_cannot_be_planned_is_offered_once_with_why(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / "home" / "playbooks" / "restore.yaml").write_text(WARM)
    declared = IncidentDeclared(
        title="Orders are wrong",
        severity=Severity.SEV1,
        service="checkout",
        environment="production",
        commander="ana",
    )
    await write(stage, "ana", declared, stream="incident/INC-1")

    async def refuse(_id: str) -> None:
        raise IntegrationError("the tables are of another version", permanent=True)

    _, pleas = carrying(Book(stage.timeline, stage.shelf, dict), stage.shelf, stage.engines)
    dispatcher = Dispatcher(stage.timeline, {"ahead": refuse}, pleas)
    effect = next(each for each in await stage.timeline.effects.heads() if each.kind == "ahead")
    for _ in range(2):
        await dispatcher._handle(effect)

    told = [entry.event for entry in await stage.timeline.read("incident/INC-1")]
    assert [event for event in told if isinstance(event, CopyOffered)] == [
        CopyOffered(
            playbooks=("restore-orders",),
            why="But it could not be planned by itself: the tables are of another version",
        )
    ]


async def test_a_copy_that_cannot_be_removed_after_its_run_is_left_to_people(
    stage: Stage, tmp_path: Path, faulty: Faulty, clock: Clock, world: World
) -> None:
    (tmp_path / "home" / "playbooks" / "restore.yaml").write_text(WARM.removesuffix("warm: true\n"))
    world.outcomes["discard"] = [Phase.FAILED]
    await planned(stage)
    await stage.told("bo", "prepare RUN-1")
    await stage.carry()
    await write(stage, "ana", AbortAsked(why="no restore", leaves="-"))
    await stage.carry()
    assert dict((await stage.run()).copies) == {"prepare": 1}
    faulty.faults.add("discard")
    async with dispatched(stage) as dispatcher:
        for _ in range(MOST_REMOVALS):
            await tried(dispatcher, clock, 3 * ASK_AFTER)
    run = await stage.run()
    assert (run.state, dict(run.copies)) == ("aborted", {"prepare": MOST_REMOVALS})
    assert run.step("prepare").because == WHAT


async def test_what_is_over_or_not_there_is_not_asked_about(stage: Stage) -> None:
    _, pleas = carrying(Book(stage.timeline, stage.shelf, dict), stage.shelf, stage.engines)
    for kind, id in (("run", "RUN-9"), ("drill", "DRL-9"), ("salvage", "RUN-9"), ("ahead", "INC-9")):
        await pleas[kind](id, "why")
    assert await stage.timeline.lookup.runs(incident="INC-9", only_open=False) == []
