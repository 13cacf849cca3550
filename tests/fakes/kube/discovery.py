"""What clients ask before anything else: versions, groups, resources, and which of them check fields."""

from __future__ import annotations

from collections.abc import Iterable

from tests.fakes.kube.kinds import Kind, Object

VERSION: Object = {
    "major": "1",
    "minor": "33",
    "gitVersion": "v1.33.0",
    "gitCommit": "stand-in",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "go1.24",
    "compiler": "gc",
    "platform": "linux/amd64",
}


def answer(path: str, kinds: Iterable[Kind]) -> Object | None:
    """Return what a path of discovery says, or None when it is not one."""
    kinds = list(kinds)
    match path.strip("/").split("/"):
        case ["version"]:
            return VERSION
        case ["api"]:
            return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []}
        case ["apis"]:
            groups = {kind.group: kind.version for kind in kinds if kind.group}
            return {
                "kind": "APIGroupList",
                "apiVersion": "v1",
                "groups": [_group(*each) for each in groups.items()],
            }
        case ["apis", group]:
            versions = [kind.version for kind in kinds if kind.group == group]
            return (
                {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions[0])} if versions else None
            )
        case ["api", version]:
            return _resources(version, [kind for kind in kinds if not kind.group])
        case ["apis", group, version]:
            named = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
            return _resources(f"{group}/{version}", named) if named else None
        case ["openapi", "v3"]:
            places = {_place(kind) for kind in kinds}
            return {"paths": {each: {"serverRelativeURL": f"/openapi/v3/{each}"} for each in places}}
        case ["openapi", "v3", *place]:
            return _described([kind for kind in kinds if _place(kind) == "/".join(place)])
        case _:
            return None


def _group(name: str, version: str) -> Object:
    one = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [one], "preferredVersion": one}


def _resources(group_version: str, kinds: Iterable[Kind]) -> Object:
    listed = [entry for kind in kinds for entry in kind.listed()]
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": group_version, "resources": listed}


def _place(kind: Kind) -> str:
    return f"apis/{kind.group_version}" if kind.group else f"api/{kind.version}"


def _described(kinds: Iterable[Kind]) -> Object:
    """Say of every kind that the server checks its fields, so that clients need no schema to do it."""
    paths: Object = {}
    for kind in kinds:
        whose = "namespaces/{namespace}/" if kind.namespaced else ""
        of = {"group": kind.group, "version": kind.version, "kind": kind.name}
        asked = [
            {"name": name, "in": "query", "schema": {"type": "string"}}
            for name in ("dryRun", "fieldValidation")
        ]
        patch = {"parameters": asked, "x-kubernetes-group-version-kind": of, "x-kubernetes-action": "patch"}
        paths[f"/{_place(kind)}/{whose}{kind.plural}/{{name}}"] = {"patch": {**patch, "responses": {}}}
    return {"openapi": "3.0.0", "info": {"title": "stand-in", "version": "v1"}, "paths": paths}
