"""One chaos run: a release damages orders, people recover it, and processes die while they do."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.core.incident import Incident
from bot.core.run import Run
from bot.sandbox.shop.home import Home
from bot.sandbox.shop.verify import verify
from bot.sandbox.surroundings import Surroundings, Transport, surroundings, utc_now
from bot.timeline import Timeline
from bot.timeline.database import open_engine
from integrations.connections import LOCAL, Connections
from integrations.contract import JobRef, Phase, Source
from integrations.process import Runner
from integrations.runner import jobs
from integrations.sqlite import Sqlite
from tests.chaos.blows import Blow, blows, strike
from tests.chaos.house import House
from tests.chaos.people import INCIDENT, People
from tests.chaos.record import Act, Record, violations
from tests.chaos.watch import Watch
from tests.sandbox.remains import processes_in

BALLAST_BYTES = 24 * 1024 * 1024
LONGEST = timedelta(seconds=90)
_OPEN_S = 30.0


@dataclass(frozen=True, slots=True)
class Played:
    """How a run went; `wrong` is empty when every promise was kept."""

    seed: int
    outcome: str
    blows: Sequence[str]
    decisions: Sequence[str]
    wrong: Sequence[str]
    seconds: float
    doubts: int = 0

    @property
    def line(self) -> str:
        """Return the run in one line."""
        verdict = "VIOLATED" if self.wrong else "ok"
        struck = "; ".join(self.blows)
        return (
            f"seed {self.seed:<6} {verdict:<8} {self.outcome:<10} {self.seconds:5.1f} s  "
            f"doubts {self.doubts}  decisions {len(self.decisions)}  {struck}"
        )


async def play(seed: int, folder: Path) -> Played:
    """Play one run in a folder of its own and judge it."""
    begun = utc_now()
    rng = random.Random(seed)
    planned = blows(rng)
    ways: tuple[Transport, ...] = ("socket", "http")
    transport = rng.choice(ways)
    async with surroundings(folder, transport=transport) as around:
        house = House(around, folder, seed)
        await house.replace_runner()
        async with house.running(), around.keeper.customers(rate=10):
            timeline = await _timeline(around)
            try:
                record, run, people, struck = await _act(around, house, timeline, rng, planned)
            finally:
                await timeline.close()
        record = replace(record, ended_by_itself=house.mourned)
    left = [*record.left, *processes_in(folder)]
    wrong = violations(replace(record, left=left))
    return Played(
        seed,
        run.state if run else "never planned",
        struck,
        people.decisions,
        wrong,
        (utc_now() - begun).total_seconds(),
        sum(1 for entry in record.entries if entry.event and entry.event.kind == "step-in-doubt"),
    )


async def _act(
    around: Surroundings, house: House, timeline: Timeline, rng: random.Random, planned: Sequence[Blow]
) -> tuple[Record, Run | None, People, list[str]]:
    at = await _damage(around)
    watch = Watch(around.settings.home / "backstop.db")
    people = People(around.slack, timeline, watch, rng)
    waits = {who: rng.choice((0.0, rng.uniform(0, 3), rng.uniform(0, 8))) for who in ("bo", "cy")}
    striking = [asyncio.create_task(strike(blow, house, watch.came)) for blow in planned]
    watching = asyncio.create_task(watch.look())
    approving: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            await _to_the_start(people)
            approving = [asyncio.create_task(people.approve(who, wait)) for who, wait in waits.items()]
            run = await people.decide(utc_now() + LONGEST)
            await asyncio.gather(*approving)
    except TimeoutError:
        run = await people.run()
    finally:
        for task in (*striking, *approving, watching):
            if not task.done():
                task.cancel()
    struck = await asyncio.gather(*striking, return_exceptions=True)
    await asyncio.gather(*approving, watching, return_exceptions=True)
    left = await house.still_acting()
    record = await _record(around, house, people, run, at)
    for found in struck:
        if isinstance(found, Exception):
            raise found
    return replace(record, left=left), run, people, [found for found in struck if isinstance(found, str)]


async def _to_the_start(people: People) -> None:
    await people.told("ana", 'declare "Totals are wrong" sev:1 svc:checkout release:2.4.0', people.incident)

    async def room() -> Incident | None:
        found = await people.incident()
        return found if found and found.room else None

    while not (opened := await people.until(room, _OPEN_S)):
        pass
    assert opened.room
    people.room = opened.room.channel
    for who in ("bo", "cy"):
        people.slack.join(who, people.room)

    async def stated() -> bool:
        found = await people.incident()
        return bool(found and found.damage_start)

    async def started() -> bool:
        found = await people.run()
        return bool(found and found.started_at)

    moment = f"{utc_now():%H:%M:%SZ}"
    await people.told("ana", f'impact "Totals are a tenth" start:{moment} damage:{moment}', stated)
    await _plan(people)
    await people.told("ana", f"start {people.id}", started)


async def _plan(people: People) -> None:
    """Plan, and once more when the plan says what it could not find out just then."""

    async def planned() -> Run | None:
        found = await people.run()
        return found if found and (found.plan or found.failed) else None

    while True:
        await people.told("ana", "plan checkout-restore release:2.3.0", people.run)
        run = await people.until(planned, _OPEN_S)
        if run and run.plan and not run.plan.problems:
            return
        if run:
            people.planned += 1


async def _damage(around: Surroundings) -> datetime:
    """Let customers order, take a recovery point, and put the bad release out; return when it was taken."""
    with closing(sqlite3.connect(around.shop.database, timeout=10)) as connection, connection:
        connection.execute("CREATE TABLE ballast (weight BLOB)")
        connection.execute("INSERT INTO ballast VALUES (randomblob(?))", (BALLAST_BYTES,))
    runner = Runner(around.settings.runner_socket or Path())
    engine = Sqlite(Connections(runners={LOCAL: runner}, now=utc_now))
    at = utc_now()
    source = Source("orders-points", "sqlite", {"target": "orders-db"})
    labels = {"release": "2.3.0", "commit": "3f2a1bc", "environment": "production"}
    job = await engine.backup(source, key="backup", labels=labels)
    await _until(lambda: _ended(engine, job))
    # The moment of the damage is given to the second, and must not lie before the recovery point.
    await asyncio.sleep(1.1)
    ran = await around.keeper.run("release", "--version", "2.4.0")
    assert ran.code == 0, ran.text
    return at


async def _timeline(around: Surroundings) -> Timeline:
    """Return eyes on the timeline, once the bot has made its tables."""
    database = around.settings.home / "backstop.db"
    timeline = Timeline(open_engine(around.settings.database), now=utc_now)
    await _until(lambda: asyncio.to_thread(_has_tables, database))
    return timeline


async def _until(look: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_OPEN_S):
        while True:
            if await look():
                return
            await asyncio.sleep(0.05)


async def _ended(engine: Sqlite, job: JobRef) -> bool:
    return (await engine.poll(job)).phase is not Phase.RUNNING


def _has_tables(database: Path) -> bool:
    if not database.exists():
        return False
    with (
        contextlib.suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as connection,
    ):
        # The last thing a migration writes is that it was made.
        return bool(connection.execute("SELECT count(*) FROM alembic_version").fetchone()[0])
    return False


async def _record(
    around: Surroundings, house: House, people: People, run: Run | None, at: datetime
) -> Record:
    state = around.runner_state
    asked = {key: jobs.Job(state, key) for key in jobs.keys(state) if key.startswith("RUN-")}
    return Record(
        entries=await people.timeline.story(INCIDENT),
        acts=_acts(house.acts),
        jobs={key: (_spec(job), job.outcome()) for key, job in asked.items()},
        yeses=people.yeses,
        data=await asyncio.to_thread(_data, around.shop, run, at),
        breaks=await people.timeline.verify(),
        left=(),
    )


def _spec(job: jobs.Job) -> dict[str, object]:
    spec = job.spec()
    return {"token": spec.token, "target": spec.target} if spec else {}


def _acts(path: Path) -> list[Act]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = (json.loads(line) for line in lines)
    return [
        Act(line["key"], line["what"], line["pid"], datetime.fromisoformat(line["at"]))
        for line in found
        if str(line["key"]).startswith("RUN-")
    ]


def _data(shop: Home, run: Run | None, at: datetime) -> str:
    """Say what is wrong with the orders: all of them must be right after a recovery, and readable always."""
    if not shop.database.exists():
        return "the shop has no database"
    resumed = run.recovered_at if run else None
    verdict = verify(shop, at=at, resumed=resumed)
    if resumed and not verdict.right:
        return f"recovered, and the orders are not right: {verdict}"
    if resumed and not verdict.promised:
        return "no order was confirmed before the recovery point, so nothing is proved"
    return "" if verdict.integrity == "ok" else f"the database is damaged: {verdict.integrity}"
