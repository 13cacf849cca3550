"""A release in the cluster that the real Helm, 3 or 4, installed and a bad upgrade replaced."""

from __future__ import annotations

import asyncio
import json
import os
from asyncio.subprocess import DEVNULL, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from integrations.contract import Source, Target
from integrations.registry import open_engines
from tests.fakes.kube import Cluster, a_cluster, charts, clients
from tests.integrations.host import Host, a_host, until

_CONFIG = """
[targets.shop]
kind = "helm"
release = "checkout"
namespace = "shop"
kubeconfig = "{kubeconfig}"
helm = "{helm}"
patience = "{patience}"
kept = "{home}/rollbacks"
allow = ["helm.rollback"]
"""


class Releases:
    """The release, the runner's host that reaches it, and the engine."""

    def __init__(self, host: Host, cluster: Cluster, helm: Path) -> None:
        self.host, self.cluster, self.kept = host, cluster, host.home / "rollbacks"
        self._helm = helm
        self.engine = open_engines(host.connections)["helm"]
        self.target = Target("shop", "helm", "production")
        self.source = Source("shop", "helm")

    async def helm(self, *words: str | Path) -> clients.Said:
        """Run Helm as a pipeline or an operator does."""
        return await clients.run(
            self._helm, *words, kubeconfig=self.cluster.kubeconfig, home=self.cluster.home
        )

    async def begin(self, *words: str | Path) -> Process:
        """Start Helm as somebody else does, and do not wait."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.host.home)}
        reach = (f"--kubeconfig={self.cluster.kubeconfig}", "--namespace=shop")
        return await asyncio.create_subprocess_exec(
            str(self._helm), *map(str, words), *reach, env=environment, stdout=DEVNULL, stderr=DEVNULL
        )

    async def release(self, verb: str, tag: str) -> None:
        """Install or upgrade, and wait until it runs."""
        chart = self.cluster.home / "chart"
        done = await self.helm(verb, "checkout", chart, f"--set=tag={tag}")
        assert done.code == 0, done.err
        await self.cluster.settled("checkout")

    async def history(self) -> list[dict[str, Any]]:
        """Return the revisions as Helm lists them, oldest first."""
        found: list[dict[str, Any]] = json.loads((await self.helm("history", "checkout", "-o", "json")).out)
        return found

    def revisions(self) -> list[str]:
        """Return the names of the revisions as the cluster keeps them."""
        kind = self.cluster.store.kind("Secret")
        return [each["metadata"]["name"] for each in self.cluster.store.list(kind, "shop")]

    async def pending(self) -> None:
        """Wait until a rollback is half done."""

        async def look() -> bool:
            return bool((await self.history())[-1]["status"] == "pending-rollback")

        await until(look)

    @property
    def tag(self) -> str:
        """Return the tag of the image that is wanted."""
        spec = self.cluster.get("Deployment", "checkout")["spec"]["template"]["spec"]
        return str(spec["containers"][0]["image"].rpartition(":")[2])


@asynccontextmanager
async def a_release(home: Path, major: str, *, patience: str = "1m0s") -> AsyncIterator[Releases]:
    """Return a release whose second revision is bad; everything of it is ended afterwards."""
    helm = clients.helm(major)
    charts.checkout(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))  # where Helm keeps what it found out about a cluster
        async with a_cluster(home) as cluster:
            config = _CONFIG.format(kubeconfig=cluster.kubeconfig, helm=helm, patience=patience, home=home)
            async with a_host(home, config) as host:
                releases = Releases(host, cluster, helm)
                await releases.release("install", "2.3.0")
                await releases.release("upgrade", "2.4.0")
                yield releases
