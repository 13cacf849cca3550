"""A process that has the duty leaves signs of life, and one that leaves none is named in words."""

from __future__ import annotations

import asyncio
import os
import platform
from pathlib import Path

import pytest
from sqlalchemy import text

from bot.jobs import SILENT, STANDING_BY, Dispatcher
from bot.timeline import Timeline
from bot.timeline.duty import duty_of
from integrations.contract import IntegrationError
from tests.clock import Clock
from tests.timeline.test_duty import process, until


def said(since: str) -> str:
    pid = os.getpid()
    return (
        f"The bot that holds the database (process {pid} on {platform.node()}) has not moved since "
        f"{since}: no run, timer or message goes on. It is frozen, or cannot write. "
        f"Wake it there with `kill -CONT {pid}`, or end it with `kill -KILL {pid}`: one that "
        "stands by then goes on, or `backstop serve` does, and nothing is done twice."
    )


async def test_one_that_holds_the_duty_and_does_not_move_is_named_by_whoever_stands_by(
    database_url: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    frozen = await Timeline.open(database_url, now=clock)
    assert await frozen.duty.take()
    await frozen.pulse.beat()
    async with process(database_url, clock, [], "second") as second:
        await until(lambda: second.health.startswith(STANDING_BY))
        clock.advance(29)
        assert await second._timeline.pulse.silence() is None
        clock.advance(1)
        await until(lambda: second.health.startswith(SILENT))

        assert second.health == f"silent: {said('2026-11-23 02:10:00Z')}"
        assert "has not moved since" in caplog.text
        await frozen.pulse.beat()
        await until(lambda: second.health.startswith(STANDING_BY))
    await frozen.close()


async def test_whoever_carries_effects_out_moves_and_nobody_is_silent_once_it_ended(
    database_url: str, clock: Clock
) -> None:
    watching = await Timeline.open(database_url, now=clock)
    assert await watching.pulse.silence() is None
    assert not await watching.duty.taken()
    async with process(database_url, clock, [], "first") as first:
        await until(lambda: first.health == "ok")
        async with asyncio.timeout(20):
            while await watching.records.remote("pulse") is None:  # noqa: ASYNC110 - it comes from elsewhere
                await asyncio.sleep(0.01)
        assert await watching.duty.taken()
        assert await first._timeline.duty.taken()
        clock.advance(3_600)
        assert await first._timeline.pulse.silence() is None
        assert await watching.pulse.silence() is not None

    assert await watching.pulse.silence() is None
    assert not await watching.duty.taken()
    await watching.close()


async def test_without_room_for_a_sign_of_life_the_work_goes_on(
    sqlite_url: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    timeline = await Timeline.open(sqlite_url, now=clock)
    async with timeline._engine.begin() as connection:
        await connection.execute(text("ALTER TABLE delivery RENAME TO lost"))
    running = asyncio.create_task(Dispatcher(timeline, {}).run())

    await until(lambda: "no sign of life left" in caplog.text)

    assert timeline.duty.held
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await timeline.close()


async def test_a_lock_that_cannot_be_looked_at_is_said(sqlite_url: str, clock: Clock, tmp_path: Path) -> None:
    timeline = await Timeline.open(sqlite_url, now=clock)
    (tmp_path / "backstop.db.duty").mkdir()

    with pytest.raises(IntegrationError, match="cannot be locked: Is a directory"):
        await duty_of(timeline._engine).taken()

    await timeline.close()
