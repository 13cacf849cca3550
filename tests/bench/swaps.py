"""How long a database is waited for whose copy lies ready, against restoring its dump by hand, in turns."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql
from psycopg.conninfo import make_conninfo

from bot.core.run import Status
from integrations.contract import Engine
from integrations.registry import open_engines
from tests import postgres
from tests.bench.dumps import catalog, dump, fill
from tests.integrations.host import a_host, until
from tests.integrations.orders import Orders, orders
from tests.runs.stage import PLAYBOOK, Stage
from tests.runs.staged import carried_out, planned, staged

_LONGEST_S = 600.0
_JOBS = "2"
_PLACE = "INSERT INTO shop.history (id, said) VALUES (-1, 'an order that nobody placed') RETURNING id"
_CHECKOUT = "  checkout: {kind: command, environment: production}\n"
_TABLES = ("history", '"or ders"', "lines")
# What the engine compares with the dump's note, in the same words.
_COMPARED = (
    "SELECT count(*), sum(('x' || left(md5((t.*)::text), 16))::bit(64)::bigint::numeric) FROM shop.{} AS t"
)
_CANCEL = "DELETE FROM shop.history WHERE id = -1"


@dataclass(frozen=True, slots=True)
class Swaps:
    """Seconds of each pair: a dump restored by hand, and from the last approval when a copy lay ready.

    Both end when an order was placed and taken away again in the database that is live then.
    """

    rows: int
    by_hand_s: Sequence[float]
    warm_s: Sequence[float]


async def swaps(folder: Path, server: postgres.Server, *, rows: int, pairs: int) -> Swaps:
    """Put the same damaged database back by hand and by a run with a copy made beforehand, in turns."""
    by_hand, warm = [], []
    for pair in range(pairs):
        home = folder / f"pair-{pair}"
        home.mkdir()
        with orders(server, home) as database:
            fill(database, rows)
            good = database.total()
            async with a_host(home, database.config() + _commands(database)) as host:
                engine = open_engines(host.connections)["postgres"]
                command = open_engines(host.connections)["command"]
                await dump(engine, database)
                database.damage()
                by_hand.append(_by_hand(database))
                assert database.total() == good
                database.damage()
                warm.append(await _by_run(home, {"postgres": engine, "command": command}))
                assert database.total() == good
    return Swaps(rows, by_hand, warm)


def _by_hand(database: Orders) -> float:
    """Restore beside, compare every row, exchange the names, place an order: what a careful person types."""
    (contents,) = database.dumps.glob("*/toc.dat")
    server, begun = database.server, time.perf_counter()
    live, new, old = (sql.Identifier(database.name + part) for part in ("", "_new", "_old"))
    with server.connect() as connection:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(new))
    subprocess.run(
        [
            *(server.binaries / "pg_restore", "-h", "127.0.0.1", "-p", str(server.port), "-U", "tests"),
            *("-j", _JOBS, "-d", make_conninfo(dbname=database.name + "_new"), contents.parent),
        ],
        check=True,
        env={"PGPASSWORD": server.password},
    )
    with server.connect(database.name + "_new") as connection:
        for table in _TABLES:
            assert connection.execute(_COMPARED.format(table)).fetchone()
    with server.connect() as connection, connection.transaction():
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(live, old))
        connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(new, live))
    with server.connect(database.name) as connection:
        connection.execute(_PLACE)
        connection.execute(_CANCEL)
    return time.perf_counter() - begun


async def _by_run(folder: Path, engines: dict[str, Engine]) -> float:
    """Return the seconds from the last approval to the end of the run."""
    async with staged(folder, engines, catalog=catalog(_CHECKOUT), playbook=_playbook()) as stage:
        await stage.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
        await planned(stage, "RUN-1")
        await _ready(stage)
        begun = time.perf_counter()
        run = await carried_out(stage, "RUN-1")
        took = time.perf_counter() - begun
        assert run.recovered_at, run.state
        return took


async def _ready(stage: Stage) -> None:
    await stage.told("ana", "prepare RUN-1")

    async def is_ready() -> bool | None:
        return (await stage.run("RUN-1")).step("prepare").status is Status.SUCCEEDED or None

    await until(is_ready, seconds=_LONGEST_S)


def _commands(database: Orders) -> str:
    """Return a listed command that places an order and takes it away again."""
    server = database.server
    psql = [str(server.binaries / "psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    at = {"PGHOST": "127.0.0.1", "PGPORT": str(server.port), "PGUSER": "tests", "PGDATABASE": database.name}
    return f"""
[commands.place-order]
argv = {json.dumps([*psql, "-c", _PLACE, "-c", _CANCEL])}
target = "checkout"
effect = "read"
env = {{ {", ".join(f"{name} = {json.dumps(value)}" for name, value in at.items())} }}
secret_env = {{ PGPASSWORD = "{database.home}/pg-password" }}
"""


def _playbook() -> str:
    head, rest = PLAYBOOK.split("inputs:", 1)
    approvals = rest[rest.index("approvals:") : rest.index("steps:")]
    return f"""{head}sources:
  - {{id: orders-pg, engine: postgres, select: {{strategy: latest_verified}}}}
targets:
  orders-pg: {{kind: postgres, environment: production}}
  checkout: {{kind: command, environment: production}}
{approvals}steps:
  - id: prepare
    title: Make a checked copy of the orders ready
    uses: postgres.prepare
    source: orders-pg
    with: {{target: orders-pg}}
    needs: []
    by: dba
    effect: read
    warm: true
    estimate: 5m
    timeout: 20m
    on_failure: {{then: continue}}
    undo: {{uses: postgres.discard}}
  - id: restore
    title: Let the copy take the place of the orders
    uses: postgres.restore
    source: orders-pg
    by: dba
    approval: overwrite
    effect: destructive
    no_way_back: true
    keep: none
    because: the replaced database stays in the server
    touches: [orders-pg]
    estimate: 10m
    timeout: 20m
    verify:
      - {{id: first-order, uses: command.check, with: {{target: checkout, name: place-order}}}}
verify:
  - {{id: place-order, uses: command.check, with: {{target: checkout, name: place-order}}, within: 1m}}
"""
