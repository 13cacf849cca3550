"""Restores and backups of namespaces, each an object whose name is made of its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from integrations.api import Declined, same
from integrations.asked import NoParams, Params, operation_of, params_of, target_of
from integrations.connections import Connections
from integrations.contract import (
    Call,
    Cancel,
    Cap,
    CheckResult,
    Effect,
    Goal,
    Health,
    IntegrationError,
    JobRef,
    JobState,
    Json,
    Operation,
    Phase,
    Prepared,
    RecoveryPoint,
    Repeat,
    Resolution,
    Source,
    Target,
    ToRevision,
)
from integrations.kube import Access, KubeApi, KubeError, Object, Resource
from integrations.remote import Remote
from integrations.typed import settings_of
from integrations.velero import objects
from integrations.velero.objects import BACKUPS, LOCATIONS, RESTORES, SCHEDULES, Kept, Settings
from integrations.whole import choose
from integrations.without import WithoutPoints, cannot

_DEPLOYMENTS, _EVERYWHERE = (
    Resource("apps/v1", "deployments"),
    Resource("apps/v1", "deployments", namespaced=False),
)
_CLAIMS = Resource("v1", "persistentvolumeclaims")
_TAKEN = 409
_NO = frozenset({400, 403, 404, 422})
_UNFIT = {
    "partial": "Velero could not back everything up",
    "stranded": "it has expired, or its storage cannot be reached",
}


class Covered(Params):
    """Namespaces that need no schedule."""

    except_for: tuple[str, ...] = ("kube-system", "velero")


class Velero(Remote["_Place"], WithoutPoints):
    """Restores namespaces of a cluster from Velero's backups, and says which ones nobody backs up."""

    name: ClassVar[str] = "velero"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.PROGRESS, Cap.BACKUP})
    operations: ClassVar[Mapping[str, Operation]] = {
        "restore": Operation("restore", NoParams, Effect.DESTRUCTIVE, cancel=Cancel.NONE, needs_point=True),
        "restored": Operation(
            "restored", NoParams, Effect.READ, "check", Repeat.SAFE, Cancel.CLEAN, needs_point=True
        ),
        "covered": Operation("covered", Covered, Effect.READ, "check", Repeat.SAFE, Cancel.CLEAN),
    }

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._access = Access(connections)

    async def health(self, target: Target) -> Health:
        """Say which namespace of which cluster it is, and whether Velero could restore it."""
        place = _place(target)
        async with self._access.api(target.settings) as api:
            identity = f"velero:{await api.identity()}:{place.namespace}"
            reachable = await _reachable(api, place)
            may = await api.may("create", RESTORES, place.velero)
        problems = [f"No storage location of Velero in {place.velero} is available."] if not reachable else []
        problems += [] if may else [f"These credentials may not create Restores in {place.velero}."]
        return Health(ok=not problems, identity=identity, problems=tuple(problems))

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        """List the finished backups that have the whole namespace, newest first."""
        kept, place = settings_of(Kept, source), _place(source)
        labels = f"velero.io/schedule-name={objects.label_of(kept.schedule)}" if kept.schedule else ""
        async with self._access.api(source.settings) as api:
            found = await api.list(BACKUPS, place.velero, labels=labels)
            reachable = await _reachable(api, place)
        now = self._connections.now()
        points = [
            objects.point_of(one, reachable, self.name, now)
            for one in found
            if objects.covers(one["spec"], place.namespace)
        ]
        newest = sorted(
            (point for point in points if point), key=lambda point: point.finished_at, reverse=True
        )
        return tuple(point for point in newest if since is None or point.finished_at >= since)

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Choose the backup a goal means."""
        if isinstance(goal, ToRevision):
            return Resolution(None, "backups have no revisions: name a backup or a moment.")
        return choose(await self.points(source), goal, place="Velero's backups", unfit=_UNFIT)

    async def plan(self, call: Call) -> Prepared:
        """Show the Restore as it will be created; what would restore nothing is refused."""
        operation, place = self._asked(call)
        if operation.kind == "check":
            words = f"{operation.name} of {place.namespace}"
            return Prepared((words,), f"velero {operation.name}", "", Effect.READ, Repeat.SAFE, Cancel.CLEAN)
        async with self._access.api(place.reach) as api:
            found = await self._must_make_sense(api, place)
        items = ((found.get("status") or {}).get("progress") or {}).get("totalItems")
        beside = place.lands_in != place.namespace
        return Prepared(
            preview=(f"kubectl create -f - <<< {same(place.restore('KEY'))}",),
            by_hand=place.by_hand(),
            leaves="What was restored by then: Velero has no way to cancel, and goes on.",
            effect=Effect.REVERSIBLE if beside else operation.effect,
            repeat=operation.repeat,
            cancel=operation.cancel,
            work={"in progress": int(items)} if items else {},
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Look for the Restore of a key by its name."""
        _, place = self._asked(call)
        async with self._access.api(place.reach) as api:
            found = await api.get(RESTORES, place.velero, objects.name_of(key))
        return None if found is None else self._known(call, place, key)

    async def backup(self, source: Source, *, key: str, labels: Mapping[str, str]) -> JobRef:
        """Start a backup of the namespace; what it was taken for stands in its annotations."""
        if unknown := set(labels) - set(objects.MARKS):
            raise IntegrationError(f"backup: `{min(unknown)}` is no label of a backup.", permanent=True)
        place = _place(source)
        body = objects.backup(objects.name_of(key), key, labels, place.namespace, place.velero)
        async with self._access.api(place.reach) as api:
            await _create(api, BACKUPS, place.velero, body)
        return self._known(Call("backup"), place, key, kind=BACKUPS)

    async def check(self, call: Call) -> CheckResult:
        """Say whether a namespace has what a backup has, or which namespaces nobody backs up."""
        operation, place = self._asked(call)
        if operation.kind != "check":
            raise cannot(self.name, f"carry out {call.operation} as a check")
        async with self._access.api(place.reach) as api:
            if operation.name == "covered":
                return await _covered(api, place, params_of(Covered, call).except_for)
            return await _restored(api, place)

    async def _begin(self, call: Call, key: str) -> JobRef:
        _, place = self._asked(call)
        async with self._access.api(place.reach) as api:
            await self._must_make_sense(api, place)
            await _create(api, RESTORES, place.velero, place.restore(key))
        return self._known(call, place, key)

    async def _look(self, ref: JobRef) -> JobState:
        place = self._followed(ref)
        kind = BACKUPS if ref.locator["kind"] == BACKUPS.plural else RESTORES
        async with self._access.api(place.reach) as api:
            found = await api.get(kind, place.velero, ref.locator["name"])
        if found is None:
            return JobState(
                Phase.LOST, f"{ref.locator['name']} was deleted, and nobody can say how it ended."
            )
        return objects.state_of(found, self._connections.now(), allowed=place.settings.warnings_allowed)

    async def _end(self, ref: JobRef) -> None:
        raise cannot(self.name, "cancel what Velero has begun; it has no such request")

    async def _settle(self, call: Call, key: str) -> None:
        """Take the name of a key with a Restore that can never act: who comes later finds it taken."""
        _, place = self._asked(call)
        async with self._access.api(place.reach) as api:
            body = objects.tombstone(objects.name_of(key), key, place.velero)
            await _create(api, RESTORES, place.velero, body)
        await super()._settle(call, key)

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Settle a key for good; a restore that runs cannot be cancelled and is waited for."""
        async with self._alone(key):
            ref = await self.find(call, key=key)
            if ref is None:
                await self._settle(call, key)
                ref = await self.find(call, key=key)
        assert ref is not None
        return ref

    async def _must_make_sense(self, api: KubeApi, place: _Place) -> Object:
        """Refuse what Velero would accept and which would bring nothing, or not the data, back."""
        found = await api.get(BACKUPS, place.velero, place.point)
        if found is None or not objects.covers(found["spec"], place.namespace):
            raise Declined(
                f"Velero has no backup {place.point} with {place.namespace} in it any more. Plan again."
            )
        there = await api.list(_DEPLOYMENTS, place.lands_in)
        claims = await api.list(_CLAIMS, place.lands_in) if place.settings.volumes else []
        if there and place.settings.existing == "leave":
            names = ", ".join(sorted(one["metadata"]["name"] for one in there)[:5])
            raise Declined(
                f"{place.lands_in} has {len(there)} deployments already ({names}), which Velero leaves as "
                "they are: nothing of them would be restored. Say `existing: update`, or name another "
                "namespace as `lands_in`."
            )
        if claims:
            names = ", ".join(sorted(one["metadata"]["name"] for one in claims)[:5])
            raise Declined(
                f"{place.lands_in} has {len(claims)} volumes already ({names}), whose content Velero never "
                "replaces. Say `volumes: false` if only objects are to be restored, or name another "
                "namespace as `lands_in`."
            )
        return found

    def _asked(self, call: Call) -> tuple[Operation, _Place]:
        operation = operation_of(self.name, self.operations, call)
        params_of(operation.params, call)
        if operation.needs_point and call.point is None:
            raise IntegrationError(f"{call.operation} needs a recovery point.", permanent=True)
        return operation, _place(target_of(call), call.point)

    def _known(self, call: Call, place: _Place, key: str, *, kind: Resource = RESTORES) -> JobRef:
        self._jobs[key] = place
        return self._ref(call, key, name=objects.name_of(key), kind=kind.plural)


@dataclass(frozen=True, slots=True)
class _Place:
    """A namespace, how its cluster is reached, and what is done with which backup."""

    reach: Mapping[str, Json]
    namespace: str
    settings: Settings
    point: str = ""

    @property
    def velero(self) -> str:
        return self.settings.velero

    @property
    def lands_in(self) -> str:
        return self.settings.lands_in or self.namespace

    def restore(self, key: str) -> Object:
        return objects.restore(objects.name_of(key), key, self.point, self.namespace, self.settings)

    def by_hand(self) -> str:
        words = [
            "velero restore create",
            f"--from-backup {self.point}",
            f"--include-namespaces {self.namespace}",
        ]
        if self.lands_in != self.namespace:
            words.append(f"--namespace-mappings {self.namespace}:{self.lands_in}")
        if self.settings.existing == "update":
            words.append("--existing-resource-policy update")
        words += [] if self.settings.volumes else ["--restore-volumes=false"]
        return " ".join([*words, f"-n {self.velero}"])


def _place(thing: Target | Source, point: RecoveryPoint | None = None) -> _Place:
    if isinstance(thing, Source):
        kept = settings_of(Kept, thing)
        settings = Settings.model_validate(kept.model_dump(exclude={"schedule"}))
        return _Place(thing.settings, kept.namespace or thing.id, settings)
    settings = settings_of(Settings, thing)
    return _Place(thing.settings, settings.namespace or thing.name, settings, point.id if point else "")


async def _reachable(api: KubeApi, place: _Place) -> list[str]:
    found = await api.list(LOCATIONS, place.velero)
    return [one["metadata"]["name"] for one in found if (one.get("status") or {}).get("phase") == "Available"]


async def _create(api: KubeApi, kind: Resource, namespace: str, body: Object) -> None:
    try:
        await api.create(kind, namespace, body)
    except KubeError as error:
        if error.status in _NO:
            raise Declined(str(error)) from error
        if error.status != _TAKEN:
            raise
        # Its name is made of the key: whoever created it meant this very act.


async def _covered(api: KubeApi, place: _Place, except_for: Sequence[str]) -> CheckResult:
    schedules = [
        one
        for one in await api.list(SCHEDULES, place.velero)
        if (one.get("status") or {}).get("phase") == "Enabled" and not one["spec"].get("paused")
    ]
    used = {str(one["metadata"]["namespace"]) for one in await api.list(_EVERYWHERE, "")} - set(except_for)
    by = {
        namespace: [
            one["metadata"]["name"] for one in schedules if objects.covers(one["spec"]["template"], namespace)
        ]
        for namespace in sorted(used)
    }
    bare = [namespace for namespace, names in by.items() if not names]
    found = f"nobody backs up {', '.join(bare)}" if bare else f"all {len(by)} namespaces in use are backed up"
    return CheckResult(ok=not bare, found=found, evidence={"schedules": dict(by)})


async def _restored(api: KubeApi, place: _Place) -> CheckResult:
    there = await api.list(_DEPLOYMENTS, place.lands_in)
    label = objects.label_of(place.point)
    other = [
        one["metadata"]["name"]
        for one in there
        if (one["metadata"].get("labels") or {}).get("velero.io/backup-name") != label
    ]
    waiting = [one["metadata"]["name"] for one in there if not _ready(one)]
    if not there:
        return CheckResult(ok=False, found=f"{place.lands_in} has no deployments")
    words = [f"{len(there) - len(other)} of {len(there)} deployments are from {place.point}"]
    words += [f"not ready: {', '.join(sorted(waiting))}"] if waiting else []
    evidence: dict[str, Json] = {"others": sorted(other), "not_ready": sorted(waiting)}
    return CheckResult(ok=not other and not waiting, found="; ".join(words), evidence=evidence)


def _ready(deployment: Object) -> bool:
    wanted = deployment["spec"].get("replicas", 1)
    return int((deployment.get("status") or {}).get("availableReplicas") or 0) >= int(wanted)
