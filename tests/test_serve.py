"""`backstop serve` keeps the runner of its home running, and leaves alone one that somebody else keeps."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from bot.runners import runner_of, runners_of
from bot.sandbox.runner import answering, end
from bot.serve import RunnerKeeper
from bot.settings import Settings
from integrations import registry
from integrations.connections import Connections
from integrations.contract import IntegrationError
from integrations.detached import identity, start_detached

CONFIG = "[targets.shop]\nkind = 'commands'\n"
WITHIN_S = 30.0


@pytest.fixture
def settings() -> Iterator[Settings]:
    """Yield the settings of a home whose path is short enough for a socket, and end its runner."""
    home = Path(tempfile.mkdtemp(prefix="bs-"))
    yield Settings(home=home)
    if pid := answering(home / "runner.sock"):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(home)


@asynccontextmanager
async def kept(settings: Settings) -> AsyncIterator[RunnerKeeper]:
    keeper = RunnerKeeper(settings, every_s=0.02)
    await keeper.look()
    keeping = asyncio.create_task(keeper.keep())
    yield keeper
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)


def write(settings: Settings, text: str = CONFIG) -> Path:
    (settings.home / "runner.toml").write_text(text)
    return settings.home / "runner.toml"


async def answered(settings: Settings) -> str:
    async with asyncio.timeout(WITHIN_S):
        while True:
            with suppress(IntegrationError):
                return (await runner_of(settings).hello()).runner
            await asyncio.sleep(0.02)


async def test_a_runner_that_was_killed_is_started_again_with_the_same_memory(settings: Settings) -> None:
    write(settings)
    async with kept(settings):
        first, pid = await answered(settings), answering(settings.home / "runner.sock")
        assert pid
        os.kill(pid, signal.SIGKILL)

        again = await answered(settings)

    assert again == first == identity(settings.home / "runner")
    assert answering(settings.home / "runner.sock") != pid


async def test_how_the_runner_is_stands_among_the_parts(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    keeper = RunnerKeeper(settings)
    assert keeper.parts() == {}
    write(settings)
    assert keeper.parts() == {"runner": "down: it does not answer"}
    await keeper.look()
    await answered_after(keeper, settings)
    assert keeper.parts() == {"runner": "ok"}

    pid = answering(settings.home / "runner.sock")
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        for _ in range(2):
            await keeper.look()
        sentence = (
            f"The runner on {settings.home / 'runner.sock'} does not move: process {pid} was stopped (state "
            f"T). Wake it there with `kill -CONT {pid}`. Its jobs have processes of their own and go on."
        )
        assert keeper.parts() == {"runner": f"down: {sentence}"}
        with pytest.raises(IntegrationError, match=r"kill -CONT"):
            # A question that may take a minute is not waited for either.
            await runner_of(settings).ask("sqlite.health", "x", {}, timeout_s=60)
    finally:
        os.kill(pid, signal.SIGCONT)
    assert caplog.text.count(sentence) == 1
    assert "Another runner answers" not in (settings.home / "runner" / "serve.log").read_text()


async def test_one_that_begins_to_be_configured_later_is_started_then(settings: Settings) -> None:
    async with kept(settings):
        assert answering(settings.home / "runner.sock") is None
        write(settings)

        await answered(settings)


async def test_a_runner_of_another_memory_is_left_to_whoever_keeps_it(settings: Settings) -> None:
    config = write(settings)
    await start_detached(config, settings.home / "elsewhere", settings.home / "runner.sock")
    async with kept(settings) as keeper:
        pid = answering(settings.home / "runner.sock")
        assert pid
        await end(pid)
        for _ in range(3):
            await keeper.look()

        assert answering(settings.home / "runner.sock") is None
    assert not (settings.home / "runner").exists()


async def test_a_start_that_fails_is_logged_with_its_reason_and_tried_ever_less_often(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    write(settings, "[targets.x]\nkind = 'oracle'\n")
    keeper = RunnerKeeper(settings, every_s=25.0, patience_s=2.0)

    with caplog.at_level(logging.INFO):
        await keeper.look()
        assert keeper._wait_s == 50.0
        await keeper.look()

    assert keeper._wait_s == 60.0
    assert "targets.x.kind: write one of" in caplog.text
    write(settings)
    await answered_after(keeper, settings)
    assert keeper._wait_s == 25.0


async def answered_after(keeper: RunnerKeeper, settings: Settings) -> None:
    await keeper.look()
    await answered(settings)
    await keeper.look()


async def test_nobody_answers_is_said_with_the_whole_command(settings: Settings) -> None:
    home = settings.home
    with pytest.raises(IntegrationError) as silent:
        await runner_of(settings).hello()

    assert str(silent.value) == (
        f"No runner answers on {home}/runner.sock; start it with `backstop-runner serve "
        f"--config {home}/runner.toml --state {home}/runner --socket {home}/runner.sock`."
    )


async def test_a_runner_that_the_settings_name_is_reached_by_its_name(settings: Settings) -> None:
    config, socket = write(settings), settings.home / "runner.sock"
    await start_detached(config, settings.home / "eu", socket)
    named = Settings(home=settings.home / "bot", runners={"db-eu-1": socket, "local": socket})
    connections = Connections(runners=runners_of(named))

    name, runner = connections.runner({"runner": "db-eu-1"})

    assert (name, (await runner.hello()).runner) == ("db-eu-1", identity(settings.home / "eu"))
    # `local` is always the one of this home, whatever else is called so.
    with pytest.raises(IntegrationError, match=f"No runner answers on {settings.home}/bot/runner.sock"):
        await connections.runner({})[1].hello()


def test_the_engines_on_runners_are_those_that_use_one() -> None:
    modules = {name: place.partition(":")[0].replace(".", "/") for name, place in registry.ENGINES.items()}
    root = Path(registry.__file__).parents[1]
    rooms = re.compile(r"^from integrations\.(beside|copies) import", re.MULTILINE)
    files = {name: [*root.glob(f"{path}.py"), *root.glob(f"{path}/*.py")] for name, path in modules.items()}
    using = {name for name, its in files.items() if any(rooms.search(file.read_text()) for file in its)}

    assert using == registry.ON_RUNNERS
