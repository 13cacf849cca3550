"""A place has one person at a time, whatever is delegated, taken back and approved in whatever order."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.core.approval import Approval, filled
from bot.core.delegation import Delegation, Delegations, after, asked_of, places
from bot.core.events import Delegated, DelegationEnded, Entry, NoteAdded
from bot.core.plan import PlannedGate, Quorum
from playbooks.catalog import load_catalog
from playbooks.model import Role
from playbooks.roles import holders
from tests.core.story import at, planned
from tests.runs.stage import CATALOG

PEOPLE = ("ana", "bo", "cy")
WHO = load_catalog(CATALOG, "catalog.yaml")
GATE = PlannedGate(name="g", require=(Quorum(role="dba", least=2),), expires_s=1200, valid_for_s=900)


def held(delegations: Delegations, kept: tuple[str, ...] = ()) -> Mapping[str, tuple[str, ...]]:
    roles = {"dba": Role(people=("ana", "bo"))}
    seats = places(delegations, now=at(1), kept=kept)
    return holders(roles, WHO, incident={}, places=seats)


def to(person: str, minute: int = 60) -> Delegation:
    return Delegation(person, at(minute))


def test_a_substitute_sits_in_the_place_and_not_beside_it() -> None:
    assert held({"bo": to("cy")}) == {"dba": ("ana", "cy")}
    assert held({"bo": to("ana")}) == {"dba": ("ana",)}
    assert held({"bo": to("cy", minute=1)}) == {"dba": ("ana", "bo")}
    assert held({"bo": to("cy")}, kept=("bo",)) == {"dba": ("ana", "bo")}


@given(
    given=st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE), max_size=4),
    yes=st.sets(st.sampled_from(PEOPLE)),
)
def test_nobody_makes_two_of_one_place(given: dict[str, str], yes: set[str]) -> None:
    seats = held({person: to(other) for person, other in given.items()})
    approvals = [Approval(person, "dba", "h", at(0)) for person in yes]
    assert len(seats["dba"]) <= 2
    if filled(GATE, approvals, seats):
        assert len(set(seats["dba"]) & yes) == 2


def test_what_was_given_is_taken_back_or_given_anew() -> None:
    until = at(60)

    def entry(event: Delegated | DelegationEnded | NoteAdded) -> Entry:
        story = planned()
        story.tell("incident/INC-1", at(1), "bo", event)
        return story.entries[-1]

    first = Delegated(to="cy", until=until, why="asleep")
    given_ = after({}, entry(first), first)
    assert given_["bo"].to == "cy"
    second = Delegated(to="ana", until=until + timedelta(hours=1), why="asleep")
    assert after(given_, entry(second), second)["bo"].to == "ana"
    ended = DelegationEnded(person="bo", to="cy", how="taken back")
    assert after(given_, entry(ended), ended) == {}


def test_only_runs_that_ask_are_drawn_anew() -> None:
    story = planned()
    assert asked_of([story.run]) == ()
