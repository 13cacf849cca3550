"""Words that are removed for good: from entries, and from what else holds them.

The chain of digests is over what was written; a later entry of it vouches for what stands there now.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.core.document import Document, Paragraph, to_json
from bot.core.events import Event, dump, payload_digest
from bot.timeline import tables
from bot.timeline.missing import fields_of

_GONE = Document("", (Paragraph(("What was answered here was removed.",)),))

Vouched = Mapping[str, str]
"""The digest of what an entry (`stream#seq`) says since words were removed from it."""


@dataclass(frozen=True, slots=True)
class Rewritten:
    """An entry without the words; `salt` is a new one, so that the old digest betrays nothing of them."""

    stream: str
    seq: int
    event: Event
    salt: str

    @property
    def payload(self) -> str:
        """Return the digest by which another entry vouches for this one."""
        return payload_digest(self.salt, dump(self.event))


@dataclass(frozen=True, slots=True)
class Removal:
    """Entries as they are from now on, and the words that no answer still to be given may hold."""

    rewritten: tuple[Rewritten, ...]
    words: tuple[str, ...]


async def remove(connection: AsyncConnection, removal: Removal) -> None:
    """Rewrite entries, and take the words out of stored answers and messages, in one transaction."""
    entry = tables.entry
    for each in removal.rewritten:
        this = (entry.c.stream == each.stream) & (entry.c.seq == each.seq)
        await connection.execute(update(entry).where(this).values(event=dump(each.event), salt=each.salt))
    inbox, delivery = tables.inbox, tables.delivery
    for row in await connection.execute(select(inbox.c.id, inbox.c.answer)):
        if _holds(row.answer, removal.words):
            answer = {**json.loads(row.answer), "document": to_json(_GONE), "data": {}}
            await connection.execute(
                update(inbox).where(inbox.c.id == row.id).values(answer=json.dumps(answer))
            )
    shown = delivery.c.key.startswith("message:", autoescape=True)
    for row in await connection.execute(select(delivery).where(shown)):
        if _holds(row.remote, removal.words):
            await connection.execute(delete(delivery).where(delivery.c.key == row.key))


def _holds(stored: str, words: Iterable[str]) -> bool:
    """Say whether JSON text holds words, also inside JSON that it holds as text."""
    once = [json.dumps(each)[1:-1] for each in words]
    return any(each in stored for each in (*once, *(json.dumps(each)[1:-1] for each in once)))


async def vouched(connection: AsyncConnection, incidents: Collection[str] | None = None) -> Vouched:
    """Return what later entries vouch for: everywhere, or in what belongs to some incidents."""
    found: dict[str, str] = {}
    for row in await connection.execute(_vouching(incidents)):
        payloads = fields_of(row.event).get("payloads")
        if isinstance(payloads, dict):
            found |= {str(name): str(digest) for name, digest in payloads.items()}
    return found


def _vouching(incidents: Collection[str] | None) -> Select[tuple[str | None]]:
    entry, stream = tables.entry, tables.stream
    query = select(entry.c.event).where(entry.c.kind == "redacted").order_by(entry.c.id)
    if incidents is None:
        return query
    return query.join(stream, stream.c.name == entry.c.stream).where(stream.c.incident.in_(incidents))
