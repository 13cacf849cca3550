"""The card of a drill, and what its thread reads at the end."""

from __future__ import annotations

from dataclasses import replace

from inline_snapshot import snapshot

from bot.core.cards import drill_card, said
from bot.core.cards.said.drills import said_of_drill
from bot.core.document import plain
from bot.core.events import DrillEnded, Gap, Rehearsed, RunPaused, RunRecovered, TaskOpened
from tests.core.plans import START, told
from tests.core.test_drill import ABORTED, ASKED, BEGUN, DONE, drill_of, run_of, running

TASK = TaskOpened(gap="step-stop", first="DRL-1", system="jira", key="OPS-1", url="https://x.example/OPS-1")
FAILED = DrillEnded(
    outcome="failed",
    because="disk full",
    gaps=(Gap(id="step-stop", what="Stop: failed: disk full"),),
    seconds={"stop": 2.0},
    left_out=("reconcile",),
)
PASSED = DrillEnded(
    outcome="passed",
    took_s=90,
    rto_s=60,
    restored=(Rehearsed(engine="stage", source="points", point="P3"),),
)


def title(*runs: object) -> str:
    return drill_card(drill_of()[0], runs=runs, now=START).title  # type: ignore[arg-type]


def test_where_a_drill_stands_is_its_title() -> None:
    over = running(BEGUN, DONE, RunRecovered())
    assert title() == "DRL-1 drill of p: asked"
    assert title(run_of()) == "DRL-1 drill of p: rehearsal planning"
    assert title(running()) == "DRL-1 drill of p: rehearsal running"
    assert title(over) == "DRL-1 drill of p: over, not cleaned up yet"
    assert title(over, running()) == "DRL-1 drill of p: cleaning up"
    assert title(over, running(RunPaused(why="no"))) == "DRL-1 drill of p: cleaning up, and it needs you"


def test_a_drill_that_runs_can_be_stopped_and_one_by_schedule_says_so() -> None:
    drill = drill_of()[0]
    asked = ASKED.model_copy(update={"window": START, "release": "3.0.0", "stand_ins": ("lab",)})
    card = drill_card(replace(drill, asked=asked), runs=[running(BEGUN)], now=START)
    assert plain(card) == snapshot("""\
DRL-1 drill of p: rehearsal running
  Rehearses     P (checkout, production)
  Acts only on  lab
  Asked by      the schedule after the major release 3.0.0, window of 2026-11-23 02:10:00Z
  May stop it   @ana
  • Rehearsal: RUN-1 running
  [Stop the drill]  abort RUN-1
To see how far it is: status DRL-1
DRL-1 · entry 1 · as of 2026-11-23 02:10:00Z
""")


def test_the_card_of_a_drill_that_failed_names_its_gaps_and_their_tasks() -> None:
    drill = drill_of(FAILED, TASK)[0]
    assert plain(drill_card(drill, runs=[running(BEGUN, *ABORTED)], now=START)) == snapshot("""\
DRL-1 drill of p: failed
  Rehearses     P (checkout, production)
  Acts only on  nothing
  Asked by      @ana
  May stop it   @ana
  • Rehearsal: RUN-1 aborted
✗ The drill failed (DRL-1): disk full
  • Steps: stop 2 s
Gaps: what would go wrong on the day
  • Stop: failed: disk full
Not rehearsed, as the playbook says: reconcile.
Tasks
  • step-stop: OPS-1 (https://x.example/OPS-1)
DRL-1 · entry 3 · as of 2026-11-23 02:10:00Z
""")


def test_the_end_of_a_drill_is_said_and_nothing_before() -> None:
    asked, passed = told("drill/DRL-1", (ASKED, PASSED))
    assert said_of_drill(asked, ASKED) is None
    document = said_of_drill(passed, PASSED)
    assert document
    assert plain(document) == snapshot("""\
✓ The drill passed (DRL-1).
  • Recovered after 1 min 30 s; the RTO of 1 min is missed
  • Proved: P3 of points can be restored
""")
    unset = said_of_drill(passed, PASSED.model_copy(update={"rto_s": None}))
    assert unset
    assert "Recovered after 1 min 30 s\n" in plain(unset)


def test_a_drill_that_did_nothing_has_nothing_to_tell_but_why() -> None:
    (skipped,) = told("drill/DRL-1", (DrillEnded(outcome="skipped", because="INC-1 is open"),))
    assert isinstance(skipped.event, DrillEnded)
    document = said_of_drill(skipped, skipped.event)
    assert document
    assert plain(document) == "The drill was skipped, and nothing was done (DRL-1): INC-1 is open\n"


def test_what_its_runs_came_to_is_said_by_the_drill_alone() -> None:
    (*_, recovered) = told("run/RUN-1", (RunRecovered(),))
    assert said(recovered, incident=drill_of()[1], run=running(), freeze=None) is None
