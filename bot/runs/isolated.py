"""What keeps a drill from starting: a stand-in that is missing or not apart, or restored data left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.core.isolation import Known, entangled, straying
from bot.core.plan import Plan, PlannedCall, PlannedStep
from bot.runs.ground import Drafting
from integrations.contract import Effect, IntegrationError, Target


async def prove(drafting: Drafting, plan: Plan) -> tuple[str, ...]:
    """Return why the plan of a drill must not be carried out."""
    real = [target for target in _catalogued(drafting) if not target.isolated]
    kinds = {target.kind for target in plan.targets}
    others = [Known(target, await _identity(drafting, target)) for target in real if target.kind in kinds]
    problems = [*_elsewhere(plan), *straying(plan, real), *_left_full(plan)]
    for planned in plan.targets:
        target = Target(planned.name, planned.kind, planned.environment, planned.isolated, planned.settings)
        problems += entangled(Known(target, planned.identity), others)
        problems += _unproven(planned.stands_for, others)
    return tuple(dict.fromkeys(problems))


def _catalogued(drafting: Drafting) -> Iterator[Target]:
    catalog = drafting.ground.catalog
    for name in catalog.targets:
        if target := catalog.target(name):
            yield target


async def _identity(drafting: Drafting, target: Target) -> str:
    """Return which thing a target is; one that does not answer is compared by its address alone."""
    engine = drafting.engine(target.kind)
    try:
        return (await engine.health(target)).identity if engine else ""
    except IntegrationError:
        return ""


def _unproven(stands_for: str | None, others: list[Known]) -> Iterator[str]:
    for other in others:
        if other.target.name == stands_for and not other.identity:
            yield f"{stands_for} does not say which thing it is: its stand-in could be the same."


def _elsewhere(plan: Plan) -> Iterator[str]:
    for what, call, touches in _acts(plan):
        for name in dict.fromkeys((*touches, call.target)):
            if name and plan.target(name) is None:
                yield f"{what} acts on {name}, which is no stand-in: name one in `drill.targets`."


def _acts(plan: Plan) -> Iterator[tuple[str, PlannedCall, tuple[str, ...]]]:
    for step in (*plan.steps, *plan.cleanup):
        yield step.title, step.call, step.touches
        if step.undo:
            yield f"The undo of {step.title}", step.undo, ()
        yield from ((f"The check {check.id}", check.call, ()) for check in step.checks)
    yield from ((f"The check {check.id}", check.call, ()) for check in (*plan.checks, *plan.isolation))


def _left_full(plan: Plan) -> Iterator[str]:
    """What was restored must not stay where nobody guards it."""
    emptied: Mapping[str | None, PlannedStep] = {step.call.target: step for step in plan.cleanup}
    for step in plan.steps:
        if step.call.effect is Effect.DESTRUCTIVE and step.call.target not in emptied:
            yield (
                f"Nothing empties {step.call.target} after {step.title}: name an operation for it in "
                "`drill.cleanup`."
            )
