"""A full disk, a database somebody holds, a clock that jumps: it is said, and nothing is lost."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from bot.core.events import NoteAdded
from tests.clock import Clock
from tests.doors.town import Town, Way, town
from tests.slack.house import workspace

NOTE = "what was seen " * 500
FULL = "The disk of Backstop's database is full: nothing was recorded. Free space and say it again."


@dataclass
class Disk:
    """The disk of every SQLite file that is opened; `full` leaves it no further page."""

    full: bool = False

    def limit(self, connection: Any, *_: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA max_page_count={1 if self.full else 1 << 30}")
        cursor.close()


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Yield a disk that a test can fill."""
    disk = Disk()
    event.listen(Pool, "checkout", disk.limit)
    yield disk
    event.remove(Pool, "checkout", disk.limit)


@pytest.fixture
async def home(disk: Disk, sqlite_url: str, tmp_path: Path, clock: Clock, way: Way) -> AsyncIterator[Town]:
    """Yield a town whose database is a file on that disk."""
    clock.advance(3600)
    folder = tmp_path / "home"
    async with workspace(clock) as slack, town(slack, sqlite_url, folder, way, clock) as found:
        await found.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
        yield found


@contextmanager
def held(url: str) -> Iterator[None]:
    """Hold the database of a URL as a backup or a curious person would."""
    other = sqlite3.connect(url.split(":///", 1)[1], isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def notes(town: Town) -> list[str]:
    entries = await town.app.timeline.read("incident/INC-1")
    return [entry.event.text for entry in entries if isinstance(entry.event, NoteAdded)]


async def test_a_full_disk_is_said_and_the_same_words_count_once_there_is_room(
    home: Town, disk: Disk
) -> None:
    token = await home.token("bo")
    line = f'note "{NOTE}" inc:INC-1'
    home.slack.invite_bot("general")

    disk.full = True
    by_slack = await home.slack.slash("ana", f"/backstop {line}")
    status, by_token = await home.said(token, line, "n1")
    assert FULL in by_slack.body["text"]
    assert status == 503
    assert FULL in str(by_token["error"])
    assert await notes(home) == []

    disk.full = False
    assert (await home.said(token, line, "n1"))[1]["ok"]
    assert (await home.said(token, line, "n1"))[1]["ok"]
    assert await notes(home) == [NOTE.strip()]
    assert await home.app.timeline.verify() == []


async def test_what_is_said_while_somebody_holds_the_database_is_recorded_when_they_let_go(
    home: Town, sqlite_url: str
) -> None:
    token = await home.token("bo")
    home.slack.invite_bot("general")

    with held(sqlite_url):
        saying = asyncio.create_task(home.said(token, 'note "by token" inc:INC-1', "n1"))
        reply = await home.slack.slash("ana", '/backstop note "by Slack" inc:INC-1')
        assert "still being recorded" in reply.body["text"]
    assert (await saying)[1]["ok"]
    await home.slack.wait(lambda: [m for m in home.slack.ephemerals("ana") if "note" in str(m)])

    assert sorted(await notes(home)) == ["by Slack", "by token"]


@pytest.mark.parametrize("jump", [timedelta(hours=-1), timedelta(seconds=-90)])
async def test_a_clock_that_jumps_back_stops_no_run(home: Town, clock: Clock, jump: timedelta) -> None:
    await home.told("ana", "plan restore-orders before:2026-11-23T02:06:00Z inc:INC-1")
    await home.until("planned")
    await home.told("ana", "start RUN-1")
    await home.slack.wait(lambda: home.slack.find("RUN-1 approval: overwrite"))
    await home.told("bo", "approve RUN-1")

    clock.set(clock() + jump)

    await home.told("cy", "approve RUN-1")
    await home.told("dee", "approve RUN-1")
    await home.until("recovered")
    assert home.world.acts == ["RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.go.1"]
    assert await home.app.timeline.verify() == []


async def test_after_a_jump_ahead_an_approval_too_old_is_asked_for_again_and_updates_are_due_once(
    home: Town, clock: Clock
) -> None:
    await home.told("ana", "plan restore-orders before:2026-11-23T02:06:00Z inc:INC-1")
    await home.until("planned")
    await home.told("ana", "start RUN-1")
    await home.slack.wait(lambda: home.slack.find("RUN-1 approval: overwrite"))
    await home.told("bo", "approve RUN-1")

    clock.advance(3 * 24 * 3600)
    await home.told("ana", 'note "the clock was wrong" inc:INC-1')

    await home.until("paused")
    assert "RUN-1.restore.1" not in home.world.acts
    await home.happened("update-overdue", "incident/INC-1")
    events = await home.events("incident/INC-1")
    assert events["update-overdue", "backstop"] == 1


async def test_a_timer_is_not_lost_when_the_clock_is_set_back_and_forward(home: Town, clock: Clock) -> None:
    await home.told("ana", 'freeze on svc:checkout why:"the auditors are here"')
    before = clock()

    clock.advance(-1800)
    await home.told("ana", 'note "the clock was wrong" inc:INC-1')
    await home.app.dispatcher.settled()
    assert (await home.events("freeze/FRZ-1"))["freeze-review-due", "backstop"] == 0

    clock.set(before + timedelta(hours=5))
    await home.told("ana", 'note "the clock was very wrong" inc:INC-1')
    await home.app.dispatcher.settled()
    assert (await home.events("freeze/FRZ-1"))["freeze-review-due", "backstop"] == 1
