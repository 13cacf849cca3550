"""A whole server in a process of its own, and the command line beside it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.metadata import version
from pathlib import Path

import aiohttp
import pytest

from bot.__main__ import COMMANDS, FACTS, SAY, VERSION
from playbooks import library
from tests.terminal.shell import ROOT, Shell

START_S = 30.0
QUIET = {"BACKSTOP_SLACK_MODE": "off", "BACKSTOP_PORT": "0"}


@asynccontextmanager
async def serving(shell: Shell, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Serve the library's catalog and playbooks; the address stands in the shell's home."""
    (shell.home / "catalog.yaml").write_text(library.read("catalog.yaml"))
    (shell.home / "playbooks").mkdir()
    for name in library.names():
        (shell.home / "playbooks" / name).write_text(library.read(name))
    async with started(shell, **environment) as (process, _):
        yield process


@asynccontextmanager
async def started(shell: Shell, **environment: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """Serve what is in the home, and yield with the process what it logged until it served."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BACKSTOP_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "serve"),
        cwd=ROOT,
        env={**kept, **QUIET, "BACKSTOP_HOME": str(shell.home), **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    said = b""
    async with asyncio.timeout(START_S):
        while b"serving url=" not in said:
            line = await process.stderr.readline()
            assert line, said.decode()
            said += line
    drain = asyncio.create_task(process.stderr.read())
    yield process, said.decode()
    if process.returncode is None:
        process.kill()
    await process.wait()
    await drain


@pytest.fixture
async def server(shell: Shell) -> AsyncIterator[asyncio.subprocess.Process]:
    """Yield a server in the shell's home."""
    async with serving(shell) as process:
        yield process


@pytest.mark.parametrize("where", [*(where for where, _ in COMMANDS.values()), SAY, FACTS, VERSION])
def test_every_command_is_where_it_is_said_to_be(where: str) -> None:
    module, _, function = where.partition(":")

    assert callable(getattr(import_module(module), function))


async def test_a_server_is_spoken_to_and_ends_when_told(
    server: asyncio.subprocess.Process, shell: Shell
) -> None:
    assert (await shell.run("token", "issue", "--for", "ana", "--save")).code == 0

    declared = await shell.run("declare", "Orders are wrong", "svc:checkout")
    planned = await shell.run("plan", library.names()[0].removesuffix(".yaml"), "inc:INC-1")
    another = await shell.run("serve", **QUIET)
    rebuilt = await shell.run("rebuild")

    assert (declared.code, planned.code) == (0, 0), (declared, planned)
    assert "RUN-1" in planned.out
    assert (another.code, rebuilt.code) == (1, 1)
    assert "Another Backstop works in" in another.err
    server.send_signal(signal.SIGTERM)
    async with asyncio.timeout(START_S):
        assert await server.wait() == 0
    assert not (shell.home / "url").exists()
    assert (await shell.run("rebuild")).code == 0
    assert (await shell.run("verify-timeline")).code == 0


async def test_what_a_server_keeps_is_for_its_user_alone(shell: Shell, tmp_path: Path) -> None:
    home = tmp_path / "new"
    places = {
        "BACKSTOP_HOME": str(home),
        "BACKSTOP_CATALOG": str(shell.home / "catalog.yaml"),
        "BACKSTOP_PLAYBOOKS": str(shell.home / "playbooks"),
    }
    before = os.umask(0o022)
    try:
        async with serving(shell, **places):
            assert (await shell.run("token", "issue", "--for", "ana", "--save", **places)).code == 0
            assert (await shell.run("declare", "Orders are wrong", "svc:checkout", **places)).code == 0
            kept = {path.name: path.stat().st_mode & 0o777 for path in home.rglob("*") if path.is_file()}
    finally:
        os.umask(before)

    assert home.stat().st_mode & 0o777 == 0o700
    assert {"backstop.db", "backstop.db-wal", "backstop.db-shm", "cli-token", "url"} <= set(kept)
    assert set(kept.values()) == {0o600}


async def dispatcher_of(shell: Shell) -> str:
    url = (shell.home / "url").read_text().strip()
    async with aiohttp.ClientSession() as session, session.get(f"{url}/readyz") as answer:
        return str((await answer.json())["parts"]["dispatcher"])


async def until(shell: Shell, state: str) -> None:
    async with asyncio.timeout(START_S):
        while await dispatcher_of(shell) != state:  # noqa: ASYNC110 - another process is asked
            await asyncio.sleep(0.05)


async def test_a_second_server_on_the_database_stands_by_and_takes_over_when_the_first_is_killed(
    database_url: str, tmp_path: Path
) -> None:
    one, two = Shell(tmp_path / "one"), Shell(tmp_path / "two")
    async with serving(one, BACKSTOP_DATABASE_URL=database_url) as first:
        await until(one, "ok")
        async with serving(two, BACKSTOP_DATABASE_URL=database_url):
            await until(two, "standing-by")
            rebuilt = await two.run("rebuild", "--stopped", BACKSTOP_DATABASE_URL=database_url)

            first.kill()

            await until(two, "ok")
    assert (rebuilt.code, "Stop it first" in rebuilt.err) == (1, True), rebuilt


async def test_serving_takes_no_words(shell: Shell) -> None:
    assert (await shell.run("serve", "--help")).code == 0
    assert (await shell.run("serve", "now")).code == 2


async def test_the_version_is_the_one_that_is_installed(shell: Shell) -> None:
    assert (await shell.run("--version")).out == f"backstop {version('backstop')}\n"
    assert (await shell.run("--version", "now")).code == 2


async def test_serving_without_a_catalog_is_warned_of_with_what_to_do(shell: Shell) -> None:
    async with started(shell) as (_, said):
        pass

    assert f"no catalog file={shell.home}/catalog.yaml" in said
    assert "`backstop doctor` says what to do" in said
    assert "WARNING bot.serve no catalog" in said


async def test_settings_that_make_no_sense_are_named_and_not_repeated(shell: Shell) -> None:
    ran = await shell.run("serve", BACKSTOP_PORT="canary-word")

    assert ran.code == 2
    assert "BACKSTOP_PORT" in ran.err
    assert "canary-word" not in ran.err


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("BACKSTOP_PORT", "99999", "BACKSTOP_PORT"),
        ("BACKSTOP_HOST", "999.1.1.1", "The HTTP door cannot listen at 999.1.1.1:0"),
        ("BACKSTOP_DATABASE_URL", "foo", "BACKSTOP_DATABASE_URL is no address of a database"),
        ("BACKSTOP_DATABASE_URL", "postgresql+psycopg://b@127.0.0.1:1/b", "does not answer"),
        ("BACKSTOP_DATABASE_URL", "nodb+none://b@127.0.0.1:1/b", "is no address of a database"),
        ("BACKSTOP_HOME", "/proc/x", "BACKSTOP_HOME cannot be used: /proc/x"),
        ("BACKSTOP_HOME", "/etc/hostname", "BACKSTOP_HOME cannot be used: /etc/hostname"),
    ],
)
async def test_a_server_that_cannot_start_says_which_setting_and_what_to_do(
    shell: Shell, setting: str, value: str, told: str
) -> None:
    ended = await shell.run("serve", **{**QUIET, setting: value})

    assert ended.code in {1, 2}
    assert told in ended.err
    assert "Traceback" not in ended.err


async def test_a_port_that_is_taken_is_named_with_the_way_out(shell: Shell) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = await shell.run("serve", **{**QUIET, "BACKSTOP_PORT": port})

    assert ended.code == 1
    assert f"Something listens at 127.0.0.1:{port} already." in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("words", [("serve",), ("doctor",), ("verify-timeline",), ("rebuild", "--stopped")])
async def test_an_address_that_is_none_is_told_in_a_sentence_without_any_part_of_it(
    shell: Shell, words: tuple[str, ...]
) -> None:
    url = "postgresql+psycopg://b:canary@127.0.0.1:port/b"

    ran = await shell.run(*words, **{**QUIET, "BACKSTOP_DATABASE_URL": url})

    told = ran.out + ran.err
    assert ran.code
    assert "Traceback" not in told
    assert "BACKSTOP_DATABASE_URL is no address of a database. Write it as postgresql+psycopg://" in told
    assert "canary" not in told
