"""Where a chaos run plays: what is around the bot, which damage is done, and how the data is judged."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.core.run import Run
from bot.sandbox.shop.verify import verify
from bot.sandbox.slack import SlackStandIn
from bot.sandbox.surroundings import Surroundings, Transport, surroundings, utc_now
from integrations.connections import LOCAL, Connections
from integrations.contract import Engine, Phase, Source
from integrations.process import Runner
from integrations.sqlite import Sqlite
from tests.chaos.house import Place, end_runner
from tests.integrations.host import until

BALLAST_BYTES = 24 * 1024 * 1024
_DUMP_S = 60.0


class Scene(Protocol):
    """One restore to be disturbed; `gate` is what must be approved, `restores` its step."""

    place: Place
    slack: SlackStandIn
    plan: str
    gate: str
    restores: str

    async def damage(self) -> str:
        """Make something to go back to, damage the data, and return when, as a person types it."""
        ...

    def judge(self, run: Run | None) -> str:
        """Say what is wrong with the data after a run, empty when nothing is."""
        ...

    def workers(self) -> tuple[int, ...]:
        """Return the processes that work for a restore without being its own program."""
        ...


async def backed_up(engine: Engine, source: Source, labels: Mapping[str, str]) -> None:
    """Take a recovery point and wait until it is whole."""
    job = await engine.backup(source, key="backup", labels=labels)

    async def ended() -> bool | None:
        state = await engine.poll(job)
        assert state.phase in (Phase.RUNNING, Phase.SUCCEEDED), state.because
        return state.phase is Phase.SUCCEEDED or None

    await until(ended, seconds=_DUMP_S)


@dataclass
class Shop:
    """The shop of the demo, whose orders are a SQLite database that customers write to all the time."""

    around: Surroundings
    place: Place
    at: datetime | None = None
    plan: str = "plan checkout-restore release:2.3.0"
    gate: str = "overwrite-orders"
    restores: str = "restore"

    @property
    def slack(self) -> SlackStandIn:
        """Return the workspace."""
        return self.around.slack

    async def damage(self) -> str:
        """Let customers order, take a recovery point, and put the bad release out."""
        with closing(sqlite3.connect(self.around.shop.database, timeout=10)) as connection, connection:
            connection.execute("CREATE TABLE ballast (weight BLOB)")
            connection.execute("INSERT INTO ballast VALUES (randomblob(?))", (BALLAST_BYTES,))
        engine = Sqlite(Connections(runners={LOCAL: Runner(self.place.address)}, now=utc_now))
        self.at = utc_now()
        source = Source("orders-points", "sqlite", {"target": "orders-db"})
        labels = {"release": "2.3.0", "commit": "3f2a1bc", "environment": "production"}
        await backed_up(engine, source, labels)
        ran = await self.around.keeper.run("release", "--version", "2.4.0")
        assert ran.code == 0, ran.text
        return utc_now().isoformat()

    def judge(self, run: Run | None) -> str:
        """All orders must be right after a recovery, and readable always."""
        shop = self.around.shop
        if not shop.database.exists() or self.at is None:
            return "the shop has no database"
        resumed = run.recovered_at if run else None
        verdict = verify(shop, at=self.at, resumed=resumed)
        if resumed and not verdict.right:
            return f"recovered, and the orders are not right: {verdict}"
        if resumed and not verdict.promised:
            return "no order was confirmed before the recovery point, so nothing is proved"
        return "" if verdict.integrity == "ok" else f"the database is damaged: {verdict.integrity}"

    def workers(self) -> tuple[int, ...]:
        """A restore of a file is one process."""
        return ()


@asynccontextmanager
async def shop(folder: Path, venv: Path, transport: Transport) -> AsyncIterator[Shop]:
    """Open the shop with its customers; its jobs are run by programs that keep a record."""
    async with surroundings(folder, transport=transport) as around:
        address = around.settings.runner_socket
        assert address is not None
        config = around.home / "runner.toml"
        place = Place(around.home, around.environment(), around.runner_state, address, config)
        await _recorded(around, venv, place)
        async with around.keeper.customers(rate=10):
            yield Shop(around, place)


async def _recorded(around: Surroundings, venv: Path, place: Place) -> None:
    """End the runner of the surroundings and name the programs that keep a record to the next one."""
    plain = f'"{sys.executable}", "-m", "bot.sandbox.shop"'
    wrapped = f'"{venv / "bin" / "backstop-runner"}", "shop"'
    text = place.config.read_text(encoding="utf-8")
    place.config.write_text(text.replace(plain, wrapped), encoding="utf-8")
    await end_runner(place)
