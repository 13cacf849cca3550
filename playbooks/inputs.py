"""The values people give to a playbook before it is planned: suggested, typed, part of the hash."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import assert_never

from pydantic import JsonValue

from playbooks.model import Input, Playbook
from playbooks.problems import instead
from playbooks.references import Suggestion, parse_suggestion

_RELEASE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,99}")
_SECRET = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,99}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,6})?")
_LONGEST = 500


def suggestions(playbook: Playbook, known: Mapping[str, Mapping[str, JsonValue]]) -> dict[str, str]:
    """Return the text proposed for each input whose suggestion is known.

    `known` maps `decision`, `incident` and `release` to their fields; moments are ISO 8601 text.
    """
    found: dict[str, str] = {}
    for name, wanted in playbook.inputs.items():
        if wanted.suggest is not None:
            proposed = _proposed(wanted, parse_suggestion(wanted.suggest), known)
            if proposed is not None:
                found[name] = proposed
    return found


def _proposed(
    wanted: Input, suggestion: Suggestion, known: Mapping[str, Mapping[str, JsonValue]]
) -> str | None:
    value = known.get(suggestion.scope, {}).get(suggestion.name)
    if value is None:
        return None
    if wanted.type != "instant":
        return str(value)
    try:
        return _said(_instant(str(value)) + suggestion.offset)
    except (ValueError, OverflowError):
        # What is known is no moment: it proposes none, and a person is asked.
        return None


def read_input(wanted: Input, given: str) -> JsonValue:
    """Return the typed value of one input, or raise ValueError with what is wrong with it."""
    text = given.strip()
    match wanted.type:
        case "instant":
            return _said(_instant(text))
        case "release":
            return _matching(_RELEASE, text, "a release is letters, digits and . _ + -")
        case "secret-ref":
            return _matching(_SECRET, text, "name the secret, never write it")
        case "number":
            number = _matching(_NUMBER, text, "write a number")
            return float(number) if "." in number else int(number)
        case "choice":
            if text not in wanted.choices:
                raise ValueError(instead(text, wanted.choices) or f"choose of {', '.join(wanted.choices)}")
            return text
        case "text":
            if not text or len(text) > _LONGEST or not text.isprintable():
                raise ValueError(f"write 1 to {_LONGEST} characters on one line")
            return text
        case _:
            assert_never(wanted.type)


def _matching(pattern: re.Pattern[str], text: str, why: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(why)
    return text


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError("write a moment with its zone, such as 2026-11-23T02:10:00Z")


def _said(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
