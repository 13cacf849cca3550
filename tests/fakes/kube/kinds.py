"""The kinds of objects the stand-in serves, and how discovery describes them.

To add one: a line in `KINDS`. A custom resource is defined by creating its CustomResourceDefinition.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Object = dict[str, Any]

_VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One resource of the API: `group` is empty for the core, `subresources` are those beside the object."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True
    subresources: tuple[str, ...] = ("status",)
    short: tuple[str, ...] = ()

    @property
    def group_version(self) -> str:
        """Return what objects say in `apiVersion`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def qualified(self) -> str:
        """Return how errors and rights name it, as `deployments.apps`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def listed(self) -> Iterator[Object]:
        """Yield its entries in the discovery of its group."""
        own: Object = {"namespaced": self.namespaced, "kind": self.name}
        yield {
            **own,
            "name": self.plural,
            "singularName": self.name.lower(),
            "verbs": _VERBS,
            "shortNames": list(self.short),
        }
        for each in self.subresources:
            scale = {"group": "autoscaling", "version": "v1", "kind": "Scale"} if each == "scale" else {}
            verbs = ["get", "patch", "update"]
            yield {**own, **scale, "name": f"{self.plural}/{each}", "singularName": "", "verbs": verbs}


_SCALED = ("status", "scale")

KINDS = (
    Kind("", "v1", "namespaces", "Namespace", namespaced=False, short=("ns",)),
    Kind("", "v1", "configmaps", "ConfigMap", subresources=(), short=("cm",)),
    Kind("", "v1", "secrets", "Secret", subresources=()),
    Kind("", "v1", "services", "Service", short=("svc",)),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", subresources=(), short=("sa",)),
    Kind("", "v1", "pods", "Pod", short=("po",)),
    Kind("", "v1", "events", "Event", subresources=(), short=("ev",)),
    Kind("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", short=("pvc",)),
    Kind("apps", "v1", "deployments", "Deployment", subresources=_SCALED, short=("deploy",)),
    Kind("apps", "v1", "replicasets", "ReplicaSet", subresources=_SCALED, short=("rs",)),
    Kind("apps", "v1", "controllerrevisions", "ControllerRevision", subresources=()),
    Kind("batch", "v1", "jobs", "Job"),
    Kind(
        "apiextensions.k8s.io",
        "v1",
        "customresourcedefinitions",
        "CustomResourceDefinition",
        namespaced=False,
        short=("crd",),
    ),
)

REVIEW = Kind(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
"""What asks for one's own rights; it is answered and never stored."""


def defined(definition: Object) -> Kind:
    """Return the kind that a CustomResourceDefinition defines."""
    spec = definition["spec"]
    names, version = spec["names"], spec["versions"][0]
    return Kind(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        name=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        subresources=tuple(version.get("subresources", {})),
        short=tuple(names.get("shortNames", ())),
    )
