"""The API of a cluster as engines use it, against the stand-in that kubectl agrees with."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from integrations.connections import Connections
from integrations.contract import IntegrationError
from integrations.kube import Access, KubeError, Resource
from integrations.kube.client import configuration
from tests.fakes.kube import TOKEN, Cluster, a_cluster

CONFIG_MAPS = Resource("v1", "configmaps")
DEPLOYMENTS = Resource("apps/v1", "deployments")
PLUG_IN = "client.authentication.k8s.io/v1"
SETTINGS = {"kubeconfig": "kubeconfig"}


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path) as made:
        yield made


@pytest.fixture
def access(cluster: Cluster) -> Access:
    return Access(Connections(secrets=cluster.home))


async def test_an_object_is_created_once_listed_patched_and_deleted(access: Access) -> None:
    async with access.api(SETTINGS) as api:
        made = await api.create(CONFIG_MAPS, "shop", {"metadata": {"name": "naive"}})
        with pytest.raises(KubeError, match="already exists") as twice:
            await api.create(CONFIG_MAPS, "shop", {"metadata": {"name": "naive"}})
        assert (twice.value.status, twice.value.reason) == (409, "AlreadyExists")
        version = made["metadata"]["resourceVersion"]
        at = {"op": "replace", "path": "/metadata/resourceVersion", "value": version}
        change = [at, {"op": "add", "path": "/data", "value": {"colour": "blue"}}]
        assert (await api.patch(CONFIG_MAPS, "shop", "naive", change))["data"] == {"colour": "blue"}
        with pytest.raises(KubeError, match="has been modified") as late:
            await api.patch(CONFIG_MAPS, "shop", "naive", change)
        assert (late.value.reason, late.value.permanent) == ("Conflict", False)
        assert [each["metadata"]["name"] for each in await api.list(CONFIG_MAPS, "shop")] == ["naive"]
        assert await api.list(CONFIG_MAPS, "shop", labels="app=checkout") == []
        for _ in range(2):
            await api.delete(CONFIG_MAPS, "shop", "naive")
        assert await api.get(CONFIG_MAPS, "shop", "naive") is None


async def test_a_long_list_comes_in_pages(cluster: Cluster, access: Access) -> None:
    kind = cluster.store.kind("ConfigMap")
    for number in range(1_201):
        cluster.store.create(kind, "shop", {"metadata": {"name": f"n{number}"}})
    async with access.api(SETTINGS) as api:
        found = await api.list(CONFIG_MAPS, "shop")
    assert len({each["metadata"]["name"] for each in found}) == 1_201


async def test_a_cluster_says_who_it_is_and_what_one_may_do(cluster: Cluster, access: Access) -> None:
    async with access.api(SETTINGS) as api:
        assert await api.identity() == cluster.get("Namespace", "kube-system", "")["metadata"]["uid"]
        assert await api.version() == "v1.33.0"
        assert await api.may("patch", DEPLOYMENTS, "shop")
        cluster.faults.forbidden.add(("patch", "deployments"))
        assert not await api.may("patch", DEPLOYMENTS, "shop")
        cluster.faults.forbidden.add(("list", "deployments"))
        with pytest.raises(KubeError, match=r"does not allow it: .* cannot list resource") as forbidden:
            await api.list(DEPLOYMENTS, "shop")
        assert forbidden.value.permanent


async def test_a_cluster_that_is_away_may_come_back(cluster: Cluster, access: Access) -> None:
    async with access.api(SETTINGS) as api:
        cluster.faults.refuse.append("list")
        with pytest.raises(KubeError, match="the server is going away") as going:
            await api.list(DEPLOYMENTS, "shop")
        assert not going.value.permanent
        cluster.faults.down = True
        with pytest.raises(IntegrationError, match=r"127\.0\.0\.1:\d+ does not answer") as away:
            await api.list(DEPLOYMENTS, "shop")
        assert not away.value.permanent


async def test_other_credentials_count_at_once(cluster: Cluster, access: Access) -> None:
    good = cluster.kubeconfig.read_text()
    cluster.kubeconfig.write_text(good.replace(TOKEN, "wrong"))
    async with access.api(SETTINGS) as api:
        with pytest.raises(KubeError, match="does not know these credentials") as stranger:
            await api.version()
        assert stranger.value.permanent
    cluster.kubeconfig.write_text(good)
    async with access.api(SETTINGS) as api:
        assert await api.version()


async def test_a_plug_in_of_a_cloud_may_bring_the_token(cluster: Cluster, access: Access) -> None:
    status = {"token": TOKEN, "expirationTimestamp": "2036-01-01T00:00:00Z"}
    brought = {"apiVersion": PLUG_IN, "kind": "ExecCredential", "status": status}
    (cluster.home / "credential").write_text(json.dumps(brought))
    plug_in = {"apiVersion": PLUG_IN, "command": "cat", "args": [str(cluster.home / "credential")]}
    config = json.loads(cluster.kubeconfig.read_text())
    config["users"][0]["user"] = {"exec": {**plug_in, "interactiveMode": "Never"}}
    cluster.kubeconfig.write_text(json.dumps(config))
    async with access.api(SETTINGS) as api:
        assert await api.version()
    cluster.door.token = status["token"] = "another-token"
    (cluster.home / "credential").write_text(json.dumps(brought))
    with pytest.raises(KubeError, match="does not know these credentials"):
        async with access.api(SETTINGS) as api:
            await api.version()
    async with access.api(SETTINGS) as api:
        assert await api.version()
    plug_in["args"] = [str(cluster.home / "nothing")]
    config["users"][0]["user"] = {"exec": plug_in}
    cluster.kubeconfig.write_text(json.dumps(config))
    with pytest.raises(IntegrationError, match="kubeconfig cannot be used") as refused:
        async with access.api(SETTINGS):
            pass
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("token: [", "is not YAML of a kubeconfig"),
        (TOKEN, "is not YAML of a kubeconfig"),
        (json.dumps({"current-context": "a", "contexts": [], "token": TOKEN}), "cannot be used"),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_is_refused_without_its_content(text: str, says: str) -> None:
    with pytest.raises(IntegrationError, match=says) as refused:
        await configuration(text, None)
    assert refused.value.permanent
    assert TOKEN not in str(refused.value)


async def test_a_missing_kubeconfig_is_named(cluster: Cluster) -> None:
    for name in ("nothing", "../kubeconfig"):
        with pytest.raises(IntegrationError, match=f"There is no kubeconfig `{name}`; put it in a file"):
            async with Access(Connections(secrets=cluster.home)).api({"kubeconfig": name}):
                pass
    with pytest.raises(IntegrationError, match="does not run in a cluster"):
        async with Access(Connections()).api({}):
            pass


def test_the_client_is_loaded_when_it_is_used_and_its_lack_is_a_sentence() -> None:
    lines = (
        "import asyncio, sys",
        "from integrations.registry import operations",
        "from integrations.kube import Access",
        "from integrations.connections import Connections",
        "operations()",
        "assert 'kubernetes_asyncio' not in sys.modules",
        "sys.modules['kubernetes_asyncio'] = None",
        "async def reach():",
        "    async with Access(Connections()).api({}): pass",
        "asyncio.run(reach())",
    )
    done = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False
    )
    assert "need `kubernetes_asyncio`, which is not installed; install Backstop with its extra" in done.stderr
