"""The timeline is the truth: append events, read them, and decide again when somebody was faster.

`Timeline` is the door to everything that is stored. Its parts: `entries` here, the queue of effects
in `effects.py`, whose duty they are in `duty.py`, whether whoever has it moves in `pulse.py`, what people
said and nobody has carried out yet in `letters.py`, what else is kept in `records.py`, the projections that
answer questions in `lookup.py`, and in `missing.py` how the loss of a whole stream is noticed; `drift.py`
compares the projections with the entries, and `trail.py` knows what receivers of the audit trail have.
"""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, delete, insert, literal, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.core.corrections import with_corrections
from bot.core.effects import Effect, follow
from bot.core.errors import Conflict
from bot.core.events import Entry, Event, dump, link, payload_digest
from bot.timeline import tables
from bot.timeline.database import at_one_moment, is_deadlock, is_integrity, prepare, reading, writing
from bot.timeline.drift import differences, drawn, stored
from bot.timeline.duty import duty_of
from bot.timeline.effects import Effects, put
from bot.timeline.letters import Letters
from bot.timeline.lookup import Lookup
from bot.timeline.missing import missing, spoken_of
from bot.timeline.projections import incident_of, project
from bot.timeline.pulse import Pulse
from bot.timeline.records import Records
from bot.timeline.removal import Removal, remove, vouched
from bot.timeline.rows import breaks_of, entry_of, envelope
from bot.timeline.trail import Trail
from integrations.contract import IntegrationError

# Statements that every append carries out are made once: making one takes longer than carrying it out.
_HEAD = select(tables.stream).where(tables.stream.c.name == bindparam("stream")).with_for_update()
_NEW_HEAD = insert(tables.stream)
_MOVE_HEAD = (
    update(tables.stream)
    .where(tables.stream.c.name == bindparam("stream"))
    .values(seq=bindparam("seq"), digest=bindparam("digest"), incident=bindparam("incident"))
)
_INSERT = insert(tables.entry)


@dataclass(frozen=True, slots=True)
class Change:
    """Events to append to one stream that is expected to stand at `expected`; 0 is a new stream.

    With a `removal` they say that words were removed, which is done with them.
    """

    expected: int
    events: tuple[Event, ...]
    occurred_at: datetime | None = None
    removal: Removal | None = None


@dataclass(frozen=True, slots=True)
class Delivery:
    """What somebody sent us, by its sender's id for it, and the answer they get, now and if it comes again.

    With a `lane`, the answer is posted to `place` as an effect of that lane; without, the door returns it.
    """

    id: str
    answer: Mapping[str, object]
    place: Mapping[str, object] = field(default_factory=dict)
    lane: str | None = None


class AlreadyAnswered(Exception):
    """The same delivery came before; `answer` is what was said then."""

    def __init__(self, answer: Mapping[str, object]) -> None:
        super().__init__("This delivery was answered before.")
        self.answer = answer


class Timeline:
    """The append-only log of events over one database.

    People of one process who decide on what they read hold `turn` until they have written; whoever else
    was faster is noticed by the append.
    """

    def __init__(self, engine: AsyncEngine, *, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self.now = now
        self.turn = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []
        self.effects = Effects(engine, now, self._tell)
        self.duty = duty_of(engine)
        self.records = Records(engine, now)
        self.pulse = Pulse(self.records, self.duty, now)
        self.letters = Letters(engine, now, self._tell)
        self.lookup = Lookup(engine)
        self.trail = Trail(engine)

    @classmethod
    async def open(cls, url: str, *, now: Callable[[], datetime]) -> Timeline:
        """Open the timeline of a database and bring its tables to this version."""
        return cls(await prepare(url), now=now)

    def listen(self, listener: Callable[[], None]) -> None:
        """Call `listener` after everything that this process stored."""
        self._listeners.append(listener)

    async def close(self) -> None:
        """Close the connections."""
        await self.duty.release()
        await self._engine.dispose()

    async def read(self, stream: str) -> list[Entry]:
        """Return the entries of a stream, oldest first."""
        return await self._read(tables.entry.c.stream == stream)

    async def story(self, incident: str) -> list[Entry]:
        """Return the entries of an incident, its runs and its freezes in the order they happened.

        What was corrected stands where it is now said to have happened.
        """
        streams = select(tables.stream.c.name).where(tables.stream.c.incident == incident)
        entries = with_corrections(await self._read(tables.entry.c.stream.in_(streams)))
        return sorted(entries, key=lambda entry: entry.occurred_at)

    async def frozen(self) -> dict[str, list[Entry]]:
        """Return the entries of every freeze that was not lifted, by its id, as they stood at one moment.

        A freeze without entries is one that cannot be read; whoever asks must not take it for none.
        """
        freeze, entry = tables.freeze, tables.entry
        query = (
            select(freeze.c.id.label("freeze"), *(column for column in entry.c if column.name != "id"))
            .outerjoin_from(freeze, entry, entry.c.stream == literal("freeze/") + freeze.c.id)
            .where(freeze.c.in_force.is_(True))
            .order_by(freeze.c.number, entry.c.seq)
        )
        found: dict[str, list[Entry]] = {}
        async with reading(self._engine) as connection:
            for row in await connection.execute(query):
                entries = found.setdefault(row.freeze, [])
                if row.seq is not None:
                    entries.append(entry_of(row))
        return found

    async def entry(self, stream: str, seq: int) -> Entry | None:
        """Return one entry, or None."""
        found = await self._read(tables.entry.c.stream == stream, tables.entry.c.seq == seq)
        return found[0] if found else None

    async def _read(self, *where: object) -> list[Entry]:
        query = select(tables.entry).where(*where).order_by(tables.entry.c.id)  # type: ignore[arg-type]
        async with reading(self._engine) as connection:
            return [entry_of(row) for row in await connection.execute(query)]

    async def append(
        self,
        changes: Mapping[str, Change],
        *,
        by: str,
        via: str,
        delivery: Delivery | None = None,
    ) -> list[Entry]:
        """Append events to several streams at once, with all that follows from them, or nothing.

        Raises `Conflict` when a stream is not where it was expected to be, and `AlreadyAnswered` when the
        delivery was taken before.
        """
        try:
            async with writing(self._engine) as connection:
                if delivery:
                    await self._answer(connection, delivery)
                entries = [
                    entry
                    for stream in sorted(changes)
                    for entry in await self._extend(connection, stream, changes[stream], by, via)
                ]
        except DBAPIError as problem:
            if not is_integrity(problem):
                raise
            if delivery and (answer := await self.records.answer(delivery.id)) is not None:
                raise AlreadyAnswered(answer) from problem
            raise Conflict("Somebody else wrote first.") from problem
        except IntegrationError as problem:
            if is_deadlock(problem.__cause__):
                # PostgreSQL chose this transaction to give way to another one: nothing of it was written.
                raise Conflict("Somebody else wrote at the same moment.") from problem
            raise
        self._tell()
        return entries

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    async def _answer(self, connection: AsyncConnection, delivery: Delivery) -> None:
        await connection.execute(
            insert(tables.inbox).values(
                id=delivery.id,
                answer=json.dumps(delivery.answer),
                place=json.dumps(delivery.place),
                at=self.now(),
            )
        )
        if delivery.lane:
            await put(connection, (Effect("answer", delivery.id, delivery.lane),), self.now())

    async def _extend(
        self, connection: AsyncConnection, stream: str, change: Change, by: str, via: str
    ) -> list[Entry]:
        row = (await connection.execute(_HEAD, {"stream": stream})).one_or_none()
        seq, digest, incident = (row.seq, row.digest, row.incident) if row else (0, "", None)
        if seq != change.expected:
            raise Conflict(f"{stream} stands at {seq}, not at {change.expected}.")
        now = self.now()
        entries = [
            Entry(stream, number, change.occurred_at or now, now, by, via, event)
            for number, event in enumerate(change.events, seq + 1)
        ]
        rows = list(_rows(entries, digest))
        if not rows:
            return []
        incident = next(filter(None, map(incident_of, reversed(entries))), incident)
        await connection.execute(_INSERT, rows)
        if change.removal:
            await remove(connection, change.removal)
        digest = str(rows[-1]["digest"])
        await _move_head(connection, stream, entries[-1].seq, digest, incident, new=row is None)
        for entry in entries:
            for statement in project(entry):
                await connection.execute(statement)
        await put(connection, [effect for entry in entries for effect in follow(entry, incident)], now)
        return entries

    async def rebuild(self) -> int:
        """Draw every projection again from the entries and return how many entries were replayed."""
        async with writing(self._engine) as connection:
            for table in tables.PROJECTIONS:
                await connection.execute(delete(table))
            rows = (await connection.execute(select(tables.entry).order_by(tables.entry.c.id))).all()
            heads: dict[str, str | None] = {}
            for row in rows:
                entry = entry_of(row)
                new = entry.stream not in heads
                heads[entry.stream] = incident_of(entry) or heads.get(entry.stream)
                incident = heads[entry.stream]
                await _move_head(connection, entry.stream, entry.seq, row.digest, incident, new=new)
                for statement in project(entry):
                    await connection.execute(statement)
        return len(rows)

    async def drift(self) -> list[str]:
        """Return in words where the projections are not what the entries say; `rebuild` draws them again."""
        async with reading(self._engine) as connection:
            await at_one_moment(connection)
            rows = (await connection.execute(select(tables.entry).order_by(tables.entry.c.id))).all()
            there = await stored(connection)
        return list(differences(there, await asyncio.to_thread(drawn, map(entry_of, rows))))

    async def verify(self) -> list[str]:
        """Return in words everything that was changed or removed; nothing when the timeline is whole.

        The end of the newest streams can be cut off unnoticed when every trace of it is removed with it.
        """
        try:
            return await self._verify()
        except ValueError as spoilt:
            # A moment that is no moment cannot even be read from its row.
            return [f"an entry was changed into what cannot be read: {spoilt}"]

    async def _verify(self) -> list[str]:
        breaks: list[str] = []
        heads: dict[str, tuple[int, str]] = {}
        told: dict[str, str] = {}
        async with reading(self._engine) as connection:
            await at_one_moment(connection)
            removed = await vouched(connection)
            rows = await connection.execute(select(tables.entry).order_by(tables.entry.c.id))
            for row in rows:
                seq, digest = heads.get(row.stream, (0, ""))
                breaks.extend(breaks_of(row, seq, digest, removed))
                heads[row.stream] = (row.seq, row.digest)
                told |= dict.fromkeys(spoken_of(row.event), f"{row.stream} entry {row.seq}")
            stored = {
                row.name: (row.seq, row.digest) for row in await connection.execute(select(tables.stream))
            }
            breaks += await missing(connection, heads, told)
        return breaks + [
            f"{name}: the last entries are missing"
            for name, head in stored.items()
            if name in heads and heads[name] != head
        ]


def _rows(entries: Iterable[Entry], digest: str) -> Iterator[dict[str, object]]:
    """Yield the rows of entries, each tied to the one before it; `digest` is of the one before them all."""
    for entry in entries:
        assert entry.event is not None
        text, salt = dump(entry.event), secrets.token_hex(16)
        payload = payload_digest(salt, text)
        digest = link(digest, envelope(entry), payload)
        yield {
            "stream": entry.stream,
            "seq": entry.seq,
            "occurred_at": entry.occurred_at,
            "recorded_at": entry.recorded_at,
            "by": entry.by,
            "via": entry.via,
            "kind": entry.event.kind,
            "event": text,
            "salt": salt,
            "payload": payload,
            "digest": digest,
        }


async def _move_head(
    connection: AsyncConnection, stream: str, seq: int, digest: str, incident: str | None, *, new: bool
) -> None:
    head = {"seq": seq, "digest": digest, "incident": incident}
    if new:
        await connection.execute(_NEW_HEAD, {**head, "name": stream})
    else:
        await connection.execute(_MOVE_HEAD, {**head, "stream": stream})
