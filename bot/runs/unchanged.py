"""Looking once more, right before it is acted on, whether all is as it was approved."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.core.plan import Plan, PlannedStep
from bot.runs.book import Book, View
from bot.runs.isolated import seen_again
from integrations.contract import Call, Cap, Engine, Fence, IntegrationError

HOLD_FOR = timedelta(days=7)
AGAIN = "Put it back and resume, or abort and plan again."

REPLACED = (
    "{name} was replaced since {run} was planned, and not by a run of this Backstop: what stands there "
    "now would be lost, and nobody approved that. Ask who restored it, then abort and plan again."
)


async def changed_since(
    engines: Mapping[str, Engine], book: Book, view: View, step: PlannedStep, call: Call
) -> str | None:
    """Say what is not as it was approved: the target, or the recovery point; that one is kept from now on."""
    plan, again = view.plan, step.repeats
    target = _apart_still(engines, book, plan) if again else _changed_target(engines, book, view, step, call)
    # Production is still damaged meanwhile, so both are looked at at once.
    found = await asyncio.gather(target, _changed_point(engines, plan, step, call, now=book.timeline.now()))
    return next((objection for objection in found if objection), None)


def unknown_act(target: str, fence: Fence) -> str:
    """Return why nothing is done to a target that saw a token of which this database knows nothing."""
    forget = f": `{fence.forget}`" if fence.forget else ""
    return (
        f"{target} was acted on by {fence.key} with the token {fence.token}, and this database knows nothing "
        "of that: it is older than what the runner has seen, or another Backstop works on a copy of it. "
        "Nothing is started, however often it is tried. Make sure that no other Backstop runs, look at what "
        f"was done to {target}, and then have the runner forget its tokens, on its host{forget}."
    )


async def _apart_still(engines: Mapping[str, Engine], book: Book, plan: Plan) -> str | None:
    """A clean-up may make another thing of a stand-in, which must still be none of the real ones."""
    _, problems = await seen_again(engines, book.catalog(), plan)
    return next(iter(problems), None)


async def _changed_target(
    engines: Mapping[str, Engine], book: Book, view: View, step: PlannedStep, call: Call
) -> str | None:
    planned = view.plan.target(step.call.target)
    if call.target is None or planned is None:
        return None
    try:
        health = await engines[call.target.kind].health(call.target)
    except IntegrationError as problem:
        return f"Before {step.title}: {problem}"
    if health.fence and not await book.gave(health.fence):
        return unknown_act(planned.name, health.fence)
    if health.identity != planned.identity:
        return f"{planned.name} is not the one that was approved any more. {AGAIN}"
    replaced = bool(planned.made and health.made) and planned.made != health.made
    # What this run itself did to it is no surprise.
    if replaced and (await book.hold(planned.name)).last != view.run.id:
        return REPLACED.format(name=planned.name, run=view.run.id)
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
