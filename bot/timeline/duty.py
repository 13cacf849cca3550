"""Whose duty it is to carry effects out: of all processes on one database one has it at a time.

The database itself gives it: PostgreSQL by a lock that ends with its connection, a SQLite file by a lock
of the operating system on a file beside it. Either ends with the process that holds it, however it dies.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol, TextIO

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.contract import IntegrationError

BEAT_S = 0.5
PATIENCE_S = 5.0
_LOCK = (0x42535450, 1)  # "BSTP"; a database has these numbers to itself
_NEWS = "backstop_effects"
_BESIDE = ".duty"


class Duty(Protocol):
    """The duty as one process sees it."""

    @property
    def held(self) -> bool:
        """Say whether this process has it."""
        ...

    @property
    def elsewhere(self) -> bool:
        """Say whether another process had it when this one last asked."""
        ...

    async def take(self) -> bool:
        """Take it unless another process has it; raises `IntegrationError` when nobody can say."""
        ...

    async def keep(self, news: Callable[[], None]) -> str:
        """Return why it is lost, as soon as that is noticed; call `news` when another process has some."""
        ...

    async def tell(self) -> None:
        """Tell the process that has it that there is something to do; what is not heard it finds later."""
        ...

    async def release(self) -> None:
        """Give it back, so that another process can take it at once."""
        ...


def duty_of(engine: AsyncEngine) -> Duty:
    """Return the duty of the database that an engine reaches."""
    if engine.dialect.name == "sqlite":
        return _BesideFile(Path(f"{engine.url.database}{_BESIDE}"))
    return _OnPostgres(engine)


class _BesideFile:
    """A lock on a file beside the database; the time of its last change is how others send news."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._elsewhere = False

    @property
    def held(self) -> bool:
        return self._file is not None

    @property
    def elsewhere(self) -> bool:
        return self._elsewhere

    async def take(self) -> bool:
        if self._file is None:
            try:
                self._file = _locked(self._path)
            except OSError as problem:
                raise IntegrationError(
                    f"{self._path} cannot be locked: {problem.strerror}.", permanent=False
                ) from problem
        self._elsewhere = not self.held
        return self.held

    async def keep(self, news: Callable[[], None]) -> str:
        told = self._told()
        while (latest := self._told()) is not None:
            if latest != told:
                told = latest
                news()
            await asyncio.sleep(BEAT_S)
        self._close()
        return f"{self._path} was removed or replaced"

    def _told(self) -> int | None:
        """Return when news came last, or None when the locked file is no longer the one of that name."""
        try:
            there = self._path.stat()
        except OSError:
            return None
        ours = os.fstat(self._file.fileno()) if self._file else None
        return there.st_mtime_ns if ours and there.st_ino == ours.st_ino else None

    async def tell(self) -> None:
        try:
            os.utime(self._path)
        except OSError as problem:
            raise IntegrationError(f"{self._path}: {problem.strerror}.", permanent=False) from problem

    async def release(self) -> None:
        self._close()

    def _close(self) -> None:
        if self._file:
            self._file.close()
        self._file = None


def _locked(path: Path) -> TextIO | None:
    """Return the file locked for this process alone, or None when another one has it."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


class _OnPostgres:
    """A session's advisory lock on a connection of its own; it must not go through a transaction pooler."""

    def __init__(self, engine: AsyncEngine) -> None:
        _, self._reach = engine.dialect.create_connect_args(engine.url)
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._held = False
        self._elsewhere = False

    @property
    def held(self) -> bool:
        return self._held

    @property
    def elsewhere(self) -> bool:
        return self._elsewhere

    async def take(self) -> bool:
        if not self._held:
            self._held = await self._ask("SELECT pg_try_advisory_lock(%s, %s)", *_LOCK)
            if self._held:
                await self._ask(f"LISTEN {_NEWS}")
        self._elsewhere = not self._held
        return self._held

    async def keep(self, news: Callable[[], None]) -> str:
        try:
            while self._connection and await self._ask(_STILL, *_LOCK):
                async for _ in self._connection.notifies(timeout=BEAT_S):
                    news()
        except (IntegrationError, psycopg.Error, OSError) as problem:
            await self._drop()
            return str(problem).splitlines()[0]
        await self._drop()
        return "the lock is gone"

    async def tell(self) -> None:
        await self._ask(f"NOTIFY {_NEWS}")

    async def release(self) -> None:
        await self._drop()

    async def _ask(self, statement: str, *values: int) -> bool:
        """Return the first value of the answer, if any; an error ends the connection and the lock."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                self._connection = self._connection or await self._open()
                cursor = await self._connection.execute(statement, values or None)
                row = await cursor.fetchone() if cursor.description else None
        except (psycopg.Error, OSError, TimeoutError) as problem:
            await self._drop()
            said = (str(problem).splitlines() or ["it does not answer"])[0]
            raise IntegrationError(f"The database cannot be asked: {said}", permanent=False) from problem
        return bool(row and row[0])

    async def _open(self) -> psycopg.AsyncConnection[Any]:
        settings = {
            "application_name": "backstop-duty",
            "connect_timeout": int(PATIENCE_S),
            "tcp_user_timeout": int(PATIENCE_S * 1000),
            **self._reach,
        }
        return await psycopg.AsyncConnection.connect(autocommit=True, **settings)

    async def _drop(self) -> None:
        self._held = False
        connection, self._connection = self._connection, None
        if connection:
            await connection.close()


_STILL = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = %s::bigint::oid AND objid = %s::bigint::oid
)
"""
