"""The runner of a sandbox: what it may do, and its end with all that it started.

The runner outlives the bot on purpose, and its jobs outlive the runner; a sandbox leaves neither behind.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import struct
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bot.sandbox.shop.home import Home
from bot.sandbox.shop.releases import RELEASES
from bot.settings import Settings
from integrations.contract import IntegrationError
from integrations.detached import start_detached
from integrations.runner import jobs, processes

_END_S = 8.0
_LOOK_S = 0.02
_CREDENTIALS = struct.Struct("3i")
_ALLOWED = (
    *("backup", "keep", "prepare", "discard", "restore", "verify", "prove", "hold"),
    *("integrity", "restored", "select", "salvage"),
)


def configuration(home: Path, shop: Home) -> str:
    """Return a runner.toml that allows what the demo's playbooks do to the shop, and nothing else."""
    command = [sys.executable, "-m", "bot.sandbox.shop"]
    place = ["--home", str(shop.path)]
    scale = [*command, "scale", *place, "--replicas", "{replicas}"]
    release = [*command, "release", *place, "--version", "{version}"]
    lab = lab_of(home)
    left = [lab.with_suffix(".kept"), *(lab.with_name(lab.name + end) for end in ("", "-wal", "-shm"))]
    empty = [shutil.which("rm") or "/bin/rm", "-rf", *map(str, left)]
    return f"""\
[targets.orders-db]
kind = "sqlite"
path = {_quoted(shop.database)}
points = {_quoted(home / "points")}
kept = {_quoted(home / "kept")}
allow = {json.dumps([f"sqlite.{name}" for name in _ALLOWED])}

[targets.checkout]
kind = "commands"

[targets.orders-db-drill]
kind = "sqlite"
path = {_quoted(lab)}
points = {_quoted(lab.with_suffix(".points"))}
kept = {_quoted(lab.with_suffix(".kept"))}
allow = {json.dumps([f"sqlite.{name}" for name in ("restore", "integrity", "restored", "select")])}

[commands.lab-empty]
argv = {json.dumps(empty)}
target = "orders-db-drill"
effect = "destructive"
repeat = "safe"
timeout = 60

[commands.checkout-scale]
argv = {json.dumps(scale)}
target = "checkout"
effect = "reversible"
repeat = "safe"
timeout = 60
params = {{ replicas = {{ type = "int", min = 0, max = 1 }} }}

[commands.checkout-release]
argv = {json.dumps(release)}
target = "checkout"
effect = "reversible"
repeat = "safe"
timeout = 60
params = {{ version = {{ type = "choice", values = {json.dumps(list(RELEASES))} }} }}
"""


def lab_of(home: Path) -> Path:
    """Return the database in which drills restore; its directory is made when the sandbox is furnished."""
    return home / "lab" / "orders.db"


def _quoted(path: Path) -> str:
    return json.dumps(str(path))


@asynccontextmanager
async def running(settings: Settings, state: Path) -> AsyncIterator[None]:
    """Start a detached runner, as the bot would, and end it and its jobs with the block."""
    config, address = settings.file(settings.runner_config, "runner.toml"), settings.runner_socket
    assert address is not None
    starting = asyncio.ensure_future(start_detached(config, state, address))
    try:
        await asyncio.shield(starting)
        yield
    finally:
        # Interrupted while it began, it would answer only when nobody looks any more.
        with suppress(IntegrationError):
            await starting
        pid = answering(address)
        if pid is not None:
            await end(pid)
        await end_jobs(state)


def answering(address: Path) -> int | None:
    """Return the process that answers on a unix socket, or None."""
    with socket.socket(socket.AF_UNIX) as asked:
        try:
            asked.connect(str(address))
        except OSError:
            return None
        told = asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    return int(_CREDENTIALS.unpack(told)[0])


async def end(pid: int) -> None:
    """End a process that is not a child of this one: asked first, then made to."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_reader(handle, ended.set)
    try:
        for number, patience in ((signal.SIGTERM, _END_S), (signal.SIGKILL, _END_S)):
            with suppress(ProcessLookupError, TimeoutError):
                signal.pidfd_send_signal(handle, number)
                signal.pidfd_send_signal(handle, signal.SIGCONT)
                await asyncio.wait_for(ended.wait(), patience)
                return
    finally:
        loop.remove_reader(handle)
        os.close(handle)


async def end_jobs(state: Path) -> None:
    """Cancel what a runner's jobs still do, and end by force what does not listen."""
    started = [jobs.Job(state, key) for key in jobs.keys(state)]
    for job in started:
        job.cancelled.touch()
        for pid in processes.using(job.supervised):
            _signal(pid, signal.SIGCONT)
            _signal(pid, signal.SIGTERM)
    with suppress(TimeoutError):
        await asyncio.wait_for(_ended(started), _END_S)
    for job in started:
        for pid in _left(job):
            _signal(pid, signal.SIGKILL)


async def _ended(started: Sequence[jobs.Job]) -> None:
    while True:
        if not any(map(_left, started)):
            return
        await asyncio.sleep(_LOOK_S)


def _left(job: jobs.Job) -> tuple[int, ...]:
    return (*processes.using(job.supervised), *processes.marked(job.path))


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
