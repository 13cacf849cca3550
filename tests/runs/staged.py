"""A stage whose runs are carried out by themselves, with real engines, until they wait for people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from bot.core.plan import Plan
from bot.core.run import Run
from bot.jobs import Dispatcher
from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from integrations.contract import Engine
from tests.bench.steps import beside_run
from tests.integrations.host import until
from tests.runs.stage import Stage, World

_LONGEST_S = 300.0


@asynccontextmanager
async def staged(
    folder: Path, engines: Mapping[str, Engine], *, catalog: str, playbook: str
) -> AsyncIterator[Stage]:
    """Yield a stage with these engines beside its own, whose runs go on for as long as the block lasts."""
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{folder / 'backstop.db'}", now=utc_now)
    stage = Stage(timeline, folder / "home", World())
    stage.engines.update(engines)
    (folder / "home" / "catalog.yaml").write_text(catalog)
    (folder / "home" / "playbooks" / "restore.yaml").write_text(playbook)
    handlers = beside_run(stage.runs().handle)
    carrying = asyncio.create_task(Dispatcher(timeline, handlers).run())
    try:
        yield stage
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await timeline.close()


async def planned(stage: Stage, id: str, *inputs: str) -> Plan:
    """Have the playbook planned, and return the plan, which must be one that can be started."""
    await stage.told("ana", " ".join(("plan restore-orders inc:INC-1", *inputs)))

    async def is_planned() -> bool | None:
        return (await stage.run(id)).plan is not None or None

    await until(is_planned, seconds=_LONGEST_S)
    plan = (await stage.run(id)).plan
    assert plan
    assert not plan.problems, plan.problems
    return plan


async def carried_out(stage: Stage, id: str) -> Run:
    """Start a run, give its approvals, and return it once it is over."""
    await stage.told("ana", f"start {id}")
    await stage.told("bo", f"approve {id}.overwrite")
    await stage.told("cy", f"approve {id}.overwrite")

    async def is_over() -> bool | None:
        run = await stage.run(id)
        assert run.paused is None, run.paused
        return run.over or None

    await until(is_over, seconds=_LONGEST_S)
    return await stage.run(id)
