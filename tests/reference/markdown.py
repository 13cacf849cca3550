"""Small pieces of Markdown, and JSON Schemas in words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from pydantic import TypeAdapter

from playbooks.durations import say_duration

Schema = Mapping[str, Any]

NOTE = "<!-- Drawn from the code by `make docs`; change the code, not this page. -->"

_DURATIONS = {"^[0-9]{1,9}[smhd]$": "duration", "^0*[1-9][0-9]{0,8}[smhd]$": "duration over 0s"}
_TEXTS = {
    **_DURATIONS,
    "^[a-z][a-z0-9]*([-_][a-z0-9]+)*$": "name",
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "day, as 2026-11-02",
    r"^person$|^[a-z][a-z0-9-]*\.[a-z][a-z0-9_]*$": "`engine.operation`, or `person`",
    r"^https?://[^\s]{1,2000}$": "address",
    r"^(https?://[\x21-\x7e]{1,2000})?$": "address",
    r"^[^\x00-\x1f\x7f]{1,200}$": "text of 1 to 200 characters",
    r"^[^\x00-\x1f\x7f]{0,200}$": "text of up to 200 characters",
}
_ISO: TypeAdapter[timedelta] = TypeAdapter(timedelta)
_PLAIN = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "null": "nothing",
    "object": "map",
}
_MOMENT, _MANY_WORDS = "moment with its zone", 12


def page(title: str, *parts: str) -> str:
    """Return a whole page: title, note, then the parts that are not empty."""
    return "\n\n".join([f"# {title}", NOTE, *(part.strip("\n") for part in parts if part.strip())]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or nothing when it would have no rows."""
    lines = [f"| {' | '.join(map(_cell, row))} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(header)} |", f"|{' --- |' * len(header)}", *lines])


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def code(value: object) -> str:
    """Return a value as it is typed."""
    return f"`{value}`"


def codes(values: Iterable[object], *, none: str = "none") -> str:
    """Return values as they are typed, with commas, or the word for none."""
    return ", ".join(map(code, values)) or none


def block(text: str, language: str = "") -> str:
    """Return a text that stands as it is."""
    return f"```{language}\n{text.rstrip()}\n```"


def slug(heading: str) -> str:
    """Return the anchor that a heading gets."""
    kept = "".join(mark for mark in heading.lower() if mark.isalnum() or mark in " -_")
    return kept.replace(" ", "-")


def sentences(docstring: str | None) -> str:
    """Return a docstring as running text."""
    return "\n\n".join(" ".join(part.split()) for part in (docstring or "").split("\n\n")).strip()


def fields(schema: Schema, defs: Mapping[str, Schema], *, hidden: Iterable[str] = ()) -> str:
    """Return the fields of an object as a table: name, what it takes, its default."""
    required, unseen = set(schema.get("required", ())), set(hidden)
    rows = [
        (code(name), words(part, defs), "required" if name in required else default(part))
        for name, part in schema.get("properties", {}).items()
        if name not in unseen
    ]
    return table(("Field", "Takes", "Default"), rows)


def default(part: Schema) -> str:
    """Return the default of a field as it would be written."""
    value = part.get("default")
    match value:
        case None | [] | {} | "":
            return "none"
        case str() if part.get("pattern") in _DURATIONS:
            return code(say_duration(_ISO.validate_python(value)))
        case str():
            return code(value)
        case _:
            return code(json.dumps(value, ensure_ascii=False))


def words(part: Schema, defs: Mapping[str, Schema]) -> str:
    """Return in words what a part of a schema takes."""
    match part:
        case {"$ref": str() as ref}:
            return _named(ref.rpartition("/")[2], defs)
        case {"anyOf": [*options]} | {"oneOf": [*options]}:
            said = [words(option, defs) for option in options if option.get("type") != "null"]
            return " or ".join(dict.fromkeys(said)) or "nothing"
        case {"const": value}:
            return code(value)
        case {"enum": [*values]}:
            return f"one of {codes(values)}" if len(values) > 1 else code(values[0])
        case {"type": "array", "prefixItems": [*parts]}:
            return f"list of {', '.join(words(item, defs) for item in parts)}"
        case {"type": "array"}:
            return f"list of {words(part.get('items', {}), defs)}"
        case {"type": "object", "patternProperties": dict() as inner}:
            [value] = inner.values()
            return f"map of name to {words(value, defs)}"
        case {"type": "object", "additionalProperties": dict() as inner}:
            return f"map of name to {words(inner, defs)}"
        case {"type": "string"}:
            return _text(part)
        case {"type": str() as kind}:
            return _PLAIN[kind] + _range(part)
        case _:
            return "anything"


def _named(name: str, defs: Mapping[str, Schema]) -> str:
    meant = defs.get(name, {})
    if "properties" in meant:
        return f"[{name}](#{slug(name)})"
    if "enum" in meant and len(meant["enum"]) > _MANY_WORDS:
        return name
    return words(meant, defs)


def _text(part: Schema) -> str:
    if part.get("format") == "date-time":
        return _MOMENT
    pattern = part.get("pattern")
    return "text" if pattern is None else _TEXTS.get(pattern, f"text like {code(pattern)}")


def _range(part: Schema) -> str:
    low = part.get("minimum", part.get("exclusiveMinimum"))
    high = part.get("maximum", part.get("exclusiveMaximum"))
    match low, high:
        case None, None:
            return ""
        case low, None:
            over = "above" if "exclusiveMinimum" in part else "from"
            return f" {over} {low}"
        case None, high:
            return f" up to {high}"
        case low, high:
            return f" from {low} to {high}"
