"""When steps end that wait for each other, and of which only so many run at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from playbooks.budget import time_budget
from playbooks.limits import Work, latest, scheduled, urgent
from playbooks.load import load_playbook
from tests.playbooks.examples import PITR

Timed = tuple[str, int]


def lasts(part: Timed) -> timedelta:
    return timedelta(minutes=part[1])


def work(id: str, minutes: int, *needs: str, limit: str | None = "copies") -> Work[Timed]:
    return Work(id, needs, ((id, minutes),), limit=limit)


def ends(*steps: Work[Timed], copies: int = 1) -> dict[str, int]:
    chains = scheduled(urgent(steps, lasts), {"copies": copies}, lasts)
    return {id: sum(minutes for _, minutes in chain) for id, chain in chains.items()}


def test_steps_of_a_kind_take_the_places_there_are() -> None:
    steps = (work("a", 5), work("b", 4), work("c", 3), work("free", 1, limit=None))
    assert ends(*steps) == {"a": 5, "b": 9, "c": 12, "free": 1}
    assert ends(*steps, copies=2) == {"a": 5, "b": 4, "c": 7, "free": 1}
    assert ends(*steps, copies=9) == {"a": 5, "b": 4, "c": 3, "free": 1}


def test_the_longest_way_to_go_is_taken_first_and_nobody_waits_for_who_is_not_ready() -> None:
    late, way = work("late", 9, "free"), work("way", 1)
    steps = (work("free", 4, limit=None), late, way, work("tail", 6, "way", limit=None))
    # `late` has the longer way, but its place is not kept free for it.
    assert ends(*steps) == {"free": 4, "way": 1, "tail": 7, "late": 13}


def test_a_wait_decides_when_it_ends_last_and_what_is_over_takes_no_place() -> None:
    held = replace(work("held", 2), wait=(("approval", 10),))
    over: Work[Timed] = replace(work("over", 5), own=())
    chains = scheduled([over, held, work("other", 3)], {"copies": 1}, lasts)
    assert chains["held"] == (("approval", 10), ("held", 2))
    assert chains["over"] == ()
    assert chains["other"] == (("other", 3),)
    assert latest((), lasts) == ()


def test_steps_that_wait_for_each_other_come_to_an_end_all_the_same() -> None:
    steps = [work("a", 1, "b"), work("b", 1, "a")]
    assert set(scheduled(steps, {}, lasts)) == {"a", "b"}


def test_the_budget_of_a_playbook_heeds_its_limits() -> None:
    free = load_playbook(PITR, "f.yaml").playbook
    limited = free.model_copy(
        update={
            "limits": {"copies": 1},
            "steps": tuple(step.model_copy(update={"needs": (), "limit": "copies"}) for step in free.steps),
        }
    )
    wide = limited.model_copy(update={"limits": {"copies": 99}})
    whole = sum((step.estimate for step in free.steps), timedelta())
    assert time_budget(limited).steps == whole
    assert time_budget(wide).steps == max(step.estimate for step in free.steps)
