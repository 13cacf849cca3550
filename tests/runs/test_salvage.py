"""Rows that a restore left behind are searched beside the data, and its thread reads what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import ClassVar

import pytest

from bot.core.events import SalvageAsked, SalvagedTable, SalvageFailed, SalvageFound
from bot.jobs import Again
from bot.runs.book import Book
from bot.runs.salvage import Salvages
from bot.timeline import Change
from integrations.contract import Effect, JobRef, JobState, Json, Operation, Phase
from tests.runs.stage import Crash, Stage, StageEngine, World, operation
from tests.runs.test_carry import approved, started

FOUND: Mapping[str, Json] = {
    "folder": "/kept/s",
    "manifest": "0" * 64,
    "compared": 3,
    "only": 7,
    "differ": 2,
    "unread": 0,
    "tables": [{"table": "orders", "only": 7, "differ": 2}],
    "newer": "than this version reads",
}


class Keeping(StageEngine):
    """A stage whose restores keep what they replace, and that can search it."""

    operations: ClassVar[Mapping[str, Operation]] = {
        **StageEngine.operations,
        "salvage": operation("salvage", Effect.READ),
    }
    found: ClassVar[Mapping[str, Json]] = FOUND

    async def poll(self, ref: JobRef) -> JobState:
        job = await super().poll(ref)
        evidence = {"restore": {"kept": "/kept/orders.db"}, "salvage": self.found}
        return replace(job, evidence=evidence.get(self.world.operations.get(ref.key, ""), {}))


class Babbling(Keeping):
    """A stage that says nothing useful of what it found."""

    found: ClassVar[Mapping[str, Json]] = {"folder": 1}


@pytest.fixture
async def kept(stage: Stage, world: World) -> Stage:
    """A run that recovered and kept what it replaced."""
    stage.engines["stage"] = Keeping(world)
    await started(stage)
    await approved(stage)
    assert (await stage.run()).state == "recovered"
    return stage


async def search(stage: Stage) -> Again | None:
    """Let a new process carry searches on."""
    return await Salvages(Book(stage.timeline, stage.shelf, dict), stage.engines).handle("RUN-1")


async def ended(stage: Stage) -> list[SalvageFound | SalvageFailed]:
    entries = await stage.timeline.read("run/RUN-1")
    return [entry.event for entry in entries if isinstance(entry.event, SalvageFound | SalvageFailed)]


async def test_what_was_found_is_recorded_once_with_who_asked(kept: Stage, world: World) -> None:
    said = await kept.told("bo", "salvage RUN-1")
    assert "RUN-1 is searched for rows that are only in what restore kept. Nothing is changed." in said
    assert await search(kept) is None
    assert await search(kept) is None
    [found] = await ended(kept)
    assert isinstance(found, SalvageFound)
    assert (found.asked_by, found.only, found.folder) == ("bo", 7, "/kept/s")
    assert found.tables == (SalvagedTable(table="orders", only=7, differ=2),)
    assert [act for act in world.acts if "salvage" in act] == [
        f"RUN-1.restore.salvage.{found.key.rpartition('.')[2]}"
    ]


async def test_a_search_under_way_is_not_asked_for_twice_but_one_of_a_table_is_another(
    kept: Stage, world: World
) -> None:
    world.held = True
    await kept.told("bo", "salvage RUN-1")
    refused = await kept.say("ana", "salvage RUN-1")
    assert (refused.ok, "is being searched already" in refused.text) == (False, True)
    assert "rows of or ders" in await kept.told("ana", 'salvage RUN-1 table:"or ders"')
    again = await search(kept)
    assert again == Again(kept.timeline.now() + timedelta(seconds=1))
    assert await ended(kept) == []
    asked = [entry.event for entry in await kept.timeline.read("run/RUN-1")]
    keys = [event.key for event in asked if isinstance(event, SalvageAsked)]
    assert len({*keys}) == 2
    restored = (await kept.run()).step("restore").key
    assert {event.restore for event in asked if isinstance(event, SalvageAsked)} == {restored}


@pytest.mark.parametrize("where", ["before start", "after start"])
async def test_a_process_that_dies_meanwhile_starts_no_second_search(
    kept: Stage, world: World, where: str
) -> None:
    await kept.told("bo", "salvage RUN-1")
    world.crash = where
    with pytest.raises(Crash):
        await search(kept)
    assert await search(kept) is None
    assert len(await ended(kept)) == 1
    assert sum("salvage" in act for act in world.acts) == 1


async def test_a_runner_that_is_silent_is_waited_for(kept: Stage, world: World) -> None:
    await kept.told("bo", "salvage RUN-1")
    world.reachable = False
    assert await search(kept) is not None
    assert await ended(kept) == []
    world.reachable = True
    assert await search(kept) is None
    assert len(await ended(kept)) == 1


@pytest.mark.parametrize(
    ("outcome", "because"),
    [
        (JobState(Phase.FAILED, "it was dropped since", alive=False), "failed: it was dropped since"),
        (JobState(Phase.LOST, alive=False), "lost"),
    ],
)
async def test_a_search_that_fails_is_said_and_can_be_asked_for_again(
    kept: Stage, world: World, outcome: JobState, because: str
) -> None:
    world.held = True
    await kept.told("bo", "salvage RUN-1")
    await search(kept)
    [key] = [act for act in world.acts if "salvage" in act]
    world.jobs[key] = replace(outcome, alive=True) if outcome.phase is Phase.LOST else outcome
    if outcome.phase is Phase.LOST:
        assert await search(kept) is not None
        world.jobs[key] = outcome
    await search(kept)
    [failed] = await ended(kept)
    assert isinstance(failed, SalvageFailed)
    assert (failed.because, failed.asked_by) == (because, "bo")
    await kept.told("bo", "salvage RUN-1")


async def test_an_engine_that_cannot_search_or_tell_says_so(kept: Stage, world: World) -> None:
    for engine, because in (
        (
            StageEngine(world),
            "stage cannot look into the copy that it kept. "
            "It is whole in /kept/orders.db: ask it by hand there.",
        ),
        (Babbling(world), "the search ended without saying what it found"),
    ):
        kept.engines["stage"] = engine
        await kept.told("bo", "salvage RUN-1")
        await search(kept)
        failed = (await ended(kept))[-1]
        assert isinstance(failed, SalvageFailed)
        assert failed.because == because
    assert await Salvages(Book(kept.timeline, kept.shelf, dict), kept.engines).handle("RUN-9") is None


async def test_an_engine_that_cannot_search_says_so_of_an_attempt_that_did_not_succeed(
    kept: Stage, world: World
) -> None:
    asked = SalvageAsked(step="restore", attempt=1, restore="another key", key="S-1")
    run = await kept.run()
    await kept.timeline.append({"run/RUN-1": Change(run.seq, (asked,))}, by="bo", via="slack")
    kept.engines["stage"] = StageEngine(world)
    await search(kept)
    [failed] = await ended(kept)
    assert isinstance(failed, SalvageFailed)
    assert (failed.attempt, failed.because) == (
        1,
        "stage cannot say whether that attempt, which did not succeed, replaced anything: look by hand.",
    )


async def test_who_holds_no_role_may_not_search_and_what_kept_nothing_is_refused(
    stage: Stage, world: World
) -> None:
    await started(stage)
    refused = await stage.say("bo", "salvage RUN-1")
    assert "RUN-1 kept no copy of what it replaced: nothing is searched." in refused.text
    await approved(stage)
    assert "kept no copy" in (await stage.say("bo", "salvage RUN-1")).text
    stage.shelf.catalog_file.write_text(
        stage.shelf.catalog_file.read_text().replace("groups:", "  eli: {name: Eli, slack: U0ELI}\ngroups:")
    )
    denied = await stage.say("eli", "salvage RUN-1")
    assert "You may not have RUN-1 salvaged: that needs the right to operate." in denied.text
    assert await ended(stage) == []
