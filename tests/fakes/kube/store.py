"""The objects of the cluster: versions, conflicts, generations, and the changes that watchers follow."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.fakes.kube.kinds import KINDS, Kind, Object, defined

_HELD_STILL = ("name", "namespace", "uid", "creationTimestamp", "generation", "resourceVersion")


class ApiError(Exception):
    """What the API answers with a Status instead of an object."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason = code, reason

    def status(self) -> Object:
        """Return the answer's body."""
        said = {"message": str(self), "reason": self.reason, "code": self.code}
        return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", **said}


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of what watchers follow."""

    version: int
    type: str
    kind: Kind
    object: Object


Place = tuple[str, str, str]
Admit = Callable[[Kind, Object | None, Object], None]
Seen = Callable[[Kind, str, Object], None]


class Store:
    """Everything the cluster holds. Writes are whole at once; `seen` is told of each afterwards."""

    def __init__(self) -> None:
        self.kinds = {(kind.group, kind.version, kind.plural): kind for kind in KINDS}
        self.changes: list[Change] = []
        self.admit: list[Admit] = []
        self.seen: list[Seen] = []
        self.version = 100
        self._objects: dict[Place, Object] = {}
        self._watchers: set[asyncio.Event] = set()

    def kind(self, name: str) -> Kind:
        """Return a kind by the name objects carry."""
        return next(kind for kind in self.kinds.values() if kind.name == name)

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        """Return a copy of an object."""
        found = self._objects.get((kind.qualified, namespace, name))
        if found is None:
            raise ApiError(404, "NotFound", f'{kind.qualified} "{name}" not found')
        return deepcopy(found)

    def list(self, kind: Kind, namespace: str | None = None) -> list[Object]:
        """Return copies of all objects of a kind, of one namespace or of all."""
        return [
            deepcopy(each)
            for (qualified, where, _), each in sorted(self._objects.items())
            if qualified == kind.qualified and namespace in (None, where)
        ]

    def create(self, kind: Kind, namespace: str, body: Object, *, dry: bool = False) -> Object:
        """Add an object, or refuse one that is there."""
        made = {"apiVersion": kind.group_version, "kind": kind.name, **deepcopy(body)}
        meta = made["metadata"] = dict(made.get("metadata") or {})
        if not meta.get("name") and meta.get("generateName"):
            meta["name"] = f"{meta['generateName']}{uuid.uuid4().hex[:5]}"
        if not meta.get("name"):
            raise invalid(kind, "", "metadata.name: Required value: name or generateName is required")
        self._must_have(kind, namespace)
        if (kind.qualified, namespace, meta["name"]) in self._objects:
            raise ApiError(409, "AlreadyExists", f'{kind.qualified} "{meta["name"]}" already exists')
        if kind.namespaced:
            meta["namespace"] = namespace
        meta |= {"uid": str(uuid.uuid4()), "creationTimestamp": now(), "generation": 1}
        if "status" in kind.subresources:
            made.pop("status", None)
        self._admit(kind, None, made)
        return made if dry else self._write("ADDED", kind, namespace, made)

    def replace(
        self, kind: Kind, namespace: str, name: str, body: Object, *, part: str = "", dry: bool = False
    ) -> Object:
        """Put an object in the place of the one that is there; `part` limits it to the status."""
        old = self.get(kind, namespace, name)
        given, meta = body.get("metadata") or {}, old["metadata"]
        self._same(kind, name, given, meta)
        if part == "status":
            made = {**old, "status": deepcopy(body.get("status", {}))}
        else:
            made = {**deepcopy(body), "apiVersion": kind.group_version, "kind": kind.name}
            own = {key: meta[key] for key in _HELD_STILL if key in meta}
            made["metadata"] = {**given, **own}
            if "status" in kind.subresources:
                made |= {"status": old["status"]} if "status" in old else {}
            self._admit(kind, old, made)
        if made == old:
            return old
        if _content(kind, made) != _content(kind, old):
            made["metadata"] = {**made["metadata"], "generation": meta["generation"] + 1}
        return made if dry else self._write("MODIFIED", kind, namespace, made)

    def delete(self, kind: Kind, namespace: str, name: str) -> Object:
        """Remove an object and what it owns."""
        gone = self.get(kind, namespace, name)
        del self._objects[kind.qualified, namespace, name]
        self.version += 1
        gone["metadata"]["resourceVersion"] = str(self.version)
        self._tell("DELETED", kind, gone)
        for other in list(self.kinds.values()):
            for each in self.list(other, namespace):
                owners = each["metadata"].get("ownerReferences", ())
                if any(owner["uid"] == gone["metadata"]["uid"] for owner in owners):
                    self.delete(other, namespace, each["metadata"]["name"])
        return gone

    async def follow(self, kind: Kind, since: int) -> Any:
        """Yield the changes of a kind after a version, for as long as somebody listens."""
        woken = asyncio.Event()
        self._watchers.add(woken)
        try:
            while True:
                woken.clear()
                for change in self._since(kind, since):
                    since = change.version
                    yield change
                if not any(self._since(kind, since)):
                    await woken.wait()
        finally:
            self._watchers.discard(woken)

    def _since(self, kind: Kind, version: int) -> Iterator[Change]:
        return (each for each in list(self.changes) if each.version > version and each.kind == kind)

    def _write(self, type: str, kind: Kind, namespace: str, made: Object) -> Object:
        self.version += 1
        made["metadata"] = {**made["metadata"], "resourceVersion": str(self.version)}
        self._objects[kind.qualified, namespace, made["metadata"]["name"]] = deepcopy(made)
        if kind.name == "CustomResourceDefinition":
            new = defined(made)
            self.kinds[new.group, new.version, new.plural] = new
        self._tell(type, kind, made)
        return made

    def _tell(self, type: str, kind: Kind, made: Object) -> None:
        self.changes.append(Change(self.version, type, kind, deepcopy(made)))
        for woken in self._watchers:
            woken.set()
        for each in self.seen:
            each(kind, type, deepcopy(made))

    def _admit(self, kind: Kind, old: Object | None, made: Object) -> None:
        for each in self.admit:
            each(kind, old, made)

    def _must_have(self, kind: Kind, namespace: str) -> None:
        if kind.namespaced and ("namespaces", "", namespace) not in self._objects:
            raise ApiError(404, "NotFound", f'namespaces "{namespace}" not found')

    def _same(self, kind: Kind, name: str, given: Object, meta: Object) -> None:
        for key, said in (("resourceVersion", "the object has been modified"), ("uid", "the UID changed")):
            if given.get(key) and given[key] != meta[key]:
                text = (
                    f'Operation cannot be fulfilled on {kind.qualified} "{name}": {said}; '
                    "please apply your changes to the latest version and try again"
                )
                raise ApiError(409, "Conflict", text)


def invalid(kind: Kind, name: str, why: str) -> ApiError:
    """Return the refusal of an object whose content is wrong."""
    what = f"{kind.name}.{kind.group}" if kind.group else kind.name
    return ApiError(422, "Invalid", f'{what} "{name}" is invalid: {why}')


def now() -> str:
    """Return this second as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _content(kind: Kind, made: Object) -> Object:
    left_out = {"metadata", "status"} if "status" in kind.subresources else {"metadata"}
    return {key: value for key, value in made.items() if key not in left_out}
