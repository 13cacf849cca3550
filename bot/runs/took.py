"""How long an attempt took and what it did: what later estimates rest on."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from bot.core.estimate import WHOLE, Act, Took, name_of_act
from bot.core.plan import Plan, PlannedCall
from bot.core.run import StepState
from integrations.contract import Engine, JobState, Measured

CHECKS = "its checks"
_MOST_PHASES, _LONGEST_PHASE = 40, 60


def act_of(engine: Engine, call: PlannedCall, step: str) -> Act:
    """Return what is measured and estimated of a step's call."""
    by = engine.operations[call.operation].named_by
    named = name_of_act(step, call.params.get(by)) if by else ""
    return Act(f"{call.engine}.{call.operation}", named, call.target or "")


def took(
    plan: Plan,
    call: PlannedCall,
    act: Act,
    state: StepState,
    job: JobState,
    checked: timedelta,
    now: datetime,
) -> Took:
    """Return how long an attempt took: as its engine measured it, else as it was seen from here.

    `checked` is how long the step's own checks took at the end.
    """
    target = plan.target(call.target)
    phases = tuple(job.phases) or _seen(state, job, now)
    checks = (Measured(CHECKS, round(checked.total_seconds(), 3)),) if checked else ()
    if plan.drill and target and target.stands_for:
        act = replace(act, target=target.stands_for)
    return Took(act, drill=plan.drill, phases=(*phases, *checks))


def _seen(state: StepState, job: JobState, now: datetime) -> tuple[Measured, ...]:
    entered = state.entered if len(state.entered) <= _MOST_PHASES else ()
    names = [phase[:_LONGEST_PHASE] or WHOLE for phase, _ in entered] or [WHOLE]
    begun = job.started_at or state.started_at or now
    moments = (begun, *(at for _, at in entered[1:]), job.ended_at or now)
    lengths = (max(0.0, (end - start).total_seconds()) for start, end in pairwise(moments))
    return tuple(Measured(name, round(length, 3)) for name, length in zip(names, lengths, strict=True))
