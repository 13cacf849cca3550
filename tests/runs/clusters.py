"""A stage for clusters that pgBackRest backs up."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from integrations.registry import open_engines
from tests.integrations.host import a_host
from tests.pgbackrest import Cluster
from tests.runs.stage import CATALOG, PLAYBOOK, Stage
from tests.runs.staged import staged

GOALS = {"before": "instant", "marker": "text", "lsn": "text", "xid": "text"}
_PREPARE = """  - id: prepare
    title: Make a checked copy ready beside the cluster
    uses: pgbackrest.prepare
    source: orders-cluster
    with: {target: orders-cluster}
    needs: []
    by: dba
    effect: read
    warm: true
    estimate: 1m
    timeout: 5m
    on_failure: {then: continue}
    undo: {uses: pgbackrest.discard}
"""
_BACKUP = """  - id: backup
    title: Take a full backup on the new timeline
    uses: pgbackrest.backup
    with: {target: orders-cluster, type: full}
    by: dba
    effect: read
    estimate: 1m
    timeout: 5m
"""


@asynccontextmanager
async def a_stage(
    folder: Path, cluster: Cluster, by: str, operation: str, *, warm: bool = False, backup: bool = True
) -> AsyncIterator[Stage]:
    """Yield a stage whose playbook brings a cluster back by a goal, if wanted with a copy made before."""
    (folder / "host").mkdir()
    async with a_host(folder / "host", cluster.runner_config()) as host:
        engine = open_engines(host.connections)["pgbackrest"]
        catalog, playbook = (
            _catalog(),
            _playbook(by, operation, _PREPARE if warm else "", _BACKUP if backup else ""),
        )
        async with staged(folder, {"pgbackrest": engine}, catalog=catalog, playbook=playbook) as stage:
            await stage.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
            yield stage


def _catalog() -> str:
    target = "  orders-cluster: {kind: pgbackrest, environment: production}\n"
    known = CATALOG.replace("  shop: {kind", f"{target}  shop: {{kind", 1)
    return known.replace("sources:\n", "sources:\n  orders-cluster: {engine: pgbackrest}\n", 1)


def _playbook(by: str, operation: str, before: str, after: str) -> str:
    head, rest = PLAYBOOK.split("inputs:", 1)
    approvals = rest[rest.index("approvals:") : rest.index("steps:")]
    return f"""{head}inputs:
  goal: {{type: {GOALS[by]}, ask: "Back to where?"}}
sources:
  - id: orders-cluster
    engine: pgbackrest
    select: {{strategy: pitr, {by}: inputs.goal, require: [log_continuous]}}
targets:
  orders-cluster: {{kind: pgbackrest, environment: production}}
{approvals}steps:
{before}  - id: restore
    title: Bring the orders back to before the release
    uses: pgbackrest.{operation}
    source: orders-cluster
    with: {{target: orders-cluster}}
    by: dba
    approval: overwrite
    effect: destructive
    no_way_back: true
    keep: none
    because: the engine keeps the damaged cluster itself
    touches: [orders-cluster]
    estimate: 1m
    timeout: 5m
    verify:
      - {{id: back, uses: pgbackrest.restored}}
{after}verify:
  - {{id: still-back, uses: pgbackrest.restored, with: {{target: orders-cluster}}, within: 1m}}
"""
