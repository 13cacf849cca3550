"""Typed parameters: the only way a word from outside gets into an argument list."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple


class Refused(Exception):
    """The runner will not do what was asked; the text says why and what to do."""


class NotYours(Refused):
    """The runner belongs to another Backstop than the one that asks, which another try does not change."""


PATTERNS: Mapping[str, tuple[str, str]] = {
    "word": (r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", "a word of letters, digits, `_`, `.` and `-`"),
    "version": (r"v?\d+(\.\d+){0,3}([-+][0-9A-Za-z.-]{1,40})?", "a version such as 2.3.0"),
    "digest": (r"[0-9a-f]{64}", "a SHA-256 in hexadecimal"),
    "lsn": (r"[0-9A-F]{1,8}/[0-9A-F]{1,8}", "a position in a log such as 0/34C61D8"),
}
"""What text of each type looks like, and how that is called in a refusal."""

_LONGEST_QUERY = 4000
_LONGEST_TEXT = 300
_MOST_TEXTS = 1000


class Rule(NamedTuple):
    """What a parameter accepts. `least` and `most` bound an int, `values` are those of a choice."""

    type: str
    least: int | None = None
    most: int | None = None
    values: tuple[str, ...] = ()
    needed: bool = True


def accept(name: str, rule: Rule, value: Any) -> str:
    """Return the text of a value as it stands in an argument list, or refuse it with a sentence."""
    match rule.type:
        case "int":
            return _whole(name, rule, value)
        case "choice":
            if value not in rule.values:
                raise Refused(f"`{name}` must be one of {', '.join(rule.values)}, not {shown(value)}.")
            return str(value)
        case "instant":
            return _instant(name, value)
        case "query":
            return _query(name, value)
        case "text":
            return _text(name, value)
        case "texts":
            return _texts(name, value)
        case "values":
            return _values(name, value)
        case _:
            pattern, words = PATTERNS[rule.type]
            if not isinstance(value, str) or not re.fullmatch(pattern, value):
                raise Refused(f"`{name}` must be {words}, not {shown(value)}.")
            return value


def accept_all(rules: Mapping[str, Rule], given: Mapping[str, Any], *, of: str) -> dict[str, str]:
    """Return the texts of all parameters; unknown and missing ones are refused by name."""
    unknown = sorted(set(given) - set(rules))
    if unknown:
        known = ", ".join(sorted(rules)) or "none"
        raise Refused(f"{of} has no parameter {shown(unknown[0])}; it has: {known}.")
    missing = sorted(name for name, rule in rules.items() if rule.needed and given.get(name) is None)
    if missing:
        raise Refused(f"{of} needs `{missing[0]}`.")
    return {name: accept(name, rules[name], value) for name, value in given.items() if value is not None}


def shown(value: Any) -> str:
    """Return a value as a refusal quotes it: on one line, cut, with nothing left that a terminal obeys."""
    text = json.dumps(value, ensure_ascii=True, default=repr)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _whole(name: str, rule: Rule, value: Any) -> str:
    low = value if rule.least is None else rule.least
    high = value if rule.most is None else rule.most
    if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
        raise Refused(f"`{name}` must be a whole number{_bounds(rule)}, not {shown(value)}.")
    return str(value)


def _bounds(rule: Rule) -> str:
    match rule.least, rule.most:
        case None, None:
            return ""
        case least, None:
            return f" of {least} or more"
        case None, most:
            return f" up to {most}"
        case least, most:
            return f" from {least} to {most}"


def _instant(name: str, value: Any) -> str:
    try:
        said = datetime.fromisoformat(value)
        at = said.astimezone(UTC) if said.tzinfo else None
    except (TypeError, ValueError, OverflowError):
        at = None
    if at is None:
        raise Refused(
            f"`{name}` must be a moment with its zone, such as 2026-11-23T02:10:00Z, not {shown(value)}."
        )
    return at.isoformat().replace("+00:00", "Z")


def _query(name: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value or not 0 < len(value) <= _LONGEST_QUERY:
        raise Refused(f"`{name}` must be SQL text of at most {_LONGEST_QUERY} characters.")
    return value


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str) or "\0" in value or not 0 < len(value) <= _LONGEST_TEXT:
        raise Refused(f"`{name}` must be text of at most {_LONGEST_TEXT} characters, not {shown(value)}.")
    return value


def _texts(name: str, value: Any) -> str:
    if not isinstance(value, list) or not 0 < len(value) <= _MOST_TEXTS:
        raise Refused(f"`{name}` must be a list of 1 to {_MOST_TEXTS} texts, not {shown(value)}.")
    return json.dumps([_text(name, each) for each in value])


def _values(name: str, value: Any) -> str:
    fits = isinstance(value, dict) and all(
        isinstance(key, str) and key.isidentifier() and isinstance(item, str | int | float | None)
        for key, item in value.items()
    )
    if not fits:
        raise Refused(f"`{name}` must map names to texts or numbers, not {shown(value)}.")
    return json.dumps(value, sort_keys=True)
