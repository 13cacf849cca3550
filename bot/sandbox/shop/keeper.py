"""Keeps a shop in real processes, as operators and pipelines do: controller, customers, commands."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bot.sandbox.shop.home import Home, ShopError

_ROOT = Path(__file__).parents[3]
_UP_S = 30.0
_END_S = 10.0
_LOOK_S = 0.05


@dataclass(frozen=True, slots=True)
class Ran:
    """How a command ended and what it wrote, as whoever typed it sees it."""

    code: int
    text: str


class Keeper:
    """A shop that is up from the beginning to the end of an `async with` block."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._controller: Process | None = None

    async def __aenter__(self) -> Self:
        self._controller = await self._begin("up")
        try:
            await self.until(replicas=1)
        except (ShopError, asyncio.CancelledError):
            await _end(self._controller)
            raise
        return self

    async def __aexit__(self, *reason: object) -> None:
        if self._controller is not None:
            await _end(self._controller)

    @property
    def url(self) -> str:
        """Return the shop's address; it stays the same over restarts."""
        actual = self.home.actual()
        return actual.url if actual else ""

    async def until(self, *, replicas: int, version: str = "") -> None:
        """Wait until so many replicas run, of a release if one is named."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_UP_S):
                while self._controller is not None and self._controller.returncode is None:
                    actual = self.home.actual()
                    if actual and actual.replicas == replicas and version in ("", actual.version):
                        return
                    await asyncio.sleep(_LOOK_S)
        raise ShopError(f"The shop in {self.home.path} did not come up; look at {self.home.log}.")

    async def run(self, command: str, *options: str, **environment: str) -> Ran:
        """Run one of the shop's commands to its end: `run("deploy", "--version", "2.4.0", "--sha", "…")`."""
        process = await self._begin(command, *options, **environment)
        try:
            out, err = await process.communicate()
        finally:
            await _end(process)
        return Ran(process.returncode or 0, (out + err).decode("utf-8", "replace").strip())

    @asynccontextmanager
    async def customers(self, *, rate: float = 10.0) -> AsyncIterator[None]:
        """Let customers place `rate` orders a second while the block runs; the journal has what they hold."""
        process = await self._begin("writer", "--rate", str(rate))
        try:
            yield
        finally:
            await _end(process)

    async def _begin(self, command: str, *options: str, **environment: str) -> Process:
        # In a session of its own, so that Ctrl-C reaches those who end it in order, and not it.
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot.sandbox.shop", command, "--home", str(self.home.path), *options),
            env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
            stdin=DEVNULL,
            stdout=DEVNULL if command in {"up", "writer"} else PIPE,
            stderr=DEVNULL if command in {"up", "writer"} else PIPE,
            start_new_session=True,
        )


async def _end(process: Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
        process.send_signal(signal.SIGCONT)
    try:
        await asyncio.wait_for(process.wait(), _END_S)
    except TimeoutError:
        process.kill()
        await process.wait()
