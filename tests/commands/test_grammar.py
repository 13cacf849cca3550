"""What people type is taken apart the same way through every door, and never guessed at."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from bot.commands.grammar import LONGEST, Words, a_day, a_duration, a_recent_time, a_time, an_id, one_of, read
from bot.core.errors import Refused

NOW = datetime(2026, 11, 23, 2, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("line", "args", "options"),
    [
        ("note hello", ("hello",), {}),
        ('note "hello there"', ("hello there",), {}),
        ("note “hello there”", ("hello there",), {}),
        ("note „hello there“", ("hello there",), {}),
        ("note «hello there»", ("hello there",), {}),
        ('note "hello there”', ("hello there",), {}),
        ('note “hello there"', ("hello there",), {}),
        ('note "they said “stop” twice"', ("they said “stop” twice",), {}),
        ('note “they said "stop" twice”', ('they said "stop" twice',), {}),
        (r'note "they said \"stop\" twice"', ('they said "stop" twice',), {}),
        (r'note "C:\temp\new"', (r"C:\temp\new",), {}),
        (r'note "a backslash \\"', ("a backslash \\",), {}),
        ("note it’s", ("it’s",), {}),
        ('note "two\nlines"', ("two\nlines",), {}),
        ("note\u00a0hello\u202fthere", ("hello", "there"), {}),
        ('note\u00a0"hello\u00a0there"', ("hello there",), {}),
        ('note x at:02:10 LINK:"a b"', ("x",), {"at": "02:10", "link": "a b"}),
        ('note x link: "a b"', ("x",), {"link": "a b"}),
        ("note x why:“a b”", ("x",), {"why": "a b"}),
        ('note x why:"at:02:10 \\"now\\""', ("x",), {"why": 'at:02:10 "now"'}),
        ('note x why:""', ("x",), {"why": ""}),
        ("note https://x.example/a?b=c:d", ("https://x.example/a?b=c:d",), {}),
        ("note ftp://x.example", ("ftp://x.example",), {}),
        ("note x link:https://x.example/a", ("x",), {"link": "https://x.example/a"}),
        ('note "at:02:10"', ("at:02:10",), {}),
        ("impact damage:02:10 start:-15m", (), {"damage": "02:10", "start": "-15m"}),
        ("note <!channel> <@U0ANA>", ("<!channel>", "<@U0ANA>"), {}),
        ("note nul\x00 \u202eright 🔥", (r"nul\u0000", "\u202eright", "🔥"), {}),
        ('note "nul\x00" link:\x00', (r"nul\u0000",), {"link": r"\u0000"}),
        ("note half\ud800", ("half?",), {}),
    ],
)
def test_a_line_is_taken_apart(line: str, args: tuple[str, ...], options: dict[str, str]) -> None:
    assert read(line) == Words("note" if line.startswith("note") else "impact", args, options)


@pytest.mark.parametrize(
    ("line", "verb"), [("", ""), ("  ", ""), ("DECLARE x", "declare"), ('"Help"', "help")]
)
def test_the_verb_is_the_first_word_in_any_case(line: str, verb: str) -> None:
    assert read(line).verb == verb


@pytest.mark.parametrize(
    "line",
    ['note "hello', "note “hello", 'note hello"', 'note why:"hello', 'note "a" "b', 'note "ends in \\"'],
)
def test_a_quote_that_does_not_end_is_refused(line: str) -> None:
    with pytest.raises(Refused) as refusal:
        read(line)
    assert str(refusal.value) == snapshot(
        'A quote does not end: nothing was recorded. Close it with " and say it again.'
    )


def test_an_option_said_twice_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        read("note x at:02:10 AT:02:11")
    assert str(refusal.value) == snapshot("`at:` is there twice: nothing was recorded. Say it once.")


def test_a_text_of_40000_characters_is_taken_whole_and_at_once() -> None:
    text = "x " * 20_000
    begun = time.perf_counter()

    assert read(f'note "{text}"').args == (text,)

    assert time.perf_counter() - begun < 1


def test_what_is_longer_than_anything_people_write_is_refused() -> None:
    with pytest.raises(Refused) as refusal:
        read("x" * (LONGEST + 1))
    assert str(refusal.value) == snapshot(
        "That is longer than 45,000 characters; nothing was recorded. Say it shorter."
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_any_text_is_read_or_refused_with_a_sentence(line: str) -> None:
    with suppress(Refused):
        words = read(line)
        assert words.verb == words.verb.lower()


@pytest.mark.parametrize(
    ("word", "id"),
    [
        ("RUN-9", "RUN-9"),
        ("run-9", "RUN-9"),
        ("INC-9", None),
        ("RUN-0", None),
        ("RUN-09", None),
        ("RUN-9\n", None),
        ("RUN-", None),
        ("9", None),
    ],
)
def test_an_id_is_read_in_any_case_and_never_guessed(word: str, id: str | None) -> None:
    assert an_id(word, "RUN") == id


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("02:10", datetime(2026, 11, 23, 2, 10, tzinfo=UTC)),
        ("02:10:05Z", datetime(2026, 11, 23, 2, 10, 5, tzinfo=UTC)),
        ("2:10", datetime(2026, 11, 23, 2, 10, tzinfo=UTC)),
        ("02:25", NOW),
        ("14:26", datetime(2026, 11, 22, 14, 26, tzinfo=UTC)),
        ("23:59", datetime(2026, 11, 22, 23, 59, tzinfo=UTC)),
        ("-15m", NOW - timedelta(minutes=15)),
        ("-0m", NOW),
        ("2026-11-23T02:10Z", datetime(2026, 11, 23, 2, 10, tzinfo=UTC)),
        ("2026-11-23T03:10:00+01:00", datetime(2026, 11, 23, 2, 10, tzinfo=UTC)),
    ],
)
def test_a_time_is_the_latest_that_it_can_mean(text: str, at: datetime) -> None:
    assert a_time(text, NOW) == at


def test_shortly_after_midnight_a_late_hour_is_yesterday() -> None:
    midnight = datetime(2026, 11, 23, 0, 10, tzinfo=UTC)
    assert a_time("23:50", midnight) == midnight - timedelta(minutes=20)


@pytest.mark.parametrize("text", ["23:50", "14:01", "14:00:30Z"])
def test_a_time_that_is_still_to_come_is_refused_where_it_may_mean_another(text: str) -> None:
    with pytest.raises(Refused) as refusal:
        a_time(text, datetime(2026, 11, 23, 14, 0, tzinfo=UTC))
    assert str(refusal.value) == (
        f"`{text}` is still to come today, for it is 14:00Z: nothing was recorded. "
        f"Times are UTC; if you mean yesterday, write 2026-11-22T{text[:5]}Z."
    )


@pytest.mark.parametrize("text", ["25:00", "noon", "2026-11-23T02:10", "0001-01-01T00:00:00+14:00", ""])
def test_what_is_no_time_with_a_zone_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="is no time with a zone: nothing was recorded"):
        a_time(text, NOW)


def test_a_moment_of_an_incident_that_lies_back_for_years_is_refused() -> None:
    with pytest.raises(Refused) as refused:
        a_recent_time("1999-01-01T00:00:00Z", NOW)
    assert str(refused.value) == (
        "`1999-01-01T00:00:00Z` is 1999-01-01, more than 366 days ago: nothing was recorded. "
        f"Is the year right? Write 02:10 (UTC), {NOW:%Y-%m-%d}T02:10:00Z or -15m."
    )
    oldest = NOW - timedelta(days=366)
    assert a_recent_time(oldest.isoformat(), NOW) == oldest
    with pytest.raises(Refused):
        a_recent_time((oldest - timedelta(seconds=1)).isoformat(), NOW)
    with pytest.raises(Refused):
        a_recent_time("-367d", NOW)


def test_the_future_is_refused_because_only_what_happened_is_recorded() -> None:
    with pytest.raises(Refused) as refusal:
        a_time("2026-11-23T02:25:01Z", NOW)
    assert str(refusal.value) == snapshot(
        "`2026-11-23T02:25:01Z` lies in the future: nothing was recorded. Say when it happened."
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        *(
            (text, "is no length of time, which is a whole number")
            for text in ("30", "half an hour", "1.5h", "")
        ),
        *((text, "is longer than ten years") for text in ("999999999d", "9" * 400 + "h")),
        ("-5m", "lies in the past, and how long from now on is asked for"),
        ("0m", "is no time at all"),
    ],
)
def test_what_is_no_duration_is_refused_in_plain_words(text: str, why: str) -> None:
    with pytest.raises(Refused) as refusal:
        a_duration(text)
    said = str(refusal.value)
    assert said.startswith(f"`{text[:40]}` {why}")
    assert said.endswith(": nothing was recorded. Write it as 30m, 2h or 1d.")


def test_a_day_is_taken_to_its_end_and_a_length_from_now() -> None:
    assert a_day("2026-12-24", NOW) == datetime(2026, 12, 24, 23, 59, tzinfo=UTC)
    assert a_day("2026-11-23", NOW) == datetime(2026, 11, 23, 23, 59, tzinfo=UTC)
    assert a_day("14d", NOW) == NOW + timedelta(days=14)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-11-22", "is over: nothing was recorded. Say a day that is to come."),
        ("2026-02-30", "is no day of the calendar: nothing was recorded."),
        ("2062-12-24", "is more than ten years away: nothing was recorded. Is the year right?"),
        (
            "24.12.",
            "is no length of time, which is a whole number with its unit: nothing was recorded. "
            "Write it as 30m, 2h or 1d, or as a day: 2026-12-24.",
        ),
    ],
)
def test_what_is_no_day_to_come_is_refused(text: str, why: str) -> None:
    with pytest.raises(Refused) as refusal:
        a_day(text, NOW)
    assert str(refusal.value) == f"`{text}` {why}"


def test_longer_ago_than_ten_years_is_refused() -> None:
    with pytest.raises(Refused, match="`-9999d` is more than ten years ago: nothing was recorded"):
        a_time("-9999d", NOW)


def test_a_word_of_a_list_is_read_in_any_case() -> None:
    assert one_of("HELPED", ("no", "helped"), "answer") == "helped"
    with pytest.raises(Refused) as refusal:
        one_of("perhaps", ("no", "helped"), "answer")
    assert str(refusal.value) == snapshot(
        "`perhaps` is no answer: nothing was recorded. Say one of: no, helped."
    )
