"""Names that a playbook uses and nothing in it has: of roles, approvals, sources, targets, limits and steps.

They are looked up in the text itself, so that they are found beside mistakes of form. To let another field
name something: add its place to `_NAMED`; `*` stands for each item of a list or key of a mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from pydantic import JsonValue

from playbooks.model import Playbook
from playbooks.problems import Problem
from playbooks.validate import fields_at
from playbooks.yaml_text import Path, Text

ACTIONS = (
    "steps.*",
    "steps.*.undo",
    "steps.*.verify.*",
    "verify.*",
    "drill.isolation.*",
    "drill.cleanup.*",
)
"""Where the actions of a playbook stand."""

_SECTIONS = {each: f"{each}s" for each in ("role", "approval", "source", "target", "limit")}
_NAMED: Mapping[str, tuple[str, ...]] = {
    "role": (
        "roles.*.substitute",
        "fallbacks.*.ask",
        "steps.*.by",
        "approvals.*.require.*.role",
        "approvals.*.break_glass.role",
    ),
    "approval": ("steps.*.approval",),
    "source": ("sources.*.fallback", "steps.*.source", "steps.*.on_failure.fallback"),
    "limit": ("steps.*.limit",),
    "target": ("steps.*.touches.*", "drill.targets.*", *(f"{action}.with.target" for action in ACTIONS)),
}


def unknown_names(text: Text) -> Iterator[Problem]:
    """Yield every name that nothing in a playbook's text has, whether or not the text is a playbook."""
    for kind, places in _NAMED.items():
        there = _there(text, _SECTIONS[kind])
        for path, word in (*values(text, *places), *(_rehearsed(text) if kind == "target" else ())):
            if there is not None and isinstance(word, str) and word not in there:
                yield text.unknown(path, kind, word, there)
    yield from _other_steps(text)


def values(text: Text, *places: str) -> Iterator[tuple[Path, JsonValue]]:
    """Yield what stands at some places of a text, such as `steps.*.by`, each with its path."""
    for place in places:
        yield from _at(text.data, place.split("."), ())


def _at(data: JsonValue, place: list[str], path: Path) -> Iterator[tuple[Path, JsonValue]]:
    if not place:
        yield path, data
        return
    first, *rest = place
    for key, value in _inside(data):
        if first in ("*", key):
            yield from _at(value, rest, (*path, key))


def _inside(data: JsonValue) -> Iterable[tuple[str | int, JsonValue]]:
    match data:
        case dict():
            return data.items()
        case list():
            return enumerate(data)
        case _:
            return ()


def _there(text: Text, section: str) -> tuple[str, ...] | None:
    """Return the names of a section, or None when nobody can say which it has: it may be misspelt."""
    data = text.data if isinstance(text.data, dict) else {}
    match data.get(section):
        case dict() as named:
            return tuple(named)
        case list() as items:
            ids = [item.get("id") if isinstance(item, dict) else None for item in items]
            return tuple(id for id in ids if isinstance(id, str)) if all(ids) else None
        case None if section not in data and data.keys() <= set(fields_at(Playbook, ())):
            return ()
        case _:
            return None


def _rehearsed(text: Text) -> Iterator[tuple[Path, JsonValue]]:
    for path, _ in values(text, "drill.targets.*"):
        yield path, path[-1]


def _other_steps(text: Text) -> Iterator[Problem]:
    ids = _there(text, "steps") or ()
    own = dict(values(text, "steps.*.id"))
    for path, word in values(text, "steps.*.needs.*"):
        others = tuple(id for id in ids if id != own.get((*path[:2], "id")))
        if ids and isinstance(word, str) and word not in others:
            yield text.unknown(path, "other step", word, others)
