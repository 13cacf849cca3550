"""A playbook that acts on a Deployment, carried out by the runs on the stand-in of a cluster."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from bot.core.events import (
    Approved,
    ImpactStated,
    IncidentDeclared,
    PlanAsked,
    RunStarted,
    Severity,
    UndoAsked,
)
from bot.core.run import Run, Status
from integrations.connections import Connections
from integrations.registry import open_engines
from tests.clock import Clock
from tests.fakes.kube import Cluster, a_cluster
from tests.integrations.host import until
from tests.runs.stage import CATALOG, Stage
from tests.runs.test_carry import write

_REACH = "settings: {kubeconfig: kubeconfig, namespace: shop}"
_CATALOG = CATALOG.replace(
    "  shop: {kind: stage, environment: production}\n",
    f"  checkout: {{kind: kubernetes, environment: production, {_REACH}}}\n",
).replace("  points: {engine: stage}\n", f"  checkout: {{engine: kubernetes, {_REACH}}}\n")
_CATALOG = _CATALOG.replace("backups: [points]", "backups: [checkout]")

_PLAYBOOK = """
schema: backstop/playbook/1
metadata: {name: put-back, title: Put checkout back, owner: owners, reviewed: "2026-11-01"}
options: [code_rollback]
applies_to: {services: [checkout], environments: [production]}
roles:
  app: {group: owners}
sources:
  - {id: checkout, engine: kubernetes, select: {strategy: previous}}
targets:
  checkout: {kind: kubernetes, environment: production}
freeze: {services: [checkout], environments: [production], lift: with_run}
approvals:
  go-back: {require: [{role: app, min: 1}], expires: 20m, valid_for: 1h}
steps:
  - id: stop
    title: Stop the shop
    uses: kubernetes.scale
    with: {target: checkout, replicas: 0}
    by: app
    effect: reversible
    touches: [checkout]
    stops_writers: true
    estimate: 1m
    timeout: 2m
    undo: {uses: kubernetes.scale, with: {target: checkout, replicas: previous}}
  - id: back
    title: Put the revision before this one in place
    uses: kubernetes.undo
    with: {target: checkout}
    source: checkout
    by: app
    approval: go-back
    effect: destructive
    no_way_back: true
    keep: none
    because: the cluster keeps every revision
    touches: [checkout]
    estimate: 1m
    timeout: 2m
    verify:
      - {id: back, uses: kubernetes.image, with: {target: checkout, tag: 2.3.0}, within: 1m}
  - id: go
    title: Start the shop
    uses: kubernetes.scale
    with: {target: checkout, replicas: previous}
    by: app
    effect: reversible
    touches: [checkout]
    estimate: 1m
    timeout: 2m
verify:
  - {id: runs, uses: kubernetes.image, with: {target: checkout, tag: 2.3.0}, within: 1m}
"""


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path) as made:
        for tag in ("2.3.0", "2.4.0"):
            made.deploy("checkout", f"registry/checkout:{tag}", replicas=3)
            await made.settled("checkout")
        yield made


@pytest.fixture
async def shop(stage: Stage, clock: Clock, cluster: Cluster, tmp_path: Path) -> Stage:
    """Return the stage with the cluster on it, where the damage began after both releases."""
    (tmp_path / "home" / "catalog.yaml").write_text(_CATALOG)
    (tmp_path / "home" / "playbooks" / "restore.yaml").write_text(_PLAYBOOK)
    damage = datetime.now(UTC) + timedelta(minutes=1)
    clock.set(damage + timedelta(minutes=5))
    engines = open_engines(Connections(secrets=cluster.home, now=clock))
    stage.engines["kubernetes"] = engines["kubernetes"]
    declared = IncidentDeclared(
        title="Orders are wrong",
        severity=Severity.SEV1,
        service="checkout",
        environment="production",
        commander="ana",
    )
    stated = ImpactStated(statement="wrong totals", impact_start=damage, damage_start=damage)
    await write(stage, "ana", declared, stated, stream="incident/INC-1")
    asked = PlanAsked(incident="INC-1", playbook="put-back", service="checkout", environment="production")
    await write(stage, "ana", asked)
    await stage.carry()
    return stage


async def begun(stage: Stage) -> None:
    run = await stage.run()
    assert run.plan
    assert run.plan.problems == ()
    until_then = stage.timeline.now() + timedelta(minutes=20)
    await write(stage, "ana", RunStarted(hash=run.hash, expires={"go-back": until_then}))
    await stepped(stage, "stop")


async def approved(stage: Stage) -> None:
    run = await stage.run()
    await write(stage, "cy", Approved(gate="go-back", hash=run.hash, role="app"))


async def over(stage: Stage) -> Run:
    async def look() -> Run | None:
        await stage.carry()
        run = await stage.run()
        return run if run.over else None

    return await until(look)


async def stepped(stage: Stage, step: str, status: Status = Status.SUCCEEDED) -> None:
    async def look() -> bool:
        await stage.carry()
        return (await stage.run()).step(step).status is status

    await until(look)


def runs_now(cluster: Cluster) -> tuple[str, int]:
    spec = cluster.get("Deployment", "checkout")["spec"]
    return spec["template"]["spec"]["containers"][0]["image"].rpartition(":")[2], spec["replicas"]


async def test_a_bad_release_is_undone_by_a_playbook(shop: Stage, cluster: Cluster) -> None:
    await begun(shop)
    assert runs_now(cluster) == ("2.4.0", 0)
    await approved(shop)

    run = await over(shop)

    assert run.plan
    assert run.plan.sources[0].because == "revision 1 is the one before the current 2 (2.4.0)."
    assert run.state == "recovered", run.checks
    assert runs_now(cluster) == ("2.3.0", 3)


async def test_what_was_done_while_the_process_died_is_not_done_again(shop: Stage, cluster: Cluster) -> None:
    cluster.faults.lose += ["patch", "patch", "patch"]
    await begun(shop)
    await approved(shop)

    run = await over(shop)

    assert run.state == "recovered", run.checks
    assert cluster.acts("patch", "deployments") == 3
    assert runs_now(cluster) == ("2.3.0", 3)


async def test_undoing_the_stop_puts_the_replicas_back(shop: Stage, cluster: Cluster) -> None:
    await begun(shop)
    await write(shop, "ana", UndoAsked(step="stop", why="it was the other service"))

    await stepped(shop, "stop", Status.UNDONE)

    assert runs_now(cluster) == ("2.4.0", 3)
