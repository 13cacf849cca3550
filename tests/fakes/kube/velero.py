"""Velero in the cluster: its custom resources, and a server whose phases a test drives.

What clients write is held against Velero's own models, and a field those do not know is refused.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from pydantic import ValidationError

from tests.fakes.kube.kinds import Kind, Object
from tests.fakes.kube.store import ApiError, Store, invalid, now

GROUP, NAMESPACE = "velero.io", "velero"

_NAMES = {
    "Backup": "backups",
    "Restore": "restores",
    "Schedule": "schedules",
    "BackupStorageLocation": "backupstoragelocations",
    "DeleteBackupRequest": "deletebackuprequests",
}
_OVER = {"FailedValidation", "Completed", "PartiallyFailed", "Failed"}


class Velero:
    """The server. Nothing moves by itself: a test begins, advances and ends what clients created."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.create(store.kind("Namespace"), "", {"metadata": {"name": NAMESPACE}})
        for name, plural in _NAMES.items():
            store.create(store.kind("CustomResourceDefinition"), "", _definition(name, plural))
        store.admit.append(admit)

    def location(self, name: str = "default", *, phase: str = "Available") -> Object:
        """Put a storage location there."""
        spec = {"provider": "aws", "default": True, "objectStorage": {"bucket": "backups"}}
        status = {"phase": phase, "lastValidationTime": now()}
        return self._put("BackupStorageLocation", name, spec, status)

    def backup(
        self,
        name: str,
        namespaces: Sequence[str] = ("shop",),
        *,
        phase: str = "Completed",
        items: int = 40,
        labels: Mapping[str, str] | None = None,
        **status: Any,
    ) -> Object:
        """Put a backup there as it looks when it is over; `status` overrides what is said of it."""
        spec = {"includedNamespaces": list(namespaces), "storageLocation": "default", "ttl": "720h0m0s"}
        said = {
            "phase": phase,
            "startTimestamp": now(),
            "completionTimestamp": now(),
            "expiration": "2036-01-01T00:00:00Z",
            "progress": {"itemsBackedUp": items, "totalItems": items},
            **status,
        }
        return self._put("Backup", name, spec, said, labels)

    def schedule(
        self, name: str, namespaces: Sequence[str], *, cron: str = "0 2 * * *", **status: Any
    ) -> Object:
        """Put a schedule there; with no namespaces it covers all."""
        template = {"includedNamespaces": list(namespaces) or ["*"], "storageLocation": "default"}
        said = {"phase": "Enabled", "lastBackup": now(), **status}
        return self._put("Schedule", name, {"schedule": cron, "template": template}, said)

    def begin(self, name: str, *, total: int = 40, kind: str = "Restore") -> Object:
        """Take a new restore or backup up, or refuse it when it names a backup that is not there."""
        backup = self._get(kind, name)["spec"].get("backupName")
        try:
            if backup:
                self._get("Backup", backup)
        except ApiError as missing:
            return self._say(
                kind,
                name,
                {"phase": "FailedValidation", "validationErrors": [f"Error retrieving backup: {missing}"]},
            )
        return self._say(
            kind,
            name,
            {"phase": "InProgress", "startTimestamp": now(), "progress": {"totalItems": total}},
        )

    def advance(self, name: str, done: int, *, total: int | None = None, kind: str = "Restore") -> Object:
        """Report how many items are done; the total may change on the way, as it does."""
        progress = self._get(kind, name)["status"]["progress"]
        word = "itemsRestored" if kind == "Restore" else "itemsBackedUp"
        return self._say(
            kind, name, {"progress": {"totalItems": total or progress["totalItems"], word: done}}
        )

    def phase(self, name: str, phase: str, *, kind: str = "Restore", **status: Any) -> Object:
        """Go to another phase; one that is an end gets its moment."""
        ended = {"completionTimestamp": now()} if phase in _OVER else {}
        return self._say(kind, name, {"phase": phase, **ended, **status})

    def end(self, name: str, phase: str = "Completed", *, kind: str = "Restore", **status: Any) -> Object:
        """End it; all its items are done when that is a success."""
        if phase == "Completed":
            total = self._get(kind, name)["status"]["progress"]["totalItems"]
            self.advance(name, total, kind=kind)
        return self.phase(name, phase, kind=kind, **status)

    def restart(self) -> None:
        """Do what a restarted server does: what was in progress has failed, and nothing resumes it."""
        for kind, word in (("Restore", "restore"), ("Backup", "backup")):
            for each in self._store.list(self._store.kind(kind), NAMESPACE):
                phase = each.get("status", {}).get("phase")
                if phase == "InProgress":
                    found = f'found a {word} with status "{phase}" during the server starting'
                    self.phase(
                        each["metadata"]["name"],
                        "Failed",
                        kind=kind,
                        failureReason=f'{found}, mark it as "Failed"',
                    )

    def _get(self, kind: str, name: str) -> Object:
        return self._store.get(self._store.kind(kind), NAMESPACE, name)

    def _say(self, kind: str, name: str, status: Object) -> Object:
        fresh = self._get(kind, name)
        fresh["status"] = {**fresh.get("status", {}), **status}
        return self._store.replace(self._store.kind(kind), NAMESPACE, name, fresh)

    def _put(
        self, kind: str, name: str, spec: Object, status: Object, labels: Mapping[str, str] | None = None
    ) -> Object:
        meta = {"name": name, "labels": dict(labels or {})}
        self._store.create(self._store.kind(kind), NAMESPACE, {"metadata": meta, "spec": spec})
        return self._say(kind, name, status)


def admit(kind: Kind, old: Object | None, made: Object) -> None:
    """Refuse what Velero's own models do not know."""
    if kind.group != GROUP:
        return
    name = made["metadata"]["name"]
    given = {part: made[part] for part in ("spec", "status") if part in made}
    try:
        known = _models()[kind.name].model_validate({**made, "metadata": {"name": name}})
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise invalid(kind, name, f"{place}: {first['msg']}") from error
    read = known.model_dump(mode="json", by_alias=True, exclude_unset=True)
    for part, content in given.items():
        for place in _lost(content, read.get(part), part):
            raise ApiError(400, "BadRequest", f'strict decoding error: unknown field "{place}"')


def _lost(given: Any, read: Any, place: str) -> list[str]:
    if isinstance(given, dict):
        known = read if isinstance(read, dict) else {}
        gone = [f"{place}.{key}" for key in given if key not in known]
        return gone + [
            deep for key in given.keys() & known for deep in _lost(given[key], known[key], f"{place}.{key}")
        ]
    return []


@cache
def _models() -> Mapping[str, Any]:
    # They take a second to load, which only tests of Velero spend.
    from cloudcoil.models.velero import v1

    return {name: getattr(v1, name) for name in _NAMES}


def _definition(name: str, plural: str) -> Object:
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    return {
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": {"plural": plural, "kind": name, "singular": name.lower()},
            # Velero's main kinds have no subresource for their status.
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }
