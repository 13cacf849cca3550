"""The connection to the database: a SQLite file by default, PostgreSQL when there are several machines."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from integrations.contract import IntegrationError

IDLE_S = 30.0
"""How long a transaction may stand still on PostgreSQL: one of a frozen process would hold up all others."""

_NO_ADDRESS = (
    "BACKSTOP_DATABASE_URL is no address of a database. Write it as postgresql+psycopg://user@host:5432/name "
    "or sqlite+aiosqlite:////folder/file.db, each special character of a password as %code (%40 for @), or "
    "leave it out for a SQLite file in the home."
)

_TURNS: WeakKeyDictionary[AsyncEngine, asyncio.Lock] = WeakKeyDictionary()
"""Whose turn it is to write to a SQLite file: of writers that wait inside SQLite some starve."""


def open_engine(url: str, *, idle_s: float = IDLE_S) -> AsyncEngine:
    """Return an engine for a URL; a SQLite file is put into WAL mode and written under BEGIN IMMEDIATE."""
    try:
        return _opened(url, idle_s)
    except (SQLAlchemyError, ModuleNotFoundError, ValueError):
        # Not even as a cause: of an address that cannot be read any part may be the password.
        raise IntegrationError(_NO_ADDRESS, permanent=True) from None


def _opened(url: str, idle_s: float) -> AsyncEngine:
    if not url.startswith("sqlite"):
        return _elsewhere(url, idle_s)
    if ":memory:" in url or url.endswith("://"):
        # Concurrent writers of an in-memory database share one connection and lose each other's rows.
        raise IntegrationError(
            "BACKSTOP_DATABASE_URL names an in-memory SQLite database. Name a file.", permanent=True
        )
    engine = create_async_engine(url, connect_args={"timeout": 10}, hide_parameters=True)
    _TURNS[engine] = asyncio.Lock()
    event.listen(engine.sync_engine, "connect", _on_connect)
    event.listen(engine.sync_engine, "begin", _on_begin)
    return engine


def _elsewhere(url: str, idle_s: float) -> AsyncEngine:
    def limit(connection: Any, _record: object) -> None:
        connection.cursor().execute(f"SET idle_in_transaction_session_timeout = {int(idle_s * 1000)}")
        connection.commit()

    engine = create_async_engine(url, pool_pre_ping=True, hide_parameters=True)
    event.listen(engine.sync_engine, "connect", limit)
    return engine


def _on_connect(connection: Any, _record: object) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    reading = connection.get_execution_options().get("reading")
    begin = "BEGIN" if reading else "BEGIN IMMEDIATE"
    driver: Any = connection.connection.dbapi_connection
    try:
        # Straight to the driver: as a statement of its own this would take longer than what it begins.
        driver.run_async(lambda sqlite: sqlite.execute(begin))
    except sqlite3.Error as problem:
        raise OperationalError(begin, None, problem) from problem


@asynccontextmanager
async def writing(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that writes; what the database cannot do becomes a sentence."""
    try:
        async with _TURNS.get(engine) or nullcontext(), engine.begin() as connection:
            yield connection
    except DBAPIError as problem:
        if is_integrity(problem):
            raise
        raise _in_words(problem) from problem


@asynccontextmanager
async def reading(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Open a transaction that only reads and holds no writer up."""
    try:
        async with engine.connect() as plain:
            connection = await plain.execution_options(reading=True)
            yield connection
    except DBAPIError as problem:
        raise _in_words(problem) from problem


async def at_one_moment(connection: AsyncConnection) -> None:
    """Let every later question of a transaction see the data as the first one does, as SQLite always does."""
    if connection.dialect.name == "postgresql":
        await connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


def is_integrity(problem: DBAPIError) -> bool:
    """Say whether a uniqueness rule was hit: somebody else was faster, or it was said before."""
    return "IntegrityError" in type(problem.orig).__name__ or "UniqueViolation" in type(problem.orig).__name__


def is_deadlock(cause: BaseException | None) -> bool:
    """Say whether the database ended a transaction so that another one could go on."""
    signs = ("deadlock", "could not serialize")
    return isinstance(cause, DBAPIError) and any(sign in str(cause.orig).lower() for sign in signs)


def is_passing(problem: DBAPIError) -> bool:
    """Say whether the same transaction may succeed if it is tried again."""
    text = str(problem.orig).lower()
    return isinstance(problem, OperationalError) and any(
        sign in text for sign in ("locked", "busy", "deadlock", "serialize", "connection")
    )


def _in_words(problem: DBAPIError) -> IntegrationError:
    text = str(problem.orig).splitlines()[0] if str(problem.orig) else type(problem.orig).__name__
    if "disk is full" in text or "No space left" in text:
        return IntegrationError(
            "The disk of Backstop's database is full: nothing was recorded. Free space and say it again.",
            permanent=False,
        )
    return IntegrationError(
        f"Backstop's database cannot be reached or written ({text}): nothing was recorded. "
        "Say it again in a moment; `backstop doctor` tells more.",
        permanent=not is_passing(problem),
    )


def migrate(url: str) -> None:
    """Bring the tables of a database to this version; blocks, so call it from a thread."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent.parent / "migrations"))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    command.upgrade(config, "head")


async def prepare(url: str) -> AsyncEngine:
    """Create or upgrade the tables and return an engine; raises `IntegrationError` when that cannot be."""
    engine = open_engine(url)
    try:
        await asyncio.to_thread(migrate, url)
    except DBAPIError as problem:
        await engine.dispose()
        raise _unopened(engine, problem) from problem
    except CommandError as problem:
        await engine.dispose()
        raise IntegrationError(
            f"The tables of the database {engine.url.database} are not those of this version "
            f"({problem}). Start the version of Backstop that made them, or a newer one.",
            permanent=True,
        ) from problem
    return engine


def _unopened(engine: AsyncEngine, problem: DBAPIError) -> IntegrationError:
    why = str(problem.orig).splitlines()[0]
    if engine.dialect.name == "sqlite":
        return IntegrationError(
            f"The database {engine.url.database} cannot be used: {why}. {_what_to_do(why)}", permanent=True
        )
    return IntegrationError(
        f"The database that BACKSTOP_DATABASE_URL names does not answer: {why}. "
        "Start it or correct the address; `backstop doctor` tries it.",
        permanent=True,
    )


def _what_to_do(why: str) -> str:
    """Only a file that is spoilt may be put aside: to do so with a sound one loses what it holds."""
    if "locked" in why or "busy" in why:
        return "Another program holds it, such as a shell or a copy being made: end that, and start again."
    if "malformed" in why or "not a database" in why:
        return "Put it aside, and the last copy of it in its place."
    return "See that its folder is there, that it may be written, and that its disk has room."
