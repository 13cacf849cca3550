"""How long a run of many steps takes that wait for each other, against an ideal schedule of them."""

from __future__ import annotations

import asyncio
import heapq
import random
import time
from dataclasses import dataclass
from pathlib import Path

from bot.jobs import Again, Dispatcher
from bot.runs import Runs
from bot.runs.book import Book
from bot.sandbox.runner import answering, end
from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from integrations.connections import Connections
from integrations.detached import start_detached
from integrations.registry import open_engines
from tests.bench.steps import beside_run, told
from tests.runs.stage import CATALOG, Stage, World

AT_ONCE = 8
_SEED = 50


@dataclass(frozen=True, slots=True)
class Work:
    """A step: how long its process lasts in seconds, and what it waits for."""

    id: str
    lasts_s: float
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Schedule:
    """Seconds that the run took and that the ideal schedule takes, for so many steps."""

    steps: int
    taken_s: float
    ideal_s: float


async def schedule(folder: Path, *, steps: int) -> Schedule:
    """Carry out a run of real processes on a real runner, at most eight at once."""
    work = graph(steps)
    runner = await start_detached(_config(folder, work), folder / "state", folder / "r.sock")
    try:
        taken = await _run(folder, work, Connections(runners={"local": runner}))
    finally:
        await runner.close()
        if pid := answering(folder / "r.sock"):
            await end(pid)
    return Schedule(steps, taken, ideal(work))


def graph(steps: int) -> list[Work]:
    """Return steps of 0.2 to 2 s, each waiting for up to two of the ten before it; always the same ones."""
    chance = random.Random(_SEED)
    work: list[Work] = []
    for number in range(steps):
        near = [each.id for each in work[-10:]]
        needs = chance.sample(near, k=min(len(near), chance.choice((0, 1, 1, 2))))
        work.append(Work(f"s{number}", round(chance.uniform(0.2, 2.0), 1), tuple(sorted(needs))))
    return work


def ideal(work: list[Work]) -> float:
    """Return how long the steps take when nothing comes between them, the longest way to go first."""
    ahead: dict[str, float] = {}
    for each in reversed(work):
        later = (ahead[other.id] for other in work if each.id in other.needs)
        ahead[each.id] = each.lasts_s + max(later, default=0.0)
    waiting, ends, now, over = sorted(work, key=lambda each: -ahead[each.id]), [], 0.0, set[str]()
    while waiting or ends:
        for each in [each for each in waiting if over.issuperset(each.needs)][: AT_ONCE - len(ends)]:
            waiting.remove(each)
            heapq.heappush(ends, (now + each.lasts_s, each.id))
        now, id = heapq.heappop(ends)
        over.add(id)
    return now


def _config(folder: Path, work: list[Work]) -> Path:
    file = folder / "runner.toml"
    targets = "".join(f"[targets.{each.id}]\nkind = 'commands'\n" for each in work)
    commands = "".join(
        f"[commands.{each.id}]\nargv = ['/bin/sleep', '{each.lasts_s}']\ntarget = '{each.id}'\n"
        "effect = 'reversible'\n"
        for each in work
    )
    file.write_text(targets + commands)
    return file


async def _run(folder: Path, work: list[Work], connections: Connections) -> float:
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{folder / 'backstop.db'}", now=utc_now)
    stage = Stage(timeline, folder / "home", World())
    (folder / "home" / "catalog.yaml").write_text(_catalog(work))
    (folder / "home" / "playbooks" / "restore.yaml").write_text(_playbook(work))
    engines = {**stage.engines, **open_engines(connections)}
    runs = Runs(Book(timeline, stage.shelf, dict), stage.shelf, engines)
    waits = asyncio.Event()

    async def carry_out(id: str) -> Again | None:
        again = await runs.handle(id)
        if again is None:
            waits.set()
        return again

    handlers = beside_run(carry_out)
    carrying = asyncio.create_task(Dispatcher(timeline, handlers).run())
    try:
        async with asyncio.timeout(180):
            await told(stage.desk, 'declare "Orders are wrong" sev:4 svc:checkout')
            await told(stage.desk, "plan many inc:INC-1")
            await waits.wait()
            waits.clear()
            begun = time.perf_counter()
            await told(stage.desk, "start RUN-1")
            while not (run := await stage.run()).recovered_at:
                assert not run.paused, run.paused
                waits.clear()
                await waits.wait()
            return time.perf_counter() - begun
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await timeline.close()


def _catalog(work: list[Work]) -> str:
    targets = "".join(f"  {each.id}: {{kind: command, environment: production}}\n" for each in work)
    return CATALOG.replace("targets:\n", f"targets:\n{targets}", 1)


def _playbook(work: list[Work]) -> str:
    targets = "".join(f"  {each.id}: {{kind: command, environment: production}}\n" for each in work)
    steps = "".join(
        f"  - {{id: {each.id}, title: Step {each.id}, uses: command.run, by: app, effect: reversible, "
        f"with: {{name: {each.id}}}, touches: [{each.id}], needs: [{', '.join(each.needs)}], limit: hosts, "
        f"estimate: {max(1, round(each.lasts_s))}s, timeout: 1m, undo: {{uses: command.run, with: "
        f"{{name: {each.id}}}}}}}\n"
        for each in work
    )
    return f"""
schema: backstop/playbook/1
metadata: {{name: many, title: Many steps, owner: owners, reviewed: "2026-11-01"}}
options: [restore_full]
applies_to: {{services: [checkout], environments: [production]}}
roles:
  app: {{group: owners}}
targets:
  orders-db: {{kind: stage, environment: production}}
{targets}limits: {{hosts: {AT_ONCE}}}
steps:
{steps}verify:
  - {{id: place-order, uses: stage.rows, with: {{target: orders-db}}, within: 1m}}
"""
