"""How far the first estimate of a repeated restore is from what it takes, by runs with a real engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.core.events import StepStarted, StepSucceeded
from integrations.registry import open_engines
from tests import postgres
from tests.bench.dumps import catalog, dump, fill
from tests.integrations.orders import orders_host
from tests.runs.stage import PLAYBOOK, Stage
from tests.runs.staged import carried_out, planned, staged


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
        fill(orders, rows)
        engine = open_engines(host.connections)["postgres"]
        await dump(engine, orders)
        async with staged(folder, {"postgres": engine}, catalog=catalog(), playbook=_playbook()) as stage:
            await stage.told("ana", 'declare "Orders are wrong" sev:4 svc:checkout')
            await _restored(stage, "RUN-1")
            await stage.told("ana", f"impact damage:{stage.timeline.now().isoformat()} inc:INC-1")
            return await _restored(stage, "RUN-2")


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
    plan = await planned(stage, id)
    await carried_out(stage, id)
    entries = await stage.timeline.read(f"run/{id}")
    begun = next(e.occurred_at for e in entries if isinstance(e.event, StepStarted))
    ended = next(e.occurred_at for e in entries if isinstance(e.event, StepSucceeded))
    step = plan.steps[0]
    return Guess(step.estimate_s, step.basis, (ended - begun).total_seconds())
