"""The controller of Deployments: ReplicaSets as revisions, and rollouts that take their time or get stuck."""

from __future__ import annotations

import asyncio
import hashlib
import json
from contextlib import suppress
from typing import Any

from tests.fakes.kube.kinds import Kind, Object
from tests.fakes.kube.store import ApiError, Store, invalid, now

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"
HASH = "pod-template-hash"

_NOT_COPIED = {REVISION, HISTORY, "kubectl.kubernetes.io/last-applied-configuration"}
_CONTAINER: Object = {
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
_POD: Object = {
    "restartPolicy": "Always",
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
_SPEC: Object = {
    "replicas": 1,
    "revisionHistoryLimit": 10,
    "progressDeadlineSeconds": 600,
    "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}},
}

Place = tuple[str, str]


class Rollouts:
    """Carries rollouts out. `open` lets replicas get ready; images in `broken` never do.

    A replica takes `replica_s`; a rollout that gets stuck says so after `deadline_s`.
    """

    def __init__(self, store: Store) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.broken: set[str] = set()
        self.replica_s, self.deadline_s = 0.01, 0.05
        self._store = store
        self._under_way: dict[Place, asyncio.Task[None]] = {}
        self._seen: dict[Place, int] = {}
        store.admit.append(admit)
        store.seen.append(self._look)

    async def close(self) -> None:
        """End everything that is under way."""
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    def _look(self, kind: Kind, type: str, item: Object) -> None:
        if kind.name != "Deployment":
            return
        place = (item["metadata"]["namespace"], item["metadata"]["name"])
        generation = item["metadata"]["generation"]
        if type != "DELETED" and (type == "ADDED" or self._seen.get(place) != generation):
            self._seen[place] = generation
            before = self._under_way.pop(place, None)
            if before is not None:
                before.cancel()
            self._under_way[place] = asyncio.get_running_loop().create_task(self._carry_out(place))

    async def _carry_out(self, place: Place) -> None:
        with suppress(ApiError):
            await asyncio.sleep(0)
            deployment = self._deployment(place)
            if deployment["spec"].get("paused"):
                self._say(place, {})
                return
            await self._roll(place, self._revision(deployment))

    async def _roll(self, place: Place, current: Object) -> None:
        spec = self._deployment(place)["spec"]
        total = spec["replicas"]
        ready = (self._deployment(place).get("status") or {}).get("availableReplicas", 0)
        kept = min(self._ready(place, current), total)
        self._resize(place, current, total)
        name = current["metadata"]["name"]
        images = {container["image"] for container in spec["template"]["spec"]["containers"]}
        for done in range(kept, total):
            self._report(
                place,
                total,
                done,
                max(ready, done),
                ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.'),
            )
            await asyncio.sleep(self.replica_s)
            await self.open.wait()
            if images & self.broken:
                await asyncio.sleep(self.deadline_s)
                with suppress(ApiError):  # it is there from an earlier try
                    self._pod(place, current)
                late = f'ReplicaSet "{name}" has timed out progressing.'
                self._report(place, total, done, ready, ("False", "ProgressDeadlineExceeded", late))
                return
        self._retire(place, current)
        done = ("True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.')
        self._report(place, total, total, total, done)
        self._forget(place)

    def _pod(self, place: Place, which: Object) -> None:
        """Put a pod there whose image cannot be pulled."""
        kind, template = self._store.kind("Pod"), which["spec"]["template"]
        name = f"{which['metadata']['name']}-x7k2p"
        container = template["spec"]["containers"][0]
        waiting = {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{container["image"]}"'}
        meta = {"name": name, "labels": template["metadata"]["labels"]}
        made = self._store.create(kind, place[0], {"metadata": meta, "spec": template["spec"]})
        made["status"] = {"containerStatuses": [{"name": container["name"], "state": {"waiting": waiting}}]}
        self._store.replace(kind, place[0], name, made, part="status")

    def _revision(self, deployment: Object) -> Object:
        """Return the ReplicaSet of a deployment's template as its newest revision."""
        own = self._owned(deployment)
        newest = max((_number(each) for each in own), default=0)
        template = _bare(deployment["spec"]["template"])
        same = next((each for each in own if _bare(each["spec"]["template"]) == template), None)
        if same is None:
            same = self._made(deployment, template, newest + 1)
        elif _number(same) < newest:
            notes = same["metadata"]["annotations"]
            notes[HISTORY] = ",".join(filter(None, [notes.get(HISTORY), notes[REVISION]]))
            notes[REVISION] = str(newest + 1)
        same["metadata"]["annotations"] |= _notes(deployment)
        same = self._replace("ReplicaSet", same)
        fresh = self._deployment((deployment["metadata"]["namespace"], deployment["metadata"]["name"]))
        fresh["metadata"].setdefault("annotations", {})[REVISION] = same["metadata"]["annotations"][REVISION]
        self._replace("Deployment", fresh)
        return same

    def _made(self, deployment: Object, template: Object, revision: int) -> Object:
        meta = deployment["metadata"]
        mark = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:10]
        labels = {**template["metadata"].get("labels", {}), HASH: mark}
        owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"], "uid": meta["uid"]}
        body = {
            "metadata": {
                "name": f"{meta['name']}-{mark}",
                "labels": labels,
                "annotations": {REVISION: str(revision)},
                "ownerReferences": [{**owner, "controller": True, "blockOwnerDeletion": True}],
            },
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": labels},
                "template": {**template, "metadata": {**template["metadata"], "labels": labels}},
            },
        }
        return self._store.create(self._store.kind("ReplicaSet"), meta["namespace"], body)

    def _owned(self, deployment: Object) -> list[Object]:
        uid = deployment["metadata"]["uid"]
        found = self._store.list(self._store.kind("ReplicaSet"), deployment["metadata"]["namespace"])
        return [each for each in found if each["metadata"].get("ownerReferences", [{}])[0].get("uid") == uid]

    def _retire(self, place: Place, current: Object) -> None:
        for each in self._owned(self._deployment(place)):
            if each["metadata"]["name"] != current["metadata"]["name"]:
                self._resize(place, each, 0)
        self._resize(place, current, self._deployment(place)["spec"]["replicas"], ready=True)

    def _resize(self, place: Place, which: Object, replicas: int, *, ready: bool = False) -> None:
        kind = self._store.kind("ReplicaSet")
        fresh = self._store.get(kind, place[0], which["metadata"]["name"])
        fresh["spec"]["replicas"] = replicas
        fresh = self._replace("ReplicaSet", fresh)
        was = (fresh.get("status") or {}).get("readyReplicas", 0)
        figure = replicas if ready else min(was, replicas)
        generation = fresh["metadata"]["generation"]
        fresh["status"] = {"replicas": replicas, "observedGeneration": generation}
        if figure:
            fresh["status"] |= {"readyReplicas": figure, "availableReplicas": figure}
        self._store.replace(kind, place[0], fresh["metadata"]["name"], fresh, part="status")

    def _ready(self, place: Place, which: Object) -> int:
        fresh = self._store.get(self._store.kind("ReplicaSet"), place[0], which["metadata"]["name"])
        return int((fresh.get("status") or {}).get("readyReplicas", 0))

    def _forget(self, place: Place) -> None:
        """Remove what is older than the history the deployment keeps."""
        deployment = self._deployment(place)
        old = [each for each in self._owned(deployment) if not each["spec"]["replicas"]]
        spare = len(old) - deployment["spec"]["revisionHistoryLimit"]
        for each in sorted(old, key=_number)[: max(spare, 0)]:
            self._store.delete(self._store.kind("ReplicaSet"), place[0], each["metadata"]["name"])

    def _report(
        self, place: Place, total: int, updated: int, ready: int, progress: tuple[str, str, str]
    ) -> None:
        available = "True" if ready >= total else "False"
        self._say(
            place,
            {
                "replicas": max(total, ready),
                "updatedReplicas": updated,
                "readyReplicas": ready,
                "availableReplicas": ready,
                "unavailableReplicas": max(total - ready, 0),
                "conditions": [
                    _condition("Available", available, "MinimumReplicasAvailable", ""),
                    _condition("Progressing", *progress),
                ],
            },
        )

    def _say(self, place: Place, said: Object) -> None:
        fresh = self._deployment(place)
        figures = {key: value for key, value in said.items() if value != 0}
        fresh["status"] = {**figures, "observedGeneration": fresh["metadata"]["generation"]}
        self._store.replace(self._store.kind("Deployment"), *place, fresh, part="status")

    def _deployment(self, place: Place) -> Object:
        return self._store.get(self._store.kind("Deployment"), *place)

    def _replace(self, kind: str, item: Object) -> Object:
        meta = item["metadata"]
        return self._store.replace(self._store.kind(kind), meta["namespace"], meta["name"], item)


def admit(kind: Kind, old: Object | None, made: Object) -> None:
    """Fill in what the API fills in, and refuse a selector that does not choose its own pods."""
    if kind.name != "Deployment":
        return
    spec = made.setdefault("spec", {})
    template = spec.setdefault("template", {})
    labels = template.setdefault("metadata", {}).setdefault("labels", {})
    if not spec.get("selector", {}).get("matchLabels", {}).items() <= labels.items():
        why = "spec.template.metadata.labels: Invalid value: `selector` does not match template `labels`"
        raise invalid(kind, made["metadata"]["name"], why)
    if old and spec["selector"] != old["spec"]["selector"]:
        raise invalid(kind, made["metadata"]["name"], "spec.selector: field is immutable")
    made["spec"] = {**_SPEC, **spec}
    pod = template.setdefault("spec", {})
    if not pod.get("containers"):
        raise invalid(kind, made["metadata"]["name"], "spec.template.spec.containers: Required value")
    if template["metadata"].get("creationTimestamp") is None:
        template["metadata"].pop("creationTimestamp", None)
    template["spec"] = {**_POD, **pod}
    template["spec"]["containers"] = [{**_CONTAINER, **each} for each in pod["containers"]]


def _bare(template: Object) -> Object:
    labels = {key: value for key, value in template["metadata"].get("labels", {}).items() if key != HASH}
    return {**template, "metadata": {**template["metadata"], "labels": labels}}


def _number(replica_set: Object) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(REVISION, 0))


def _notes(deployment: Object) -> Object:
    notes: dict[str, Any] = deployment["metadata"].get("annotations") or {}
    return {key: value for key, value in notes.items() if key not in _NOT_COPIED}


def _condition(type: str, status: str, reason: str, message: str) -> Object:
    at = now()
    times = {"lastUpdateTime": at, "lastTransitionTime": at}
    return {"type": type, "status": status, "reason": reason, "message": message, **times}
