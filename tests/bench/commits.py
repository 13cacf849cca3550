"""The commits of a run's steps made again without Backstop: by SQLAlchemy alone, and by the driver alone.

Each transaction writes what Backstop writes in it: an entry, the head of its stream, and its effects.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import aiosqlite
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from bot.core.effects import follow
from bot.core.events import Entry

_ENTRY = """
INSERT INTO entry (stream, seq, occurred_at, recorded_at, by, via, kind, event, salt, payload, digest)
VALUES (:stream, :seq, :occurred_at, :recorded_at, :by, :via, :kind, :event, :salt, :payload, :digest)
"""
_HEAD = "UPDATE stream SET seq = :seq, digest = :digest WHERE name = :stream"
_EFFECT = """
INSERT INTO effect (key, kind, subject, lane, rank, not_before, since, born, wanted, tries, given_up)
VALUES (:key, :kind, :subject, :lane, :rank, :now, :now,
        (SELECT coalesce(max(born), 0) + 1 FROM effect), 1, 0, 0)
ON CONFLICT (key) DO UPDATE SET wanted = wanted + 1, since = excluded.since
"""


@dataclass(frozen=True, slots=True)
class Commit:
    """The rows of one transaction."""

    entry: Mapping[str, object]
    effects: Sequence[Mapping[str, object]]


def commits(database: Path, entries: Sequence[Entry], incident: str) -> list[Commit]:
    """Return what was written with these entries of a database, one transaction for each."""
    with closing(sqlite3.connect(database)) as found:
        found.row_factory = sqlite3.Row
        return [
            Commit(
                dict(found.execute("SELECT * FROM entry WHERE stream = ? AND seq = ?", key).fetchone()),
                [
                    {
                        "key": effect.key,
                        "kind": effect.kind,
                        "subject": effect.subject,
                        "lane": effect.lane,
                        "rank": effect.rank,
                        "now": entry.recorded_at.isoformat(sep=" "),
                    }
                    for effect in follow(entry, incident)
                ],
            )
            for entry in entries
            for key in [(entry.stream, entry.seq)]
        ]


def copy_before(database: Path, copy: Path, entries: Sequence[Entry]) -> None:
    """Copy a database as if these entries and every effect were not written yet."""
    with closing(sqlite3.connect(database)) as found, closing(sqlite3.connect(copy)) as made:
        found.backup(made)
        made.execute("PRAGMA journal_mode=WAL")
        keys = [(entry.stream, entry.seq) for entry in entries]
        made.executemany("DELETE FROM entry WHERE stream = ? AND seq = ?", keys)
        made.execute("DELETE FROM effect")
        made.commit()


async def by_sqlalchemy(database: Path, written: Sequence[Commit]) -> float:
    """Return the seconds that SQLAlchemy takes. SQLite syncs every commit in full unless told otherwise."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}")
    entry, head, effect = text(_ENTRY), text(_HEAD), text(_EFFECT)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
        begun = time.perf_counter()
        for commit in written:
            async with engine.begin() as connection:
                await connection.execute(entry, commit.entry)
                await connection.execute(head, commit.entry)
                await connection.execute(effect, commit.effects)
        return time.perf_counter() - begun
    finally:
        await engine.dispose()


async def by_driver(database: Path, written: Sequence[Commit]) -> float:
    """Return the seconds that the driver takes."""
    async with aiosqlite.connect(database, isolation_level=None) as driver:
        await driver.execute("SELECT 1")
        begun = time.perf_counter()
        for commit in written:
            await driver.execute("BEGIN IMMEDIATE")
            await driver.execute(_ENTRY, commit.entry)
            await driver.execute(_HEAD, commit.entry)
            await driver.executemany(_EFFECT, commit.effects)
            await driver.execute("COMMIT")
        return time.perf_counter() - begun
