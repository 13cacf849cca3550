"""The figures of many incidents are spreads and counts, and never an average."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from bot.core import events
from bot.core.cards.measured import report_card
from bot.core.cards.timeline import ordered
from bot.core.events import Event
from bot.core.measured import Report, report, report_json
from bot.core.postmortem.story import Story as Told
from bot.core.spread import percentiles, spread_in_words
from bot.core.words import within
from tests.core.postmortem.test_figures import back, drill, told_by
from tests.core.story import DECLARED, Story, at, shown


def noticed(minutes: float, *more: tuple[float, Event]) -> Told:
    """Return an incident that was detected so long after its impact began."""
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(0, events.ImpactStated(detected=at(minutes - 10)))
    for minute, event in more:
        story.in_incident(minute, event)
    return told_by(story)


UNSAID = told_by(back(), drill(4))
FALSE = noticed(1, (5, events.FalseAlarm(why="a test")))
MERGED = noticed(1, (5, events.Merged(into="INC-9", why="the same")))
HOTFIX = noticed(
    8,
    (9, events.Decided(option="hotfix", why="it is small", proposal="hotfix")),
    (20, events.IncidentResolved(statement="Back.", data_statement="None lost.")),
)


def released(*versions: str) -> list[events.Entry]:
    story = Story()
    for number, version in enumerate(versions):
        out = events.ReleaseRecorded(version=version, environment="production")
        story.tell("service/checkout", at(-60 + number), "ci", out)
    flag = events.ReleaseRecorded(version="dark mode", environment="production", change="config")
    story.tell("service/checkout", at(-1), "ci", flag)
    return story.entries


def some() -> Report:
    stories = [UNSAID, FALSE, MERGED, HOTFIX, *(noticed(minutes) for minutes in (1, 2, 3, 4))]
    return report(stories, released=released("2.3.9", "2.4.0", "2.4.1"), drills=2)


def test_what_is_left_out_is_counted() -> None:
    found = some()
    assert (found.incidents, found.open) == (6, 5)
    assert found.left_out == {"false alarms": 1, "merged": 1, "drills": 2}


def test_a_figure_has_the_values_of_whom_it_can_be_said() -> None:
    ttd = some().rows["TTD"]
    assert sorted(ttd.values) == [60, 120, 180, 240, 360, 480]
    assert not ttd.unsaid
    back_again = some().rows["TTR"]
    assert len(back_again.values) == 1
    assert back_again.unsaid == {"no run recovered the service": 5}


def test_targets_are_counted_as_met_or_missed() -> None:
    rto = some().rows["RTO achieved"]
    assert (rto.met, rto.missed, rto.unsaid.total()) == (1, 0, 5)


def test_releases_that_failed_and_hotfixes_are_counted_of_what_went_out() -> None:
    found = some()
    assert (found.releases, found.suspected, found.hotfixes) == (3, 1, 1)


def test_the_report_shows_spreads_and_what_nobody_can_say() -> None:
    assert shown(report_card(some(), " of checkout")) == snapshot("""\
6 incidents of checkout
  Left out     1 false alarms, 1 merged, 2 drills
  Still open   5
  Change fail  1 of 3 recorded releases are suspected
  Rework       1 hotfixes were decided
  Figure                           n  Spread  Target           Cannot say
  TTD                              6  1 min to 8 min; p25 2 min 15 s, p50 3 min 30 s, p75 5 min 30
        s, p90 7 min                   0
  TTA                              1  3 min                    5: no page was acknowledged, and
        nobody said when somebody took it on (5)
  TTDeclare                        6  2 min to 9 min; p25 4 min 30 s, p50 6 min 30 s, p75 7 min 45
        s, p90 8 min 30 s                   0
  Time to first update             0  none                     6: no update was posted (6)
  Time to public notice            1  10 min                   5: customers were told nothing
        through a status page (5)
  TTDecide                         1  5 min                    5: no page was acknowledged, and
        nobody said when somebody took it on; no decision was recorded (4); no page was
        acknowledged, and nobody said when somebody took it on (1)
  Time to contain                  1  14 min                   5: writers were not stopped (5)
  Time to approve                  1  5 min                    0
  TTM                              1  40 min                   5: nobody said when the impact was
        mitigated (5)
  TTR                              1  40 min                   5: no run recovered the service (5)
  Execution time                   1  22 min                   0
  RTO achieved                     1  40 min  1 met, 0 missed  5: no run recovered the service (5)
  RPO achieved                     1  14 min  1 met, 0 missed  5: no run recovered the service (5)
  Writes discarded                 1  16 min                   0
  Backup age at use                1  14 min                   0
  Backup verification age          1  19 min                   0
  Restore duration                 1  16 min                   0
  Drill ratio                      1  2.0                      0
  Failed first action              0  none                     6: no decision was recorded (4);
        nobody said whether it worked (2)
  Failed attempts                  1  0 s                      0
  Failed deployment recovery time  0  none                     6: the suspect release is not
        recorded; no run recovered the service (5); the suspect release is not recorded (1)
p75 is what three of four stayed within. One long night would be most of an average, so none is
        given; of fewer than 5 each is told. How each figure is reckoned is in the post-mortems.
""")


def test_the_report_on_nothing_says_what_was_left_out() -> None:
    assert shown(report_card(report([FALSE]), "")) == snapshot(
        "There is no incident to measure; left out: 1 false alarms, 0 merged, 0 drills.\n"
    )


def test_one_incident_is_one() -> None:
    assert report_card(report([HOTFIX]), "").title == "1 incident"


def test_the_report_is_told_to_programs() -> None:
    told = json.loads(json.dumps(report_json(some())))
    figures = {figure["name"]: figure for figure in told["figures"]}
    assert figures["TTD"] == snapshot(
        {
            "name": "TTD",
            "formula": "detected − impact start",
            "unit": "seconds",
            "n": 6,
            "min": 60.0,
            "max": 480.0,
            "p25": 135.0,
            "p50": 210.0,
            "p75": 330.0,
            "p90": 420.0,
            "each": [60.0, 120.0, 180.0, 240.0, 360.0, 480.0],
            "met": 0,
            "missed": 0,
            "cannot_say": {},
        }
    )
    assert figures["Drill ratio"] == snapshot(
        {
            "name": "Drill ratio",
            "formula": "restore duration ÷ that of the last drill, per byte",
            "unit": "ratio",
            "n": 1,
            "min": 2.0,
            "max": 2.0,
            "each": [2.0],
            "met": 0,
            "missed": 0,
            "cannot_say": {},
        }
    )
    assert figures["Time to contain"]["n"] == 1
    assert "min" not in figures["Time to first update"]
    assert told["left_out"] == {"false alarms": 1, "merged": 1, "drills": 2}


@given(st.lists(st.integers(0, 26 * 3_600)))
def test_percentiles_lie_in_their_order_between_the_ends(seconds: Sequence[int]) -> None:
    found = list(percentiles(seconds).values())
    assert found == sorted(found)
    assert all(min(seconds) <= value <= max(seconds) for value in found)
    assert bool(found) is (len(seconds) >= 5)


@given(st.permutations([1, 2, 3, 4, 8]))
def test_the_order_of_incidents_does_not_matter(order: Sequence[int]) -> None:
    told = report_json(report([noticed(minutes) for minutes in order]))
    assert told == report_json(report([noticed(minutes) for minutes in sorted(order)]))


def test_few_values_are_told_one_by_one() -> None:
    assert spread_in_words([], str) == "none"
    assert spread_in_words([3, 1, 2], str) == "1, 2, 3"
    assert spread_in_words([1, 2, 3, 4, 5], str) == "1 to 5; p25 2.0, p50 3.0, p75 4.0, p90 4.6"


def test_a_span_begins_with_its_start_and_ends_before_its_end() -> None:
    minute = timedelta(minutes=1)
    assert within(at(0), None, None)
    assert within(at(0), at(0), at(0) + minute)
    assert not within(at(0), at(0) + minute, None)
    assert not within(at(0), None, at(0))


def test_entries_of_a_story_stand_in_their_order() -> None:
    assert list(UNSAID.entries) == ordered(UNSAID.entries)
    assert replace(UNSAID, drills=()) != UNSAID
