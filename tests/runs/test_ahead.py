"""Where a playbook is warm, its copy is made ready as soon as an incident it applies to is declared."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.core.events import (
    CopyOffered,
    Decided,
    ImpactStated,
    IncidentDeclared,
    IncidentResolved,
    PlanAttached,
    RunStarted,
    Severity,
    WarmStopped,
)
from bot.runs.ahead import Ahead
from bot.runs.book import Book
from tests.runs.stage import Stage, World
from tests.runs.test_carry import DAMAGE, write
from tests.runs.test_warm import WARM

INCIDENT = "incident/INC-1"
DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV1,
    service="checkout",
    environment="production",
    commander="ana",
)
DAMAGED = ImpactStated(statement="wrong totals", impact_start=DAMAGE, damage_start=DAMAGE)
COLD = WARM.removesuffix("warm: true\n")
Write = Callable[[str, str], object]


@pytest.fixture(autouse=True)
def book(stage: Stage, tmp_path: Path) -> Write:
    """The only playbook is warm; others are written by their file's name."""
    folder = tmp_path / "home" / "playbooks"
    (folder / "restore.yaml").write_text(WARM)
    return lambda name, text: (folder / name).write_text(text)


async def look(stage: Stage) -> None:
    ahead = Ahead(Book(stage.timeline, stage.shelf, dict), stage.shelf)
    for _ in range(2):
        # However often it is asked, a thing is planned and said once.
        assert await ahead.handle("INC-1") is None


async def attached(stage: Stage) -> list[str]:
    entries = await stage.timeline.read(INCIDENT)
    return [entry.event.run for entry in entries if isinstance(entry.event, PlanAttached)]


async def offered(stage: Stage) -> list[CopyOffered]:
    entries = await stage.timeline.read(INCIDENT)
    return [entry.event for entry in entries if isinstance(entry.event, CopyOffered)]


async def test_a_warm_playbook_is_planned_without_anybody_asking(stage: Stage, world: World) -> None:
    await write(stage, "ana", DECLARED, DAMAGED, stream=INCIDENT)
    await look(stage)
    assert await attached(stage) == ["RUN-1"]
    run = await stage.run()
    assert run.asked_by == "backstop"
    await stage.carry()
    assert world.acts == ["RUN-1.prepare.1"]
    await look(stage)
    assert await attached(stage) == ["RUN-1"]


async def test_what_has_to_be_known_first_is_asked_once(stage: Stage) -> None:
    await write(stage, "ana", DECLARED, stream=INCIDENT)
    await look(stage)
    assert await attached(stage) == []
    assert await offered(stage) == [
        CopyOffered(playbooks=("restore-orders",), why="But it has to be known: Restore to which moment?")
    ]
    await write(stage, "ana", DAMAGED, stream=INCIDENT)
    await look(stage)
    assert await attached(stage) == ["RUN-1"]


async def test_another_moment_of_the_damage_plans_anew_and_goes_on_with_the_copy_that_fits(
    stage: Stage, world: World
) -> None:
    await write(stage, "ana", DECLARED, DAMAGED, stream=INCIDENT)
    await look(stage)
    await stage.carry()
    assert world.copy == "P2"
    moved = ImpactStated(damage_start=DAMAGE - timedelta(minutes=2))
    await write(stage, "ana", moved, stream=INCIDENT)
    await look(stage)
    assert await attached(stage) == ["RUN-1", "RUN-2"]
    await stage.carry("RUN-2")
    # The same point fits the other moment as well.
    assert (await stage.run()).warm is None
    assert dict((await stage.run("RUN-2")).copies) == {"prepare": 0}

    moved = ImpactStated(damage_start=DAMAGE - timedelta(minutes=6))
    await write(stage, "ana", moved, stream=INCIDENT)
    await look(stage)
    await stage.carry("RUN-3")
    assert world.copy == "P1"
    assert dict((await stage.run("RUN-2")).copies) == {}


async def test_what_a_person_stopped_is_not_begun_again_by_itself(stage: Stage) -> None:
    await write(stage, "ana", DECLARED, DAMAGED, stream=INCIDENT)
    await look(stage)
    await stage.carry()
    await write(stage, "bo", WarmStopped(why="no room"))
    await stage.carry()
    await look(stage)
    assert await attached(stage) == ["RUN-1"]


async def test_two_warm_playbooks_are_asked_about(stage: Stage, book: Write) -> None:
    book("other.yaml", WARM.replace("name: restore-orders", "name: another-way"))
    await write(stage, "ana", DECLARED, DAMAGED, stream=INCIDENT)
    await look(stage)
    assert await attached(stage) == []
    (said,) = await offered(stage)
    assert said.playbooks == ("another-way", "restore-orders")
    assert said.why == "Several playbooks are warm: choose which one."


async def test_a_decision_for_a_restore_offers_what_could_be_made_ready(stage: Stage, book: Write) -> None:
    book("restore.yaml", COLD)
    await write(stage, "ana", DECLARED, DAMAGED, stream=INCIDENT)
    await look(stage)
    assert await offered(stage) == []
    decided = Decided(option="restore_full", why="all of it is wrong", proposal="restore_full")
    await write(stage, "ana", decided, stream=INCIDENT)
    await look(stage)
    assert await offered(stage) == [
        CopyOffered(playbooks=("restore-orders",), why="It was decided to restore_full.")
    ]
    assert await attached(stage) == []


@pytest.mark.parametrize(
    "event",
    [
        Decided(option="rollback", why="the change is code", proposal="rollback"),
        IncidentResolved(statement="taken back", data_statement="nothing lost"),
    ],
)
async def test_nothing_is_made_ready_that_nobody_will_restore(
    stage: Stage, event: Decided | IncidentResolved
) -> None:
    await write(stage, "ana", DECLARED, DAMAGED, event, stream=INCIDENT)
    await look(stage)
    assert await attached(stage) == []
    assert await offered(stage) == []


async def test_a_playbook_for_another_place_is_left_alone(stage: Stage, book: Write) -> None:
    elsewhere = DECLARED.model_copy(update={"environment": "staging"})
    await write(stage, "ana", elsewhere, DAMAGED, stream=INCIDENT)
    await look(stage)
    assert await attached(stage) == []


async def test_nothing_is_planned_beside_a_run_that_is_under_way(stage: Stage) -> None:
    await write(stage, "ana", DECLARED, DAMAGED, stream=INCIDENT)
    await look(stage)
    await stage.carry()
    run = await stage.run()
    until = stage.timeline.now() + timedelta(minutes=20)
    await write(stage, "ana", RunStarted(hash=run.hash, expires={"overwrite": until}))
    moved = ImpactStated(damage_start=DAMAGE - timedelta(minutes=6))
    await write(stage, "ana", moved, stream=INCIDENT)
    await look(stage)
    assert await attached(stage) == ["RUN-1"]


async def test_what_a_person_planned_with_words_of_their_own_is_left_to_them(stage: Stage) -> None:
    await write(stage, "ana", DECLARED, DAMAGED, stream=INCIDENT)
    await stage.told("ana", "plan restore-orders before:2026-11-23T02:04:00Z")
    await stage.carry()
    await look(stage)
    assert await attached(stage) == ["RUN-1"]


async def test_an_incident_that_is_not_there_asks_for_nothing(stage: Stage) -> None:
    await look(stage)
    assert await stage.timeline.read(INCIDENT) == []
