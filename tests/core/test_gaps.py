"""Which gaps are open, since when, and what their tasks say."""

from __future__ import annotations

from datetime import UTC, datetime

from inline_snapshot import snapshot

from bot.core.document import plain
from bot.core.drill import Drill
from bot.core.events import DrillAsked, DrillEnded, Gap, TaskOpened
from bot.core.gaps import open_gaps, says_all, task_of, to_do


def drill(number: int, outcome: str | None, *gaps: str, task: str = "") -> Drill:
    at = datetime(2026, 11, number, 3, tzinfo=UTC)
    asked = DrillAsked(
        playbook="restore",
        title="Put the orders back",
        service="checkout",
        environment="production",
        commander="ana",
        owner="owners",
    )
    shown = [Gap(id=gap, what=f"{gap} failed.") for gap in gaps]
    ended = DrillEnded.model_validate({"outcome": outcome, "gaps": shown}) if outcome else None
    opened = TaskOpened(gap=task, first=f"DRL-{number}", system="jira", key="OPS-1", url="https://x.example")
    tasks = {task: opened} if task else {}
    return Drill(f"DRL-{number}", asked, "backstop", at, ended=ended, ended_at=at, tasks=tasks)


def since(*newest_first: Drill) -> list[tuple[str, str, str]]:
    found = open_gaps(newest_first)
    return [(each.gap.id, each.first, each.task.key if each.task else "") for each in found]


def test_nothing_is_open_before_the_first_drill_ended() -> None:
    assert since() == since(drill(1, None)) == since(drill(1, "skipped")) == []


def test_a_gap_is_open_since_the_drill_from_which_on_all_showed_it() -> None:
    third, second, first = drill(3, "failed", "a", "b"), drill(2, "failed", "a"), drill(1, "passed", "b")
    assert since(third, second, first) == [("a", "DRL-2", ""), ("b", "DRL-3", "")]


def test_a_drill_that_does_not_show_a_gap_any_more_mends_it() -> None:
    assert since(drill(2, "passed"), drill(1, "failed", "a")) == []


def test_a_drill_that_did_nothing_mends_nothing() -> None:
    nothing = (drill(4, None), drill(3, "skipped"), drill(2, "refused", "plan-x"))
    assert since(*nothing, drill(1, "failed", "a")) == [("a", "DRL-1", ""), ("plan-x", "DRL-2", "")]


def test_a_gap_keeps_its_task_while_it_is_open_and_gets_another_when_it_comes_again() -> None:
    first = drill(1, "failed", "a", task="a")
    assert since(drill(2, "failed", "a"), first) == [("a", "DRL-1", "OPS-1")]
    assert since(drill(3, "failed", "a"), drill(2, "passed"), first) == [("a", "DRL-3", "")]
    (again,), (before,) = open_gaps([drill(3, "failed", "a"), drill(2, "passed"), first]), open_gaps([first])
    assert again.ref != before.ref


def test_a_task_says_what_was_seen_whose_it_is_and_by_when() -> None:
    second, first = drill(2, "failed", "a"), drill(1, "failed", "a")
    (found,) = open_gaps([second, first])
    assert plain(task_of(found, second, ("bo", "cy"))) == snapshot("""\
a failed.
  Playbook  restore: Put the orders back
  Shown by  DRL-1, and still by DRL-2
  Owner     owners (bo, cy)
  Due       2026-11-15 03:00:00Z
It is mended when a drill does not show it any more: drill restore
""")
    (alone,) = open_gaps([first])
    assert "Shown by  DRL-1\n" in plain(task_of(alone, first, ()))


def test_older_drills_are_asked_until_one_that_ran_shows_nothing_of_what_is_open() -> None:
    third, second, first = drill(3, "failed", "a"), drill(2, "failed", "a", "b"), drill(1, "passed", "b")
    assert [says_all(found) for found in ((), (third,), (third, second), (third, second, first))] == [
        False,
        False,
        False,
        True,
    ]
    assert says_all((drill(2, "passed"),))
    assert not says_all((drill(2, "refused", "a"),))


def test_a_gap_is_to_be_mended_by_the_owners_within_two_weeks() -> None:
    [found] = open_gaps([drill(3, "failed", "a", task="a")])
    task = to_do(found, ["bo", "cy"])
    assert (task.what, task.people, task.due, task.issue, task.buttons) == (
        "a failed.",
        ("bo", "cy"),
        datetime(2026, 11, 17, 3, tzinfo=UTC),
        found.task,
        (),
    )
