"""Whatever happens to a drill in whatever order, it is cleaned up before it is over."""

from __future__ import annotations

from datetime import datetime, timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bot.core import drill as drills
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.due import Abort, Attend, Begin, EndAbort, Pause, Stop, Verify, due
from bot.core.events import (
    AbortAsked,
    Entry,
    Event,
    PlanAsked,
    PlanAttached,
    Planned,
    RunAborted,
    RunPaused,
    RunRecovered,
    RunStarted,
    StepFailed,
    StepInDoubt,
    StepSkipped,
    StepStarted,
    StepSucceeded,
)
from bot.core.run import Run, Status
from integrations.contract import Effect
from tests.core.plans import START, call, plan, step
from tests.core.test_drill import ASKED, LAB

_RESTORE = call("restore", Effect.DESTRUCTIVE, "lab")
PLAN = plan(
    drill=True,
    targets=(LAB,),
    gates=(),
    steps=(
        step("stop", call=call("stop", target="lab"), undo=call("go", target="lab"), on_failure="abort"),
        step("restore", call=_RESTORE, needs=("stop",), on_failure="abort"),
    ),
    cleanup=(step("empty", call=call("empty", Effect.DESTRUCTIVE, "lab")),),
)
ENDS = st.sampled_from(["succeeds", "succeeds", "fails", "is in doubt"])


class DrillMachine(RuleBasedStateMachine):
    """Carriers of the drill and of its runs do one due move at a time, in any order, and people meddle."""

    def __init__(self) -> None:
        super().__init__()
        self.streams: dict[str, list[Entry]] = {}
        self.now: datetime = START

    def happen(self, stream: str, *events: Event) -> None:
        entries = self.streams.setdefault(stream, [])
        for event in events:
            self.now += timedelta(seconds=1)
            entries.append(Entry(stream, len(entries) + 1, self.now, self.now, "x", "test", event))

    def run(self, id: str) -> Run | None:
        return runs.fold(self.streams.get(f"run/{id}", ()))

    @initialize()
    def asked(self) -> None:
        self.happen("drill/DRL-1", ASKED, PlanAttached(run="RUN-1", playbook="p"))
        planned = PlanAsked(incident="DRL-1", playbook="p", service="checkout", environment="production")
        self.happen("run/RUN-1", planned, Planned(plan=PLAN, hash="h"))

    @rule()
    def carry_the_drill_on(self) -> None:
        entries = self.streams["drill/DRL-1"]
        drill, occasion, rehearsal = drills.fold(entries), incidents.fold(entries), self.run("RUN-1")
        assert drill
        assert occasion
        assert rehearsal
        match drills.next_move(drill, occasion, rehearsal, self.run("RUN-2"), now=self.now):
            case drills.Begin():
                self.happen("run/RUN-1", RunStarted(hash="h"))
            case drills.Stop(why):
                self.happen("run/RUN-1", AbortAsked(why=why, leaves=""))
            case drills.CleanUp(tidy):
                asked = PlanAsked(incident="DRL-1", playbook="p", service="s", environment="e")
                self.happen("run/RUN-2", asked, Planned(plan=tidy, hash="c"), RunStarted(hash="c"))
                self.happen("drill/DRL-1", PlanAttached(run="RUN-2", playbook="p"))
            case drills.End(result):
                self.happen("drill/DRL-1", result)
            case _:
                pass

    @rule(id=st.sampled_from(["RUN-1", "RUN-2"]), ends=ENDS)
    def carry_a_run_on(self, id: str, ends: str) -> None:
        found = self.run(id)
        moves = due(found, now=self.now, holders={}, freezes=()) if found else ()
        for move in moves[:1]:
            self.do(f"run/{id}", move, ends)

    def do(self, stream: str, move: object, ends: str) -> None:
        match move:
            case Begin(step=each, attempt=attempt):
                assert PLAN.apart(each)
                self.happen(stream, StepStarted(step=each.id, attempt=attempt, key=f"{stream}.{each.id}"))
            case Attend(step=each) | Stop(step=each) if ends == "succeeds":
                self.happen(stream, StepSucceeded(step=each.id, attempt=1))
            case Attend(step=each) if ends == "is in doubt":
                self.happen(
                    stream, StepInDoubt(step=each.id, attempt=1, because="gone"), RunPaused(why="gone")
                )
            case Attend(step=each) | Stop(step=each):
                self.happen(stream, StepFailed(step=each.id, attempt=1, because="no"))
            case Abort():
                self.happen(stream, AbortAsked(why="failed", leaves=""))
            case EndAbort():
                self.happen(stream, RunAborted(leaves=""))
            case Verify():
                self.happen(stream, RunRecovered() if ends == "succeeds" else RunPaused(why="not right"))
            case Pause(why=why, step=name):
                self.happen(stream, RunPaused(why=why, step=name))
            case _:
                raise AssertionError(move)

    @rule(id=st.sampled_from(["RUN-1", "RUN-2"]))
    @precondition(lambda self: len(self.streams["run/RUN-1"]) > 4)
    def somebody_aborts(self, id: str) -> None:
        found = self.run(id)
        if found and found.started_at and not found.over and not found.abort:
            self.happen(f"run/{id}", AbortAsked(why="enough", leaves=""))

    @rule()
    def somebody_skips_what_could_not_be_emptied(self) -> None:
        found = self.run("RUN-2")
        if found and found.paused and not found.over and found.step("empty").status is Status.FAILED:
            self.happen("run/RUN-2", StepSkipped(step="empty", why="torn down"))

    @invariant()
    def a_drill_ends_once_and_only_when_nothing_is_left_to_put_back(self) -> None:
        drill = drills.fold(self.streams.get("drill/DRL-1", ()))
        ends = [each for each in self.streams.get("drill/DRL-1", ()) if each.event == (drill and drill.ended)]
        assert len(ends) <= 1
        rehearsal, cleaning = self.run("RUN-1"), self.run("RUN-2")
        if drill and drill.ended and rehearsal and rehearsal.steps:
            assert cleaning
            assert cleaning.over

    @invariant()
    def cleaning_up_begins_when_the_rehearsal_is_over(self) -> None:
        rehearsal = self.run("RUN-1")
        assert self.run("RUN-2") is None or (rehearsal and rehearsal.over and not rehearsal.acting)

    @invariant()
    def whatever_was_not_emptied_is_a_gap(self) -> None:
        drill, cleaning = drills.fold(self.streams.get("drill/DRL-1", ())), self.run("RUN-2")
        if drill and drill.ended and cleaning:
            emptied = cleaning.step("empty").status in (Status.SUCCEEDED, Status.DONE)
            assert emptied or "cleanup-empty" in {gap.id for gap in drill.ended.gaps}


DrillMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestDrills = DrillMachine.TestCase
