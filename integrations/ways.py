"""The ways to a runner: its unix socket here, one SSH session elsewhere (`ssh.py`)."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from integrations.contract import IntegrationError, Json

LOOK_S = 2.0
"""After how long without an answer one looks at the process that should give it."""
_CREDENTIALS = struct.Struct("3i")
LONGEST_LINE = 4 * 1024 * 1024


class Stopped(IntegrationError):
    """Nobody answers, as the process that would does not move until somebody wakes it."""

    def __init__(self, where: str, pid: int) -> None:
        super().__init__(
            f"The runner on {where} does not move: process {pid} was stopped (state T). Wake it there with "
            f"`kill -CONT {pid}`. Its jobs have processes of their own and go on.",
            permanent=False,
        )
        self.pid = pid


class Way(Protocol):
    """Takes a request to a runner and brings the line that answers it.

    What keeps an answer away is an `IntegrationError` that says so, or a TimeoutError after so many seconds.
    """

    @property
    def where(self) -> str:
        """Return where the runner is, as a person would look for it."""
        ...

    async def exchange(self, request: Mapping[str, Json], *, timeout_s: float) -> bytes:
        """Send a request and return the line that answers it."""
        ...

    async def close(self) -> None:
        """Let go of what is kept open."""
        ...


class UnixSocket:
    """A runner of this host. Every request has its own connection.

    `command` is what a person types to start it, which is said when nobody answers, and `log` what it writes.
    """

    def __init__(self, path: Path, command: str, log: Path | None = None) -> None:
        self.path = path
        self.command = command
        self.log = log

    @property
    def where(self) -> str:
        """Return the path of the socket."""
        return str(self.path)

    async def exchange(self, request: Mapping[str, Json], *, timeout_s: float) -> bytes:
        """Connect, send the request and return the line that answers it."""
        line = json.dumps(request).encode() + b"\n"
        try:
            async with asyncio.timeout(timeout_s):
                return await self._awaited(line)
        except TimeoutError:
            if self.log is None or not self.log.exists():
                raise
            text = f"The runner on {self.path} did not answer in {timeout_s:g} s; look at its log {self.log}."
            raise IntegrationError(text, permanent=False) from None
        except (OSError, ValueError) as error:
            text = f"No runner answers on {self.path}; start it with `{self.command}`."
            raise IntegrationError(text, permanent=False) from error

    async def _awaited(self, line: bytes) -> bytes:
        answer = asyncio.ensure_future(self._answer(line))
        try:
            # One that is stopped may still take the request, and would never answer.
            while not (await asyncio.wait({answer}, timeout=LOOK_S))[0]:
                if pid := self._stopped():
                    raise Stopped(self.where, pid)
            return await answer
        finally:
            answer.cancel()
            await asyncio.gather(answer, return_exceptions=True)

    def _stopped(self) -> int | None:
        """Return the process that listens here if it is stopped, as far as this host says so."""
        with socket.socket(socket.AF_UNIX) as asked, suppress(OSError, AttributeError):
            asked.settimeout(0)
            asked.connect(str(self.path))
            told = asked.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
            pid = int(_CREDENTIALS.unpack(told)[0])
            state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
            return pid if state.rpartition(") ")[2][:1] in ("T", "t") else None
        return None

    async def _answer(self, line: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self.path, limit=LONGEST_LINE)
        try:
            writer.write(line)
            await writer.drain()
            answer = await reader.readline()
        finally:
            writer.close()
        if not answer.endswith(b"\n"):
            raise ConnectionResetError
        return answer

    async def close(self) -> None:
        """Nothing is kept open."""
