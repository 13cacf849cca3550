"""`up`: keeps the wanted release running, the way a deployment controller does."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.sandbox.shop.home import Actual, Desired, Home
from bot.sandbox.shop.server import LOOPBACK

_LOOK_S = 0.1
_READY_S = 15.0
_END_S = 5.0
_LONGEST_BACKOFF_S = 2.0


@dataclass(frozen=True, slots=True)
class _Running:
    process: Process
    version: str


class Controller:
    """Brings what runs to what is wanted, one look at a time."""

    def __init__(self, home: Home, port: int) -> None:
        self._home = home
        self._port = port
        self._child: _Running | None = None
        self._generation = -1
        self._restarts = 0
        self._error = ""
        self._failures = 0
        self._not_before = 0.0

    async def look(self) -> None:
        """Compare what is wanted with what is so, act on the difference, and report."""
        desired = self._home.desired()
        if desired is None:
            return
        if desired.generation != self._generation:
            self._generation, self._error, self._failures, self._not_before = desired.generation, "", 0, 0.0
        await self._end_what_should_not_run(desired)
        loop = asyncio.get_running_loop()
        if desired.replicas and self._child is None and loop.time() >= self._not_before:
            await self._start(desired.version)
        self._report(desired)

    async def end(self) -> None:
        """End the shop and report that nothing runs."""
        if self._child is not None:
            await _end(self._child.process)
            self._child = None
        desired = self._home.desired()
        if desired is not None:
            self._report(desired)

    async def wait(self, told: asyncio.Event) -> None:
        """Wait until the shop ends, until it is time for the next look, or until told to end."""
        waits: set[asyncio.Task[object]] = {asyncio.create_task(told.wait())}
        if self._child is not None:
            waits.add(asyncio.create_task(self._child.process.wait()))
        _, late = await asyncio.wait(waits, timeout=_LOOK_S, return_when=asyncio.FIRST_COMPLETED)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def _end_what_should_not_run(self, desired: Desired) -> None:
        child = self._child
        if child is None:
            return
        if child.process.returncode is not None:
            self._child = None
            self._restarts += 1
            self._fail(f"checkout {child.version} ended with code {child.process.returncode}")
        elif not desired.replicas or child.version != desired.version:
            await _end(child.process)
            self._child = None

    async def _start(self, version: str) -> None:
        with self._home.log.open("ab") as log:
            written = log.tell()
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bot.sandbox.shop", "serve"),
                *("--home", str(self._home.path), "--version", version, "--port", str(self._port)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=log,
            )
        if await _ready(process):
            self._child = _Running(process, version)
            self._error, self._failures = "", 0
            return
        await _end(process)
        self._fail(self._last_words(written) or f"checkout {version} did not take orders in {_READY_S:.0f} s")

    def _fail(self, error: str) -> None:
        self._error = error
        self._failures += 1
        backoff = min(_LOOK_S * 2**self._failures, _LONGEST_BACKOFF_S)
        self._not_before = asyncio.get_running_loop().time() + backoff

    def _last_words(self, offset: int) -> str:
        with self._home.log.open("rb") as log:
            log.seek(offset)
            lines = log.read().decode("utf-8", "replace").split("\n")
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def _report(self, desired: Desired) -> None:
        child = self._child
        self._home.report(
            Actual(
                version=child.version if child else desired.version,
                replicas=1 if child else 0,
                generation=desired.generation,
                url=f"http://{LOOPBACK}:{self._port}",
                pid=child.process.pid if child else None,
                restarts=self._restarts,
                error=self._error,
            )
        )


async def control(home: Home, *, port: int) -> None:
    """Run the controller of a home until SIGTERM or SIGINT; port 0 takes a free one and keeps it."""
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    with _reserved(port) as kept:
        controller = Controller(home, kept)
        try:
            while not told.is_set():
                await controller.look()
                await controller.wait(told)
        finally:
            await controller.end()


@contextmanager
def _reserved(port: int) -> Iterator[int]:
    # Bound but never listening: the shop can listen on the port, nobody else is given it between two shops,
    # and a customer of a stopped shop is refused at once instead of waiting in a queue.
    with socket.socket() as place:
        place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind((LOOPBACK, port))
        yield place.getsockname()[1]


async def _ready(process: Process) -> bool:
    if process.stdout is None:
        return False
    try:
        line = await asyncio.wait_for(process.stdout.readline(), _READY_S)
    except TimeoutError:
        return False
    return line.startswith(b"ready ")


async def _end(process: Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _END_S)
    except TimeoutError:
        process.kill()
        await process.wait()
