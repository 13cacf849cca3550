"""A server that is frozen is named by every command on its host, with since when and what to do."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bot.terminal.here import utc_now
from bot.timeline import Timeline
from tests.terminal.shell import Shell
from tests.terminal.test_serve import QUIET, serving

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def sentence(shell: Shell) -> AsyncIterator[str]:
    """Yield the beginning of what is to be said, while a server of the shell's home does not move."""
    async with serving(shell) as server:
        assert (await shell.run("token", "issue", "--for", "ana", "--save")).code == 0
        server.send_signal(signal.SIGSTOP)
        timeline = await Timeline.open(f"sqlite+aiosqlite:///{shell.home}/backstop.db", now=utc_now)
        since = utc_now() - MINUTE
        sign = {"at": since.isoformat(), "process": str(server.pid), "host": "db1"}
        await timeline.records.remember("pulse", sign)
        await timeline.close()
        yield (
            f"The bot that holds the database (process {server.pid} on db1) has not moved since "
            f"{since:%Y-%m-%d %H:%M:%SZ}: no run, timer or message goes on. It is frozen, or cannot write. "
            f"Wake it there with `kill -CONT {server.pid}`"
        )
        server.send_signal(signal.SIGCONT)


async def test_a_second_server_is_refused_with_who_holds_everything(shell: Shell, sentence: str) -> None:
    refused = await shell.run("serve", **QUIET)

    assert (refused.code, refused.err.splitlines()[-1].partition(", or end it")[0]) == (1, sentence)


async def test_doctor_names_a_bot_that_does_not_move(shell: Shell, sentence: str) -> None:
    told = await shell.run("doctor")

    assert told.code == 1
    assert f"wrong  bot        {sentence}" in told.out


async def test_ping_says_why_nobody_answers(shell: Shell, sentence: str) -> None:
    pinged = await shell.run("ping")

    assert pinged.code == 20
    assert "did not answer at http://127.0.0.1:" in pinged.err
    assert "in 10 s: it is frozen, overloaded or out of reach." in pinged.err
    assert sentence in pinged.err


async def test_a_bot_on_another_host_is_not_explained_by_this_one(shell: Shell, sentence: str) -> None:
    url = (shell.home / "url").read_text().strip()

    pinged = await shell.run("ping", BACKSTOP_URL=url)

    assert pinged.code == 20
    assert "did not answer" in pinged.err
    assert sentence not in pinged.err


async def test_a_server_that_moves_or_none_is_no_finding(shell: Shell) -> None:
    assert " bot " not in (await shell.run("doctor")).out
    async with serving(shell):
        assert " bot " not in (await shell.run("doctor")).out
