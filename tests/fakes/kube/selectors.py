"""Label and field selectors as clients send them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.fakes.kube.kinds import Object

_AMONG = re.compile(r"^(\S+)\s+(in|notin)\s+\(([^)]*)\)$")
_OUTSIDE_PARENTHESES = re.compile(r",(?![^(]*\))")


def chosen(item: Object, labels: str, fields: str) -> bool:
    """Say whether both selectors choose an object."""
    own = item["metadata"].get("labels") or {}
    return all(
        _fits(each.strip(), own) for each in _OUTSIDE_PARENTHESES.split(labels) if each.strip()
    ) and all(_field(item, each) for each in fields.split(",") if each)


def _fits(wanted: str, labels: Mapping[str, str]) -> bool:
    if among := _AMONG.match(wanted):
        key, how, values = among.groups()
        return (labels.get(key) in [each.strip() for each in values.split(",")]) == (how == "in")
    if "!=" in wanted:
        key, _, value = wanted.partition("!=")
        return labels.get(key.strip()) != value.strip()
    if "=" in wanted:
        key, value = re.split("==?", wanted, maxsplit=1)
        return labels.get(key.strip()) == value.strip()
    return (wanted.lstrip("!") in labels) != wanted.startswith("!")


def _field(item: Object, wanted: str) -> bool:
    path, _, value = wanted.partition("=")
    found: object = item
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return str(found or "") == value.lstrip("=")
