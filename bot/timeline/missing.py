"""Whole streams that are gone: a chain of digests says nothing of a chain that is not there.

Incidents, runs, freezes and drills are numbered from 1 without a gap, because a number is given in the
transaction that writes the first entry. Whatever else speaks of a stream without entries is a trace of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.timeline import tables

_KINDS = {"INC": "incident", "RUN": "run", "FRZ": "freeze", "DRL": "drill"}
_ID = re.compile(r"(INC|RUN|FRZ|DRL)-([1-9][0-9]{0,17})")
_LIST = "the list of streams"
_FIELDS = ("incident", "into", "run", "freeze")
_NAMING = (
    (tables.incident.c.id, ""),
    (tables.run.c.id, ""),
    (tables.run.c.incident, ""),
    (tables.freeze.c.id, ""),
    (tables.drill.c.id, ""),
    (tables.progress.c.run, ""),
    (tables.measurement.c.run, ""),
    (tables.held.c.run, ""),
    (tables.held.c.target, "target/"),
    (tables.release.c.service, "service/"),
)
"""The columns that name a stream, by its id or by what follows the prefix."""


def fields_of(event: str | None) -> Mapping[str, object]:
    """Return the fields of an event as it is stored, none when it is not what Backstop writes."""
    try:
        found = json.loads(event or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def spoken_of(event: str | None) -> Iterator[str]:
    """Return the streams that an event names; one that was spoiled names none."""
    fields = fields_of(event)
    for name in _FIELDS:
        if stream := _stream(str(fields.get(name))):
            yield stream


async def missing(connection: AsyncConnection, there: Collection[str], told: Mapping[str, str]) -> list[str]:
    """Return in words each stream that was and has no entry; `told` says which entry speaks of a stream."""
    traces = {**await _traces(connection), **told}
    numbers: dict[str, int] = {}
    for stream in (*there, *traces):
        if found := _ID.fullmatch(stream.partition("/")[2]):
            numbers[found[1]] = max(int(found[2]), numbers.get(found[1], 0))
    numbered = {f"{_KINDS[kind]}/{kind}-{n}": kind for kind, last in numbers.items() for n in range(1, last)}
    gone = sorted({*numbered, *traces} - set(there))
    return [f"{stream}: every entry is missing, yet {_sign(stream, traces, numbers)}" for stream in gone]


def _sign(stream: str, traces: Mapping[str, str], numbers: Mapping[str, int]) -> str:
    if stream in traces:
        return f"{traces[stream]} speaks of it"
    kind = stream.partition("/")[2].partition("-")[0]
    return f"{kind}-{numbers[kind]} came after it"


async def _traces(connection: AsyncConnection) -> dict[str, str]:
    """Return which table still speaks of a stream, by stream."""
    found: dict[str, str] = {}
    for column, prefix in _NAMING:
        for name in (await connection.execute(select(column))).scalars():
            if stream := f"{prefix}{name}" if prefix else _stream(name):
                found[stream] = f"the table {column.table.name}"
    effect = tables.effect.c
    for subject in (
        await connection.execute(select(effect.subject).where(effect.kind != "answer"))
    ).scalars():
        if stream := _stream(subject):
            found[stream] = "an effect"
    return found | dict.fromkeys((await connection.execute(select(tables.stream.c.name))).scalars(), _LIST)


def _stream(subject: str) -> str | None:
    """Return the stream of a subject as effects name it: INC-1, FRZ-3@20261123T021000, target/orders-db#4."""
    name = re.split("[#@]", subject)[0]
    found = _ID.fullmatch(name)
    if found:
        return f"{_KINDS[found[1]]}/{name}"
    return name if "/" in name else None
