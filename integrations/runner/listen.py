"""The ways in to the door: a unix socket, and standard input and output, as an SSH forced command has them.

Requests of one connection are answered each on its own: one that takes long holds no other up.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from integrations.runner import files
from integrations.runner.params import Refused
from integrations.runner.serve import Door

_LONGEST_LINE = 256 * 1024
_LONGEST_SOCKET_PATH = 100
_AT_ONCE = 64
IDLE_S = 600.0
"""How long a session over standard input is kept on which nobody speaks: they may be gone for good."""


async def serve(door: Door, path: Path) -> None:
    """Answer on a unix socket until told to end; jobs go on without it."""
    if len(os.fsencode(path)) > _LONGEST_SOCKET_PATH:
        raise Refused(f"The socket's path {path} is too long for a unix socket; choose a shorter one.")
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    with _address(path) as listener:
        door.prepare()
        server = await asyncio.start_unix_server(
            lambda reader, writer: _talk(door, reader, writer), sock=listener, limit=_LONGEST_LINE
        )
        await ended.wait()
        server.close()


@contextmanager
def _address(path: Path) -> Iterator[socket.socket]:
    # The lock tells a socket somebody answers on from one that a killed runner left behind.
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = files.acquire(path.with_name(f"{path.name}.lock"), patience_s=0)
    if lock is None:
        raise Refused(f"Another runner answers on {path}.")
    path.unlink(missing_ok=True)
    before = os.umask(0o177)
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(str(path))
        finally:
            os.umask(before)
        try:
            yield listener
        finally:
            path.unlink(missing_ok=True)
            os.close(lock)


async def serve_stdio(door: Door, *, idle_s: float = IDLE_S) -> None:
    """Answer on standard input and output until the input ends or nobody has spoken for so long."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    protocol = asyncio.StreamReaderProtocol(reader)
    await loop.connect_read_pipe(lambda: protocol, sys.stdin.buffer)
    output, written = await loop.connect_write_pipe(
        lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader()), sys.stdout.buffer
    )
    await _talk(door, reader, asyncio.StreamWriter(output, written, None, loop), idle_s=idle_s)


async def _talk(
    door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, idle_s: float | None = None
) -> None:
    room = asyncio.Semaphore(_AT_ONCE)

    async def answer(line: bytes) -> None:
        try:
            answered = await door.line(line)
            with suppress(ConnectionError):
                writer.write(answered)
                await writer.drain()
        finally:
            room.release()

    async with asyncio.TaskGroup() as answers:
        while line := await _line(reader, idle_s):
            await room.acquire()
            answers.create_task(answer(line))
    writer.close()


async def _line(reader: asyncio.StreamReader, idle_s: float | None) -> bytes:
    try:
        async with asyncio.timeout(idle_s):
            return await reader.readline()
    except (ValueError, TimeoutError, ConnectionError):
        # A line longer than any request: what follows it cannot be told apart. Or nobody is there any more.
        return b""
