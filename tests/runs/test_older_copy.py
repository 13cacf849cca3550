"""An older copy of Backstop's own database that was put back never acts on what it knows nothing of."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from bot.runs.unchanged import REPLACED
from bot.timeline.whose import whose
from integrations.connections import Connections
from integrations.process import Runner
from integrations.registry import open_engines
from tests.integrations.host import Host, a_host, until
from tests.runs.stage import CATALOG, PLAYBOOK, Stage
from tests.runs.staged import carried_out, planned, staged
from tests.terminal.shell import Shell

HEAD, _ = PLAYBOOK.split("inputs:", 1)
RESTORES = f"""{HEAD}sources:
  - {{id: orders, engine: sqlite, select: {{strategy: latest_verified}}}}
targets:
  orders-db: {{kind: sqlite, environment: production}}
approvals:
  overwrite: {{require: [{{role: dba, min: 1}}, {{role: app, min: 1}}], expires: 20m, valid_for: 1h}}
steps:
  - id: restore
    title: Put the orders back
    uses: sqlite.restore
    source: orders
    with: {{target: orders-db}}
    by: dba
    approval: overwrite
    effect: destructive
    keep: none
    because: the engine keeps the damaged database itself
    touches: [orders-db]
    estimate: 1m
    timeout: 5m
    verify:
      - {{id: same, uses: sqlite.restored}}
verify:
  - {{id: still-same, uses: sqlite.restored, with: {{target: orders-db}}, within: 1m}}
"""
KNOWN = CATALOG.replace("orders-db: {kind: stage", "orders-db: {kind: sqlite").replace(
    "sources:\n", "sources:\n  orders: {engine: sqlite, settings: {target: orders-db}}\n", 1
)


@asynccontextmanager
async def _backstop(folder: Path, host: Host) -> AsyncIterator[Stage]:
    """A Backstop on the database that lies in a folder, whichever copy of it that is."""
    async with staged(folder, {}, catalog=KNOWN, playbook=RESTORES) as stage:
        own = await whose(stage.timeline.records, f"sqlite:///{folder / 'backstop.db'}")
        runner = Runner(host.socket, backstop=own)
        stage.engines["sqlite"] = open_engines(Connections(runners={"local": runner}))["sqlite"]
        yield stage


def _copied(source: Path, copy: Path) -> None:
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(copy)) as here:
        there.backup(here)


def _damage(host: Host) -> None:
    with closing(sqlite3.connect(host.database)) as connection, connection:
        connection.execute("UPDATE orders SET total = 0")


def _put_back(copy: Path, database: Path) -> None:
    for beside in database.parent.glob(f"{database.name}*"):
        beside.unlink()
    copy.rename(database)


def _forget(host: Host, id: str) -> None:
    words = ("adopt", "--state", str(host.state), "--backstop", id)
    subprocess.run([sys.executable, "-m", "integrations.runner", *words], check=True, capture_output=True)


async def _told_by_doctor(folder: Path, host: Host) -> list[str]:
    """Return what `backstop doctor` says of acts that its database does not know."""
    ran = await Shell(folder / "home").run(
        "doctor",
        BACKSTOP_DATABASE_URL=f"sqlite+aiosqlite:///{folder / 'backstop.db'}",
        BACKSTOP_RUNNER_SOCKET=str(host.socket),
        BACKSTOP_SLACK_MODE="off",
    )
    assert "ok     target     orders-db: " in ran.out, ran
    return [line for line in ran.out.splitlines() if "was acted on" in line]


async def _paused(stage: Stage, id: str) -> str:
    async def why() -> str | None:
        run = await stage.run(id)
        return run.paused.why if run.paused else None

    return await until(why)


async def test_an_older_copy_starts_nothing_before_the_runner_has_forgotten_what_it_saw(
    tmp_path: Path,
) -> None:
    database, copy = tmp_path / "backstop.db", tmp_path / "older.db"
    (tmp_path / "host").mkdir()
    async with a_host(tmp_path / "host") as host:
        await host.runner.start("B-1", "sqlite.backup", "orders-db", {}, token=None, timeout_s=60)
        await host.ended("B-1")
        async with _backstop(tmp_path, host) as stage:
            await stage.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
            sqlite = stage.engines["sqlite"]
            source = stage.shelf.catalog().source("orders")
            assert source
            (point,) = await sqlite.points(source)
            await sqlite.verify_point(source, point)
            _damage(host)
            await planned(stage, "RUN-1")
            _copied(database, copy)
            assert (await carried_out(stage, "RUN-1")).recovered_at
        assert await _told_by_doctor(tmp_path, host) == []
        restored = host.database.stat().st_ino
        _put_back(copy, database)
        (told,) = await _told_by_doctor(tmp_path, host)
        assert told.startswith("wrong  target     orders-db was acted on by RUN-1.restore.1.")
        assert f"`backstop-runner adopt --state {host.state} --backstop " in told
        assert told.endswith("docs/how-to/when-backstop-is-down.md#restore-backstops-own-database")

        async with _backstop(tmp_path, host) as stage:
            stage.said = 100  # what is said now was never said to the copy
            await stage.told("ana", "start RUN-1")
            for who in ("bo", "cy"):
                await stage.told(who, "approve RUN-1.overwrite")
            for _ in range(3):
                why = await _paused(stage, "RUN-1")
                assert why.startswith("orders-db was acted on by RUN-1.restore.1.")
                assert f"`backstop-runner adopt --state {host.state} --backstop " in why
                await stage.told("ana", 'resume RUN-1 why:"once more"')
            await stage.told("ana", "plan restore-orders inc:INC-1")

            async def problems() -> tuple[str, ...] | None:
                plan = (await stage.run("RUN-2")).plan
                return plan.problems if plan else None

            assert [each.startswith("orders-db was acted on") for each in await until(problems)] == [True]
            assert (await _paused(stage, "RUN-1")).startswith("orders-db was acted on by RUN-1.restore.1.")
            own = await whose(stage.timeline.records, "sqlite:///x")
            _forget(host, own["id"])

            await stage.told("ana", 'resume RUN-1 why:"the runner has forgotten"')

            async def says() -> bool:
                run = await stage.run("RUN-1")
                return bool(run.paused and run.paused.why == REPLACED.format(name="orders-db", run="RUN-1"))

            await until(says)
            assert host.database.stat().st_ino == restored
            await planned(stage, "RUN-3")
            assert (await carried_out(stage, "RUN-3")).recovered_at
            assert host.database.stat().st_ino != restored
