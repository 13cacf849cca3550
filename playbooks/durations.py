"""The one place where the text of a duration (`90m`, `36h`, `2d`, `45s`) is read and written."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

_UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LONGEST = timedelta(days=3_660)
_TEXT = re.compile(r"([0-9]{1,9})([smhd])")


def parse_duration(text: str) -> timedelta:
    """Return the duration a text such as `90m` names; anything else raises ValueError with the right form."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(
            f"{text[:40]!r} is not a duration: write a whole number and s, m, h or d, such as 90m"
        )
    duration = timedelta(seconds=int(match[1]) * _UNITS[match[2]])
    if duration > _LONGEST:
        raise ValueError(f"{text!r} is too long: at most {say_duration(_LONGEST)}")
    return duration


def say_duration(duration: timedelta) -> str:
    """Return the shortest exact text of a duration in whole seconds; parts of a second are dropped."""
    seconds = duration // timedelta(seconds=1)
    unit = next((unit for unit, length in _UNITS.items() if seconds and seconds % length == 0), "s")
    return f"{seconds // _UNITS[unit]}{unit}"


def _read(value: object) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError(f"{value!r} is not a duration: write a number with its unit, such as 90m")


Duration = Annotated[
    timedelta,
    BeforeValidator(_read),
    PlainSerializer(say_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{1,9}[smhd]$", "examples": ["90m", "36h", "2d"]}),
]


def _lasting(duration: timedelta) -> timedelta:
    if not duration:
        raise ValueError("0s is no time at all, so it would be over before it began: write such as 90m")
    return duration


Lasting = Annotated[
    Duration,
    AfterValidator(_lasting),
    WithJsonSchema(
        {"type": "string", "pattern": "^0*[1-9][0-9]{0,8}[smhd]$", "examples": ["90m", "36h", "2d"]}
    ),
]
"""A duration that cannot be nothing: how long something may take, lasts or is valid."""
