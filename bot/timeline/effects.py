"""The queue of effects: rows that are written with the events they follow from, and gone when done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import Insert, Row, Select, bindparam, case, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.core.effects import Effect
from bot.timeline import tables
from bot.timeline.database import reading, writing

table = tables.effect


@dataclass(frozen=True, slots=True)
class Waiting:
    """An effect that is to be done; `wanted` counts how often it was asked for so far.

    `since` is when it was put off until `not_before`.
    """

    key: str
    kind: str
    subject: str
    lane: str
    not_before: datetime
    since: datetime
    wanted: int
    tries: int
    error: str | None = None
    given_up: bool = False

    def is_ready(self, now: datetime) -> bool:
        """Say whether its time has come, or was reckoned by a clock that has been set back since."""
        return self.not_before <= now or now < self.since


async def put(connection: AsyncConnection, effects: Iterable[Effect], now: datetime) -> None:
    """Ask for effects inside a transaction; one that waits already is done again, and sooner if need be."""
    rows = [
        {
            "key": effect.key,
            "kind": effect.kind,
            "subject": effect.subject,
            "lane": effect.lane,
            "rank": effect.rank,
            "not_before": effect.not_before or now,
            "since": now,
        }
        for effect in effects
    ]
    if rows:
        await connection.execute(_ask(connection.dialect.name), rows)


@cache
def _ask(dialect_name: str) -> Insert:
    dialect = sqlite if dialect_name == "sqlite" else postgresql
    born = select(func.coalesce(func.max(table.c.born), 0) + 1).scalar_subquery()
    statement: postgresql.Insert | sqlite.Insert = dialect.insert(table)
    statement = statement.values(born=born, wanted=1, tries=0, given_up=False)
    new = statement.excluded.not_before
    sooner = case((table.c.not_before < new, table.c.not_before), else_=new)
    return statement.on_conflict_do_update(
        index_elements=[table.c.key],
        set_={
            "wanted": table.c.wanted + 1,
            "not_before": sooner,
            "since": statement.excluded.since,
            "given_up": False,
            "tries": 0,
        },
    )


@cache
def _heads() -> Select[tuple[object, ...]]:
    place = func.row_number().over(partition_by=table.c.lane, order_by=(table.c.rank, table.c.born))
    ranked = select(table, place.label("place")).where(table.c.given_up.is_(False)).subquery()
    return select(ranked).where(ranked.c.place == 1).order_by(ranked.c.not_before, ranked.c.born)


_GONE = delete(table).where(table.c.key == bindparam("its_key"), table.c.wanted == bindparam("as_wanted"))
_ASKED_AGAIN = (
    update(table).where(table.c.key.in_(bindparam("keys", expanding=True))).values(tries=0, error=None)
)


class Effects:
    """What the dispatcher asks of the queue; `tell` is called after effects were asked for."""

    def __init__(self, engine: AsyncEngine, now: Callable[[], datetime], tell: Callable[[], None]) -> None:
        self._engine = engine
        self._now = now
        self._tell = tell

    async def ask(self, *effects: Effect) -> None:
        """Ask for effects that follow from no event: latest progress that wants to be drawn."""
        async with writing(self._engine) as connection:
            await put(connection, effects, self._now())
        self._tell()

    async def next_at(self, *, busy: Collection[str]) -> datetime | None:
        """Return when the next lane that is not busy has something to do, or None."""
        return min((head.not_before for head in await self.heads() if head.lane not in busy), default=None)

    async def heads(self) -> list[Waiting]:
        """Return the head of each lane, soonest first, and of those for the same moment oldest first."""
        async with reading(self._engine) as connection:
            return [_waiting(row) for row in await connection.execute(_heads())]

    async def done(self, *effects: Waiting) -> None:
        """Take effects off the queue, unless they were asked for again meanwhile."""
        keys = [{"its_key": effect.key, "as_wanted": effect.wanted} for effect in effects]
        async with writing(self._engine) as connection:
            await connection.execute(_GONE, keys)
            await connection.execute(_ASKED_AGAIN, {"keys": [effect.key for effect in effects]})

    async def later(self, effect: Waiting, at: datetime, error: str | None = None) -> None:
        """Try an effect again at a moment; what was asked for again meanwhile is not put off."""
        async with writing(self._engine) as connection:
            mine = (table.c.key == effect.key) & (table.c.wanted == effect.wanted)
            put_off = {"not_before": at, "since": self._now(), "error": error}
            tries = effect.tries + 1 if error else effect.tries
            await connection.execute(update(table).where(mine).values(**put_off, tries=tries))
            if error:
                others = (table.c.key == effect.key) & (table.c.wanted != effect.wanted)
                await connection.execute(update(table).where(others).values(**put_off))

    async def give_up(self, effect: Waiting, error: str) -> None:
        """Set an effect aside for people: it cannot be done, and the error says why."""
        async with writing(self._engine) as connection:
            await connection.execute(
                update(table).where(table.c.key == effect.key).values(given_up=True, error=error)
            )

    async def waiting(self) -> int:
        """Return how many effects wait to be done, those for later included."""
        query = select(func.count()).select_from(table).where(table.c.given_up.is_(False))
        async with reading(self._engine) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def troubled(self) -> list[Waiting]:
        """Return the effects that failed at least once or were given up, for status pages."""
        query = select(table).where(table.c.error.is_not(None)).order_by(table.c.born)
        async with reading(self._engine) as connection:
            rows = await connection.execute(query)
            return [_waiting(row) for row in rows]


def _waiting(row: Row[tuple[object, ...]]) -> Waiting:
    return Waiting(
        row.key,
        row.kind,
        row.subject,
        row.lane,
        row.not_before,
        row.since,
        row.wanted,
        row.tries,
        row.error,
        row.given_up,
    )
