"""When a drill is due: in its windows, after what it waits for, and never twice in one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.core.drill import Drill
from bot.core.events import ChangeType, DrillAsked, DrillEnded, Entry, ReleaseRecorded
from bot.core.schedule import Around, Due, Later, Major, Skip, newest_major, verdict
from playbooks.model import Drill as Rule
from playbooks.windows import next_window, open_window


def rule(schedule: str = "0 3 * * *", **more: object) -> Rule:
    return Rule.model_validate({"targets": {"a": "b"}, "schedule": schedule, **more})


def at(day: int, hour: int, minute: int = 0, *, month: int = 11) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


FIRST = at(1, 3)


def drilled(
    id: str = "DRL-1", *, asked: datetime = FIRST, window: datetime | None = None, outcome: str = "passed"
) -> Drill:
    event = DrillAsked(
        playbook="p", title="P", service="s", environment="e", commander="ana", owner="o", window=window
    )
    ended = DrillEnded.model_validate({"outcome": outcome})
    return Drill(id, event, "backstop", asked, ended=ended, ended_at=asked)


def test_a_window_opens_at_its_moment_and_closes_after_its_length() -> None:
    nightly = rule(window="2h")
    assert open_window(nightly, at(2, 2, 59)) is None
    assert open_window(nightly, at(2, 3)) == at(2, 3)
    assert open_window(nightly, at(2, 4, 59)) == at(2, 3)
    assert open_window(nightly, at(2, 5)) is None
    assert next_window(nightly, at(2, 3)) == at(3, 3)


def test_a_moment_within_a_minute_is_not_taken_for_one_that_came() -> None:
    assert open_window(rule(), at(2, 2, 59) + timedelta(seconds=30)) is None
    assert next_window(rule(), at(2, 2, 59) + timedelta(seconds=30)) == at(2, 3)


def test_without_a_schedule_no_window_ever_opens() -> None:
    by_hand = Rule.model_validate({"targets": {"a": "b"}})
    assert (open_window(by_hand, at(2, 3)), next_window(by_hand, at(2, 3))) == (None, None)
    assert verdict(by_hand, Around(), at(2, 3)) == Later("no window is to come")


@pytest.mark.parametrize(
    ("day", "opens"),
    [
        (at(24, 0, month=10), at(24, 0, 30, month=10)),  # summer: 02:30 is 00:30 UTC
        (at(25, 0, month=10), at(25, 0, 30, month=10)),  # clocks go back at 03:00: once, not twice
        (at(26, 0, month=10), at(26, 1, 30, month=10)),  # winter: 02:30 is 01:30 UTC
        (at(29, 0, month=3), at(29, 1, 0, month=3)),  # 02:30 is not there: right after the clocks went on
    ],
)
def test_a_night_on_which_clocks_change_has_one_window(day: datetime, opens: datetime) -> None:
    berlin = rule("30 2 * * *", zone="Europe/Berlin", window="1h")
    begun = {
        window
        for minute in range(0, 24 * 60, 5)
        if (window := open_window(berlin, day + timedelta(minutes=minute))) and window >= day
    }
    assert begun == {opens}


def test_a_drill_is_due_once_in_a_window() -> None:
    assert verdict(rule(), Around(), at(2, 3, 10)) == Due(at(2, 3))
    said = verdict(rule(), Around(drills=[drilled(window=at(2, 3))]), at(2, 3, 10))
    assert said == Later("DRL-1 was for the window of 2026-11-02 03:00:00Z", at(3, 3))


def test_after_ten_days_of_silence_one_drill_is_due() -> None:
    before = [drilled(window=at(2, 3))]
    assert verdict(rule(), Around(drills=before), at(12, 3, 10)) == Due(at(12, 3))
    assert verdict(rule(), Around(drills=before), at(12, 11)) == Later(
        "the next window opens 2026-11-13 03:00:00Z", at(13, 3)
    )


def test_an_incident_or_another_drill_leaves_a_window_unused() -> None:
    assert verdict(rule(), Around(incident="INC-4"), at(2, 3)) == Skip(
        at(2, 3), "INC-4 is open for its service"
    )
    assert verdict(rule(), Around(busy="DRL-3"), at(2, 3)) == Skip(at(2, 3), "DRL-3 still uses its stand-ins")


def test_a_drill_after_a_major_release_is_due_until_one_was_carried_out() -> None:
    after = rule(after="major", within="5d")
    around = Around(major=Major("3.0", at(2, 12)))
    assert verdict(after, Around(), at(3, 3)) == Later("no major release within 5d", at(4, 3))
    assert verdict(after, around, at(3, 3)) == Due(at(3, 3), "3.0")
    assert verdict(after, around, at(8, 3)) == Later("no major release within 5d", at(9, 3))
    skipped = replace(around, drills=[drilled("DRL-2", asked=at(3, 3), window=at(3, 3), outcome="skipped")])
    assert verdict(after, skipped, at(4, 3)) == Due(at(4, 3), "3.0")
    failed = replace(around, drills=[drilled("DRL-2", asked=at(3, 9), outcome="failed")])
    assert verdict(after, failed, at(4, 3)) == Later("DRL-2 came after the major release 3.0", at(5, 3))
    before = replace(around, drills=[drilled(asked=at(1, 3))])
    assert verdict(after, before, at(4, 3)) == Due(at(4, 3), "3.0")


def released(
    day: int,
    version: str,
    *migrations: str,
    environment: str = "production",
    change: ChangeType | None = None,
) -> Entry:
    event = ReleaseRecorded(version=version, environment=environment, migrations=migrations, change=change)
    return Entry("service/s", day, at(day, 9), at(day, 9), "ci", "http", event)


@pytest.mark.parametrize(
    ("entries", "major"),
    [
        ([], None),
        ([released(1, "2.9.0")], None),
        ([released(1, "2.9.0"), released(2, "2.10.0")], None),
        ([released(1, "v2.9.0"), released(2, "v3.0.0"), released(3, "v3.0.1")], Major("v3.0.0", at(2, 9))),
        ([released(1, "2.9.0"), released(2, "2.9.1", "0042_totals")], Major("2.9.1", at(2, 9))),
        ([released(1, "2.9.0"), released(2, "3.0.0", environment="test")], None),
        ([released(1, "blue"), released(2, "green")], None),
        ([released(1, "3.0.0"), released(2, "2.9.0")], None),
        ([replace(released(1, "3.0.0"), event=None)], None),
        ([released(1, "2.9.0"), released(2, "pool of 64", change="config"), released(3, "2.9.1")], None),
    ],
)
def test_a_release_is_major_when_its_first_number_grew_or_it_changes_how_data_is_kept(
    entries: list[Entry], major: Major | None
) -> None:
    assert newest_major(entries, "production") == major
