"""Running a program as operators do, and what it costs while nothing happens."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from bot.sandbox.slack import SlackStandIn
from playbooks.library import names, read

PEOPLE = {name: (f"U0{name.upper()}", f"{name}@example.com") for name in ("ana", "bo", "cy")}
ROOT = Path(__file__).parents[2]
_END_S = 15.0
_UP_S = 30.0


def _free_port() -> int:
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port: int = place.getsockname()[1]
        return port


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a catalog and playbooks, and the workspace a program answers there."""

    folder: Path
    slack: SlackStandIn
    way: str
    port: int = field(default_factory=_free_port)

    def environment(self) -> dict[str, str]:
        """Return the settings as variables; nothing of this machine's own settings gets in."""
        own = {name: value for name, value in os.environ.items() if not name.startswith("BACKSTOP_")}
        given = {
            "HOME": str(self.folder),
            "PORT": str(self.port),
            "SLACK_MODE": self.way,
            "SLACK_API_URL": self.slack.api_url,
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_APP_TOKEN": self.slack.app_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_TEAM": self.slack.team_id,
        }
        return {**own, "PYTHONPATH": str(ROOT), **{f"BACKSTOP_{name}": text for name, text in given.items()}}

    def furnish(self) -> None:
        """Put the library's catalog and playbooks there, with the workspace's people."""
        (self.folder / "playbooks").mkdir(parents=True)
        for name in names():
            (self.folder / "playbooks" / name).write_text(read(name), encoding="utf-8")
        (self.folder / "catalog.yaml").write_text(read("catalog.yaml"), encoding="utf-8")


@asynccontextmanager
async def program(place: Place, *words: str) -> AsyncIterator[Process]:
    """Run `python -m` with these words until the block ends."""
    place.furnish()
    with (place.folder / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *words),
            env=place.environment(),
            cwd=ROOT,
            stdin=DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), _END_S)
        except TimeoutError:
            process.kill()
            await process.wait()


@dataclass(frozen=True, slots=True)
class Idle:
    """Seconds until `/healthz` answers, and resident memory in MB a while later."""

    start_s: float
    memory_mb: float


async def idle(folder: Path, *, rest_s: float) -> Idle:
    """Start Backstop in an empty folder and measure it."""
    async with SlackStandIn(PEOPLE) as slack:
        place = Place(folder, slack, "socket")
        begun = time.perf_counter()
        async with program(place, "bot", "serve") as process:
            await _healthy(f"http://127.0.0.1:{place.port}/healthz")
            start = time.perf_counter() - begun
            await slack.wait(lambda: len(slack.connections) >= 2, _UP_S)
            await asyncio.sleep(rest_s)
            return Idle(start, resident_mb(process.pid))


async def _healthy(url: str) -> None:
    async with asyncio.timeout(_UP_S), aiohttp.ClientSession() as session:
        while True:
            try:
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.01)


def resident_mb(pid: int) -> float:
    """Return how much memory of this machine a process has."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(line.split()[1]) / 1024
