"""Which recovery point is chosen, and what people read about the ones that are not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from bot.core.choose import Choice, Wish, choose
from integrations.contract import RecoveryPoint
from playbooks.model import Select

NOW = datetime(2026, 11, 23, 2, 20, tzinfo=UTC)


def minutes(before: float) -> datetime:
    return NOW - timedelta(minutes=before)


def point(id: str, before: float, **more: object) -> RecoveryPoint:
    fields: dict[str, object] = {"verified_at": minutes(before - 1), **more}
    return RecoveryPoint(id=id, engine="sqlite", kind="copy", finished_at=minutes(before), **fields)  # type: ignore[arg-type]


def chosen(select: Select, *points: RecoveryPoint, **wish: object) -> Choice:
    return choose(select, points, Wish(NOW, **wish))  # type: ignore[arg-type]


def name(choice: Choice) -> str | None:
    return choice.point and choice.point.id


def refusals(choice: Choice) -> dict[str, str]:
    return {point.id: because for point, because in choice.refused}


LATEST = Select(strategy="latest_before")


def test_the_newest_point_wins_whatever_the_order_they_come_in() -> None:
    choice = chosen(LATEST, point("older", 40), point("newer", 10), point("oldest", 90))
    assert name(choice) == "newer"
    assert choice.because == "the newest usable one, verified 2026-11-23 02:11:00Z"
    assert choice.refused == ()


def test_a_point_taken_when_the_damage_began_is_refused_and_the_one_before_it_chosen() -> None:
    choice = chosen(LATEST, point("bad", 6), point("good", 21), damage_start=minutes(6))
    assert name(choice) == "good"
    assert choice.because == (
        "the newest usable one before 2026-11-23 02:14:00Z, verified 2026-11-23 02:00:00Z"
    )
    assert refusals(choice) == {"bad": "it was taken after the damage began at 2026-11-23 02:14:00Z"}


def test_a_wanted_moment_refuses_what_was_finished_after_it_but_not_at_it() -> None:
    choice = chosen(LATEST, point("late", 9), point("exact", 10), before=minutes(10))
    assert name(choice) == "exact"
    assert refusals(choice) == {"late": "it was finished after 2026-11-23 02:10:00Z"}


def test_a_point_asked_for_by_name_is_the_only_one_that_will_do() -> None:
    choice = chosen(LATEST, point("newer", 5), point("wanted", 30, verified_at=None), exact="wanted")
    assert name(choice) == "wanted"
    assert choice.because == "it was asked for by name, not verified"
    assert refusals(choice) == {"newer": "wanted was asked for"}


def test_age_counts_from_the_wanted_moment() -> None:
    select = Select(strategy="latest_before", max_age=timedelta(minutes=30))
    assert refusals(chosen(select, point("old", 31))) == {"old": "it is older than 30m"}
    assert chosen(select, point("old", 31), before=minutes(1)).point is not None


def test_a_point_that_a_run_could_not_restore_is_refused_with_what_happened() -> None:
    why = "RUN-1 could not restore it: its digest is another"
    choice = chosen(LATEST, point("newer", 5), point("older", 30), failed={"newer": why})
    assert name(choice) == "older"
    assert refusals(choice) == {"newer": why}


@pytest.mark.parametrize("health", ["invalid", "stranded", "partial"])
def test_what_cannot_be_read_is_never_chosen(health: str) -> None:
    choice = chosen(LATEST, point("broken", 5, health=health))
    assert choice.point is None
    again = "; once it was mended, a plan that names it has it read again" if health == "invalid" else ""
    assert choice.because == f"the only one there is will not do: it is {health}{again}"
    assert refusals(choice) == {"broken": f"it is {health}{again}"}


@pytest.mark.parametrize(
    ("select", "more", "because"),
    [
        (
            Select(strategy="latest_verified"),
            {"verified_at": None},
            "nobody verified that it can be read",
        ),
        (
            Select(strategy="latest_before", require=("verified",)),
            {"verified_at": None},
            "nobody verified that it can be read",
        ),
        (
            Select(strategy="latest_before", require=("immutable",)),
            {},
            "it is not known to be immutable",
        ),
        (Select(strategy="latest_before", require=("drilled",)), {}, "no drill has restored it"),
        (
            Select(strategy="latest_before", require=("log_continuous",)),
            {},
            "nobody can say whether its log is continuous",
        ),
    ],
)
def test_a_requirement_nobody_can_confirm_is_not_met(
    select: Select, more: dict[str, object], because: str
) -> None:
    assert refusals(chosen(select, point("orders", 5, **more))) == {"orders": because}


def test_what_meets_every_requirement_is_chosen() -> None:
    select = Select(strategy="latest_verified", require=("verified", "immutable"))
    assert chosen(select, point("orders", 5, immutable=True)).point is not None


def test_no_points_at_all_is_not_the_same_as_none_that_will_do() -> None:
    assert chosen(LATEST) == Choice(None, "there is no recovery point at all")


def test_each_of_several_points_that_will_not_do_has_its_reason() -> None:
    found = chosen(LATEST, point("older", 9, health="invalid"), point("newer", 5, health="partial"))

    assert found.because == "none of 2 recovery points will do"
    assert refusals(found) == {
        "older": "it is invalid; once it was mended, a plan that names it has it read again",
        "newer": "it is partial",
    }
