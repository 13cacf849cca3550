"""What people said and nobody has carried out yet: stored before it is acknowledged, and then never lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Insert, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.effects import Effect
from bot.timeline import tables
from bot.timeline.database import reading, writing
from bot.timeline.effects import put

HEAR = Effect("hear", "letters", "heard")
"""Whoever has the duty carries letters out, one after another."""
GATHER_S = 0.002
"""How long a letter waits for others that go into the same transaction."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One thing that somebody said, by the id of its delivery; `said` is the door's own way of writing it."""

    id: str
    said: Mapping[str, object]
    at: datetime


@cache
def _keep(dialect_name: str) -> Insert:
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    statement: postgresql.Insert | sqlite.Insert = dialect.insert(tables.letter)
    return statement.on_conflict_do_nothing()


class Letters:
    """The letters that wait. Those that come while others are stored go into one transaction together."""

    def __init__(self, engine: AsyncEngine, now: Callable[[], datetime], stored: Callable[[], None]) -> None:
        self._engine = engine
        self._now = now
        self._stored = stored
        self._turn = asyncio.Lock()
        self._coming: list[Letter] = []
        self._storing: asyncio.Task[None] | None = None

    def take(self, letter: Letter) -> asyncio.Task[None]:
        """Begin to store a letter, once however often it comes; the task, shared with others, ends then."""
        self._coming.append(letter)
        if self._storing is None:
            self._storing = asyncio.create_task(self._store())
        return self._storing

    async def _store(self) -> None:
        await asyncio.sleep(GATHER_S)
        async with self._turn:
            letters, self._coming, self._storing = self._coming, [], None
            rows = [{"id": letter.id, "said": json.dumps(letter.said), "at": letter.at} for letter in letters]
            async with writing(self._engine) as connection:
                await connection.execute(_keep(connection.dialect.name), rows)
                await put(connection, (HEAR,), self._now())
        self._stored()

    async def oldest(self, most: int) -> list[Letter]:
        """Return the letters that wait longest, oldest first."""
        query = select(tables.letter).order_by(tables.letter.c.number).limit(most)
        async with reading(self._engine) as connection:
            rows = await connection.execute(query)
            return [Letter(row.id, json.loads(row.said), row.at) for row in rows]

    async def drop(self, letters: Sequence[Letter]) -> None:
        """Forget letters that were carried out."""
        ids = [letter.id for letter in letters]
        async with writing(self._engine) as connection:
            await connection.execute(delete(tables.letter).where(tables.letter.c.id.in_(ids)))
