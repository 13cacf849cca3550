"""How far the first estimate of a repeated restore is from what it takes, by runs with a real engine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.core.events import StepStarted, StepSucceeded
from bot.jobs import Again, Dispatcher
from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from integrations.contract import Call, Engine, Phase
from integrations.registry import open_engines
from tests import postgres
from tests.bench.steps import served
from tests.integrations.host import until
from tests.integrations.orders import Orders, orders_host
from tests.runs.stage import CATALOG, PLAYBOOK, Stage, World

_LONGEST_S = 300.0


@dataclass(frozen=True, slots=True)
class Guess:
    """What the plan of a repeated restore said before it began, and what it took; seconds."""

    said_s: float
    basis: str
    took_s: float

    @property
    def ratio(self) -> float:
        """Return what was said as a multiple of what it took."""
        return self.said_s / self.took_s


async def guess(folder: Path, server: postgres.Server, *, rows: int) -> Guess:
    """Restore a database with so many rows twice, and return what was said before the second time."""
    async with orders_host(server, folder) as (host, orders):
        _fill(orders, rows)
        engine = open_engines(host.connections)["postgres"]
        await _dump(engine, orders)
        async with _stage(folder, engine) as stage:
            await stage.told("ana", 'declare "Orders are wrong" sev:4 svc:checkout')
            await _restored(stage, "RUN-1")
            return await _restored(stage, "RUN-2")


def _fill(orders: Orders, rows: int) -> None:
    with orders.server.connect(orders.name) as connection:
        connection.execute(
            "CREATE TABLE shop.history AS SELECT n AS id, md5(n::text) || md5((n + 1)::text) AS said "
            f"FROM generate_series(1, {rows}) n"
        )
        connection.execute("ALTER TABLE shop.history ADD PRIMARY KEY (id)")


async def _dump(engine: Engine, orders: Orders) -> None:
    ref = await engine.start(Call("backup", target=orders.target), key="B-1")

    async def ended() -> bool | None:
        return (await engine.poll(ref)).phase is Phase.SUCCEEDED or None

    await until(ended, seconds=_LONGEST_S)
    (point,) = await engine.points(orders.source)
    assert (await engine.verify_point(orders.source, point)).ok


@asynccontextmanager
async def _stage(folder: Path, engine: Engine) -> AsyncIterator[Stage]:
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{folder / 'backstop.db'}", now=utc_now)
    stage = Stage(timeline, folder / "home", World())
    stage.engines["postgres"] = engine
    (folder / "home" / "catalog.yaml").write_text(_catalog())
    (folder / "home" / "playbooks" / "restore.yaml").write_text(_playbook())
    runs = stage.runs()

    async def carry_out(id: str) -> Again | None:
        return await runs.handle(id)

    others = (
        "room",
        "card",
        "say",
        "approvals",
        "progress",
        "answer",
        "tracker",
        "update-due",
        "gate-expiry",
    )
    handlers = {**dict.fromkeys(others, served), "run": carry_out}
    carrying = asyncio.create_task(Dispatcher(timeline, handlers).run())
    try:
        yield stage
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await timeline.close()


def _catalog() -> str:
    target = "  orders-pg: {kind: postgres, environment: production}\n"
    return CATALOG.replace("  shop: {kind", f"{target}  shop: {{kind", 1).replace(
        "sources:\n", "sources:\n  orders-pg: {engine: postgres}\n", 1
    )


def _playbook() -> str:
    head, rest = PLAYBOOK.split("inputs:", 1)
    approvals = rest[rest.index("approvals:") : rest.index("steps:")]
    return f"""{head}sources:
  - {{id: orders-pg, engine: postgres, select: {{strategy: latest_verified}}}}
targets:
  orders-pg: {{kind: postgres, environment: production}}
{approvals}steps:
  - id: restore
    title: Restore the orders
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
      - {{id: every-row, uses: postgres.restored, with: {{target: orders-pg}}}}
verify:
  - {{id: rows, uses: postgres.restored, with: {{target: orders-pg}}, within: 1m}}
"""


async def _restored(stage: Stage, id: str) -> Guess:
    """Plan, approve and carry a restore out."""
    await stage.told("ana", "plan restore-orders inc:INC-1")

    async def is_planned() -> bool | None:
        return (await stage.run(id)).plan is not None or None

    await until(is_planned, seconds=_LONGEST_S)
    plan = (await stage.run(id)).plan
    assert plan
    assert not plan.problems, plan.problems
    await stage.told("ana", f"start {id}")
    await stage.told("bo", f"approve {id}.overwrite")
    await stage.told("cy", f"approve {id}.overwrite")

    async def is_over() -> bool | None:
        run = await stage.run(id)
        assert run.paused is None, run.paused
        return run.over or None

    await until(is_over, seconds=_LONGEST_S)
    entries = await stage.timeline.read(f"run/{id}")
    begun = next(e.occurred_at for e in entries if isinstance(e.event, StepStarted))
    ended = next(e.occurred_at for e in entries if isinstance(e.event, StepSucceeded))
    step = plan.steps[0]
    return Guess(step.estimate_s, step.basis, (ended - begun).total_seconds())
