"""What carrying a step out costs beside the commits it cannot do without."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from bot.commands import Desk, say
from bot.core.may import Actor
from bot.jobs import Again, Dispatcher, Handler
from bot.runs import Runs
from bot.runs.book import Book
from bot.sandbox.surroundings import utc_now
from bot.timeline import Timeline
from tests.runs.stage import PLAYBOOK, Stage, World, point

COMMITS = 2
"""A step cannot do with fewer: its begin is stored before it is called, and its end afterwards."""

_OTHERS = ("room", "card", "say", "approvals", "progress", "answer", "tracker", "update-due", "gate-expiry")


@dataclass(frozen=True, slots=True)
class Overhead:
    """Seconds for one step of a run, and for the commits of one step made by hand on the same disk."""

    steps: int
    step_s: float
    commits_s: float

    @property
    def ratio(self) -> float:
        """Return the cost of a step divided by the raw cost of its commits."""
        return self.step_s / self.commits_s


async def measure(folder: Path, *, steps: int) -> Overhead:
    """Carry out a run of so many steps that end at once, and commit as often without Backstop."""
    raw = await _raw(folder / "raw.db", steps)
    taken = await _run(folder, steps)
    again = await _raw(folder / "again.db", steps)
    return Overhead(steps, taken / steps, (raw + again) / 2 / steps)


async def _raw(path: Path, steps: int) -> float:
    """Insert an entry and move its stream's head in one transaction, twice a step, as durably as Backstop."""
    row = json.dumps({"kind": "step-started", "step": "step-1", "attempt": 1, "key": "RUN-1.step-1.1"})
    async with aiosqlite.connect(path, isolation_level=None) as database:
        await database.execute("PRAGMA journal_mode=WAL")
        await database.execute("PRAGMA synchronous=FULL")
        await database.execute(
            "CREATE TABLE entry (id INTEGER PRIMARY KEY, stream TEXT, seq INT, event TEXT)"
        )
        await database.execute("CREATE UNIQUE INDEX once ON entry (stream, seq)")
        await database.execute("CREATE TABLE head (name TEXT PRIMARY KEY, seq INT)")
        await database.execute("INSERT INTO head VALUES ('run/RUN-1', 0)")
        begun = time.perf_counter()
        for seq in range(COMMITS * steps):
            await database.execute("BEGIN IMMEDIATE")
            await database.execute(
                "INSERT INTO entry (stream, seq, event) VALUES ('run/RUN-1', ?, ?)", (seq, row)
            )
            await database.execute("UPDATE head SET seq = ? WHERE name = 'run/RUN-1'", (seq,))
            await database.execute("COMMIT")
        return time.perf_counter() - begun


async def _run(folder: Path, steps: int) -> float:
    timeline = await Timeline.open(f"sqlite+aiosqlite:///{folder / 'backstop.db'}", now=utc_now)
    world = World(points=[point("P1", 0)])
    stage = Stage(timeline, folder / "home", world)
    (folder / "home" / "playbooks" / "restore.yaml").write_text(_playbook(steps))
    handlers: Mapping[str, Handler] = {**dict.fromkeys(_OTHERS, _nothing), "run": _runs(stage).handle}
    carrying = asyncio.create_task(Dispatcher(timeline, handlers).run())
    try:
        for line in ('declare "Orders are wrong" sev:4 svc:checkout', "plan many inc:INC-1"):
            await _told(stage.desk, line)
        await _until(stage, "planned")
        begun = time.perf_counter()
        await _told(stage.desk, "start RUN-1")
        await _until(stage, "recovered")
        return time.perf_counter() - begun
    finally:
        carrying.cancel()
        await asyncio.gather(carrying, return_exceptions=True)
        await timeline.close()


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


def _runs(stage: Stage) -> Runs:
    return Runs(Book(stage.timeline, stage.shelf, dict), stage.shelf, stage.engines)


async def _told(desk: Desk, line: str) -> None:
    groups = frozenset(desk.shelf.catalog().groups_of("ana"))
    answer = await say(desk, line, who=Actor("ana", groups=groups), via="bench", delivery=line)
    assert answer.ok, answer.text


async def _until(stage: Stage, state: str) -> None:
    news = asyncio.Event()
    stage.timeline.listen(news.set)
    async with asyncio.timeout(60):
        while True:
            news.clear()
            run = await stage.run()
            assert not run.paused, run.paused
            assert not (run.plan and run.plan.problems), run.plan.problems
            if run.state == state:
                return
            await news.wait()


async def _nothing(_subject: str) -> Again | None:
    return None
