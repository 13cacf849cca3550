"""The calls themselves, and what each refusal of the API means."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from integrations.contract import IntegrationError, Json

Object = dict[str, Any]
Method = Literal["GET", "POST", "PATCH", "DELETE"]

_PASSING = frozenset({408, 429, 500, 502, 503, 504})
_PAGE = "500"


class KubeError(IntegrationError):
    """The API refused; `status` is that of HTTP and `reason` the API's own word."""

    def __init__(self, message: str, *, status: int, reason: str) -> None:
        super().__init__(message, permanent=status not in _PASSING and status != 409)
        self.status = status
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object: `version` as objects carry it (`apps/v1`), `plural` as paths do (`deployments`)."""

    version: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str, name: str = "") -> str:
        """Return where the API has an object, or all objects of a namespace."""
        root = "/apis" if "/" in self.version else "/api"
        place = f"/namespaces/{namespace}" if self.namespaced else ""
        return f"{root}/{self.version}{place}/{self.plural}" + (f"/{name}" if name else "")


NAMESPACES = Resource("v1", "namespaces", namespaced=False)
_REVIEWS = Resource("authorization.k8s.io/v1", "selfsubjectaccessreviews", namespaced=False)


class Sender(Protocol):
    """What carries a request; an answer is its status and its text."""

    async def send(
        self, method: Method, path: str, query: Mapping[str, str], body: Json, content: str
    ) -> tuple[int, str]:
        """Send one request; raise IntegrationError when nobody answers."""
        ...


class KubeApi:
    """One cluster's API for the time of an operation. Every call raises `IntegrationError`."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def get(self, resource: Resource, namespace: str, name: str) -> Object | None:
        """Return an object, or None when there is none of that name."""
        try:
            return await self._call("GET", resource.path(namespace, name))
        except KubeError as error:
            if error.status == 404:
                return None
            raise

    async def list(self, resource: Resource, namespace: str, *, labels: str = "") -> Sequence[Object]:
        """Return the objects of a namespace that a label selector chooses."""
        query, found = {"limit": _PAGE} | ({"labelSelector": labels} if labels else {}), list[Object]()
        while True:
            page = await self._call("GET", resource.path(namespace), query)
            found += page.get("items") or []
            following = (page.get("metadata") or {}).get("continue")
            if not following:
                return found
            query = {**query, "continue": following}

    async def create(self, resource: Resource, namespace: str, body: Mapping[str, Any]) -> Object:
        """Create an object; one of that name that is there already is a KubeError `AlreadyExists`."""
        return await self._call("POST", resource.path(namespace), {"fieldManager": "backstop"}, dict(body))

    async def patch(
        self, resource: Resource, namespace: str, name: str, operations: Sequence[Mapping[str, Any]]
    ) -> Object:
        """Apply a JSON patch; one made for an older version of the object is a KubeError `Conflict`."""
        return await self._call(
            "PATCH",
            resource.path(namespace, name),
            {"fieldManager": "backstop"},
            [dict(operation) for operation in operations],
            content="application/json-patch+json",
        )

    async def delete(self, resource: Resource, namespace: str, name: str) -> None:
        """Delete an object; that it is gone already is no error."""
        try:
            await self._call("DELETE", resource.path(namespace, name))
        except KubeError as error:
            if error.status != 404:
                raise

    async def may(self, verb: str, resource: Resource, namespace: str) -> bool:
        """Say whether these credentials have a right."""
        group = resource.version.partition("/")[0] if "/" in resource.version else ""
        wanted: Json = {"verb": verb, "group": group, "resource": resource.plural, "namespace": namespace}
        body: Json = {
            "apiVersion": _REVIEWS.version,
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": wanted},
        }
        found = await self._call("POST", _REVIEWS.path(""), {}, body)
        return bool((found.get("status") or {}).get("allowed"))

    async def identity(self) -> str:
        """Return what names this cluster for good: the uid of its namespace kube-system."""
        found = await self.get(NAMESPACES, "", "kube-system")
        if found is None:
            raise IntegrationError("The cluster has no namespace kube-system.", permanent=True)
        return str(found["metadata"]["uid"])

    async def version(self) -> str:
        """Return the version of the API server."""
        return str((await self._call("GET", "/version")).get("gitVersion", ""))

    async def _call(
        self,
        method: Method,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Json = None,
        *,
        content: str = "application/json",
    ) -> Object:
        status, text = await self._sender.send(method, path, query or {}, body, content)
        try:
            answer = json.loads(text)
        except ValueError:
            answer = {}
        if not isinstance(answer, dict):
            answer = {}
        if not 200 <= status < 300:
            raise _refusal(status, answer)
        return answer


def _refusal(status: int, answer: Mapping[str, Any]) -> KubeError:
    said = str(answer.get("message") or f"it answered {status}")[:400]
    match status:
        case 401:
            text = f"The cluster does not know these credentials ({said}); look at the kubeconfig."
        case 403:
            text = f"The cluster does not allow it: {said}"
        case _:
            text = f"The cluster refused: {said}"
    return KubeError(text, status=status, reason=str(answer.get("reason", "")))
