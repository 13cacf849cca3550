"""What carrying a step out costs beside the commits it cannot do without."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bot.commands import Desk, say
from bot.core.events import Entry
from bot.core.may import Actor
from bot.jobs import Again, Dispatcher, Handler
from bot.runs import Runs
from bot.runs.book import Book
from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from tests.bench.commits import by_driver, by_sqlalchemy, commits, copy_before
from tests.runs.stage import PLAYBOOK, Stage, World, point

COMMITS = 2
"""A step cannot do with fewer: its begin is stored before it is called, and its end afterwards."""

SERVICE_S = 0.1
"""How long Slack or a tracker takes for one call, roughly; waiting for them costs a run next to nothing."""


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds for one step of a run, and for its commits by SQLAlchemy and by the driver alone."""

    steps: int
    step_s: float
    commits_s: float
    driver_s: float


async def measure(folder: Path, *, steps: int) -> Overhead:
    """Carry out a run of so many steps that end at once, and make the same commits without Backstop."""
    database = folder / "backstop.db"
    taken, entries = await _run(folder, steps)
    written = commits(database, entries, "INC-1")
    bare: list[float] = []
    driven: list[float] = []
    for number in range(3):
        for way, times in ((by_sqlalchemy, bare), (by_driver, driven)):
            copy = folder / f"{way.__name__}-{number}.db"
            copy_before(database, copy, entries)
            times.append(await way(copy, written))
    return Overhead(steps, taken / steps, median(bare) / steps, median(driven) / steps)


async def _run(folder: Path, steps: int) -> tuple[float, Sequence[Entry]]:
    """Return how long a run took from its start to its end, and the entries of its steps."""
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{folder / 'backstop.db'}", now=utc_now)
    stage = Stage(timeline, folder / "home", World(points=[point("P1", 0)]))
    (folder / "home" / "playbooks" / "restore.yaml").write_text(_playbook(steps))
    waits = asyncio.Event()
    carrying = asyncio.create_task(Dispatcher(timeline, _handlers(stage, waits)).run())
    try:
        async with asyncio.timeout(60):
            await told(stage.desk, 'declare "Orders are wrong" sev:4 svc:checkout')
            await told(stage.desk, "plan many inc:INC-1")
            await waits.wait()
            waits.clear()
            begun = time.perf_counter()
            await told(stage.desk, "start RUN-1")
            while not (await stage.run()).over:
                await waits.wait()
                waits.clear()
                taken = time.perf_counter() - begun
        run = await stage.run()
        assert run.recovered_at, (run.state, run.paused, run.plan and run.plan.problems)
        entries = await timeline.read("run/RUN-1")
        return taken, [entry for entry in entries if entry.event and entry.event.kind.startswith("step-")]
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await timeline.close()


def _handlers(stage: Stage, waits: asyncio.Event) -> Mapping[str, Handler]:
    """The run is carried out; whatever else is to be done waits for a service that answers when it does."""
    runs = Runs(Book(stage.timeline, stage.shelf, dict), stage.shelf, stage.engines)

    async def carry_out(id: str) -> Again | None:
        again = await runs.handle(id)
        if again is None:
            waits.set()
        return again

    return beside_run(carry_out)


def beside_run(carry_out: Handler) -> Mapping[str, Handler]:
    """Return handlers in which everything but a run takes as long as a service of others."""
    return defaultdict(lambda: served, {"run": carry_out})


async def served(_subject: str) -> Again | None:
    """Take as long as a service of others."""
    await asyncio.sleep(SERVICE_S)
    return None


def _playbook(steps: int) -> str:
    head = PLAYBOOK[: PLAYBOOK.index("inputs:")].replace("name: restore-orders", "name: many")
    checks = PLAYBOOK[PLAYBOOK.index("\nverify:") :]
    many = "".join(
        f"  - {{id: step-{number}, title: Step {number}, uses: stage.go, by: app, effect: reversible, "
        f"touches: [shop], estimate: 1s, timeout: 1m, with: {{target: shop}}, "
        f"undo: {{uses: stage.stop, with: {{target: shop}}}}}}\n"
        for number in range(steps)
    )
    targets = "targets:\n  orders-db: {kind: stage, environment: production}\n"
    return f"{head}{targets}  shop: {{kind: stage, environment: production}}\nsteps:\n{many}{checks}"


async def told(desk: Desk, line: str) -> None:
    """Say a line as ana, which must be understood."""
    groups = frozenset(desk.shelf.catalog().groups_of("ana"))
    answer = await say(desk, line, who=Actor("ana", groups=groups), via="bench", delivery=line)
    assert answer.ok, answer.text
