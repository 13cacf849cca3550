"""What recorded decisions teach is counted, and never averaged."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

from hypothesis import given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from bot.core.cards.learning import lessons_card
from bot.core.events import Decided, EffectObserved, Entry, Event, IncidentDeclared, Severity
from bot.core.incident import Incident, fold
from bot.core.learning import Worked, lessons, lessons_json
from bot.core.spread import BINS, Spread
from tests.core.story import shown

T0 = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)

DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV1,
    service="checkout",
    environment="production",
    commander="ana",
)


def decided(option: str, proposal: str, *over: str) -> Decided:
    return Decided(option=option, why="It is", proposal=proposal, overridden=over)


def incident(number: int, *events: tuple[int, Event], day: int = 0) -> Incident:
    """Return an incident with events so many minutes after it was declared, on the so-many-th day."""
    start = T0 + timedelta(days=day)
    timed = [(0, DECLARED), *events]
    entries = [
        Entry(f"incident/INC-{number}", seq, at, at, "ana", "test", event)
        for seq, (minutes, event) in enumerate(timed, start=1)
        for at in [start + timedelta(minutes=minutes)]
    ]
    found = fold(entries)
    assert found
    return found


def seen(decision: int, option: str, outcome: Literal["worked", "no_change", "worse"]) -> EffectObserved:
    return EffectObserved(decision=decision, option=option, outcome=outcome)


HOTFIX_AFTER_ALL = (
    (4, decided("code_rollback", "code_rollback")),
    (20, seen(2, "code_rollback", "worse")),
    (30, decided("hotfix", "code_rollback", "V11: A fix to everything at once has caused the second outage")),
)
MANY = [
    incident(1, *HOTFIX_AFTER_ALL),
    incident(2, (8, decided("hotfix", "code_rollback")), (70, seen(2, "hotfix", "worked")), day=1),
    incident(3, (15, decided("wait", "ask")), day=2),
    incident(4, (30, decided("restore_full", "restore_partial", "V9: Only a part is damaged")), day=3),
    incident(
        5,
        (200, decided("mitigate", "mitigate")),
        (210, decided("mitigate", "mitigate")),
        (240, seen(3, "mitigate", "worked")),
        day=4,
    ),
    incident(6, day=5),
]


def test_each_decision_is_as_proposed_otherwise_or_before_there_was_a_proposal() -> None:
    found = lessons(MANY)

    assert (found.incidents, found.decisions) == (5, 7)
    assert (found.agreed, found.early) == (3, 1)
    assert found.otherwise == {("code_rollback", "hotfix"): 2, ("restore_partial", "restore_full"): 1}
    assert found.agreed + found.early + sum(found.otherwise.values()) == found.decisions


def test_vetoes_gone_over_are_counted_by_their_name() -> None:
    assert lessons(MANY).against == {"V11": 1, "V9": 1}


def test_what_was_seen_of_first_choices_is_counted_and_what_nobody_said_too() -> None:
    found = lessons(MANY)

    assert found.first == {"worse": 1, "worked": 1, "nobody_said": 3}
    assert sum(found.first.values()) == found.incidents
    assert found.failed == {"code_rollback": 1}


def test_choices_worked_of_those_that_somebody_looked_at() -> None:
    assert lessons(MANY).worked == (Worked(1, 2), Worked(1, 1))


def test_what_was_seen_later_corrects_what_was_seen_before() -> None:
    corrected = incident(
        1,
        (4, decided("hotfix", "hotfix")),
        (9, seen(2, "hotfix", "no_change")),
        (30, seen(2, "hotfix", "worked")),
    )

    assert lessons([corrected]).first == {"worked": 1}
    assert lessons([corrected]).failed == {}


def test_only_another_option_is_a_choice_made_again() -> None:
    assert lessons(MANY).again == 1
    assert lessons(MANY[4:]).again == 0


def test_the_time_to_decide_ends_with_the_first_decision() -> None:
    assert [time // timedelta(minutes=1) for time in lessons(MANY).to_decide.times] == [4, 8, 15, 30, 200]


def test_a_span_of_time_takes_incidents_by_their_first_decision() -> None:
    day = timedelta(days=1)
    assert lessons(MANY, since=T0 + day).incidents == 4
    assert lessons(MANY, until=T0 + day).incidents == 1
    assert lessons(MANY, since=T0 + day, until=T0 + 3 * day).incidents == 2
    assert lessons(MANY, since=T0 + 9 * day).decisions == 0


def test_few_times_have_no_percentiles_and_more_have_four() -> None:
    times = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 3, 4, 5))

    assert Spread(times[:4]).percentiles == {}
    assert Spread(times).percentiles == {
        25: timedelta(minutes=2),
        50: timedelta(minutes=3),
        75: timedelta(minutes=4),
        90: timedelta(minutes=4, seconds=36),
    }


@given(st.lists(st.integers(0, 100_000)))
def test_every_time_is_in_one_bar(seconds: Sequence[int]) -> None:
    spread = Spread(tuple(timedelta(seconds=each) for each in sorted(seconds)))

    assert sum(count for _, count in spread.bars) == len(seconds)
    assert [end for end, _ in spread.bars] == [*BINS, None]


def test_the_report_shows_counts_and_a_distribution() -> None:
    assert shown(lessons_card(lessons(MANY), " of checkout")) == snapshot("""\
7 decisions in 5 incidents of checkout
  As proposed        3 of 7
  Otherwise          hotfix where code_rollback was proposed (2), restore_full where restore_partial
        was proposed (1)
  Before a proposal  1
  Vetoes gone over   V11 (1), V9 (1)
  First choice       worked 1, no change 0, worse 1, nobody said 3; did not work: code_rollback (1)
  Worked             1 of 2 as proposed, 1 of 1 otherwise, of those somebody looked at
  Chose again        1 of 5 incidents, something else

From declaration to the first decision
n = 5: p25 8 min, p50 15 min, p75 30 min, p90 2 h 12 min.
    up to 5 min          #                              1
    up to 10 min         #                              1
    up to 20 min         #                              1
    up to 40 min         #                              1
    up to 1 h 20 min                                    0
    up to 2 h 40 min                                    0
    over 2 h 40 min      #                              1
p75 is the time within which three of four were decided. One long night would be most of an average,
        so none is given.
""")


def test_the_report_says_so_when_there_are_few() -> None:
    assert shown(lessons_card(lessons(MANY[2:4]), "")) == snapshot("""\
2 decisions in 2 incidents
  As proposed        0 of 2
  Otherwise          restore_full where restore_partial was proposed (1)
  Before a proposal  1
  Vetoes gone over   V9 (1)
  First choice       worked 0, no change 0, worse 0, nobody said 2; did not work: none
  Worked             0 of 0 as proposed, 0 of 0 otherwise, of those somebody looked at
  Chose again        0 of 2 incidents, something else

From declaration to the first decision
n = 2, fewer than 5: too few for percentiles. Each: 15 min, 30 min.
""")
    assert shown(lessons_card(lessons(MANY[4:5]), "")) == snapshot("""\
2 decisions in 1 incident
  As proposed        2 of 2
  Otherwise          none
  Before a proposal  0
  Vetoes gone over   none
  First choice       worked 0, no change 0, worse 0, nobody said 1; did not work: none
  Worked             1 of 1 as proposed, 0 of 0 otherwise, of those somebody looked at
  Chose again        0 of 1 incident, something else

From declaration to the first decision
n = 1, fewer than 5: too few for percentiles. Each: 3 h 20 min.
""")


def test_the_report_of_nothing_says_so() -> None:
    assert shown(lessons_card(lessons(MANY[5:]), " of checkout")) == snapshot(
        "No decision was recorded in any incident of checkout.\n"
    )


def test_the_report_is_told_to_programs() -> None:
    assert json.loads(json.dumps(lessons_json(lessons(MANY)))) == snapshot(
        {
            "incidents": 5,
            "decisions": 7,
            "as_proposed": 3,
            "before_a_proposal": 1,
            "otherwise": [
                {"proposed": "code_rollback", "chosen": "hotfix", "n": 2},
                {"proposed": "restore_partial", "chosen": "restore_full", "n": 1},
            ],
            "vetoes_gone_over": {"V11": 1, "V9": 1},
            "first": {"worked": 1, "no_change": 0, "worse": 1, "nobody_said": 3},
            "failed_first": {"code_rollback": 1},
            "chose_again": 1,
            "worked": {"as_proposed": {"worked": 1, "of": 2}, "otherwise": {"worked": 1, "of": 1}},
            "seconds_to_decide": {"n": 5, "p25": 480.0, "p50": 900.0, "p75": 1800.0, "p90": 7920.0},
            "bars": [
                {"up_to": 300.0, "n": 1},
                {"up_to": 600.0, "n": 1},
                {"up_to": 1200.0, "n": 1},
                {"up_to": 2400.0, "n": 1},
                {"up_to": 4800.0, "n": 0},
                {"up_to": 9600.0, "n": 0},
                {"up_to": None, "n": 1},
            ],
        }
    )
    assert lessons_json(lessons(MANY[:4]))["seconds_to_decide"] == {"n": 4}
