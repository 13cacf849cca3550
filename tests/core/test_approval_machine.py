"""Whatever is said at a gate in whatever order, these sentences stay true.

The machine keeps a ledger of its own: what each person last said since the gate was last asked for. It
counts yeses by trying every seating, which the core must agree with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import permutations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.core.approval import GateState, Standing, missing, standing
from bot.core.due import Begin, due
from bot.core.events import (
    Approved,
    Entry,
    Event,
    GateExpired,
    GateReopened,
    PlanAsked,
    Planned,
    Rejected,
    RunResumed,
    RunStarted,
    StepStarted,
    StepSucceeded,
    Withdrawn,
)
from bot.core.plan import PlannedGate, Quorum
from bot.core.run import Run, fold
from tests.core.plans import START, plan

PEOPLE = ("ana", "bo", "cy", "dee", "eli")
GATE = PlannedGate(
    name="overwrite",
    require=(Quorum(role="dba", least=2), Quorum(role="app")),
    expires_s=1200,
    valid_for_s=900,
)
PLAN = plan(gates=(GATE,))
REQUESTER = "ana"
AT_FIRST = {"dba": ("ana", "bo", "cy", "dee"), "app": ("ana", "cy", "eli")}
ASKED = PlanAsked(incident="INC-1", playbook="restore-orders", service="checkout", environment="production")


@dataclass
class Said:
    """What people said since the gate was last asked for."""

    yes: dict[str, tuple[str, str, datetime]] = field(default_factory=dict)
    no: bool = False
    too_late: bool = False


class ApprovalMachine(RuleBasedStateMachine):
    """Ana started the run; everybody says everything, at any time, also what no door would let in."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.folded: Run | None = None
        self.now = START
        self.hash = "h1"
        self.holders = dict(AT_FIRST)
        self.ledger = Said()

    def happen(self, by: str, *events: Event) -> None:
        for event in events:
            seq = len(self.entries) + 1
            self.entries.append(Entry("run/RUN-1", seq, self.now, self.now, by, "test", event))

    @property
    def run(self) -> Run:
        if self.folded is None or self.folded.seq != len(self.entries):
            self.folded = fold(self.entries)
        assert self.folded
        return self.folded

    @property
    def gate(self) -> GateState:
        return self.run.gates["overwrite"]

    @property
    def stands(self) -> Standing:
        return standing(GATE, self.gate, hash=self.run.hash, holders=self.holders, now=self.now)

    @property
    def open_now(self) -> bool:
        """Say whether the ledger fills every seat, by trying every seating."""
        counting = [
            person
            for person, (role, hash, at) in self.ledger.yes.items()
            if person != REQUESTER
            and hash == self.hash
            and person in self.holders[role]
            and self.now - at <= timedelta(seconds=GATE.valid_for_s)
        ]
        seats = ("dba", "dba", "app")
        return any(
            all(person in self.holders[role] for person, role in zip(seating, seats, strict=True))
            for seating in permutations(counting, len(seats))
        )

    @initialize()
    def ana_starts_a_planned_run(self) -> None:
        self.happen(REQUESTER, ASKED, Planned(plan=PLAN, hash=self.hash))
        until = self.now + timedelta(seconds=GATE.expires_s)
        self.happen(REQUESTER, RunStarted(hash=self.hash, expires={"overwrite": until}))
        self.happen(
            "backstop",
            StepStarted(step="stop", attempt=1, key="stop.1"),
            StepSucceeded(step="stop", attempt=1),
        )

    @property
    def waiting(self) -> bool:
        return bool(self.entries) and not self.gate.used

    @rule(
        person=st.sampled_from(PEOPLE),
        role=st.sampled_from(["dba", "app"]),
        read=st.sampled_from(["this plan", "this plan", "this plan", "another plan"]),
    )
    @precondition(lambda self: self.waiting)
    def approve(self, person: str, role: str, read: str) -> None:
        hash = self.hash if read == "this plan" else "h0"
        self.happen(person, Approved(gate="overwrite", hash=hash, role=role))
        self.ledger.yes[person] = (role, hash, self.now)

    @rule(seats=st.permutations(["bo", "dee", "eli", "cy"]))
    @precondition(lambda self: self.waiting)
    def three_people_approve(self, seats: list[str]) -> None:
        for person in seats[:3]:
            self.approve(person, "app" if person == "eli" else "dba", "this plan")

    @rule(person=st.sampled_from(PEOPLE))
    @precondition(lambda self: self.waiting)
    def withdraw(self, person: str) -> None:
        self.happen(person, Withdrawn(gate="overwrite"))
        self.ledger.yes.pop(person, None)

    @rule(person=st.sampled_from(PEOPLE))
    @precondition(lambda self: self.waiting and len(self.entries) > 10)
    def reject(self, person: str) -> None:
        self.happen(person, Rejected(gate="overwrite", hash=self.hash, why="no"))
        self.ledger.no = True

    @rule()
    @precondition(lambda self: self.waiting and len(self.entries) > 8)
    def plan_again(self) -> None:
        self.hash = f"h{len(self.entries)}"
        until = self.now + timedelta(seconds=GATE.expires_s)
        self.happen("backstop", Planned(plan=PLAN, hash=self.hash, expires={"overwrite": until}))
        self.ledger = Said()

    @rule()
    @precondition(lambda self: self.waiting)
    def the_same_plan_is_drawn_again(self) -> None:
        self.happen("backstop", Planned(plan=PLAN, hash=self.hash))

    @rule()
    @precondition(lambda self: bool(self.entries))
    def ask_again(self) -> None:
        until = self.now + timedelta(seconds=GATE.expires_s)
        self.happen("ana", GateReopened(gate="overwrite", expires=until), RunResumed())
        self.ledger = Said()

    @rule(minutes=st.integers(min_value=1, max_value=25))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    @precondition(lambda self: self.waiting)
    def the_watch_looks(self) -> None:
        if self.now >= self.gate.expires and self.stands is Standing.GATHERING:
            self.happen("backstop", GateExpired(gate="overwrite"))
            self.ledger.too_late = True

    @rule(person=st.sampled_from(PEOPLE[1:]), role=st.sampled_from(["dba", "app"]))
    def somebody_joins_or_leaves_a_role(self, person: str, role: str) -> None:
        holders = self.holders[role]
        left = tuple(name for name in holders if name != person)
        self.holders[role] = left if person in holders else (*holders, person)

    @rule()
    @precondition(lambda self: self.waiting)
    def the_run_goes_on_if_it_may(self) -> None:
        moves = due(self.run, now=self.now, holders=self.holders, freezes=[])
        begins = [move.step.id for move in moves if isinstance(move, Begin)]
        if "restore" in begins:
            assert self.open_now, "a step began without the people its gate requires on the exact hash"
            assert not self.ledger.no, "a step began although somebody said no"
            assert not self.ledger.too_late
            self.happen("backstop", StepStarted(step="restore", attempt=1, key="restore.1"))

    @invariant()
    def a_gate_is_open_exactly_while_the_people_it_requires_said_yes_to_the_exact_hash(self) -> None:
        if self.entries and not self.ledger.no and not self.ledger.too_late:
            assert (self.stands is Standing.OPEN) == self.open_now

    @invariant()
    def the_requester_never_counts(self) -> None:
        if self.entries:
            assert REQUESTER not in {approval.person for approval in self.gate.approvals}

    @invariant()
    def one_person_counts_once(self) -> None:
        if self.entries:
            people = [approval.person for approval in self.gate.approvals]
            assert len(people) == len(set(people))
            assert len(missing(GATE, self.gate.approvals, self.holders)) >= 3 - len(set(people))

    @invariant()
    def a_rejection_stops_until_the_gate_is_asked_for_again(self) -> None:
        if self.entries and self.ledger.no:
            assert self.stands is Standing.REJECTED

    @invariant()
    def after_its_time_a_gate_stays_shut_until_it_is_asked_for_again(self) -> None:
        if self.entries and self.ledger.too_late and not self.ledger.no:
            assert self.stands is Standing.EXPIRED


ApprovalMachine.TestCase.settings = settings(
    max_examples=50,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestApprovalMachine = ApprovalMachine.TestCase
