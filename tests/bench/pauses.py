"""What Backstop adds to a restore: seconds between steps that a runner carries out, and before the first."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bot.commands import say
from bot.core.may import Actor
from bot.jobs import Again, Dispatcher, Handler
from bot.runs import Runs
from bot.runs.book import Book
from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from integrations.registry import open_engines
from tests.bench.steps import beside_run
from tests.integrations.host import Host, a_host
from tests.runs.stage import CATALOG, PLAYBOOK, Stage, World

STEPS = 6
LASTING_S = 0.3
"""How long each program works; what Backstop adds does not depend on it."""

_PROGRAM = """#!/bin/sh
date "+$1 %s.%N" >> "{home}/begun"
sleep {lasting}
date "+$1 %s.%N" >> "{home}/ended"
"""


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds from the last approval to the first program, and between all programs together."""

    first_s: float
    between_s: float
    steps: int = STEPS


async def pauses(folder: Path, *, runs: int) -> Pauses:
    """Carry out so many runs of six steps, the first of which needs an approval, with real processes."""
    found = [await _once(folder / f"run-{number}") for number in range(runs)]
    return Pauses(median(each.first_s for each in found), median(each.between_s for each in found))


async def _once(folder: Path) -> Pauses:
    (folder / "host").mkdir(parents=True)
    async with a_host(folder / "host") as host:
        (host.home / "act").write_text(_PROGRAM.format(home=host.home, lasting=LASTING_S))
        timeline = await Timeline.open(f"sqlite+aiosqlite:///{folder / 'backstop.db'}", now=utc_now)
        try:
            approved = await _run(timeline, folder / "home", host)
        finally:
            await timeline.close()
        begun, ended = (_moments(host.home / name) for name in ("begun", "ended"))
    assert len(begun) == len(ended) == STEPS
    between = (begun[step] - ended[step - 1] for step in range(1, STEPS))
    return Pauses(begun[0] - approved, sum(between))


async def _run(timeline: Timeline, home: Path, host: Host) -> float:
    """Carry a run out and return when the last approval was given."""
    stage = Stage(timeline, home, World())
    stage.engines = dict(open_engines(host.connections))
    shop = "{kind: command, environment: production, settings: {target: checkout}}"
    catalog = CATALOG.replace("{kind: stage, environment: production}", shop)
    (home / "catalog.yaml").write_text(catalog.replace("engine: stage", "engine: sqlite"))
    (home / "playbooks" / "restore.yaml").write_text(_playbook())
    waits = asyncio.Event()
    carrying = asyncio.create_task(Dispatcher(timeline, _handlers(stage, waits)).run())
    try:
        async with asyncio.timeout(60):
            await _told(stage, "ana", 'declare "Orders are wrong" sev:4 svc:checkout')
            await _told(stage, "ana", "plan six inc:INC-1")
            await _waiting(waits)
            await _told(stage, "ana", "start RUN-1")
            await _waiting(waits)
            approved = time.time()
            await _told(stage, "bo", "approve RUN-1.overwrite")
            while not (await stage.run()).recovered_at:
                await _waiting(waits)
        return approved
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)


def _handlers(stage: Stage, waits: asyncio.Event) -> Mapping[str, Handler]:
    runs = Runs(Book(stage.timeline, stage.shelf, dict), stage.shelf, stage.engines)

    async def carry_out(id: str) -> Again | None:
        again = await runs.handle(id)
        waits.set()
        return again

    return beside_run(carry_out)


async def _waiting(waits: asyncio.Event) -> None:
    await waits.wait()
    waits.clear()


def _playbook() -> str:
    head = PLAYBOOK[: PLAYBOOK.index("inputs:")].replace("name: restore-orders", "name: six")
    common = "uses: command.run, by: app, touches: [shop], estimate: 1s, timeout: 1m"
    wiped = "{id: wiped, uses: command.check, with: {name: env, target: shop}}"
    first = (
        "effect: destructive, approval: overwrite, no_way_back: true, keep: none, because: it is a bench, "
        f"verify: [{wiped}]"
    )
    rest = "effect: reversible, undo: {uses: command.run, with: {name: act, who: back, target: shop}}"
    steps = "".join(
        f"  - {{id: step-{number}, title: Step {number}, {common}, {rest if number else first}, "
        f"with: {{name: {'act' if number else 'wipe'}, who: s{number}, target: shop}}}}\n"
        for number in range(STEPS)
    )
    return (
        f"{head}targets:\n  shop: {{kind: command, environment: production}}\n"
        "approvals:\n  overwrite: {require: [{role: dba, min: 1}], expires: 20m, valid_for: 1h}\n"
        f"steps:\n{steps}"
        "verify:\n  - {id: reads, uses: command.check, with: {name: env, target: shop}, within: 1m}\n"
    )


async def _told(stage: Stage, who: str, line: str) -> None:
    groups = frozenset(stage.shelf.catalog().groups_of(who))
    answer = await say(stage.desk, line, who=Actor(who, groups=groups), via="bench", delivery=line)
    assert answer.ok, answer.text


def _moments(path: Path) -> list[float]:
    return [float(line.split()[1]) for line in path.read_text(encoding="utf-8").splitlines()]
