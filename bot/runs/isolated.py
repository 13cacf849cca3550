"""What keeps a drill from starting: a stand-in that is missing or not apart, or restored data left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from bot.core.isolation import SKIP, Known, entangled, straying
from bot.core.plan import Plan, PlannedCall, PlannedStep, PlannedTarget
from bot.runs.ground import Drafting
from integrations.contract import Effect, Engine, IntegrationError, Target
from playbooks.catalog import Catalog


async def prove(drafting: Drafting, plan: Plan) -> tuple[str, ...]:
    """Return why the plan of a drill must not be carried out."""
    ground = drafting.ground
    others = await _others(ground.engines, ground.catalog, plan)
    problems = [*_elsewhere(plan), *straying(plan, _real(ground.catalog)), *_left_full(plan)]
    for planned in plan.targets:
        problems += entangled(Known(as_target(planned), planned.identity), others)
        problems += _unproven(planned.stands_for, others)
    return tuple(dict.fromkeys(problems))


async def seen_again(
    engines: Mapping[str, Engine], catalog: Catalog, plan: Plan
) -> tuple[Plan, tuple[str, ...]]:
    """Return a clean-up's plan with its stand-ins as they are after the rehearsal, and what is not apart.

    What was restored may have given a stand-in another identity; it must not be that of anything else.
    """
    others = await _others(engines, catalog, plan)
    targets: list[PlannedTarget] = []
    problems: list[str] = []
    for planned in plan.targets:
        now = await _identity(engines, as_target(planned)) or planned.identity
        targets.append(planned.model_copy(update={"identity": now}))
        known = catalog.target(planned.name)
        problems += entangled(Known(known or as_target(planned), now), others)
    return plan.model_copy(update={"targets": tuple(targets)}), tuple(dict.fromkeys(problems))


def as_target(planned: PlannedTarget) -> Target:
    """Return what is acted on as it was when the plan was made."""
    return Target(planned.name, planned.kind, planned.environment, planned.isolated, planned.settings)


def _real(catalog: Catalog) -> Iterator[Target]:
    for name in catalog.targets:
        target = catalog.target(name)
        if target and not target.isolated:
            yield target


async def _others(engines: Mapping[str, Engine], catalog: Catalog, plan: Plan) -> list[Known]:
    """Every real target: one of another kind may lie in the same place, and has no identity to compare."""
    kinds = {target.kind for target in plan.targets}
    return [
        Known(target, await _identity(engines, target) if target.kind in kinds else "")
        for target in _real(catalog)
    ]


async def _identity(engines: Mapping[str, Engine], target: Target) -> str:
    """Return which thing a target is; one that does not answer is compared by its address alone."""
    try:
        return (await engines[target.kind].health(target)).identity
    except (IntegrationError, KeyError):
        return ""


def _unproven(stands_for: str | None, others: list[Known]) -> Iterator[str]:
    for other in others:
        if other.target.name == stands_for and not other.identity:
            yield (
                f"{stands_for} does not say which thing it is: its stand-in could be the same. Have its "
                f"engine reach it, or leave out the steps that act on it with `drill: {{skip: true}}`."
            )


def _elsewhere(plan: Plan) -> Iterator[str]:
    for what, call, touches, skips in _acts(plan):
        for name in dict.fromkeys((*touches, call.target)):
            if name and plan.target(name) is None:
                way = f", or {SKIP}" if skips else ""
                yield f"{what} acts on {name}, which is no stand-in: name one in `drill.targets`{way}."


def _acts(plan: Plan) -> Iterator[tuple[str, PlannedCall, tuple[str, ...], bool]]:
    """Yield every call of a drill, and whether a drill can do without it."""
    for step in plan.steps:
        yield step.title, step.call, step.touches, True
        if step.undo:
            yield f"The undo of {step.title}", step.undo, (), True
        yield from ((f"The check {check.id}", check.call, (), True) for check in step.checks)
    yield from ((step.title, step.call, step.touches, False) for step in plan.cleanup)
    checks = (*plan.checks, *plan.isolation)
    yield from ((f"The check {check.id}", check.call, (), False) for check in checks)


def _left_full(plan: Plan) -> Iterator[str]:
    """What was restored must not stay where nobody guards it."""
    emptied: Mapping[str | None, PlannedStep] = {step.call.target: step for step in plan.cleanup}
    for step in plan.steps:
        if step.call.effect is Effect.DESTRUCTIVE and step.call.target not in emptied:
            yield (
                f"Nothing empties {step.call.target} after {step.title}: name an operation for it in "
                "`drill.cleanup`."
            )
