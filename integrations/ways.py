"""The ways to a runner: its unix socket here, one SSH session elsewhere (`ssh.py`)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from integrations.contract import IntegrationError, Json

LONGEST_LINE = 4 * 1024 * 1024


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

    `command` is what a person types to start it, which is said when nobody answers.
    """

    def __init__(self, path: Path, command: str) -> None:
        self.path = path
        self.command = command

    @property
    def where(self) -> str:
        """Return the path of the socket."""
        return str(self.path)

    async def exchange(self, request: Mapping[str, Json], *, timeout_s: float) -> bytes:
        """Connect, send the request and return the line that answers it."""
        line = json.dumps(request).encode() + b"\n"
        try:
            async with asyncio.timeout(timeout_s):
                return await self._answer(line)
        except TimeoutError:
            raise
        except (OSError, ValueError) as error:
            text = f"No runner answers on {self.path}; start it with `{self.command}`."
            raise IntegrationError(text, permanent=False) from error

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
