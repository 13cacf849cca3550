"""Questions that the projections answer."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Row, Table, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.core.estimate import Act, Measurement, Took
from bot.timeline import tables
from bot.timeline.database import reading
from integrations.contract import Measured

_MOST_PHASES = 5_000


@dataclass(frozen=True, slots=True)
class Listed:
    """An incident as the list shows it."""

    id: str
    service: str
    environment: str
    channel: str | None
    thread: str | None
    open: bool


class Lookup:
    """Reads projections; whoever decides reads the streams themselves afterwards."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def next_id(self, prefix: str) -> str:
        """Return the id that a new incident (INC), run (RUN), freeze (FRZ) or drill (DRL) would get now."""
        table: Table = {
            "INC": tables.incident,
            "RUN": tables.run,
            "FRZ": tables.freeze,
            "DRL": tables.drill,
        }[prefix]
        async with reading(self._engine) as connection:
            top = (await connection.execute(select(func.max(table.c.number)))).scalar_one()
        return f"{prefix}-{(top or 0) + 1}"

    async def incidents(
        self, *, only_open: bool, channel: str | None = None, service: str | None = None
    ) -> list[Listed]:
        """Return incidents, newest first, of one channel or service if asked."""
        table = tables.incident
        query = select(table).order_by(table.c.number.desc())
        if only_open:
            query = query.where(table.c.open.is_(True))
        if channel:
            query = query.where(table.c.channel == channel)
        if service:
            query = query.where(table.c.service == service)
        async with reading(self._engine) as connection:
            return [
                Listed(row.id, row.service, row.environment, row.channel, row.thread, row.open)
                for row in await connection.execute(query)
            ]

    async def unreviewed(self, most: int) -> list[str]:
        """Return the ids of the newest incidents that are resolved and not closed yet, newest first."""
        table = tables.incident
        waiting = table.c.open.is_(False) & table.c.reviewed.is_(False)
        return await self._names(
            select(table.c.id).where(waiting).order_by(table.c.number.desc()).limit(most)
        )

    async def runs(self, *, incident: str | None = None, only_open: bool) -> list[str]:
        """Return the ids of runs, newest first."""
        table = tables.run
        query = select(table.c.id).order_by(table.c.number.desc())
        if incident:
            query = query.where(table.c.incident == incident)
        if only_open:
            query = query.where(table.c.open.is_(True))
        return await self._names(query)

    async def drills(self, *, playbook: str | None = None, only_open: bool = False) -> list[str]:
        """Return the ids of drills, newest first."""
        table = tables.drill
        query = select(table.c.id).order_by(table.c.number.desc())
        if playbook:
            query = query.where(table.c.playbook == playbook)
        if only_open:
            query = query.where(table.c.open.is_(True))
        return await self._names(query)

    async def drilled(self) -> frozenset[tuple[str, str, str | None]]:
        """Return the recovery points that drills restored: engine, id and digest of the content."""
        async with reading(self._engine) as connection:
            rows = await connection.execute(select(tables.drilled))
            return frozenset((row.engine, row.point, row.digest) for row in rows)

    async def freezes(self, *, incident: str | None = None) -> list[str]:
        """Return the ids of the freezes that were not lifted, or of all freezes of an incident."""
        if incident:
            name = tables.stream.c.name
            query = select(name).where(tables.stream.c.incident == incident, name.like("freeze/%"))
            return [found.removeprefix("freeze/") for found in await self._names(query.order_by(name))]
        table = tables.freeze
        return await self._names(
            select(table.c.id).where(table.c.in_force.is_(True)).order_by(table.c.number)
        )

    async def holder(self, target: str) -> str | None:
        """Return the run that holds a target, or None."""
        found = await self._names(select(tables.held.c.run).where(tables.held.c.target == target))
        return found[0] if found else None

    async def held_by(self, run: str) -> list[str]:
        """Return the targets that a run holds."""
        return await self._names(select(tables.held.c.target).where(tables.held.c.run == run))

    async def measurements(self, operations: Collection[str]) -> list[Measurement]:
        """Return how long operations of these names took, in the newest attempts that succeeded."""
        table = tables.measurement
        query = (
            select(table)
            .where(table.c.operation.in_(operations))
            .order_by(table.c.at.desc(), table.c.run, table.c.seq, table.c.place)
            .limit(_MOST_PHASES)
        )
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [
            _measurement(first, (first, *rest))
            for _, (first, *rest) in groupby(rows, key=lambda row: (row.run, row.seq))
        ]

    async def _names(self, query: object) -> list[str]:
        async with reading(self._engine) as connection:
            return [str(row[0]) for row in await connection.execute(query)]  # type: ignore[call-overload]


def _measurement(first: Row[tuple[object, ...]], rows: Iterable[Row[tuple[object, ...]]]) -> Measurement:
    phases = tuple(Measured(row.phase, row.seconds, row.amount) for row in rows)
    act = Act(first.operation, first.named, first.target)
    return Measurement(first.at, Took(act, drill=first.drill, phases=phases), first.run)
