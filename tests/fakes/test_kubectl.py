"""Real kubectl must agree with the stand-in of the cluster."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.fakes.kube import Cluster, a_cluster, clients, deployment

pytestmark = pytest.mark.real

Kubectl = Callable[..., Awaitable[clients.Said]]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path) as made:
        yield made


@pytest.fixture
def kubectl(cluster: Cluster) -> Kubectl:
    program = clients.kubectl()

    async def run(*words: str) -> clients.Said:
        return await clients.run(program, *words, kubeconfig=cluster.kubeconfig, home=cluster.home)

    return run


async def test_an_image_is_set_and_undone(cluster: Cluster, kubectl: Kubectl) -> None:
    made = await kubectl(
        "create", "deployment", "checkout", "--image=registry/checkout:2.3.0", "--replicas=3"
    )
    assert made.out == "deployment.apps/checkout created\n", made.err
    await cluster.settled("checkout")
    changed = await kubectl("set", "image", "deployment/checkout", "checkout=registry/checkout:2.4.0")
    assert changed.out == "deployment.apps/checkout image updated\n", changed.err
    status = await kubectl("rollout", "status", "deployment/checkout", "--timeout=10s")
    assert 'deployment "checkout" successfully rolled out' in status.out, status.err
    history = await kubectl("rollout", "history", "deployment/checkout")
    assert [line.split()[0] for line in history.out.splitlines()[2:] if line] == ["1", "2"]
    one = await kubectl("rollout", "history", "deployment/checkout", "--revision=1")
    assert "registry/checkout:2.3.0" in one.out
    undone = await kubectl("rollout", "undo", "deployment/checkout", "--to-revision=1")
    assert undone.out == "deployment.apps/checkout rolled back\n", undone.err
    found = await cluster.settled("checkout")
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "registry/checkout:2.3.0"
    history = await kubectl("rollout", "history", "deployment/checkout")
    assert [line.split()[0] for line in history.out.splitlines()[2:] if line] == ["2", "3"]
    gone = await kubectl("rollout", "undo", "deployment/checkout", "--to-revision=1")
    assert "unable to find specified revision 1" in gone.err


async def test_a_rollout_that_is_stuck_says_so(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.deploy("checkout", "registry/checkout:2.3.0")
    await cluster.settled("checkout")
    cluster.rollouts.broken.add("registry/checkout:broken")
    await kubectl("set", "image", "deployment/checkout", "checkout=registry/checkout:broken")
    status = await kubectl("rollout", "status", "deployment/checkout", "--timeout=10s")
    assert (status.code, status.err) == (1, 'error: deployment "checkout" exceeded its progress deadline\n')


async def test_kubectl_waits_for_a_rollout_under_way(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.rollouts.open.clear()
    cluster.deploy("checkout", "registry/checkout:2.3.0")
    late = await kubectl("rollout", "status", "deployment/checkout", "--timeout=300ms")
    assert "0 out of 2 new replicas have been updated" in late.out
    assert late.code == 1


async def test_a_deployment_is_scaled(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.deploy("checkout", "registry/checkout:2.3.0")
    scaled = await kubectl("scale", "deployment/checkout", "--replicas=5", "--current-replicas=2")
    assert scaled.out == "deployment.apps/checkout scaled\n", scaled.err
    found = await cluster.settled("checkout")
    assert (found["spec"]["replicas"], found["status"]["availableReplicas"]) == (5, 5)
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    refused = await kubectl("scale", "deployment/checkout", "--replicas=1", "--current-replicas=2")
    assert "Expected replicas to be 2, was 5" in refused.err


async def test_objects_are_applied_listed_labelled_and_deleted(cluster: Cluster, kubectl: Kubectl) -> None:
    manifest = cluster.home / "checkout.json"
    manifest.write_text(json.dumps(deployment("checkout", "registry/checkout:2.3.0")))
    for how, words in (("created", ()), ("serverside-applied", ("--server-side", "--force-conflicts"))):
        applied = await kubectl("apply", "-f", str(manifest), *words)
        assert applied.out == f"deployment.apps/checkout {how}\n", applied.err
    await cluster.settled("checkout")
    assert (await kubectl("label", "deployment/checkout", "tier=front")).code == 0
    assert (await kubectl("annotate", "deployment/checkout", "kubernetes.io/change-cause=2.3.0")).code == 0
    listed = await kubectl("get", "deployments", "-l", "tier in (front),app=checkout", "-o", "name")
    assert listed.out == "deployment.apps/checkout\n", listed.err
    assert (await kubectl("get", "deployments", "-l", "tier!=front", "-o", "name")).out == ""
    named = await kubectl("get", "deployment", "nothing")
    assert named.err == 'Error from server (NotFound): deployments.apps "nothing" not found\n'
    gone = await kubectl("delete", "deployment", "checkout")
    assert gone.code == 0, gone.err
    assert (await kubectl("get", "replicasets", "-o", "name")).out == ""


async def test_who_writes_on_an_old_version_is_refused(cluster: Cluster, kubectl: Kubectl) -> None:
    cluster.deploy("checkout", "registry/checkout:2.3.0")
    await cluster.settled("checkout")
    old = json.dumps({"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 9}})
    for how in ("merge", "strategic"):
        refused = await kubectl("patch", "deployment", "checkout", f"--type={how}", f"--patch={old}")
        assert "the object has been modified" in refused.err
    operations = json.dumps(
        [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": "1"},
            {"op": "replace", "path": "/spec/replicas", "value": 9},
        ]
    )
    refused = await kubectl("patch", "deployment", "checkout", "--type=json", f"--patch={operations}")
    assert "the object has been modified" in refused.err
    assert cluster.get("Deployment", "checkout")["spec"]["replicas"] == 2


async def test_rights_and_custom_resources_are_as_kubectl_expects(cluster: Cluster, kubectl: Kubectl) -> None:
    assert (await kubectl("auth", "can-i", "patch", "deployments")).out == "yes\n"
    cluster.faults.forbidden.add(("patch", "deployments"))
    assert (await kubectl("auth", "can-i", "patch", "deployments")).out == "no\n"
    cluster.velero.location()
    cluster.velero.backup("nightly-1")
    listed = await kubectl("get", "backups.velero.io", "-n", "velero", "-o", "name")
    assert listed.out == "backup.velero.io/nightly-1\n", listed.err
