"""References in a playbook: `inputs.release`, `point.finished_at`, `run.id`, `target.url`.

They stand for values of a run and for settings of the action's target. A text that is a reference as a
whole becomes the value with its type; with a path after it (`target.url/orders`) it becomes text. People's
instructions may hold references inside a sentence. `suggest:` is a reference to the decision, the incident
or the release, and may add or take off a duration: `decision.damage_start - 60s`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from pydantic import JsonValue

from playbooks.durations import parse_duration
from playbooks.problems import instead

Scopes = Mapping[str, Mapping[str, JsonValue]]

SCOPES = ("inputs", "point", "run", "target")
POINT = ("id", "kind", "finished_at", "moment", "release", "commit", "environment")
RUN = ("id", "incident", "service", "environment", "playbook")

_NAME = r"[a-z][a-z0-9_]*(?:-[a-z0-9_]+)*"
_WHOLE = re.compile(rf"({'|'.join(SCOPES)})\.({_NAME})(/.*)?")
_WITHIN = re.compile(rf"(?<![\w./-])({'|'.join(SCOPES)})\.({_NAME})(?![\w-])")
_SUGGESTION = re.compile(r"(decision|incident|release)\.([a-z][a-z0-9_]*)(?:\s+([-+])\s+(\S+))?")


class UnknownReference(ValueError):
    """A reference names something the run does not have."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The name of a value, `scope.name` in the text."""

    scope: str
    name: str

    def __str__(self) -> str:
        """Return the reference as it is written."""
        return f"{self.scope}.{self.name}"


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Where the proposed value of an input comes from, and what is added to it."""

    scope: str
    name: str
    offset: timedelta = timedelta(0)


def is_reference(value: JsonValue) -> bool:
    """Say whether a value is a reference as a whole."""
    return isinstance(value, str) and _WHOLE.fullmatch(value) is not None


def references_in(value: JsonValue) -> Iterator[Reference]:
    """Yield every text in a value that is a reference as a whole, also inside lists and mappings."""
    match value:
        case str() if found := _WHOLE.fullmatch(value):
            yield Reference(found[1], found[2])
        case list():
            for item in value:
                yield from references_in(item)
        case dict():
            for item in value.values():
                yield from references_in(item)
        case _:
            return


def mentioned_in(sentence: str) -> Iterator[Reference]:
    """Yield the references inside a sentence for people."""
    return (Reference(found[1], found[2]) for found in _WITHIN.finditer(sentence))


def resolve_references(value: JsonValue, scopes: Scopes) -> JsonValue:
    """Return a value with every text that is a reference as a whole replaced by what it stands for.

    A name that the scopes do not have raises UnknownReference.
    """
    match value:
        case str() if found := _WHOLE.fullmatch(value):
            meant = _look_up(Reference(found[1], found[2]), scopes)
            return meant if found[3] is None else f"{str(meant).rstrip('/')}{found[3]}"
        case list():
            return [resolve_references(item, scopes) for item in value]
        case dict():
            return {name: resolve_references(item, scopes) for name, item in value.items()}
        case _:
            return value


def fill_in(sentence: str, scopes: Scopes) -> str:
    """Return a sentence for people with its references replaced by what they stand for."""
    return _WITHIN.sub(lambda found: str(_look_up(Reference(found[1], found[2]), scopes)), sentence)


def _look_up(reference: Reference, scopes: Scopes) -> JsonValue:
    values = scopes.get(reference.scope, {})
    if reference.name not in values:
        hint = instead(reference.name, tuple(values)) or f"there are: {', '.join(sorted(values)) or 'none'}"
        raise UnknownReference(f"{reference} stands for nothing in this run; {hint}")
    return values[reference.name]


def parse_suggestion(text: str) -> Suggestion:
    """Return what a `suggest:` text stands for; a text of another form raises ValueError."""
    found = _SUGGESTION.fullmatch(text)
    if found is None:
        raise ValueError(
            f"{text[:60]!r} suggests nothing: write decision.<fact>, incident.<field> or release.<field>, "
            "and if wanted a duration after it, such as decision.damage_start - 60s"
        )
    offset = parse_duration(found[4]) if found[4] else timedelta(0)
    return Suggestion(found[1], found[2], -offset if found[3] == "-" else offset)
