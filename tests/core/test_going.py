"""What is shown of a step never goes back and never makes no sense, whatever its engine reports."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.cards.pace import pace
from bot.core.estimate import Expected
from bot.core.going import MOST_SHARE, Going, advance, ahead, read
from bot.core.run import Status, StepState
from bot.core.words import roughly
from integrations.contract import Progress
from tests.core.story import RESTORE, at

PHASES = (Expected("copying", 60, 90), Expected("proving", 30, 45), Expected("swapped", 10, 15))
NEW = Going(key="k", since=at(0), moved=at(0))
STARTED = StepState(status=Status.STARTED, key="k", started_at=at(0))


def said(phase: str, done: int, total: int | None = 100, unit: str = "bytes") -> Progress:
    return Progress(phase, done, total, unit, at(0))


def after(*reports: Progress, every_s: float = 10, phases: tuple[Expected, ...] = PHASES) -> Going:
    known = NEW
    for number, report in enumerate(reports, start=1):
        known = advance(known, report, phases, at(0, number * every_s))
    return known


def test_a_sign_of_life_is_newer_than_what_was_said_or_none() -> None:
    assert NEW.stirring(at(0, 30)).moved == at(0, 30)
    assert NEW.stirring(at(0, 30)).stirring(at(0, 10)).moved == at(0, 30)
    assert NEW.stirring(None) == NEW


def test_phases_come_one_after_another_with_what_is_done_in_each() -> None:
    going = after(said("copying", 20), said("copying", 50))
    assert (going.phase, going.done, going.total, going.percent, going.first) == ("copying", 50, 100, 50, 20)
    assert (going.since, going.moved, going.fraction) == (at(0, 10), at(0, 20), 0.5)
    assert going.share == pytest.approx(0.3)
    going = after(said("copying", 100), said("proving", 0, None))
    assert (going.seen, going.done, going.total, going.fraction) == (("copying", "proving"), 0, None, None)
    assert going.share == pytest.approx(0.6)


def test_less_than_before_is_not_less_and_a_phase_that_was_left_is_not_shown_again() -> None:
    assert after(said("copying", 50), said("copying", 20)).done == 50
    back = after(said("copying", 50), said("proving", 5), said("copying", 70))
    assert (back.phase, back.done, back.moved) == ("proving", 5, at(0, 30))


def test_a_total_that_grows_makes_the_percentage_wait_and_one_that_is_exceeded_is_none() -> None:
    grown = after(said("copying", 50), said("copying", 60, 200))
    assert (grown.done, grown.total, grown.percent) == (60, 200, 50)
    for total in (0, None, 40):
        going = after(said("copying", 50, total))
        assert (going.done, going.total, going.percent, going.fraction) == (50, None, None, None)
    assert after(said("copying", 50), said("copying", 60, 40)).percent == 50
    assert after(said("copying", -5)).done == 0


def test_it_moves_only_when_something_new_is_said() -> None:
    assert after(said("copying", 50), said("copying", 50), said("copying", 50)).moved == at(0, 10)
    assert after(said("copying", 50), said("copying", 50, 200)).moved == at(0, 20)


def test_a_sign_of_life_between_two_reports_leaves_the_rate_as_it_was() -> None:
    going = after(said("copying", 0), said("copying", 50))
    before = pace(RESTORE, STARTED, going, at(0, 20))
    stirred = pace(RESTORE, STARTED, going.stirring(at(0, 45)), at(0, 45))
    assert before.rate == stirred.rate == 5
    assert stirred.silent == timedelta(0)


def test_a_clock_that_is_set_back_makes_nothing_last_for_ever() -> None:
    going = advance(after(said("copying", 50), said("copying", 50)), said("copying", 50), PHASES, at(-60))
    assert (going.moved, going.since) == (at(-60), at(-60))
    assert pace(RESTORE, STARTED, going, at(-61)).silent == timedelta(0)


def test_without_a_total_a_phase_gets_on_by_the_time_it_was_expected_to_take() -> None:
    assert after(said("copying", 1, None), said("copying", 2, None), every_s=30).share == pytest.approx(0.3)
    assert after(said("copying", 1, None), said("copying", 2, None), every_s=300).share == pytest.approx(0.6)


def test_what_nobody_expected_counts_for_nothing_and_what_nobody_measured_has_no_share() -> None:
    assert after(said("copying", 100), said("cleaning", 5)).share == pytest.approx(0.6)
    assert after(said("copying", 50), phases=()).share is None
    assert after(said("copying", 50), phases=(Expected("copying", 0, 0),)).share is None
    instant = (Expected("copying", 0, 0), Expected("proving", 10, 10))
    assert after(said("copying", 50), phases=instant).share == 0


def test_a_phase_that_was_left_out_is_over_once_a_later_one_begins() -> None:
    assert ahead(after(said("swapped", 0)), PHASES) == (PHASES[2], ())
    assert ahead(NEW, PHASES) == (PHASES[0], PHASES[1:])
    assert ahead(NEW, ()) == (None, ())
    assert ahead(after(said("cleaning", 0)), PHASES) == (None, PHASES)


def test_what_is_not_over_is_never_all_of_it() -> None:
    assert after(said("swapped", 100)).share == MOST_SHARE


def test_silence_is_said_with_its_reason_until_the_next_report() -> None:
    silent = after(said("copying", 50)).saying("no answer", "connection refused")
    assert (silent.note, silent.tail, silent.done) == ("no answer", "connection refused", 50)
    again = advance(silent, said("copying", 60), PHASES, at(1))
    assert (again.note, again.tail) == ("", "")


def test_what_is_kept_is_of_one_attempt() -> None:
    going = after(said("copying", 50))
    kept = going.model_dump(mode="json")
    assert read(kept, "k") == going
    assert read(kept, "another") is None
    assert read({"phase": "copying", "done": 5}, "k") is None
    assert read(None, "k") is None


REPORTS = st.builds(
    said,
    st.sampled_from(("copying", "proving", "swapped", "cleaning", "")),
    st.integers(-10, 200),
    st.none() | st.integers(-10, 200),
    st.sampled_from(("bytes", "items", "percent")),
)
PLANS = st.sampled_from(((), PHASES, PHASES[:1], (Expected("copying", 0, 0), *PHASES[1:])))
STEPS = st.lists(st.tuples(REPORTS, st.integers(-3600, 3600)), min_size=1, max_size=30)


@given(STEPS, PLANS)
def test_progress_never_goes_back_and_the_time_left_is_never_nonsense(
    steps: list[tuple[Progress, int]], phases: tuple[Expected, ...]
) -> None:
    step = RESTORE.model_copy(update={"phases": phases})
    known, now = NEW, at(0)
    for report, seconds in steps:
        now += timedelta(seconds=seconds)
        going = advance(known, report, phases, now)
        _onward(known, going)
        _sound(going, now)
        found = pace(step, STARTED, going, now)
        assert found.silent >= timedelta(0)
        assert found.rate is None or found.rate > 0
        if found.left:
            low, high = found.left
            assert timedelta(0) <= low <= high
            assert roughly(low, high)
        known = going


def _onward(known: Going, going: Going) -> None:
    assert going.seen[: len(known.seen)] == known.seen
    if going.seen == known.seen:
        assert going.done >= known.done
        assert (going.percent or 0) >= (known.percent or 0)
    assert (going.share or 0.0) >= (known.share or 0.0)


def _sound(going: Going, now: datetime) -> None:
    assert going.done >= 0
    assert going.total is None or going.total >= max(going.done, 1)
    assert going.percent is None or 0 <= going.percent <= 100
    assert going.share is None or 0 <= going.share <= MOST_SHARE
    assert max(going.moved, going.since) <= now


@given(st.integers(0, 1_000))
def test_whatever_was_measured_before_near_the_end_the_live_rate_counts(measured_s: int) -> None:
    phases = (Expected("copying", measured_s, measured_s),)
    reports = [said("copying", 10 * second, 1_000) for second in range(1, 96)]
    step = RESTORE.model_copy(update={"phases": phases})
    found = pace(step, STARTED, after(*reports, every_s=1, phases=phases), at(0, 95))
    assert found.left
    assert found.left[0].total_seconds() == pytest.approx(5, abs=0.05 * abs(5 - 0.05 * measured_s) + 0.01)


def test_what_it_is_at_inside_a_phase_is_a_sign_of_life_and_is_no_phase() -> None:
    copied = said("copying", 100)
    building = replace(copied, doing="building index orders_pkey (scanning table, 40 %)")
    going = after(copied, building)
    assert (going.seen, going.doing, going.moved, going.counted) == (
        ("copying",),
        building.doing,
        at(0, 20),
        at(0, 20),
    )
    same = advance(going, building, PHASES, at(0, 90))
    assert (same.moved, same.counted) == (at(0, 20), at(0, 20))
    assert after(building, said("proving", 1)).doing == ""
