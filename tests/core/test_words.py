from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.document import Code, Link, Who
from bot.core.words import (
    at_clock,
    at_minute,
    between,
    in_size,
    in_words,
    joined,
    lasted,
    linked,
    one_line,
    people,
    sentence,
    shortened,
)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0 s"),
        (0.9, "0 s"),
        (-0.9, "0 s"),
        (59, "59 s"),
        (252, "4 min 12 s"),
        (3_600, "1 h"),
        (26 * 3_600 + 5 * 60, "26 h 5 min"),
        (48 * 3_600, "2 d"),
        (50 * 3_600 + 61, "2 d 2 h 1 min 1 s"),
        (-90, "minus 1 min 30 s"),
    ],
)
def test_a_length_of_time_is_said_to_the_second(seconds: float, said: str) -> None:
    assert in_words(timedelta(seconds=seconds)) == said


def test_a_length_is_the_difference_of_the_two_times_that_are_shown() -> None:
    start = datetime(2026, 11, 23, 2, 10, 0, 900_000, tzinfo=UTC)
    end = datetime(2026, 11, 23, 2, 12, 0, 100_000, tzinfo=UTC)
    assert in_words(end - start) == "1 min 59 s"
    assert in_words(lasted(start, end)) == "2 min"


def test_a_moment_that_is_not_today_has_its_day() -> None:
    now = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
    late = datetime(2026, 11, 22, 23, 59, 5, tzinfo=UTC)
    assert [at_clock(now, now), at_minute(now, now)] == ["02:10:00Z", "02:10Z"]
    assert [at_clock(late, now), at_minute(late, now)] == ["2026-11-22 23:59:05Z", "2026-11-22 23:59Z"]


def test_a_range_whose_ends_read_the_same_is_one_length() -> None:
    assert between(timedelta(seconds=60), timedelta(seconds=60.4)) == "1 min"
    assert between(timedelta(seconds=60), timedelta(seconds=90)) == "1 min to 1 min 30 s"


@pytest.mark.parametrize(
    ("amount", "unit", "said"),
    [
        (999, "bytes", "999 B"),
        (1_400_000, "bytes", "1.4 MB"),
        (5e18, "bytes", "5000000.0 TB"),
        (1_234, "items", "1,234 items"),
        (40, "percent", "40 %"),
    ],
)
def test_an_amount_is_said_in_the_unit_that_reads_best(amount: float, unit: str, said: str) -> None:
    assert in_size(amount, unit) == said


def test_people_are_named_and_only_those_asked_for_are_notified() -> None:
    assert people(["bo", "cy"], ping=["cy"]) == (Who("bo"), ", ", Who("cy", ping=True))
    assert people([]) == ("nobody",)


def test_lines_are_joined_with_their_separator_only_between_them() -> None:
    assert joined([("a",), ("b", "c")], "; ") == ("a", "; ", "b", "c")
    assert joined([]) == ()


@pytest.mark.parametrize(
    "url", [None, "", "javascript:alert(1)", "file:///etc/passwd", "https://a b", "https://a\u202eb"]
)
def test_only_web_addresses_become_links(url: str | None) -> None:
    assert linked("here", url) == "here"


def test_a_web_address_becomes_a_link() -> None:
    assert linked("here", "https://x.example/1") == Link("here", "https://x.example/1")


def test_a_line_is_cut_where_it_gets_too_long_and_says_so() -> None:
    assert shortened(("abc", Code("def")), 6) == ("abc", Code("def"))
    assert shortened(("abc", Code("def")), 5) == ("abc", "d…")
    assert shortened(("abc", Code("def")), 3) == ("abc", "…")


def test_text_is_put_on_one_line_and_cut() -> None:
    assert one_line("a\n  b\tc", 5) == "a b c"
    assert one_line("a\nbcdef", 5) == "a bc…"


def test_a_sentence_ends_once() -> None:
    assert [sentence(text) for text in ("why", "why. ", "why?")] == ["why.", "why.", "why?"]
