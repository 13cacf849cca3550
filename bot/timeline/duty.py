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
from typing import Protocol, TextIO

from sqlalchemy.ext.asyncio import AsyncEngine

from integrations.contract import IntegrationError

BEAT_S = 0.5
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

    async def taken(self) -> bool:
        """Say whether a process has it at this moment; raises `IntegrationError` when nobody can say."""
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
    from bot.timeline.duty_postgres import on_postgres  # noqa: PLC0415 - its driver is slow to load

    return on_postgres(engine)


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
                raise _unlocked(self._path, problem) from problem
        self._elsewhere = not self.held
        return self.held

    async def taken(self) -> bool:
        if self.held:
            return True
        if not self._path.exists():
            return False
        try:
            # Shared and for no longer than this: whoever tries in the same moment tries again in a second.
            free = _locked(self._path, fcntl.LOCK_SH)
        except OSError as problem:
            raise _unlocked(self._path, problem) from problem
        if free:
            free.close()
        return free is None

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


def _unlocked(path: Path, problem: OSError) -> IntegrationError:
    return IntegrationError(f"{path} cannot be locked: {problem.strerror}.", permanent=False)


def _locked(path: Path, how: int = fcntl.LOCK_EX) -> TextIO | None:
    """Return the file locked, for this process alone unless `how` says otherwise, or None: another has it."""
    file = path.open("a")
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file
