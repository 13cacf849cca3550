"""What a cluster tells of an incident: changes that nobody recorded, and versions side by side."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.probes import Probes
from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from integrations.connections import Connections
from integrations.registry import open_engines
from tests.fakes.kube import Cluster, a_cluster
from tests.probes.scenes import eyes
from tests.runs.stage import CATALOG, Stage, World

_REACH = "settings: {kubeconfig: kubeconfig, namespace: shop}"
_TARGETED = CATALOG.replace("targets: [orders-db], backups: [points]", "targets: [checkout]").replace(
    "  shop: {kind: stage, environment: production}\n",
    f"  checkout: {{kind: kubernetes, environment: production, {_REACH}}}\n",
)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path) as made:
        for tag in ("2.3.0", "2.4.0"):
            made.deploy("checkout", f"registry/checkout:{tag}", replicas=3)
            await made.settled("checkout")
        yield made


@pytest.fixture
async def stage(tmp_path: Path, cluster: Cluster) -> AsyncIterator[Stage]:
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{tmp_path / 'backstop.db'}", now=utc_now)
    stage = Stage(timeline, tmp_path / "home", World())
    connections = Connections(secrets=cluster.home, now=utc_now)
    stage.engines["kubernetes"] = open_engines(connections)["kubernetes"]
    stage.shelf.catalog_file.write_text(_TARGETED)
    await stage.told("ana", 'declare "Orders are wrong" sev:2')
    yield stage
    await timeline.close()


async def probed(stage: Stage) -> None:
    await Probes(stage.timeline, eyes(stage, patience_s=60)).handle("INC-1")


async def test_what_the_cluster_changed_and_nobody_recorded_is_found(stage: Stage) -> None:
    await probed(stage)

    incident = await stage.incident()
    assert "change_type" not in incident.known
    changed = incident.known["minutes_since_change"]
    assert changed.value == 0
    assert "kubernetes checkout has revision 2 (2.4.0), which nobody recorded" in changed.because


async def test_what_was_recorded_is_told_with_what_was_said_of_it(stage: Stage) -> None:
    for version in ("2.3.0", "2.4.0"):
        await stage.told("bo", f"release record checkout version:{version} migrations:none at:-1m")
    await probed(stage)

    incident = await stage.incident()
    assert incident.facts["change_type"] == "code"
    assert incident.facts["schema_change"] == "none"
    assert "nobody recorded" not in incident.known["minutes_since_change"].because


async def test_versions_side_by_side_are_seen_while_a_rollout_goes_on(stage: Stage, cluster: Cluster) -> None:
    await probed(stage)
    alone = (await stage.incident()).known["mixed_versions_running"]
    assert (alone.value, alone.because) == (False, "checkout: 3 of registry/checkout:2.4.0")

    cluster.rollouts.open.clear()
    cluster.deploy("checkout", "registry/checkout:2.5.0", replicas=3)
    await probed(stage)
    mixed = (await stage.incident()).known["mixed_versions_running"]
    assert mixed.value is True
    assert mixed.because == "checkout: 3 of registry/checkout:2.4.0 and 3 of registry/checkout:2.5.0"


async def test_one_version_of_which_a_replica_is_missing_is_not_two(stage: Stage, cluster: Cluster) -> None:
    kind, item = cluster.store.kind("Deployment"), cluster.get("Deployment", "checkout")
    item["status"] |= {"availableReplicas": 2, "readyReplicas": 2}
    cluster.store.replace(kind, "shop", "checkout", item, part="status")
    await probed(stage)
    assert (await stage.incident()).facts["mixed_versions_running"] is False


async def test_a_cluster_that_cannot_be_asked_is_named(stage: Stage, cluster: Cluster) -> None:
    stage.shelf.catalog_file.write_text(_TARGETED.replace("namespace: shop", "namespace: elsewhere"))
    await probed(stage)

    told = (await stage.incident()).untold
    for fact in ("mixed_versions_running", "minutes_since_change"):
        assert told[fact] == "checkout: There is no Deployment elsewhere/checkout in the cluster."
