"""Looking once more, right before it is acted on, whether all is as it was approved."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.core.plan import Plan, PlannedStep
from integrations.contract import Call, Cap, Engine, IntegrationError

HOLD_FOR = timedelta(days=7)
AGAIN = "Put it back and resume, or abort and plan again."


async def changed_since(
    engines: Mapping[str, Engine], plan: Plan, step: PlannedStep, call: Call, *, now: datetime
) -> str | None:
    """Say what is not as it was approved: the target, or the recovery point; that one is kept from now on."""
    # Production is still damaged meanwhile, so both are looked at at once.
    found = await asyncio.gather(
        _changed_target(engines, plan, step, call), _changed_point(engines, plan, step, call, now=now)
    )
    return next((objection for objection in found if objection), None)


async def _changed_target(
    engines: Mapping[str, Engine], plan: Plan, step: PlannedStep, call: Call
) -> str | None:
    planned = plan.target(step.call.target)
    if call.target is None or planned is None:
        return None
    try:
        health = await engines[call.target.kind].health(call.target)
    except IntegrationError as problem:
        return f"Before {step.title}: {problem}"
    if health.identity != planned.identity:
        return f"{planned.name} is not the one that was approved any more. {AGAIN}"
    return None


async def _changed_point(
    engines: Mapping[str, Engine], plan: Plan, step: PlannedStep, call: Call, *, now: datetime
) -> str | None:
    source = plan.source(step.call.source)
    if call.point is None or call.source is None:
        return None
    try:
        engine = engines[call.source.engine]
        points = await engine.points(call.source)
        point = next((point for point in points if point.id == call.point.id), None)
        if point is None or point.digest != call.point.digest:
            return f"The recovery point {call.point.id} is gone or changed. {AGAIN}"
        if source and source.hold and Cap.HOLD in engine.caps:
            await engine.hold(call.source, call.point, until=now + HOLD_FOR)
    except IntegrationError as problem:
        return f"Before {step.title}: {problem}"
    return None
