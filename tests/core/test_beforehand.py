"""What is done for a run that nobody started yet."""

from __future__ import annotations

from datetime import timedelta

from bot.core import run as runs
from bot.core.due import Attend, Begin, due
from bot.core.events import Event, PlanAsked, Planned, RunPaused, StepStarted, WarmAsked
from bot.core.plan import plan_hash
from integrations.contract import Effect
from tests.core.plans import HOLDERS, START, call, plan, step, told

NOW = START + timedelta(minutes=1)
PREPARE, OTHER = (
    step(name, call=call(name, Effect.READ, "orders-db"), warm=True, undo=call("discard", Effect.READ))
    for name in ("prepare", "other")
)
PLAN = plan(steps=(PREPARE, OTHER), gates=())
ASKED = PlanAsked(incident="INC-1", playbook="warm", service="checkout", environment="production")


def moves(*events: Event) -> tuple[object, ...]:
    planned = Planned(plan=PLAN, hash=plan_hash(PLAN))
    warm = WarmAsked(why="quick", until=NOW + timedelta(hours=4))
    run = runs.fold(told("run/RUN-1", (ASKED, planned, warm, *events)))
    assert run
    return due(run, now=NOW, holders=HOLDERS, freezes=())


def test_a_pause_lets_what_runs_come_to_its_end_and_begins_nothing() -> None:
    begun = StepStarted(step="prepare", attempt=1, key="k")
    assert moves() == (Begin(PREPARE, 1), Begin(OTHER, 1))
    assert moves(begun, RunPaused(why="no room")) == (Attend(PREPARE),)
