from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from playbooks.durations import Duration, Lasting, parse_duration, say_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("45s", 45), ("90m", 5_400), ("36h", 129_600), ("2d", 172_800), ("0s", 0), ("007m", 420)],
)
def test_a_number_with_its_unit_is_an_exact_duration(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["90", "", "m", "1.5h", "-5m", "90 m", "90M", "1h30m", "٣m", "5m\n", "9999999999s", "3661d"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"90m|at most 3660d"):
        parse_duration(text)


@given(st.integers(min_value=0, max_value=3_660 * 86_400))
def test_what_is_said_is_read_back_exactly(seconds: int) -> None:
    duration = timedelta(seconds=seconds)

    assert parse_duration(say_duration(duration)) == duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(5_400, "90m"), (129_600, "36h"), (172_800, "2d"), (61, "61s"), (0, "0s"), (59.9, "59s")],
)
def test_durations_are_said_in_the_largest_unit_that_is_exact(seconds: float, text: str) -> None:
    assert say_duration(timedelta(seconds=seconds)) == text


def test_a_field_takes_text_and_durations_and_no_bare_number() -> None:
    field = TypeAdapter[timedelta](Duration)

    assert field.validate_python("90m") == timedelta(minutes=90)
    assert field.validate_python(timedelta(minutes=1)) == timedelta(minutes=1)
    assert field.dump_python(timedelta(minutes=90)) == "90m"
    with pytest.raises(ValidationError, match="write a number with its unit"):
        field.validate_python(90)


def test_what_lasts_cannot_be_nothing() -> None:
    field = TypeAdapter[timedelta](Lasting)

    assert field.validate_python("1s") == timedelta(seconds=1)
    for nothing in ("0s", "00m", timedelta(0)):
        with pytest.raises(ValidationError, match="0s is no time at all"):
            field.validate_python(nothing)
