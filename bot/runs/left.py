"""How the targets are on which destructive work did not end well: they are asked."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.core.cards.abort import Seen, half_destroyed
from bot.core.plan import Plan, PlannedStep
from bot.core.run import Run
from bot.runs.isolated import as_target
from integrations.contract import Engine, Health, IntegrationError, Target

ANSWER_S = 10.0


async def look_at_the_left(
    engines: Mapping[str, Engine], run: Run, plan: Plan, *, now: datetime
) -> Mapping[str, Seen]:
    """Return what each target says that an abort leaves with destructive work half done."""
    found = await _asked(engines, plan, half_destroyed(run, plan))
    return {name: Seen(now, problem) for name, problem in found.items()}


async def look_at_those_of(
    engines: Mapping[str, Engine], run: Run, plan: Plan, step: PlannedStep
) -> Mapping[str, str]:
    """Return what is wrong with each target of a step that did not end well, empty where nothing is.

    Those of an abort are asked at its end.
    """
    return await _asked(engines, plan, step.acts_on if step.destructive and not run.abort else ())


async def _asked(engines: Mapping[str, Engine], plan: Plan, names: Iterable[str]) -> Mapping[str, str]:
    """What is not set up any more is left out."""
    targets = [target for name in names if (target := plan.target(name))]
    asked = {each.name: as_target(each) for each in targets if each.kind in engines}
    found = await asyncio.gather(*(_problem(engines[target.kind], target) for target in asked.values()))
    return dict(zip(asked, found, strict=True))


async def _problem(engine: Engine, target: Target) -> str:
    try:
        async with asyncio.timeout(ANSWER_S):
            health = await engine.health(target)
    except IntegrationError as problem:
        return str(problem)
    except TimeoutError:
        return f"nothing came in {ANSWER_S:g} s"
    return wrong_with(health)


def wrong_with(health: Health) -> str:
    """Return what is wrong with a target; that a restore may begin on it is all that `ok` says."""
    found = "; ".join(problem.rstrip(".") for problem in health.problems)
    return found or ("" if health.ok else "; ".join(health.notes) or "it is not well")
