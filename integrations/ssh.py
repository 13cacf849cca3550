"""A runner on another host, asked over one SSH session that is kept open and shared.

The key's line in `authorized_keys` forces the program, so that this side cannot choose what runs there. The
session may end at any moment: no job depends on it, and the next request opens another one. The host must
show a key of the `known_hosts` file; neither passwords nor an agent nor ~/.ssh/config are used.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from integrations.contract import IntegrationError, Json
from integrations.ways import LONGEST_LINE

if TYPE_CHECKING:
    import asyncssh

COMMAND = "backstop-runner serve --stdio"
"""What is asked for there. A line of `authorized_keys` that forces a command ignores it."""

FORCED = 'command="backstop-runner serve --stdio --config … --state …",restrict'
OPEN_S = 15.0
PAUSE_S = 1.0
"""How long nothing is tried after an attempt that failed; callers meanwhile get the same answer."""
KEEPALIVE_S, MISSED = 10, 3
_PORT = 22
LAST_WORDS_S = 1.0
WORDS = 300


@dataclass(frozen=True, slots=True)
class Address:
    """Where a runner is reached: an account on a host."""

    user: str
    host: str
    port: int = _PORT

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address in `ssh://user@host:port`; ValueError with a sentence for anything else."""
        try:
            parts = urlsplit(text)
            port = parts.port or _PORT
        except ValueError:
            parts, port = urlsplit(""), 0
        if parts.password is not None:
            raise ValueError("leave the password out of the address: a key is used")
        if parts.scheme != "ssh" or not (parts.username and parts.hostname and port):
            raise ValueError("write an address as ssh://user@host or ssh://user@host:port")
        if parts.path.strip("/") or parts.query or parts.fragment:
            raise ValueError("an address ends with the host or its port: what runs there is forced there")
        return cls(parts.username, parts.hostname, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{self.user}@{host}" + ("" if self.port == _PORT else f":{self.port}")


class Ssh:
    """The way to a runner over SSH. One session serves everybody who asks, and is opened by the first."""

    def __init__(self, address: Address, *, key: Path, known_hosts: Path) -> None:
        self.address = address
        self._key = key
        self._known_hosts = known_hosts
        self._session: _Session | None = None
        self._opening: asyncio.Task[_Session] | None = None
        self._failed: tuple[float, str] | None = None

    @property
    def where(self) -> str:
        """Return the address."""
        return str(self.address)

    async def exchange(self, request: Mapping[str, Json], *, timeout_s: float) -> bytes:
        """Send a request over the session and return the line that answers it."""
        session, heard = None, 0
        try:
            async with asyncio.timeout(timeout_s):
                session = await self._ready()
                heard = session.heard
                return await session.exchange(request)
        except TimeoutError:
            # Nothing at all came meanwhile, so it may be that nobody is there: the next request looks.
            if session is not None and session.heard == heard:
                await session.close()
            raise

    async def close(self) -> None:
        """End the session."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _ready(self) -> _Session:
        if self._session is not None and self._session.is_open:
            return self._session
        if self._failed is not None and asyncio.get_running_loop().time() < self._failed[0]:
            raise IntegrationError(self._failed[1], permanent=False)
        if self._opening is None:
            self._opening = asyncio.create_task(self._open())
        # Whoever stops waiting leaves the attempt to the others.
        return await asyncio.shield(self._opening)

    async def _open(self) -> _Session:
        try:
            async with asyncio.timeout(OPEN_S):
                if self._session is not None:
                    # Its program ended; its connection would be kept alive for good.
                    await self._session.close()
                self._session = await self._opened()
            return self._session
        except TimeoutError as late:
            text = f"{self.where} did not answer in {OPEN_S:g} s."
            self._failed = (asyncio.get_running_loop().time() + PAUSE_S, text)
            raise IntegrationError(text, permanent=False) from late
        except IntegrationError as problem:
            self._failed = (asyncio.get_running_loop().time() + PAUSE_S, str(problem))
            raise
        finally:
            self._opening = None

    async def _opened(self) -> _Session:
        for file, what in ((self._known_hosts, "known_hosts file"), (self._key, "key")):
            # Without a list of known hosts the user's own would be taken.
            if not file.is_file():
                raise IntegrationError(f"There is no {what} {file} to reach {self.where}.", permanent=False)
        ssh = await asyncio.to_thread(_library)
        connection: asyncssh.SSHClientConnection | None = None
        try:
            connection = await self._connected(ssh)
            process = await connection.create_process(COMMAND, encoding=None, window=2 * LONGEST_LINE)
            session = _Session(self.where, connection, process, broken=(OSError, EOFError, ssh.Error))
        except (OSError, ssh.Error, ValueError) as error:
            if connection is not None:
                connection.abort()
            raise IntegrationError(self._unreached(ssh, error), permanent=False) from error
        try:
            await session.exchange({"do": "hello"})
        except (IntegrationError, asyncio.CancelledError):
            await session.close()
            raise
        return session

    async def _connected(self, ssh: Any) -> asyncssh.SSHClientConnection:
        connection: asyncssh.SSHClientConnection = await ssh.connect(
            self.address.host,
            self.address.port,
            username=self.address.user,
            known_hosts=str(self._known_hosts),
            client_keys=[str(self._key)],
            config=None,
            agent_path=None,
            agent_forwarding=False,
            password=None,
            preferred_auth="publickey",
            gss_host=None,
            keepalive_interval=KEEPALIVE_S,
            keepalive_count_max=MISSED,
        )
        return connection

    def _unreached(self, ssh: Any, error: Exception) -> str:
        match error:
            case ssh.HostKeyNotVerifiable():
                return (
                    f"The host at {self.where} shows a key that is not in {self._known_hosts}: it is new, or "
                    "somebody else answers there. Compare it with the host's own key before you add it."
                )
            case ssh.PermissionDenied():
                return (
                    f"{self.where} refused the key {self._key}: its public half must stand in "
                    f"`authorized_keys` of {self.address.user} there, behind {FORCED}."
                )
            case ssh.KeyImportError() | ssh.KeyEncryptionError():
                return (
                    f"The key {self._key} cannot be used: {error}. It must be a private key without phrase."
                )
            case OSError():
                return f"{self.where} cannot be reached: {_reason(error)}."
            case _:
                return f"No session to {self.where} could be opened: {_words(str(error))}."


class _Session:
    """One conversation: requests carry numbers, answers come in any order. `heard` counts the answers.

    What is in `broken` means that the session is over.
    """

    def __init__(
        self,
        where: str,
        connection: asyncssh.SSHClientConnection,
        process: asyncssh.SSHClientProcess[bytes],
        *,
        broken: tuple[type[Exception], ...],
    ) -> None:
        self.heard = 0
        self._where = where
        self._connection = connection
        self._process = process
        self._broken = broken
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[bytes]] = {}
        self._complaint = b""
        self._reading = asyncio.create_task(self._read())
        self._complaining = asyncio.create_task(self._listen())

    @property
    def is_open(self) -> bool:
        """Say whether requests can be sent."""
        return not self._reading.done()

    async def exchange(self, request: Mapping[str, Json]) -> bytes:
        """Send a request and return the line that answers it."""
        number = next(self._numbers)
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self._process.stdin.write(json.dumps({**request, "id": number}).encode() + b"\n")
            await self._process.stdin.drain()
            await asyncio.wait((answer, self._reading), return_when=asyncio.FIRST_COMPLETED)
        except self._broken:
            await asyncio.wait((self._reading,))
        finally:
            del self._answers[number]
        if answer.done():
            return answer.result()
        raise IntegrationError(await self._end(), permanent=False)

    async def close(self) -> None:
        """End the session, and everybody's wait for an answer."""
        self._connection.abort()
        await asyncio.wait((self._reading, self._complaining))
        await self._connection.wait_closed()

    async def _read(self) -> None:
        while (line := await self._line()).endswith(b"\n"):
            answer = self._answers.get(_number(line))
            if answer is not None and not answer.done():
                self.heard += 1
                answer.set_result(line)

    async def _line(self) -> bytes:
        try:
            return await self._process.stdout.readline()
        except self._broken:
            return b""

    async def _listen(self) -> None:
        with suppress(*self._broken):
            while said := await self._process.stderr.read(4096):
                self._complaint = (self._complaint + said)[-WORDS:]

    async def _end(self) -> str:
        """Say why the session is over; one that never answered says what stood in its way."""
        if self.heard:
            return f"The session to {self._where} broke off; the next request opens another one."
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_WORDS_S):
                await asyncio.wait((self._complaining,))
                await self._process.wait_closed()
        code = self._process.exit_status
        said = _words(self._complaint.decode("utf-8", "replace"))
        ended = "no code" if code is None else f"code {code}"
        words = f" and said: {said}" if said else ""
        return (
            f"{self._where} let the bot in, and no runner answered there: it ended with {ended}{words}. "
            f"The key's line in `authorized_keys` must begin with {FORCED}."
        )


def _library() -> Any:
    # Slow to load, and people wait for acknowledgements meanwhile: called in a thread, when it is needed.
    import asyncssh  # noqa: PLC0415

    asyncssh.set_log_level("WARNING")
    return asyncssh


def _reason(error: OSError) -> str:
    # What asyncio says of a refused connection is an address, and a name without address has no errno.
    if error.errno and not isinstance(error, socket.gaierror):
        return os.strerror(error.errno).lower()
    return _words(error.strerror or str(error)).lower()


def _number(line: bytes) -> int:
    try:
        answer = json.loads(line)
    except ValueError:
        return 0
    number = answer.get("id") if isinstance(answer, dict) else None
    return number if isinstance(number, int) else 0


def _words(text: str) -> str:
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[-WORDS:].rstrip(
        "."
    )
