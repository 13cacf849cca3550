"""What is stored beside the timeline: answers given, remote ids, tokens, gate answers, latest progress."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Table, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from bot.timeline import tables
from bot.timeline.database import reading, writing


@dataclass(frozen=True, slots=True)
class Token:
    """A key of the HTTP door. It belongs to one person or pipeline and is stored only as a hash."""

    owner: str
    scopes: frozenset[str]
    name: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """One answer of the gate: who asked about what, and which freezes stopped it."""

    service: str
    environment: str
    change: str
    sha: str
    actor: str
    verdict: str
    freezes: Sequence[str] = ()


class Records:
    """Small stores; none of them is needed to know what happened."""

    def __init__(self, engine: AsyncEngine, now: Callable[[], datetime]) -> None:
        self._engine = engine
        self._now = now

    async def answer(self, delivery: str) -> Mapping[str, object] | None:
        """Return what was answered to a delivery, or None when it never came."""
        found = await self._json(tables.inbox, tables.inbox.c.answer, tables.inbox.c.id == delivery)
        return cast("Mapping[str, object] | None", found)

    async def place(self, delivery: str) -> Mapping[str, object]:
        """Return where the answer to a delivery is to be posted."""
        found = await self._json(tables.inbox, tables.inbox.c.place, tables.inbox.c.id == delivery)
        return cast("Mapping[str, object]", found or {})

    async def remote(self, key: str) -> Mapping[str, str] | None:
        """Return the remote ids of something that was delivered (a message's channel and ts), or None."""
        found = await self._json(tables.delivery, tables.delivery.c.remote, tables.delivery.c.key == key)
        return cast("Mapping[str, str] | None", found)

    async def remotes(self, prefix: str) -> Mapping[str, Mapping[str, str]]:
        """Return the remote ids of everything whose key begins so, by the rest of the key."""
        table = tables.delivery
        mine = table.c.key.startswith(prefix, autoescape=True)
        async with reading(self._engine) as connection:
            rows = await connection.execute(select(table.c.key, table.c.remote).where(mine))
            return {row.key.removeprefix(prefix): json.loads(row.remote) for row in rows}

    async def remember(self, key: str, remote: Mapping[str, str]) -> None:
        """Keep the remote ids of something that was delivered."""
        await self._upsert(tables.delivery, {"key": key}, {"remote": json.dumps(dict(remote))})

    async def once(self, key: str, remote: Mapping[str, str]) -> Mapping[str, str]:
        """Keep something under a key unless there is something already, and return what is kept."""
        async with writing(self._engine) as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            statement: postgresql.Insert | sqlite.Insert = dialect.insert(tables.delivery)
            values = {"key": key, "remote": json.dumps(dict(remote))}
            await connection.execute(statement.values(**values).on_conflict_do_nothing())
        return await self.remote(key) or remote

    async def forget(self, key: str) -> None:
        """Forget the remote ids of something that is no longer there."""
        async with writing(self._engine) as connection:
            await connection.execute(delete(tables.delivery).where(tables.delivery.c.key == key))

    async def progress(self, run: str, step: str) -> Mapping[str, object] | None:
        """Return the latest progress of a step, or None."""
        table = tables.progress
        found = await self._json(table, table.c.latest, (table.c.run == run) & (table.c.step == step))
        return cast("Mapping[str, object] | None", found)

    async def progressed(self, run: str, step: str, latest: Mapping[str, object]) -> None:
        """Keep the latest progress of a step; earlier progress is not kept."""
        values = {"latest": json.dumps(dict(latest)), "at": self._now()}
        await self._upsert(tables.progress, {"run": run, "step": step}, values)

    async def issue_token(self, owner: str, *, scopes: Sequence[str], name: str, expires_at: datetime) -> str:
        """Make a token and return it; this is the only moment it can be seen."""
        secret = f"bst_{secrets.token_urlsafe(32)}"
        async with writing(self._engine) as connection:
            await connection.execute(
                insert(tables.token).values(
                    hash=_hash(secret),
                    owner=owner,
                    scopes=" ".join(scopes),
                    name=name,
                    created_at=self._now(),
                    expires_at=expires_at,
                )
            )
        return secret

    async def token(self, secret: str) -> Token | None:
        """Return the token that a secret stands for, or None when it is unknown, expired or revoked."""
        table = tables.token
        async with reading(self._engine) as connection:
            row = (await connection.execute(select(table).where(table.c.hash == _hash(secret)))).one_or_none()
        if row is None or row.revoked_at is not None or row.expires_at <= self._now():
            return None
        return Token(row.owner, frozenset(row.scopes.split()), row.name, row.expires_at)

    async def tokens(self) -> list[Token]:
        """Return the tokens in force, those that end first before others."""
        table = tables.token
        in_force = table.c.revoked_at.is_(None) & (table.c.expires_at > self._now())
        async with reading(self._engine) as connection:
            rows = await connection.execute(select(table).where(in_force).order_by(table.c.expires_at))
            return [Token(row.owner, frozenset(row.scopes.split()), row.name, row.expires_at) for row in rows]

    async def revoke(self, name: str) -> int:
        """Revoke the tokens of a name and return how many there were."""
        table = tables.token
        async with writing(self._engine) as connection:
            mine = (table.c.name == name) & table.c.revoked_at.is_(None)
            rows = await connection.execute(
                update(table).where(mine).values(revoked_at=self._now()).returning(table.c.hash)
            )
            return len(rows.all())

    async def gate_answered(self, answer: GateAnswer) -> None:
        """Keep an answer of the gate."""
        async with writing(self._engine) as connection:
            await connection.execute(
                insert(tables.gate_answer).values(
                    at=self._now(),
                    service=answer.service,
                    environment=answer.environment,
                    change=answer.change,
                    sha=answer.sha,
                    actor=answer.actor,
                    verdict=answer.verdict,
                    freezes=" ".join(answer.freezes),
                )
            )

    async def _json(self, table: Table, column: object, where: object) -> object | None:
        async with reading(self._engine) as connection:
            query = select(column).select_from(table).where(where)  # type: ignore[call-overload]
            text = (await connection.execute(query)).scalar_one_or_none()
        return None if text is None else json.loads(text)

    async def _upsert(self, table: Table, key: Mapping[str, object], values: Mapping[str, object]) -> None:
        async with writing(self._engine) as connection:
            await connection.execute(_upsert(connection, table, key, values))


def _upsert(
    connection: AsyncConnection, table: Table, key: Mapping[str, object], values: Mapping[str, object]
) -> postgresql.Insert | sqlite.Insert:
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement: postgresql.Insert | sqlite.Insert = dialect.insert(table).values(**key, **values)
    return statement.on_conflict_do_update(index_elements=list(key), set_=dict(values))


def _hash(secret: str) -> str:
    # What a header holds beside UTF-8 comes as surrogates; it is no token of ours, and no error either.
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()
