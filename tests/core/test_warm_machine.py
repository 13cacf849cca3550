"""Whatever happens in whatever order, a copy made beforehand destroys nothing and is never left behind."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.core.copies import made_again, ready
from bot.core.due import (
    MOST_REMOVALS,
    Attend,
    Begin,
    EndAbort,
    Move,
    Pause,
    Prove,
    Reopen,
    Rest,
    Stop,
    Undo,
    Verify,
    due,
)
from bot.core.events import (
    AbortAsked,
    Approved,
    AttemptOpened,
    Entry,
    Event,
    PlanAsked,
    Planned,
    RetryAsked,
    RunAborted,
    RunPaused,
    RunRecovered,
    RunResumed,
    RunStarted,
    StepDone,
    StepFailed,
    StepProved,
    StepStarted,
    StepSucceeded,
    WarmAsked,
    WarmStopped,
)
from bot.core.failure import follows
from bot.core.plan import PlannedStep
from bot.core.run import Run, Status, fold
from integrations.contract import Effect
from tests.core.plans import HOLDERS, START, call, plan, step

COPY = step(
    "prepare", call=call("prepare", Effect.READ, "orders-db"), warm=True, undo=call("discard", Effect.READ)
)
PLAN = plan(steps=(COPY.model_copy(update={"on_failure": "continue"}), *plan().steps))
ASKED = PlanAsked(incident="INC-1", playbook="restore-orders", service="checkout", environment="production")


class WarmMachine(RuleBasedStateMachine):
    """`copy` is what really lies beside the target; whoever carries the run out may die after any move."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.folded: Run | None = None
        self.now: datetime = START
        self.copy = False
        self.destroyed = 0

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
    def moves(self) -> tuple[Move, ...]:
        return due(self.run, now=self.now, holders=HOLDERS, freezes=())

    @property
    def open(self) -> bool:
        return bool(self.entries) and not self.run.over and self.run.abort is None

    @property
    def early(self) -> bool:
        return self.open and self.run.started_at is None

    @initialize()
    def planned(self) -> None:
        self.happen("ana", ASKED)
        self.happen("backstop", Planned(plan=PLAN, hash="h1"))

    @rule()
    @precondition(lambda self: self.early and self.run.warm is None)
    def wanted(self) -> None:
        self.happen("bo", WarmAsked(why="quick", until=self.now + timedelta(hours=4)))

    @rule()
    @precondition(lambda self: self.early and self.run.warm is not None)
    def not_wanted(self) -> None:
        self.happen("bo", WarmStopped(why="no room"))

    @rule()
    @precondition(lambda self: self.early and self.run.copies and not self.run.acting)
    def another_run_takes_it(self) -> None:
        attempt = self.run.step("prepare").attempt + 1
        opened = AttemptOpened(step="prepare", attempt=attempt, target_said="RUN-2 goes on with it")
        self.happen("backstop", WarmStopped(why="RUN-2", taken=("prepare",)), opened)
        self.copy = False

    @rule()
    @precondition(lambda self: self.early and self.run.step("prepare").status is Status.FAILED)
    def try_again(self) -> None:
        self.happen("bo", RetryAsked(step="prepare", why="again"))

    @rule()
    @precondition(lambda self: self.early)
    def start(self) -> None:
        self.happen("ana", RunStarted(hash="h1", expires={"overwrite": self.now + timedelta(hours=9)}))

    @rule()
    @precondition(lambda self: self.open and self.run.started_at is not None)
    def approve(self) -> None:
        for person, role in (("bo", "dba"), ("cy", "app")):
            self.happen(person, Approved(gate="overwrite", hash="h1", role=role))

    @rule()
    @precondition(lambda self: self.open and self.run.paused is not None)
    def go_on(self) -> None:
        failed = [s.id for s in PLAN.steps if self.run.step(s.id).status is Status.FAILED]
        again = [RetryAsked(step=id, why="again") for id in failed if not self.run.step(id).retry]
        self.happen("ana", *(again or [RunResumed()]))

    @rule(unproved=st.booleans(), took=st.booleans())
    @precondition(lambda self: self.open and self.run.step("restore").status is Status.FAILED)
    def restore_by_hand(self, unproved: bool, took: bool) -> None:
        """Whoever restores by hand may have put the copy in place, or another one."""
        self.copy = self.copy and not took
        self.happen("ana", StepDone(step="restore", evidence="by hand", unproved=unproved))

    @rule()
    @precondition(lambda self: self.open and len(self.entries) > 6)
    def abort(self) -> None:
        self.happen("ana", AbortAsked(why="stop", leaves="-"))

    @rule(minutes=st.integers(min_value=1, max_value=30))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(outcome=st.sampled_from(["succeeds", "succeeds", "fails", "goes on"]))
    @precondition(lambda self: bool(self.entries))
    def carry(self, outcome: str) -> None:
        for move in self.moves[:1]:
            self.do(move, outcome)

    def do(self, move: Move, outcome: str) -> None:
        match move:
            case Begin(step, attempt):
                self.begin(step, attempt)
            case Undo(step):
                attempt = self.run.step(step.id).attempt
                assert step.id == "prepare"
                self.happen("backstop", StepStarted(step=step.id, attempt=attempt, key="u", undo=True))
            case Attend(step):
                self.end(step, outcome)
            case Prove(step):
                self.prove(step, outcome)
            case Stop(step):
                self.failed(step, "stopped")
            case Reopen(step):
                attempt = self.run.step(step.id).attempt + 1
                self.happen("backstop", AttemptOpened(step=step.id, attempt=attempt, target_said="gone"))
            case EndAbort():
                self.happen("backstop", RunAborted(leaves="-"))
            case Verify():
                self.happen("backstop", RunRecovered())
            case Pause(why, id):
                self.happen("backstop", RunPaused(why=why, step=id))
            case Rest():
                pass
            case _:
                raise AssertionError(f"nobody asked for {move}")

    def begin(self, step: PlannedStep, attempt: int) -> None:
        if self.run.started_at is None:
            assert step.id == "prepare", "before the start something else than a copy was made"
            assert self.run.warm is not None
        if step.destructive:
            assert {a.person for a in self.run.gates["overwrite"].approvals} >= {"bo", "cy"}
            self.destroyed += 1
        # Whether it succeeds or not, something may lie beside the target from here on.
        self.copy = self.copy or step.id == "prepare"
        self.happen("backstop", StepStarted(step=step.id, attempt=attempt, key=f"{step.id}.{attempt}"))

    def end(self, step: PlannedStep, outcome: str) -> None:
        state = self.run.step(step.id)
        if outcome == "fails":
            self.failed(step, "broken")
        elif outcome == "succeeds":
            if state.undoing or step.destructive:
                self.copy = False
            done = StepSucceeded(step=step.id, attempt=state.attempt, undo=state.undoing)
            again = made_again(self.run, step) if state.undoing else ()
            self.happen("backstop", done, *again)

    def prove(self, step: PlannedStep, outcome: str) -> None:
        if outcome == "fails":
            self.failed(step, "the check found nothing")
        elif outcome == "succeeds":
            self.happen("backstop", StepProved(step=step.id, attempt=self.run.step(step.id).attempt))

    def failed(self, step: PlannedStep, because: str) -> None:
        state = self.run.step(step.id)
        failure = StepFailed(step=step.id, attempt=state.attempt, because=because, undo=state.undoing)
        self.happen("backstop", failure, *follows(self.run, PLAN, failure, "transient", now=self.now))

    @invariant()
    def what_lies_beside_the_target_is_known(self) -> None:
        assert not self.copy or self.run.copies

    @invariant()
    def nothing_is_left_when_nothing_more_is_done(self) -> None:
        if not self.entries or self.moves:
            return
        wanted = self.run.warm is not None or self.run.started_at is not None
        given_up = self.run.copies.get("prepare", 0) >= MOST_REMOVALS
        if self.run.over or not wanted:
            assert not self.copy or given_up

    @invariant()
    def a_run_that_is_over_does_nothing_but_remove_its_copy(self) -> None:
        if self.entries and self.run.over:
            assert all(isinstance(move, Undo | Attend | Rest) for move in self.moves)

    @invariant()
    def a_copy_is_ready_only_while_it_is_there(self) -> None:
        if self.entries and ready(self.run, PLAN, PLAN.steps[2]):
            assert self.copy


WarmMachine.TestCase.settings = settings(
    max_examples=80,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestWarmMachine = WarmMachine.TestCase
