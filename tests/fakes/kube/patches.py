"""The four ways to patch an object: JSON, merge, strategic merge and server-side apply."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from tests.fakes.kube.kinds import Object

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"

_MERGED_BY = {
    "containers": "name",
    "initContainers": "name",
    "env": "name",
    "volumes": "name",
    "volumeMounts": "mountPath",
    "imagePullSecrets": "name",
    "ports": "containerPort",
    "ownerReferences": "uid",
    "conditions": "type",
}
"""Lists whose entries a strategic merge tells apart, by the field that does."""


class Unfit(Exception):
    """The patch cannot be applied; the text says why."""


def merged(current: Any, patch: Any) -> Any:
    """Return what a JSON merge patch (RFC 7386) makes of a value."""
    if not isinstance(patch, dict):
        return deepcopy(patch)
    result = dict(current) if isinstance(current, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


def patched(current: Object, operations: list[Object]) -> Object:
    """Return what a JSON patch (RFC 6902) makes of an object."""
    result = deepcopy(current)
    for operation in operations:
        _operate(result, operation)
    return result


def _operate(document: Object, operation: Object) -> None:
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    place: Any = document
    for part in way:
        place = _step(place, part, operation)
    there = last in place if isinstance(place, dict) else last != "-" and int(last) < len(place)
    act = operation["op"]
    if act in {"replace", "remove", "test"} and not there:
        raise Unfit(f"{act} operation does not apply: doc is missing key: {operation['path']}")
    if act == "test" and _step(place, last, operation) != operation.get("value"):
        raise Unfit(f"testing value {operation['path']} failed")
    if act == "remove":
        del place[last if isinstance(place, dict) else int(last)]
    elif act == "add" and isinstance(place, list):
        place.insert(len(place) if last == "-" else int(last), deepcopy(operation["value"]))
    elif act in {"add", "replace"}:
        place[last if isinstance(place, dict) else int(last)] = deepcopy(operation["value"])


def _step(place: Any, part: str, operation: Object) -> Any:
    try:
        return place[int(part)] if isinstance(place, list) else place[part]
    except (KeyError, IndexError, TypeError) as missing:
        raise Unfit(f"{operation['op']} operation does not apply: {operation['path']}") from missing


def strategic(current: Any, patch: Any, field: str = "") -> Any:
    """Return what a strategic merge patch makes of a value; lists of named things are merged by name."""
    if isinstance(patch, dict):
        return _strategic_map(current if isinstance(current, dict) else {}, patch)
    key = _MERGED_BY.get(field)
    if isinstance(patch, list) and key and all(isinstance(item, dict) for item in patch):
        return _strategic_list(current if isinstance(current, list) else [], patch, key)
    return deepcopy(patch)


def _strategic_map(current: Mapping[str, Any], patch: Mapping[str, Any]) -> Object:
    replaces = patch.get("$patch") == "replace"
    result = {} if replaces else dict(current)
    retained = patch.get("$retainKeys")
    if retained is not None:
        result = {key: value for key, value in result.items() if key in retained}
    for key, value in patch.items():
        if key.startswith("$"):
            continue
        if value is None:
            result.pop(key, None)
        else:
            result[key] = strategic(result.get(key), value, key)
    for key, gone in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            name = key.partition("/")[2]
            result[name] = [item for item in result.get(name, []) if item not in gone]
    return result


def _strategic_list(current: list[Object], patch: list[Object], key: str) -> list[Object]:
    result = [deepcopy(item) for item in current]
    for item in patch:
        same = next((at for at, each in enumerate(result) if each.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            if same is not None:
                del result[same]
        elif same is None:
            result.append(strategic({}, item))
        else:
            result[same] = strategic(result[same], item)
    return result


def applied(current: Object, before: Object, wanted: Object) -> Object:
    """Return what an apply makes of an object: what its manager applied `before` and no longer wants goes."""
    return strategic(_without(current, before, wanted), wanted)  # type: ignore[no-any-return]


def _without(current: Any, before: Any, wanted: Any, field: str = "") -> Any:
    if isinstance(current, dict) and isinstance(before, dict):
        wants = wanted if isinstance(wanted, dict) else {}
        kept = {key: value for key, value in current.items() if key not in before or key in wants}
        return {key: _without(value, before.get(key), wants.get(key), key) for key, value in kept.items()}
    key = _MERGED_BY.get(field)
    if isinstance(current, list) and isinstance(before, list) and key:
        dropped = {item.get(key) for item in before} - {item.get(key) for item in wanted or ()}
        return [item for item in current if item.get(key) not in dropped]
    return current
