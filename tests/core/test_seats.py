"""What helps where nobody can complete a gate."""

from __future__ import annotations

from bot.core.delegation import Delegation
from bot.core.seats import dead_end
from tests.core.story import GATE, HOLDERS, at, stopped


def told(holders: dict[str, tuple[str, ...]], **delegated: str) -> str:
    run = stopped().run
    places = {person: Delegation(to, at(60)) for person, to in delegated.items()}
    return dead_end(run, GATE, holders={**HOLDERS, **holders}, delegations=places, now=at(11))


def test_people_who_can_complete_a_gate_are_told_nothing() -> None:
    assert told({}) == ""


def test_only_a_place_is_asked_back_that_somebody_of_the_gate_has() -> None:
    said = told({"dba": ("cy",)}, bo="cy", dee="eli", cy="cy")
    assert "@bo says `delegate end`" in said
    assert "@dee" not in said
    assert "@cy says" not in said


def test_the_glass_is_named_only_where_enough_people_may_break_it() -> None:
    assert "@ana breaks the glass" in told({"dba": ()})
    assert "breaks the glass" not in told({"dba": (), "commander": ()})


def test_the_roles_that_somebody_more_would_fill_are_named() -> None:
    assert told({"dba": ()}).endswith("the catalog names somebody more for dba.")
    assert told({"dba": ("cy",)}).endswith("the catalog names somebody more for dba or app.")
    assert told({"dba": ("ana",)}).count("@ana started it") == 1
