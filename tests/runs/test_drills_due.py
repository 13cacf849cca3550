"""Drills that nobody asks for: by their schedule, on the tests' clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.events import ReleaseRecorded
from bot.timeline import Change
from bot.watch import LOOK_AT_SCHEDULES, Watch
from tests.clock import Clock
from tests.runs.lab import REHEARSED, Lab
from tests.runs.stage import Stage, World, point

NIGHTLY = REHEARSED.replace("\ndrill:\n", '\ndrill:\n  schedule: "0 3 * * *"\n  window: 1h\n')
AFTER_MAJOR = NIGHTLY.replace("  window: 1h\n", "  window: 1h\n  after: major\n  within: 5d\n")


@pytest.fixture
def world() -> World:
    return World(points=[point("P1", 0)])


class Nights:
    """A stage at night, with the timer of the drills."""

    def __init__(self, stage: Stage, clock: Clock, folder: Path, playbook: str) -> None:
        self.lab = Lab(stage, folder, playbook)
        self.stage = stage
        self.clock = clock

    async def at(self, day: int, hour: int, minute: int = 0) -> datetime:
        """Let the timer fire at a moment of November and return when it wants to be asked again."""
        moment = datetime(2026, 11, day, hour, minute, tzinfo=UTC)
        self.clock.advance((moment - self.clock()).total_seconds())
        return (await Watch(self.stage.timeline, self.stage.shelf, dict).drills("schedule")).at

    async def drills(self) -> list[str]:
        """Return the drills there are, oldest first, with how each ended."""
        ids = reversed(await self.stage.timeline.lookup.drills())
        return [f"{id} {await self._state(id)}" for id in ids]

    async def _state(self, id: str) -> str:
        ended = (await self.lab.drill(id)).ended
        return f"{ended.outcome}: {ended.because}".rstrip(": ") if ended else "open"


@pytest.fixture
def nights(stage: Stage, clock: Clock, tmp_path: Path) -> Nights:
    return Nights(stage, clock, tmp_path / "home", NIGHTLY)


async def test_a_drill_is_carried_out_in_its_window_and_once(nights: Nights) -> None:
    soon = await nights.at(24, 2, 58)
    assert soon == datetime(2026, 11, 24, 3, tzinfo=UTC)
    assert await nights.drills() == []
    for minute in (0, 1, 30):
        await nights.at(24, 3, minute)
        await nights.lab.carry("DRL-1")
    assert await nights.drills() == ["DRL-1 passed"]
    drill = await nights.lab.drill()
    assert (drill.asked_by, drill.asked.commander) == ("backstop", "cy")
    assert await nights.at(24, 4, 1) == nights.clock() + LOOK_AT_SCHEDULES


async def test_after_ten_nights_of_silence_there_is_one_drill(nights: Nights) -> None:
    await nights.at(24, 3)
    await nights.lab.carry("DRL-1")
    await nights.at(30, 11)
    assert await nights.drills() == ["DRL-1 passed"]
    shown = await nights.stage.told("ana", "drill schedule")
    assert "the next window opens 2026-12-01 03:00:00Z" in shown


async def test_an_open_incident_leaves_the_window_unused_and_says_so(nights: Nights) -> None:
    await nights.stage.told("ana", 'declare "Orders are wrong" svc:checkout env:production')
    await nights.at(24, 3)
    await nights.at(24, 3, 30)
    assert await nights.drills() == ["DRL-1 skipped: INC-1 is open for its service"]
    assert nights.lab.acts == []
    await nights.at(25, 3)
    assert (await nights.drills())[1:] == ["DRL-2 skipped: INC-1 is open for its service"]
    assert "DRL-2 was for the window of 2026-11-25 03:00:00Z" in await nights.stage.told(
        "ana", "drill schedule"
    )


async def test_a_stand_in_that_is_still_in_use_leaves_the_window_unused(nights: Nights, world: World) -> None:
    world.held = True
    await nights.stage.told("cy", "drill restore-orders")
    await nights.lab.carry()
    assert "skipped: DRL-1 still uses its stand-ins" not in await nights.stage.told("ana", "drill schedule")
    await nights.at(24, 3)
    assert await nights.drills() == ["DRL-1 open", "DRL-2 skipped: DRL-1 still uses its stand-ins"]


async def test_a_major_release_is_rehearsed_in_the_next_window(
    stage: Stage, clock: Clock, tmp_path: Path
) -> None:
    nights = Nights(stage, clock, tmp_path / "home", AFTER_MAJOR)
    await nights.at(24, 3)
    assert await nights.drills() == []
    for number, version in enumerate(("2.9.0", "3.0.0")):
        event = ReleaseRecorded(version=version, environment="production")
        await stage.timeline.append({"service/checkout": Change(number, (event,))}, by="ci", via="http")
    clock.advance(timedelta(hours=1).total_seconds())
    await nights.at(25, 3)
    assert "due" not in await stage.told("ana", "drill schedule")
    await nights.lab.carry("DRL-1")
    await nights.at(26, 3)
    assert await nights.drills() == ["DRL-1 passed"]
    assert (await nights.lab.drill()).asked.release == "3.0.0"
    assert "DRL-1 came after the major release 3.0.0" in await stage.told("ana", "drill schedule")


async def test_what_would_happen_now_is_shown(nights: Nights) -> None:
    clock = nights.clock
    clock.advance((datetime(2026, 11, 24, 3, 5, tzinfo=UTC) - clock()).total_seconds())
    assert "due" in await nights.stage.told("ana", "drill schedule")
    await nights.stage.told("ana", 'declare "Orders are wrong" svc:checkout env:production')
    assert "skipped: INC-1 is open for its service" in await nights.stage.told("ana", "drill schedule")


async def test_without_a_schedule_people_ask(stage: Stage, clock: Clock, tmp_path: Path) -> None:
    nights = Nights(stage, clock, tmp_path / "home", REHEARSED)
    assert await nights.at(24, 3) == clock() + LOOK_AT_SCHEDULES
    assert (await stage.told("ana", "drill schedule")).startswith("No playbook has a `drill.schedule`")
