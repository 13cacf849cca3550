"""Whatever happens in whatever order, these sentences about a run stay true."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.core.due import (
    AskWhether,
    Attend,
    Begin,
    Draft,
    EndAbort,
    EndUndo,
    Pause,
    Prove,
    Reopen,
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
    FreezeLifted,
    FreezePlaced,
    GateReopened,
    ObjectionsAsked,
    ObjectionsSet,
    PlanAsked,
    Planned,
    Rejected,
    RetryAsked,
    RunAborted,
    RunPaused,
    RunRecovered,
    RunResumed,
    RunStarted,
    Scope,
    StepDone,
    StepFailed,
    StepInDoubt,
    StepProved,
    StepSkipped,
    StepStarted,
    StepSucceeded,
    UndoAsked,
    Withdrawn,
)
from bot.core.freeze import Freeze
from bot.core.plan import PlannedStep
from bot.core.run import Run, Status, fold
from tests.core.plans import HOLDERS as THREE
from tests.core.plans import START, plan

PLAN = plan()
HOLDERS = {**THREE, "dba": (*THREE["dba"], "ana")}
STEPS = st.sampled_from([step.id for step in PLAN.steps])
PEOPLE = st.sampled_from(["ana", "bo", "cy", "dee"])
ASKED = PlanAsked(incident="INC-1", playbook="restore-orders", service="checkout", environment="production")


class RunMachine(RuleBasedStateMachine):
    """People say things in any order; a carrier does one due move at a time and may die after any."""

    def __init__(self) -> None:
        super().__init__()
        self.entries: list[Entry] = []
        self.now: datetime = START
        self.freezes: dict[str, Freeze] = {}
        self.folded: Run | None = None
        self.hash = "h1"
        self.begun: list[tuple[str, int, frozenset[str]]] = []
        self.holding: set[str] = set()
        self.objecting: set[str] = set()
        self.within = 0
        self.consented: dict[tuple[str, int, str], datetime] = {}
        self.undecided: set[str] = set()
        self.unproved: set[str] = set()

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

    @initialize(minutes=st.sampled_from([0, 2]), well=st.booleans())
    def planned_and_started(self, minutes: int, well: bool) -> None:
        """Half of the runs have their approvals at once and are carried on: what follows is about those."""
        self.happen("ana", ASKED)
        self.happen("backstop", Planned(plan=PLAN, hash=self.hash))
        until = self.now + timedelta(minutes=20)
        self.happen("ana", RunStarted(hash=self.hash, expires={"overwrite": until}))
        self.time_to_object(minutes)
        if well:
            self.happen("bo", Approved(gate="overwrite", hash=self.hash, role="dba"))
            self.happen("cy", Approved(gate="overwrite", hash=self.hash, role="app"))
            self.all_goes_well()

    @property
    def live(self) -> bool:
        return bool(self.entries) and not self.run.over

    @rule(person=PEOPLE, role=st.sampled_from(["dba", "app"]), old=st.booleans())
    @precondition(lambda self: self.live)
    def approve(self, person: str, role: str, old: bool) -> None:
        hash = "h0" if old else self.hash
        self.happen(person, Approved(gate="overwrite", hash=hash, role=role))

    @rule(dba=st.sampled_from(["ana", "bo", "dee"]))
    @precondition(lambda self: self.live)
    def two_people_approve(self, dba: str) -> None:
        for person, role in ((dba, "dba"), ("cy", "app")):
            self.happen(person, Approved(gate="overwrite", hash=self.hash, role=role))

    @rule()
    @precondition(lambda self: self.live)
    def all_goes_well_for_a_while(self) -> None:
        self.all_goes_well()

    def all_goes_well(self) -> None:
        for _ in range(4):
            self.carry_one("succeeds")

    @rule(person=PEOPLE)
    @precondition(lambda self: self.live)
    def withdraw(self, person: str) -> None:
        self.happen(person, Withdrawn(gate="overwrite"))

    @rule(person=PEOPLE)
    @precondition(lambda self: self.live and len(self.entries) > 15)
    def reject(self, person: str) -> None:
        self.happen(person, Rejected(gate="overwrite", hash=self.hash, why="no"))

    @rule()
    @precondition(lambda self: self.live)
    def ask_again(self) -> None:
        until = self.now + timedelta(minutes=20)
        lifts = self.run.stopped_at(["overwrite"])
        resumed = (RunResumed(lifts=lifts),) if lifts else ()
        self.happen("ana", GateReopened(gate="overwrite", expires=until), *resumed)

    @rule()
    @precondition(lambda self: self.live and len(self.entries) > 15)
    def plan_again(self) -> None:
        self.hash = f"h{len(self.entries)}"
        until = self.now + timedelta(minutes=20)
        self.happen("backstop", Planned(plan=PLAN, hash=self.hash, expires={"overwrite": until}))

    @rule()
    @precondition(lambda self: self.live and not self.freezes)
    def a_foreign_freeze(self) -> None:
        placed = FreezePlaced(scope=Scope(services=("checkout",)), why="audit")
        self.freezes["FRZ-1"] = Freeze("FRZ-1", placed, "cy", self.now)

    @rule()
    def lift(self) -> None:
        self.freezes.clear()
        assert FreezeLifted(why="done").kind == "freeze-lifted"

    @rule(minutes=st.integers(min_value=1, max_value=40))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(person=PEOPLE)
    @precondition(lambda self: self.live and len(self.entries) > 10)
    def hold(self, person: str) -> None:
        self.happen(person, RunPaused(why="wait", hold=person))
        self.holding.add(person)

    @rule(person=PEOPLE)
    @precondition(lambda self: self.live and len(self.entries) > 12)
    def object_to_it(self, person: str) -> None:
        self.happen(person, RunPaused(why="no", objection=person))
        self.objecting.add(person)

    @rule(person=PEOPLE)
    @precondition(lambda self: self.live)
    def take_an_objection_back(self, person: str) -> None:
        if person in self.objecting:
            self.happen(person, RunResumed(lifts=(f"objection:{person}",)))
            self.objecting.discard(person)

    @rule(minutes=st.integers(min_value=0, max_value=3))
    @precondition(lambda self: self.live and len(self.entries) > 12)
    def other_time_to_object(self, minutes: int) -> None:
        self.time_to_object(minutes)

    def time_to_object(self, minutes: int) -> None:
        self.happen("ana", ObjectionsSet(within_s=minutes * 60))
        self.within = minutes * 60

    @rule(passing=st.booleans())
    @precondition(lambda self: self.live)
    def resume(self, passing: bool) -> None:
        """A word ends holds; what happened to a step is ended by a decision about the step."""
        lifts = [p.reason for p in self.run.pauses if p.step not in self.undecided or not p.of_step]
        if lifts:
            passes = tuple(self.freezes) if passing else ()
            self.happen("ana", RunResumed(lifts=tuple(lifts), passes=passes))
            self.holding.clear()
            self.objecting.clear()

    @rule(step=STEPS)
    @precondition(lambda self: self.live)
    def retry(self, step: str) -> None:
        if self.run.step(step).status in (Status.FAILED, Status.IN_DOUBT, Status.UNDONE):
            self.happen("ana", RetryAsked(step=step, why="again"))

    @rule(step=STEPS)
    @precondition(lambda self: self.live)
    def skip(self, step: str) -> None:
        if self.run.step(step).status in (Status.FAILED, Status.IN_DOUBT):
            self.happen("ana", StepSkipped(step=step, why="not needed"))
            self.undecided.discard(step)

    @rule(step=STEPS, unproved=st.booleans())
    @precondition(lambda self: self.live)
    def do_by_hand(self, step: str, unproved: bool) -> None:
        if self.run.step(step).status in (Status.FAILED, Status.IN_DOUBT, Status.UNDONE):
            self.happen("ana", StepDone(step=step, evidence="by hand", unproved=unproved))
            self.undecided.discard(step)
            self.unproved |= {step} if unproved else set()

    @rule(outcome=st.sampled_from(["succeeds", "fails"]))
    @precondition(lambda self: self.live and self.unproved)
    def its_checks_are_asked(self, outcome: str) -> None:
        """What a person says was done is checked whatever else the run waits for."""
        moves = due(self.run, now=self.now, holders=HOLDERS, freezes=list(self.freezes.values()))
        proofs = [move for move in moves if isinstance(move, Prove)]
        beside = [move.step for move in moves if isinstance(move, Begin)]
        assert not any(self.unproved.intersection(step.needs) for step in beside)
        assert {move.step.id for move in proofs} == self.unproved
        self.do(proofs[0], outcome)

    @rule(step=STEPS)
    @precondition(lambda self: self.live)
    def undo(self, step: str) -> None:
        if not self.run.acting:
            self.happen("ana", UndoAsked(step=step, why="back"))
            ids = [each.id for each in PLAN.steps]
            self.undecided -= set(ids[ids.index(step) :])

    @rule()
    @precondition(lambda self: self.live and len(self.entries) > 25)
    def abort(self) -> None:
        self.happen("ana", AbortAsked(why="stop", leaves="half"))

    @rule(outcome=st.sampled_from(["succeeds", "fails", "is in doubt", "goes on"]))
    @precondition(lambda self: self.live)
    def carry(self, outcome: str) -> None:
        self.carry_one(outcome)

    def carry_one(self, outcome: str) -> None:
        moves = due(self.run, now=self.now, holders=HOLDERS, freezes=list(self.freezes.values()))
        for move in moves[:1]:
            self.do(move, outcome)

    def do(self, move: object, outcome: str) -> None:
        match move:
            case Begin(step, attempt):
                self.begin(step, attempt)
            case Attend(step) | Prove(step):
                follow = self.end if isinstance(move, Attend) else self.prove
                follow(step.id, outcome)
            case AskWhether(step, attempt, until):
                gate = self.run.gates["overwrite"]
                assert step.destructive
                assert not gate.rejection
                assert until == self.now + timedelta(seconds=self.within)
                self.consented[step.id, attempt, self.hash] = until
                asked = ObjectionsAsked(step=step.id, attempt=attempt, hash=self.hash, until=until)
                self.happen("backstop", asked)
            case Reopen(step):
                attempt = self.run.step(step.id).attempt + 1
                self.happen("backstop", AttemptOpened(step=step.id, attempt=attempt, target_said="gone"))
                self.undecided.discard(step.id)
            case Undo(step):
                attempt = self.run.step(step.id).attempt
                started = StepStarted(step=step.id, attempt=attempt, key=f"{step.id}.u", undo=True)
                self.happen("backstop", started)
            case Stop(step):
                state = self.run.step(step.id)
                ended = StepFailed(step=step.id, attempt=state.attempt, because="stopped", undo=state.undoing)
                self.happen("backstop", ended)
            case EndAbort():
                self.happen("backstop", RunAborted(leaves="half"))
            case EndUndo():
                self.happen("backstop", RunPaused(why="undone"))
            case Verify():
                self.happen("backstop", RunRecovered())
            case Pause(why, step, freeze):
                self.happen("backstop", RunPaused(why=why, step=step, freeze=freeze))
            case Draft():
                raise AssertionError("a planned run is never drafted again by itself")

    def begin(self, step: PlannedStep, attempt: int) -> None:
        yes = frozenset(a.person for a in self.run.gates["overwrite"].approvals if a.hash == self.hash)
        if step.destructive:
            assert not self.unpassed_freezes(), "a destructive step began under a foreign freeze"
            assert not self.run.gates["overwrite"].rejection
            assert "cy" in yes
            assert yes & {"bo", "dee"}
            asked = self.consented.get((step.id, attempt, self.hash))
            assert not self.within or asked, "nobody was asked for objections"
            assert asked is None or asked <= self.now, "the time to object is not over"
        assert self.run.paused is None
        assert not self.objecting, "a step began although somebody objects"
        assert not self.holding, "a step began although somebody held the run"
        assert not self.undecided, "a step began although nobody had decided about one that failed"
        assert not self.unproved.intersection(step.needs), "a step began before what it needs was proved"
        assert self.run.abort is None
        self.begun.append((step.id, attempt, yes))
        self.happen("backstop", StepStarted(step=step.id, attempt=attempt, key=f"{step.id}.{attempt}"))

    def unpassed_freezes(self) -> set[str]:
        return set(self.freezes) - set(self.run.passes)

    def end(self, step: str, outcome: str) -> None:
        state = self.run.step(step)
        more = {"step": step, "attempt": state.attempt, "undo": state.undoing}
        if outcome == "succeeds":
            self.happen("backstop", StepSucceeded(**more))  # type: ignore[arg-type]
        elif outcome == "fails":
            failure = StepFailed(because="broken", **more)  # type: ignore[arg-type]
            self.happen("backstop", failure, RunPaused(why="broken", step=step))
            self.undecided.add(step)
        elif outcome == "is in doubt":
            doubt = StepInDoubt(because="no word", **more)  # type: ignore[arg-type]
            self.happen("backstop", doubt, RunPaused(why="no word", step=step))
            self.undecided.add(step)

    def prove(self, step: str, outcome: str) -> None:
        assert step in self.unproved
        attempt = self.run.step(step).attempt
        if outcome == "succeeds":
            self.happen("backstop", StepProved(step=step, attempt=attempt))
            self.unproved.discard(step)
        elif outcome == "fails":
            failure = StepFailed(step=step, attempt=attempt, because="the check found nothing")
            self.happen("backstop", failure, RunPaused(why="not done", step=step))
            self.unproved.discard(step)
            self.undecided.add(step)

    @invariant()
    def what_a_person_said_is_not_over_before_it_is_proved(self) -> None:
        for step in self.unproved:
            assert self.run.step(step).status is Status.CHECKING
            assert not self.run.recovered_at
            assert not self.run.aborted_at

    @invariant()
    def whoever_holds_a_run_that_is_under_way_is_among_the_reasons_it_waits_for(self) -> None:
        if self.live:
            assert {pause.hold for pause in self.run.pauses if pause.hold} == self.holding
            assert {pause.objection for pause in self.run.pauses if pause.objection} == self.objecting

    @invariant()
    def no_attempt_of_a_step_begins_twice(self) -> None:
        attempts = [(step, attempt) for step, attempt, _ in self.begun]
        assert len(attempts) == len(set(attempts))

    @invariant()
    def every_attempt_after_the_first_was_opened_by_a_recorded_decision(self) -> None:
        opened = {
            (entry.event.step, entry.event.attempt)
            for entry in self.entries
            if isinstance(entry.event, AttemptOpened)
        }
        assert {(step, attempt) for step, attempt, _ in self.begun if attempt > 1} <= opened

    @invariant()
    def the_requester_is_never_among_those_whose_yes_let_a_step_begin(self) -> None:
        assert not any("ana" in yes for _, _, yes in self.begun)

    @invariant()
    def a_run_that_recovered_has_every_step_behind_it(self) -> None:
        if self.entries and self.run.recovered_at:
            over = {Status.SUCCEEDED, Status.SKIPPED, Status.DONE}
            assert all(self.run.step(step.id).status in over for step in PLAN.steps)


RunMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestRunMachine = RunMachine.TestCase


def test_runs_of_the_same_number_in_two_installations_never_share_a_key() -> None:
    asked = [Entry("run/RUN-1", 1, at, at, "ana", "test", ASKED) for at in (START, START + timedelta(days=1))]
    keys = [run.key("restore", 1) for run in (fold([entry]) for entry in asked) if run]

    assert len(set(keys)) == 2
    assert all(key.startswith("RUN-1.restore.1.") for key in keys)
