"""Deployments of Kubernetes: rollouts undone, replicas scaled, both through the API.

An undo can itself be undone, by going back to the revision before it; so both are called reversible. What a
cluster was told stays its own matter: a rollout that is under way is not broken off by a cancel.

Settings of a target and of a source: `kubeconfig` (the name of a secret; left out inside a cluster),
`context`, `namespace` (by default `default`) and `deployment` (by default the name of the target or the id of
the source).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from integrations.asked import operation_of, params_of, target_of
from integrations.connections import Connections
from integrations.contract import (
    Call,
    Cap,
    CheckResult,
    Goal,
    Health,
    IntegrationError,
    JobRef,
    JobState,
    LogChunk,
    Operation,
    Prepared,
    RecoveryPoint,
    Repeat,
    Resolution,
    Source,
    Target,
)
from integrations.kube import Access, KubeApi, KubeError, Resource
from integrations.kubernetes import changes
from integrations.kubernetes.acts import Act
from integrations.kubernetes.asked import OPERATIONS, Place, Scale, Undo, place_at, place_of
from integrations.kubernetes.changes import Change
from integrations.kubernetes.deployment import Seen, troubles
from integrations.kubernetes.judge import check, points_of, resolved, state_of
from integrations.without import WithoutPoints

DEPLOYMENTS = Resource("apps/v1", "deployments")
REPLICA_SETS = Resource("apps/v1", "replicasets")
PODS = Resource("v1", "pods")

_TRIES = 20
_SHORT = 13
_LEAVES = (
    "Kubernetes goes on towards what it was told, also after an abort: `kubectl rollout pause` stops it in "
    "between, an undo to another revision goes there."
)

_Wanted = Callable[[Seen], tuple[Act, Change] | None]


class Kubernetes(WithoutPoints):
    """Undoes rollouts of Deployments, scales them, and checks what runs."""

    name: ClassVar[str] = "kubernetes"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.PROGRESS})
    operations = OPERATIONS

    def __init__(self, connections: Connections) -> None:
        self._access = Access(connections)
        self._now = connections.now

    async def health(self, target: Target) -> Health:
        """Say which Deployment of which cluster it is, and whether these credentials may change it."""
        place = place_of(target)
        async with self._access.api(place.locator) as api:
            cluster, version = await api.identity(), await api.version()
            seen = await _look(api, place)
            problems = [
                f"These credentials may not {verb} {resource.plural} in {place.namespace}."
                for verb, resource in (("patch", DEPLOYMENTS), ("list", REPLICA_SETS))
                if not await api.may(verb, resource, place.namespace)
            ]
        if seen.paused:
            problems.append(f"The rollouts of {place.words} are paused; resume them first.")
        identity = f"kubernetes:{cluster[:_SHORT]}:{place.words}#{seen.meta['uid'][:_SHORT]}"
        return Health(ok=not problems, identity=identity, version=version, problems=tuple(problems))

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        """List the revisions, newest first; `finished_at` is when a revision's content came first."""
        points = points_of(await self._seen(place_of(source)), self.name)
        return tuple(point for point in points if since is None or point.finished_at >= since)

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Choose the revision before the current one, or exactly the one that is named."""
        return resolved(await self._seen(place_of(source)), self.name, goal)

    async def plan(self, call: Call) -> Prepared:
        """Show the patch in words; what stands against it is said before anybody approves."""
        operation, place = self._asked(call), place_of(target_of(call))
        params = params_of(operation.params, call)
        what, by_hand, repeat = f"GET deployments/{place.name}", f"get deployment/{place.name}", Repeat.SAFE
        lines, work = [f"{what} in {place.namespace}"], dict[str, int]()
        if isinstance(params, Undo | Scale):
            seen = await self._seen(place)
            if objection := changes.objection(seen, params):
                raise IntegrationError(f"{place.words}: {objection}", permanent=True)
            what, by_hand, repeat = changes.words(seen, call, params, place.name)
            lines = [f"PATCH deployments/{place.name} in {place.namespace}: {what}", *changes.warnings(seen)]
            work = {"rollout": seen.replicas}
        return Prepared(
            preview=tuple(lines),
            by_hand=place.kubectl(by_hand),
            leaves=_LEAVES if operation.kind == "step" else "Nothing is changed.",
            effect=operation.effect,
            repeat=repeat,
            cancel=operation.cancel,
            work=work,
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Return what was done under a key, as the Deployment's own note has it."""
        place = place_of(target_of(call))
        return self._ref(place, key) if (await self._seen(place)).act(key) else None

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Patch the Deployment once; the note of its key is part of the patch."""
        operation, place = self._asked(call), place_of(target_of(call))
        if operation.kind != "step":
            raise IntegrationError(f"{call.operation} is a check, not a step.", permanent=True)
        params = params_of(operation.params, call)
        assert isinstance(params, Undo | Scale)

        def wanted(seen: Seen) -> tuple[Act, Change] | None:
            if known := seen.act(key):
                _same(known, operation)
                return None
            if objection := changes.objection(seen, params, token=token):
                raise IntegrationError(f"{place.words}: {objection}", permanent=True)
            change = changes.changed(seen, call, params, key=key)
            return self._act(seen, call, key, wants=change.wants, token=token), change

        await self._write(place, wanted)
        return self._ref(place, key)

    async def poll(self, ref: JobRef) -> JobState:
        """Return how far the rollout is that the act asked for."""
        seen = await self._seen(place_at(ref.locator))
        return state_of(seen, seen.act(ref.key), now=self._now())

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        """Return what Kubernetes says of the rollout now, and why containers wait."""
        place = place_at(ref.locator)
        async with self._access.api(place.locator) as api:
            seen = await _look(api, place)
            try:
                lines = [*seen.said(), *troubles(await api.list(PODS, place.namespace, labels=_labels(seen)))]
            except KubeError:
                lines = seen.said()
        text = "".join(f"{line}\n" for line in lines)[offset:]
        return LogChunk(text, offset + len(text))

    async def cancel(self, ref: JobRef) -> None:
        """Follow the act no longer; Kubernetes goes on towards what it was told."""
        await self._settle(place_at(ref.locator), ref.key, "")

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Note on the Deployment that a key is settled, which a late start reads before it acts."""
        operation, place = self._asked(call), place_of(target_of(call))
        await self._settle(place, key, operation.name, call)
        return self._ref(place, key)

    async def check(self, call: Call) -> CheckResult:
        """Judge what runs now."""
        operation, place = self._asked(call), place_of(target_of(call))
        if operation.kind != "check":
            raise IntegrationError(f"{call.operation} is a step, not a check.", permanent=True)
        params = params_of(operation.params, call)
        return check(operation.name, params, await self._seen(place))

    async def _settle(self, place: Place, key: str, operation: str, call: Call | None = None) -> None:
        def wanted(seen: Seen) -> tuple[Act, Change] | None:
            known = seen.act(key)
            if known is None:
                fresh = self._act(seen, call or Call(operation), key)
                return fresh.model_copy(update={"ended": "settled"}), Change("")
            if known.ended or not state_of(seen, known, now=self._now()).alive:
                return None
            return known.model_copy(update={"ended": "cancelled"}), Change("")

        await self._write(place, wanted)

    async def _write(self, place: Place, wanted: _Wanted) -> None:
        """Patch the Deployment as it was looked at; who was slower looks again and decides anew."""
        async with self._access.api(place.locator) as api:
            for _ in range(_TRIES):
                seen = await _look(api, place)
                found = wanted(seen)
                if found is None:
                    return
                try:
                    await api.patch(DEPLOYMENTS, place.namespace, place.name, changes.patch(seen, *found))
                except KubeError as error:
                    if error.reason != "Conflict":
                        raise
                else:
                    return
        raise IntegrationError(f"{place.words} changes faster than it can be written.", permanent=False)

    def _act(self, seen: Seen, call: Call, key: str, *, wants: str = "", token: int | None = None) -> Act:
        now = self._now()
        return Act(
            key=key,
            operation=call.operation,
            at=now,
            until=now + timedelta(seconds=call.timeout_s),
            wants=wants,
            token=token,
            late=seen.late,
        )

    async def _seen(self, place: Place) -> Seen:
        async with self._access.api(place.locator) as api:
            return await _look(api, place)

    def _asked(self, call: Call) -> Operation:
        operation = operation_of(self.name, self.operations, call)
        params_of(operation.params, call)
        return operation

    def _ref(self, place: Place, key: str) -> JobRef:
        return JobRef(key, self.name, place.locator)


async def _look(api: KubeApi, place: Place) -> Seen:
    item = await api.get(DEPLOYMENTS, place.namespace, place.name)
    if item is None:
        raise IntegrationError(f"There is no Deployment {place.words} in the cluster.", permanent=True)
    found = await api.list(REPLICA_SETS, place.namespace, labels=_labels(Seen(item, ())))
    own = [each for each in found if _owner(each) == item["metadata"]["uid"]]
    return Seen(item, own)


def _owner(item: dict[str, object]) -> str:
    meta = item["metadata"]
    owners = meta.get("ownerReferences", ()) if isinstance(meta, dict) else ()
    return next((str(owner["uid"]) for owner in owners if owner.get("controller")), "")


def _labels(seen: Seen) -> str:
    chosen = seen.item["spec"]["selector"].get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(chosen.items()))


def _same(known: Act, operation: Operation) -> None:
    if known.ended:
        raise IntegrationError(f"{known.key} was settled and can never start.", permanent=True)
    if known.operation != operation.name:
        text = f"The key {known.key} was used for {known.operation}; another act needs another key."
        raise IntegrationError(text, permanent=True)
