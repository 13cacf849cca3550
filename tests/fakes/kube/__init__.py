"""A cluster on loopback: the part of the Kubernetes API that kubectl, Helm and Backstop speak.

Real kubectl and real Helm are its proof (`test_kubectl.py`, `test_helm.py`).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import web

from tests.fakes.kube import certificate
from tests.fakes.kube.door import Door
from tests.fakes.kube.kinds import Object
from tests.fakes.kube.rollouts import Rollouts
from tests.fakes.kube.store import Store
from tests.fakes.kube.velero import Velero

TOKEN = "s3cr3t-canary-of-the-cluster"


class Cluster:
    """A running cluster. `home` holds the kubeconfig that clients are given."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.kubeconfig = home / "kubeconfig"
        self.store = Store()
        self.rollouts = Rollouts(self.store)
        self.velero = Velero(self.store)
        self.door = Door(self.store, TOKEN)
        self.faults = self.door.faults
        for name in ("default", "kube-system", "shop"):
            self.store.create(self.store.kind("Namespace"), "", {"metadata": {"name": name}})

    def get(self, kind: str, name: str, namespace: str = "shop") -> Object:
        """Return an object by the name of its kind."""
        return self.store.get(self.store.kind(kind), namespace, name)

    def acts(self, verb: str, plural: str) -> int:
        """Return how often clients have asked for an act."""
        return sum((each.verb, each.kind.plural) == (verb, plural) for each in self.door.asked)

    def deploy(self, name: str, image: str, *, replicas: int = 2, **notes: str) -> Object:
        """Put a Deployment there, or another image into the one that is there, as a pipeline does."""
        kind = self.store.kind("Deployment")
        if not any(each["metadata"]["name"] == name for each in self.store.list(kind, "shop")):
            return self.store.create(kind, "shop", deployment(name, image, replicas, notes))
        fresh = self.store.get(kind, "shop", name)
        fresh["spec"]["template"]["spec"]["containers"][0]["image"] = image
        fresh["metadata"]["annotations"] |= notes
        return self.store.replace(kind, "shop", name, fresh)

    async def settled(self, name: str) -> Object:
        """Wait until a Deployment's rollout is over, one way or the other, and return the Deployment."""

        async def over() -> Object:
            while True:
                found = self.get("Deployment", name)
                status = found.get("status") or {}
                reasons = {each["reason"] for each in status.get("conditions", ())}
                current = status.get("observedGeneration") == found["metadata"]["generation"]
                if current and reasons & {"NewReplicaSetAvailable", "ProgressDeadlineExceeded"}:
                    return found
                await asyncio.sleep(0.005)

        return await asyncio.wait_for(over(), 20)

    async def looked(self, name: str) -> None:
        """Wait until the cluster has looked at a Deployment's newest change."""

        async def seen() -> None:
            while True:
                found = self.get("Deployment", name)
                if (found.get("status") or {}).get("observedGeneration") == found["metadata"]["generation"]:
                    return
                await asyncio.sleep(0.005)

        await asyncio.wait_for(seen(), 20)

    def write_kubeconfig(self, url: str) -> None:
        """Write what clients need to reach it, with the token in it."""
        cluster = {"server": url, "certificate-authority-data": certificate.trusted()}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "stand-in", "cluster": cluster}],
            "users": [{"name": "backstop", "user": {"token": TOKEN}}],
            "contexts": [
                {
                    "name": "stand-in",
                    "context": {"cluster": "stand-in", "user": "backstop", "namespace": "shop"},
                }
            ],
            "current-context": "stand-in",
        }
        self.kubeconfig.write_text(json.dumps(config))
        self.kubeconfig.chmod(0o600)


def deployment(name: str, image: str, replicas: int = 2, notes: dict[str, str] | None = None) -> Object:
    """Return a Deployment as a manifest has it."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "annotations": dict(notes or {})},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": name, "image": image}]},
            },
        },
    }


@asynccontextmanager
async def a_cluster(home: Path) -> AsyncIterator[Cluster]:
    """Serve a cluster over TLS on loopback."""
    cluster = Cluster(home)
    runner = web.AppRunner(cluster.door.app(), shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate.context())
    await site.start()
    address: Any = runner.addresses[0]
    cluster.write_kubeconfig(f"https://127.0.0.1:{address[1]}")
    try:
        yield cluster
    finally:
        await cluster.rollouts.close()
        await runner.cleanup()
