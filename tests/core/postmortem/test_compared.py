"""What an incident's acts took, beside the same acts before it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.core import events
from bot.core.document import plain
from bot.core.estimate import Act, Measurement, Took
from bot.core.postmortem import operations_in, postmortem
from bot.core.postmortem.story import History
from integrations.contract import Measured
from tests.core.story import at, restoring

RESTORE = Act("sqlite.restore", "", "orders-db")


def took(seconds: float, *, drill: bool = False, amount: int | None = None, act: Act = RESTORE) -> Took:
    return Took(act, drill=drill, phases=(Measured("copying", seconds, amount), Measured("swapped", 2.0)))


def told(now: Took, *before: Took, undo: bool = False) -> str:
    """Return the part of a post-mortem that compares, where each earlier act was a day before the next."""
    story = restoring()
    story.in_run(24, events.StepSucceeded(step="restore", attempt=1, took=now, undo=undo))
    story.in_run(30, events.RunRecovered())
    measured = [
        Measurement(at(0) - timedelta(days=len(before) - number), each) for number, each in enumerate(before)
    ]
    # What was measured later, the act itself, and another step of the same run are not from before.
    measured += [Measurement(at(24), now), Measurement(at(90), took(999.0))]
    assert operations_in(story.entries) == {"sqlite.restore"}
    measured += [Measurement(at(12), took(777.0), "RUN-1")]
    history = History(measured=tuple(measured[::-1]))
    text = plain(postmortem(story.incident, story.entries, [story.run], [], now=at(60), history=history))
    return text.partition("Compared with before")[2].partition("Timeline")[0]


def row(text: str) -> list[str]:
    """Return the cells of the only row."""
    (line,) = (line for line in text.splitlines() if line.strip().startswith("RUN-1 "))
    return [cell.strip() for cell in line.strip().split("  ") if cell.strip()]


def test_a_restore_stands_beside_its_runs_and_drills() -> None:
    text = told(took(238), took(58), took(298), took(118, drill=True))
    assert row(text) == [
        "RUN-1 S2 Put orders back",
        "4 min",
        "1 min, 5 min",
        "2 min",
        "2.0 times as long",
    ]
    assert "No average is made: one long night would be most of it." in text


def test_the_amount_of_the_work_is_told_where_both_counted_it() -> None:
    assert row(told(took(58, amount=300), took(28, drill=True, amount=200)))[-1] == (
        "2.0 times as long, for 1.5 times as much"
    )
    assert row(told(took(58, amount=300), took(28, drill=True)))[-1] == "2.0 times as long"


def test_the_last_drill_is_the_one_that_counts() -> None:
    assert row(told(took(58), took(1, drill=True), took(118, drill=True)))[-2:] == [
        "3 s, 2 min",
        "0.5 times as long",
    ]


def test_many_times_are_told_as_they_are_spread() -> None:
    times = [took(seconds - 2) for seconds in (60, 120, 180, 240, 300, 3_600)]
    assert (
        row(told(took(58), *times))[2]
        == "1 min to 1 h; p25 2 min 15 s, p50 3 min 30 s, p75 4 min 45 s, p90 32 min 30 s"
    )


def test_what_was_never_drilled_says_so() -> None:
    assert row(told(took(58), took(58)))[-2:] == ["none", "never drilled"]


def test_a_drill_in_which_nothing_was_to_do_is_no_measure() -> None:
    nothing = Took(RESTORE, drill=True, phases=())
    assert row(told(took(58), nothing))[-1] == "the drill took no time"


@pytest.mark.parametrize(
    ("before", "undo"),
    [((), False), ((took(5, act=Act("sqlite.restore", "", "other-db")),), False), ((took(5),), True)],
    ids=["nothing", "another target", "an undo"],
)
def test_where_there_is_nothing_to_compare_nothing_is_told(before: tuple[Took, ...], undo: bool) -> None:
    assert told(took(58), *before, undo=undo) == ""
