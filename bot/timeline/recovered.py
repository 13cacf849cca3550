"""Reading which runs recovered a target before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.hold import fold_target
from bot.core.incident import stream_of
from bot.core.loss import recovery
from bot.core.recovered import Recovered
from bot.timeline import Timeline


async def recovered(timeline: Timeline, targets: Iterable[str]) -> Mapping[str, tuple[Recovered, ...]]:
    """Return the runs that recovered each target, in order; who held it last knows all before."""
    return {name: await _recovered(timeline, name) for name in targets}


async def _recovered(timeline: Timeline, target: str) -> tuple[Recovered, ...]:
    last = fold_target(await timeline.read(f"target/{target}")).last
    run = runs.fold(await timeline.read(f"run/{last}")) if last else None
    incident = incidents.fold(await timeline.read(stream_of(run.incident))) if run else None
    if run is None or run.plan is None or incident is None:
        return ()
    planned = run.plan.target(target)
    before = planned.recovered if planned else ()
    own = recovery(run, incident, target)
    return (*before, own) if own else before
