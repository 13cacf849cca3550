"""Of all processes on one database one carries effects out, and another takes over when it is gone."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import update

from bot.core.effects import Effect
from bot.jobs import STANDING_BY, Dispatcher
from bot.timeline import Timeline, tables
from bot.timeline.database import open_engine, writing
from bot.timeline.duty import Duty, duty_of
from bot.timeline.duty_postgres import on_postgres
from integrations.contract import IntegrationError
from tests.clock import Clock

WITHIN_S = 20.0

HOLDER = """
import asyncio, sys
from bot.timeline.database import open_engine
from bot.timeline.duty import duty_of

async def hold():
    duty = duty_of(open_engine(sys.argv[1]))
    assert await duty.take()
    print("held", flush=True)
    await duty.keep(lambda: None)

asyncio.run(hold())
"""


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not holds():  # noqa: ASYNC110 - what is waited for says nothing by itself
            await asyncio.sleep(0.01)


@asynccontextmanager
async def process(url: str, clock: Clock, did: list[str], name: str) -> AsyncIterator[Dispatcher]:
    """Yield a dispatcher with a timeline of its own, as another process has it."""
    timeline = await Timeline.open(url, now=clock)

    async def note(subject: str) -> None:
        did.append(f"{name} {subject}")

    dispatcher = Dispatcher(timeline, {"note": note})
    running = asyncio.create_task(dispatcher.run())
    try:
        yield dispatcher
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await timeline.close()


async def ask(dispatcher: Dispatcher, subject: str) -> None:
    await dispatcher._timeline.effects.ask(Effect("note", subject, subject))
    for listener in dispatcher._timeline._listeners:
        listener()


async def test_one_process_carries_out_what_any_of_them_recorded_and_the_other_stands_by(
    database_url: str, clock: Clock
) -> None:
    did: list[str] = []
    async with process(database_url, clock, did, "first") as first:
        await until(lambda: first.health == "ok")
        async with process(database_url, clock, did, "second") as second:
            await until(lambda: second.health.startswith(STANDING_BY))
            assert (first._timeline.duty.elsewhere, second._timeline.duty.elsewhere) == (False, True)
            for number in range(5):
                await ask(second, f"s{number}")
                await ask(first, f"f{number}")
            await until(lambda: len(did) == 10)

    assert {entry.split()[0] for entry in did} == {"first"}
    assert len(set(did)) == 10


async def test_who_stands_by_takes_over_when_the_first_ends(database_url: str, clock: Clock) -> None:
    did: list[str] = []
    async with contextlib.AsyncExitStack() as both:
        first = await both.enter_async_context(process(database_url, clock, did, "first"))
        await until(lambda: first.health == "ok")
        async with process(database_url, clock, did, "second") as second:
            await until(lambda: second.health.startswith(STANDING_BY))
            await both.aclose()
            await until(lambda: second.health == "ok")
            await ask(second, "later")
            await until(lambda: did == ["second later"])


async def test_the_duty_ends_with_a_process_that_is_killed(database_url: str, clock: Clock) -> None:
    timeline = await Timeline.open(database_url, now=clock)
    killed = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, database_url), stdout=asyncio.subprocess.PIPE
    )
    assert killed.stdout
    assert await killed.stdout.readline() == b"held\n"
    assert not await timeline.duty.take()

    killed.send_signal(signal.SIGKILL)
    await killed.wait()

    async with asyncio.timeout(WITHIN_S):
        while not await timeline.duty.take():  # noqa: ASYNC110 - PostgreSQL notices in its own time
            await asyncio.sleep(0.05)
    await timeline.duty.release()
    await timeline.close()


@pytest.mark.real
async def test_a_process_that_is_frozen_loses_the_duty_and_finds_that_out_when_it_wakes(
    postgresql_url: str, clock: Clock
) -> None:
    timeline = await Timeline.open(postgresql_url, now=clock)
    patient = on_postgres(open_engine(postgresql_url))
    duty = on_postgres(open_engine(postgresql_url), silent_s=1)
    frozen = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLDER, postgresql_url), stdout=asyncio.subprocess.PIPE
    )
    assert frozen.stdout
    assert await frozen.stdout.readline() == b"held\n"
    for _ in range(3):
        assert not await patient.take()
    assert frozen.returncode is None

    frozen.send_signal(signal.SIGSTOP)
    async with asyncio.timeout(WITHIN_S):
        while not await duty.take():  # noqa: ASYNC110 - the silence has to last
            await asyncio.sleep(0.05)

    frozen.send_signal(signal.SIGCONT)
    async with asyncio.timeout(WITHIN_S):
        assert await frozen.wait() == 0  # `keep` returned
    for each in (duty, patient):
        await each.release()
    await timeline.close()


@pytest.mark.real
async def test_what_a_frozen_process_was_writing_holds_nobody_up(postgresql_url: str, clock: Clock) -> None:
    timeline = await Timeline.open(postgresql_url, now=clock)
    await timeline.effects.ask(Effect("note", "1", "1"))
    frozen = open_engine(postgresql_url, idle_s=1)

    async def stand_still() -> None:
        async with writing(frozen) as connection:
            await connection.execute(update(tables.effect).values(tries=7))
            async with asyncio.timeout(WITHIN_S):
                await timeline.effects.ask(Effect("note", "1", "1"))

    with pytest.raises(IntegrationError, match="idle-in-transaction"):
        await stand_still()

    await frozen.dispose()
    await timeline.close()


@asynccontextmanager
async def kept(timeline: Timeline) -> AsyncIterator[tuple[Duty, asyncio.Task[str]]]:
    duty = timeline.duty
    assert await duty.take()
    keeping = asyncio.create_task(duty.keep(lambda: None))
    try:
        yield duty, keeping
    finally:
        await duty.release()
        await timeline.close()


@pytest.mark.real
async def test_a_lost_connection_ends_the_duty_and_what_is_under_way_at_once(
    postgresql_url: str, clock: Clock
) -> None:
    timeline = await Timeline.open(postgresql_url, now=clock)
    ended = asyncio.Event()
    begun: list[str] = []

    async def hang(subject: str) -> None:
        begun.append(subject)
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    dispatcher = Dispatcher(timeline, {"hang": hang})
    running = asyncio.create_task(dispatcher.run())
    await until(lambda: dispatcher.health == "ok")
    await timeline.effects.ask(Effect("hang", "one", "one"))
    dispatcher._kick.set()
    await until(lambda: begun == ["one"])

    end_duty_connections(postgresql_url)

    async with asyncio.timeout(WITHIN_S):
        await ended.wait()
    await until(lambda: begun == ["one", "one"])  # it was taken again, over a new connection
    assert dispatcher.health == "ok"
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await timeline.close()


def end_duty_connections(url: str) -> None:
    with psycopg.connect(url.replace("+psycopg", ""), autocommit=True) as other:
        found = other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE application_name = 'backstop-duty' AND datname = current_database()"
        ).fetchall()
    assert found == [(True,)]


@pytest.mark.real
async def test_a_lock_that_the_database_no_longer_knows_is_lost(postgresql_url: str, clock: Clock) -> None:
    async with kept(await Timeline.open(postgresql_url, now=clock)) as (duty, keeping):
        await until(lambda: duty.held)
        for _ in range(3):
            with contextlib.suppress(IntegrationError):
                await duty._ask("SELECT pg_advisory_unlock_all()")  # type: ignore[attr-defined]
        async with asyncio.timeout(WITHIN_S):
            assert "the lock is gone" in await keeping
        assert not duty.held


@pytest.mark.real
async def test_a_database_that_does_not_answer_is_said(postgresql_url: str) -> None:
    nobody = postgresql_url.rsplit("/", 1)[0] + "/there_is_none"
    duty = duty_of(open_engine(nobody))

    with pytest.raises(IntegrationError, match="cannot be asked"):
        await duty.take()

    assert not duty.held


async def test_a_lock_file_that_somebody_removed_guards_nothing_any_more(
    sqlite_url: str, clock: Clock, tmp_path: Path
) -> None:
    async with kept(await Timeline.open(sqlite_url, now=clock)) as (duty, keeping):
        (tmp_path / "backstop.db.duty").unlink()
        async with asyncio.timeout(WITHIN_S):
            assert "removed or replaced" in await keeping
        assert not duty.held


async def test_a_lock_file_that_cannot_be_opened_is_said_and_tried_again(
    sqlite_url: str, clock: Clock, tmp_path: Path
) -> None:
    (tmp_path / "backstop.db.duty").mkdir()
    async with process(sqlite_url, clock, [], "only") as dispatcher:
        await until(lambda: "cannot be locked" in dispatcher.health)
        (tmp_path / "backstop.db.duty").rmdir()
        await until(lambda: dispatcher.health == "ok")
