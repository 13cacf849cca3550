"""Whatever is frozen, excepted and lifted in whatever order, these sentences stay true."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from bot.core.events import (
    Entry,
    Event,
    ExceptionAsked,
    ExceptionGranted,
    FreezeExtended,
    FreezeLifted,
    FreezePlaced,
    Scope,
)
from bot.core.freeze import Change, Freeze, fold, judge
from tests.core.plans import START

SERVICES, PLACES, KINDS = ("checkout", "search"), ("production", "staging"), ("deploy", "config")
SHAS = ("aaaa1", "bbbb2")
PEOPLE = st.sampled_from(["ana", "bo", "cy"])
ALL = tuple(
    Change(service, place, kind, sha)
    for service in SERVICES
    for place in PLACES
    for kind in KINDS
    for sha in (*SHAS, "")
)
SCOPES = st.builds(
    Scope,
    services=st.sampled_from([("*",), ("checkout",), ("search",), ("che*",)]),
    environments=st.sampled_from([("*",), ("production",), ("prod*", "staging")]),
    kinds=st.sampled_from([("*",), ("deploy",), ("deploy", "config")]),
)


class FreezeMachine(RuleBasedStateMachine):
    """Three people place, except, extend and lift; the ledger keeps who said what about which sha."""

    def __init__(self) -> None:
        super().__init__()
        self.now: datetime = START
        self.entries: dict[str, list[Entry]] = {}
        self.folded: dict[str, Freeze] = {}
        self.asked: dict[tuple[str, str, str], tuple[str, datetime]] = {}
        self.agreed: dict[tuple[str, str, str], set[str]] = {}

    def happen(self, id: str, by: str, event: Event) -> None:
        entries = self.entries.setdefault(id, [])
        entries.append(Entry(f"freeze/{id}", len(entries) + 1, self.now, self.now, by, "test", event))

    @property
    def freezes(self) -> list[Freeze]:
        for id, entries in self.entries.items():
            if id not in self.folded or self.folded[id].seq != len(entries):
                found = fold(entries)
                assert found
                self.folded[id] = found
        return list(self.folded.values())

    def denied(self) -> set[Change]:
        return {change for change in ALL if not judge(self.freezes, change, self.now).allowed}

    @rule(by=PEOPLE, scope=SCOPES, hours=st.sampled_from([None, 1]))
    @precondition(lambda self: len(self.entries) < 4)
    def place(self, by: str, scope: Scope, hours: int | None) -> None:
        before = self.denied()
        until = self.now + timedelta(hours=hours) if hours else None
        placed = FreezePlaced(
            scope=scope, why="restoring", lift="at_until" if until else "by_hand", until=until
        )
        self.happen(f"FRZ-{len(self.entries) + 1}", by, placed)
        assert before <= self.denied(), "adding a freeze let something through that was stopped"

    def one(self, number: int) -> str:
        return list(self.entries)[number % len(self.entries)]

    @rule(number=st.integers(0, 9), by=PEOPLE, service=st.sampled_from(SERVICES), sha=st.sampled_from(SHAS))
    @precondition(lambda self: bool(self.entries))
    def ask_for_an_exception(self, number: int, by: str, service: str, sha: str) -> None:
        id, expires = self.one(number), self.now + timedelta(hours=2)
        before = self.denied()
        self.happen(id, by, ExceptionAsked(service=service, sha=sha, why="the fix", expires=expires))
        self.asked[id, service, sha] = (by, expires)
        self.agreed[id, service, sha] = set()
        assert before <= self.denied(), "one person alone let something through"

    @rule(number=st.integers(0, 9), by=PEOPLE)
    @precondition(lambda self: bool(self.asked))
    def agree_to_an_exception(self, number: int, by: str) -> None:
        key = list(self.asked)[number % len(self.asked)]
        before = self.denied()
        self.happen(key[0], by, ExceptionGranted(service=key[1], sha=key[2]))
        if self.now < self.asked[key][1]:
            self.agreed[key].add(by)
        passed = before - self.denied()
        assert all((change.service, change.sha) == key[1:] for change in passed)

    @rule(number=st.integers(0, 9), by=PEOPLE)
    @precondition(lambda self: bool(self.entries))
    def extend(self, number: int, by: str) -> None:
        before = self.denied()
        self.happen(self.one(number), by, FreezeExtended(review_at=self.now + timedelta(hours=4)))
        assert self.denied() == before

    @rule(number=st.integers(0, 9), by=PEOPLE)
    @precondition(lambda self: len(self.entries) > 2)
    def lift(self, number: int, by: str) -> None:
        self.happen(self.one(number), by, FreezeLifted(why="over"))

    @rule(minutes=st.integers(1, 90))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @invariant()
    def an_exception_passes_only_by_two_different_people_for_one_sha_in_its_time(self) -> None:
        for change in ALL:
            for freeze in judge(self.freezes, change, self.now).passed:
                key = (freeze.id, change.service, change.sha)
                asked_by, expires = self.asked[key]
                assert self.agreed[key] - {asked_by}
                assert self.now < expires

    @invariant()
    def two_people_who_agree_in_time_do_let_their_sha_through_that_freeze(self) -> None:
        for (id, service, sha), (asked_by, expires) in self.asked.items():
            if self.agreed[id, service, sha] - {asked_by} and self.now < expires:
                stopping = judge(self.freezes, Change(service, "production", "deploy", sha), self.now).freezes
                assert id not in {freeze.id for freeze in stopping}

    @invariant()
    def a_freeze_by_hand_never_ends_by_itself(self) -> None:
        for freeze in self.freezes:
            if freeze.placed.lift == "by_hand" and freeze.lifted_at is None:
                assert freeze.in_force(self.now)

    @invariant()
    def a_change_without_a_sha_never_passes_an_exception(self) -> None:
        assert not any(judge(self.freezes, change, self.now).passed for change in ALL if not change.sha)


FreezeMachine.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestFreezeMachine = FreezeMachine.TestCase
