"""The duty on PostgreSQL: a lock that the server gives to one connection and takes back with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.timeline.duty import BEAT_S, Duty
from integrations.contract import IntegrationError

PATIENCE_S = 5.0
SILENT_S = 30.0
"""How long whoever has the duty may be silent before it is taken away; one that works asks twice a second."""

_LOCK = (0x42535450, 1)  # "BSTP"; a database has these numbers to itself
_NEWS = "backstop_effects"
_STILL = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND pid = pg_backend_pid() AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = %s::bigint::oid AND objid = %s::bigint::oid
)
"""
_TAKEN = """
SELECT EXISTS (
    SELECT FROM pg_locks
    WHERE locktype = 'advisory' AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND classid = %s::bigint::oid AND objid = %s::bigint::oid
)
"""
_END_SILENT = """
SELECT bool_or(pg_terminate_backend(activity.pid))
FROM pg_stat_activity AS activity JOIN pg_locks AS held USING (pid)
WHERE held.locktype = 'advisory' AND held.granted AND activity.usename = current_user
AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND held.classid = %s::bigint::oid AND held.objid = %s::bigint::oid
AND clock_timestamp() - activity.state_change > make_interval(secs => %s)
"""

log = logging.getLogger(__name__)


def on_postgres(engine: AsyncEngine, *, silent_s: float = SILENT_S) -> Duty:
    """Return the duty of a database on PostgreSQL."""
    return _OnPostgres(engine, silent_s)


class _OnPostgres:
    """A session's advisory lock on a connection of its own; it must not go through a transaction pooler."""

    def __init__(self, engine: AsyncEngine, silent_s: float) -> None:
        self._silent_s = silent_s
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
            elif await self._ask(_END_SILENT, *_LOCK, self._silent_s):
                # Frozen, not dead: when it wakes it finds the lock gone, and what it began is fenced off.
                log.warning("ended the session of a process that had the duty and was silent")
        self._elsewhere = not self._held
        return self._held

    async def taken(self) -> bool:
        return await self._ask(_TAKEN, *_LOCK)

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

    async def _ask(self, statement: str, *values: float) -> bool:
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
