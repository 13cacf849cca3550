"""Real Helm 3 and real Helm 4 must agree with the stand-in of the cluster."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from tests.fakes.kube import Cluster, a_cluster, charts, clients

pytestmark = pytest.mark.real

Helm = Callable[..., Awaitable[clients.Said]]


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with a_cluster(tmp_path) as made:
        yield made


@pytest.fixture(params=["3", "4"])
def helm(request: pytest.FixtureRequest, cluster: Cluster) -> Helm:
    program = clients.helm(request.param)

    async def run(*words: str | Path) -> clients.Said:
        return await clients.run(program, *words, kubeconfig=cluster.kubeconfig, home=cluster.home)

    return run


def image(cluster: Cluster) -> str:
    return str(cluster.get("Deployment", "checkout")["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_a_release_is_installed_upgraded_and_rolled_back(cluster: Cluster, helm: Helm) -> None:
    chart = charts.checkout(cluster.home)
    installed = await helm("install", "checkout", chart, "--set=tag=2.3.0", "--wait", "--timeout=20s")
    assert installed.code == 0, installed.err
    upgraded = await helm("upgrade", "checkout", chart, "--set=tag=2.4.0", "--wait", "--timeout=20s")
    assert upgraded.code == 0, upgraded.err
    assert image(cluster) == "registry/checkout:2.4.0"
    rolled = await helm("rollback", "checkout", "1", "--wait", "--timeout=20s")
    assert rolled.code == 0, rolled.err
    assert image(cluster) == "registry/checkout:2.3.0"
    history = json.loads((await helm("history", "checkout", "-o", "json")).out)
    assert [(each["revision"], each["status"], each["description"]) for each in history] == [
        (1, "superseded", "Install complete"),
        (2, "superseded", "Upgrade complete"),
        (3, "deployed", "Rollback to 1"),
    ]
    status = json.loads((await helm("status", "checkout", "-o", "json")).out)
    assert (status["version"], status["info"]["status"]) == (3, "deployed")
    assert (await helm("get", "values", "checkout", "-o", "json")).out.strip() == '{"tag":"2.3.0"}'


async def test_a_rollback_that_never_gets_ready_fails(cluster: Cluster, helm: Helm) -> None:
    chart = charts.checkout(cluster.home)
    for words in (("install", "--set=tag=2.3.0"), ("upgrade", "--set=tag=2.4.0")):
        done = await helm(words[0], "checkout", chart, words[1], "--wait", "--timeout=20s")
        assert done.code == 0, done.err
    cluster.rollouts.open.clear()
    late = await helm("rollback", "checkout", "1", "--wait", "--timeout=1s")
    assert late.code != 0
    history = json.loads((await helm("history", "checkout", "-o", "json")).out)
    assert history[-1]["status"] == "failed"


async def test_a_release_that_is_not_there_is_said_to_be_missing(helm: Helm) -> None:
    missing = await helm("status", "nothing", "-o", "json")
    assert missing.code == 1
    assert "release: not found" in missing.err
