"""What a person says was done by hand is proved by the step's own checks, as if its engine had done it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.cards.choices import choices
from bot.core.run import Status
from integrations.connections import Connections
from integrations.contract import Phase
from integrations.person import Person
from tests.clock import Clock
from tests.runs.stage import PLAYBOOK, Stage, World
from tests.runs.test_carry import approved, started
from tests.runs.test_effects import BY_HAND
from tests.runs.test_warm import WARM, Book, set_off, warm

DONE = 'done RUN-1.restore evidence:"restored it myself"'
# The checks of the end look at something else, so that they would not find what the step left undone.
ELSEWHERE = PLAYBOOK.replace(
    "place-order, uses: stage.rows, with: {target: orders-db}",
    "place-order, uses: stage.rows, with: {target: shop}",
)
CLOSED = "    verify:\n      - {id: closed, uses: stage.rows, with: {target: shop}, within: 1m}\n"
CHECKED = ELSEWHERE.replace("    undo: {uses: stage.go,", f"{CLOSED}    undo: {{uses: stage.go,")
CHECKED_BY_HAND = BY_HAND.replace("    undo: {uses: stage.go}\n", f"{CLOSED}    undo: {{uses: stage.go}}\n")


@pytest.fixture(autouse=True)
def book(stage: Stage, tmp_path: Path) -> Book:
    """The playbook in force; it is replaced by calling this with another text."""
    file = tmp_path / "home" / "playbooks" / "restore.yaml"
    file.write_text(ELSEWHERE)
    return file.write_text


async def the_restore_failed(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)


async def test_a_restore_that_was_not_done_by_hand_is_told_and_nothing_goes_on(
    stage: Stage, world: World
) -> None:
    await the_restore_failed(stage, world)
    world.wrong = {"orders-db"}

    said = await stage.told("ana", DONE)
    await stage.carry()

    assert "Restore the orders is over once its check rows passes: it is asked now." in " ".join(said.split())
    run = await stage.run()
    assert run.state == "paused"
    assert not run.restored
    assert run.step("restore").status is Status.FAILED
    assert run.why_paused == (
        "Restore the orders failed: it was said to be done by hand, and the check rows found 0 rows"
    )
    assert world.acts == ["RUN-1.stop.1", "RUN-1.restore.1"]
    assert [button.label for button in choices(run)] == [
        *("Retry", "Retry, other before", "Skip", "Done by hand", "Undo back to stop", "Abort"),
    ]


async def test_nothing_that_needs_it_begins_before_its_checks_passed(stage: Stage, world: World) -> None:
    await the_restore_failed(stage, world)

    await stage.told("ana", DONE)

    run = await stage.run()
    assert run.step("restore").status is Status.CHECKING
    assert not run.restored
    for line in (DONE, 'skip RUN-1.restore why:"x"', 'retry RUN-1.restore why:"x"'):
        assert "RUN-1.restore is being checked" in (await stage.say("ana", line)).text

    await stage.carry()

    run = await stage.run()
    assert run.step("restore").status is Status.DONE
    assert run.step("restore").because == "restored it myself"
    assert run.state == "recovered"
    assert world.acts[-1] == "RUN-1.go.1"


async def test_while_a_check_has_time_left_no_writer_starts(stage: Stage, world: World, book: Book) -> None:
    book(
        ELSEWHERE.replace("{target: orders-db}}\n  - id: go", "{target: orders-db}, within: 1m}\n  - id: go")
    )
    await the_restore_failed(stage, world)
    world.wrong = {"orders-db"}
    await stage.told("ana", DONE)

    assert await stage.carry()

    assert (await stage.run()).step("restore").status is Status.CHECKING
    assert world.acts == ["RUN-1.stop.1", "RUN-1.restore.1"]


async def test_what_was_not_done_can_be_done_again_or_be_left_to_the_engine(
    stage: Stage, world: World
) -> None:
    await the_restore_failed(stage, world)
    world.wrong = {"orders-db"}
    await stage.told("ana", DONE)
    await stage.carry()
    await stage.told("ana", DONE)
    await stage.carry()
    assert (await stage.run()).state == "paused"

    world.wrong = set()
    await stage.told("ana", 'retry RUN-1.restore why:"by itself"')
    await stage.carry()

    assert (await stage.run()).step("restore").status is Status.SUCCEEDED
    assert world.acts[-2:] == ["RUN-1.restore.2", "RUN-1.go.1"]


async def test_what_was_said_to_be_done_and_is_skipped_is_not_called_untouched(
    stage: Stage, world: World
) -> None:
    await started(stage)
    world.points.clear()
    await approved(stage)
    world.wrong = {"orders-db"}
    assert (await stage.run()).step("restore").status is Status.WAITING
    await stage.told("ana", DONE)
    await stage.carry()
    await stage.told("ana", 'skip RUN-1.restore why:"it is the old data"')
    await stage.carry()

    run = await stage.run()

    assert (run.state, run.recovered_at) == ("ended", None)
    assert [step.id for step in run.half_restored] == ["restore"]


async def test_writers_are_stopped_when_the_check_says_so_from_when_a_person_said_it(
    stage: Stage, world: World, book: Book, clock: Clock
) -> None:
    book(CHECKED)
    world.outcomes["stop"] = [Phase.FAILED]
    await started(stage)
    world.wrong = {"shop"}
    said = clock()
    await stage.told("ana", 'done RUN-1.stop evidence:"the shop is closed"')
    clock.advance(30)

    assert await stage.carry()

    assert (await stage.incident()).writers_stopped is None
    assert (await stage.run()).step("stop").status is Status.CHECKING

    world.wrong = set()
    await stage.carry()

    assert (await stage.incident()).writers_stopped == said
    assert (await stage.run()).step("stop").status is Status.DONE


async def test_a_check_has_its_time_and_then_people_are_asked(
    stage: Stage, world: World, book: Book, clock: Clock
) -> None:
    book(CHECKED.replace(CLOSED, f"    retry: {{max: 3}}\n{CLOSED}"))
    world.outcomes["stop"] = [Phase.TIMED_OUT]
    await started(stage)
    world.wrong = {"shop"}
    await stage.told("ana", 'done RUN-1.stop evidence:"the shop is closed"')
    assert await stage.carry()

    clock.advance(61)
    await stage.carry()

    run = await stage.run()
    # No engine tries by itself what a person said they did.
    assert (run.state, world.acts) == ("paused", ["RUN-1.stop.1"])
    assert run.step("stop").status is Status.FAILED


async def test_an_abort_asks_the_checks_once_more_and_ends(stage: Stage, world: World, book: Book) -> None:
    book(CHECKED)
    world.outcomes["stop"] = [Phase.FAILED]
    await started(stage)
    world.wrong = {"shop"}
    await stage.told("ana", 'done RUN-1.stop evidence:"the shop is closed"')
    assert await stage.carry()

    asked = await stage.told("ana", "abort RUN-1")
    assert "(⋯ being checked): a person said that it is done; what was done stays" in " ".join(asked.split())
    mark = asked.partition("confirm:")[2][:8]
    await stage.told("ana", f'abort RUN-1 confirm:{mark} why:"no restore"')
    await stage.carry()

    run = await stage.run()
    assert run.state == "aborted"
    assert run.step("stop").status is Status.FAILED


async def test_the_checks_of_what_a_person_does_are_asked_too(stage: Stage, world: World, book: Book) -> None:
    book(CHECKED_BY_HAND)
    stage.engines["person"] = Person(Connections())
    await started(stage)
    world.wrong = {"shop"}
    await stage.told("cy", 'done RUN-1.stop evidence:"the page is up"')
    assert await stage.carry()
    assert (await stage.run()).step("stop").status is Status.CHECKING

    world.wrong = set()
    await stage.carry()

    assert (await stage.run()).step("stop").status is Status.DONE


async def test_a_person_is_asked_again_where_a_check_does_not_find_what_they_did(
    stage: Stage, world: World, book: Book, clock: Clock
) -> None:
    book(CHECKED_BY_HAND)
    stage.engines["person"] = Person(Connections())
    await started(stage)
    world.wrong = {"shop"}
    await stage.told("cy", 'done RUN-1.stop evidence:"the page is up"')
    await stage.carry()
    clock.advance(61)
    await stage.carry()
    assert (await stage.run()).state == "paused"

    await stage.told("cy", 'retry RUN-1.stop why:"the wrong page"')
    await stage.carry()

    state = (await stage.run()).step("stop")
    assert (state.status, state.attempt) == (Status.STARTED, 2)


async def test_a_copy_that_a_restore_by_hand_did_not_take_is_removed_when_the_run_ends(
    stage: Stage, world: World, book: Book
) -> None:
    book(WARM)
    await warm(stage)
    world.outcomes["restore"] = [Phase.FAILED]
    await set_off(stage)
    await stage.told("ana", DONE)
    assert dict((await stage.run()).copies) == {"prepare": 0}

    await stage.carry()

    run = await stage.run()
    assert run.recovered_at
    assert world.acts[-2:] == ["RUN-1.go.1", "RUN-1.prepare.1.undo"]
    assert dict(run.copies) == {}
