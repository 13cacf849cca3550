"""One chaos run: a release damages orders, people recover them, and processes die while they do."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from bot.core.events import Entry, StepInDoubt, StepStarted, StepSucceeded
from bot.core.incident import Incident
from bot.core.run import Run
from bot.sandbox.surroundings import Transport, utc_now
from bot.timeline import Timeline
from bot.timeline.database import open_engine
from integrations.runner import jobs
from tests import postgres
from tests.chaos import restores
from tests.chaos.blows import STRUCK, UNKNOWN, Blow, Presence, Struck, Undisturbed, blow_in, blows, strike
from tests.chaos.house import House, install
from tests.chaos.people import INCIDENT, People
from tests.chaos.record import Act, Record, violations
from tests.chaos.scene import Scene, shop
from tests.chaos.watch import Eyes, Lives, Watch
from tests.pgbackrest import Cluster
from tests.sandbox.remains import processes_in

REAL = ("beside", "in-place", "dump")
KINDS = ("shop", *REAL)
LONGEST = timedelta(seconds=240)
_OPEN_S = 120.0
_GIVES_UP = 0.15


@dataclass(frozen=True, slots=True)
class Stage:
    """What all runs have in common: a cluster to copy, and a server for timelines that two bots share."""

    made: Cluster
    server: postgres.Server


@contextmanager
def stage() -> Iterator[Stage]:
    """Make what all runs have in common."""
    with restores.template() as made, postgres.server(made.binaries) as server:
        yield Stage(made, server)


@dataclass(frozen=True, slots=True)
class Played:
    """How a run went; `wrong` is empty when every promise was kept."""

    kind: str
    seed: int
    outcome: str
    blows: Sequence[Struck]
    decisions: Sequence[str]
    wrong: Sequence[str]
    seconds: float
    doubts: int = 0
    undisturbed: Undisturbed = UNKNOWN

    @property
    def landed(self) -> int:
        """Return how many blows struck somebody."""
        return sum(1 for struck in self.blows if struck.whom)

    @property
    def came_to(self) -> str:
        """Return what became of it in a word or two."""
        if self.wrong:
            return "broke a promise"
        if self.outcome != "recovered":
            return "asks or given up"
        return "recovered after a decision" if self.decisions else "recovered alone"

    @property
    def line(self) -> str:
        """Return the run in one line."""
        verdict = "VIOLATED" if self.wrong else "ok"
        struck = "; ".join(map(str, self.blows))
        doubts = f"doubts {self.doubts}  decisions {len(self.decisions)}"
        return (
            f"{self.kind:<8} seed {self.seed:<5} {verdict:<8} {self.outcome:<10} {self.seconds:5.1f} s  "
            f"step {self.undisturbed.lasts_s:4.1f} s  {doubts}  {struck}"
        )


def victim(seed: int) -> str:
    """Return who is struck in a real restore of a seed."""
    return STRUCK[seed % len(STRUCK)]


def chosen(kind: str, seed: int, undisturbed: Undisturbed) -> list[Blow]:
    """Return the blows of a seed: several of any kind for the shop, one in a restore for the others."""
    rng = random.Random(f"{kind} {seed}")
    if kind == "shop":
        return blows(rng)
    return [blow_in(undisturbed, victim(seed), rng, "restore")]


async def play(kind: str, seed: int, folder: Path, on: Stage, planned: Sequence[Blow]) -> Played:
    """Play one run in a folder of its own and judge it."""
    begun = utc_now()
    rng = random.Random(f"{kind} {seed} people")
    venv = install(folder)
    async with AsyncExitStack() as opened:
        settings = {}
        frozen = any(blow.how == "freeze" for blow in planned)
        if frozen:
            # Only there can another bot take over from one that is frozen and not dead.
            settings["BACKSTOP_DATABASE_URL"] = opened.enter_context(on.server.database())
        way: Transport = rng.choice(("socket", "http"))
        scene: Scene = await opened.enter_async_context(
            shop(folder, venv, way) if kind == "shop" else restores.restoring(kind, on.made, folder, settings)
        )
        house = House(scene.place, venv, seed, scene.workers, rng)
        async with house.running(), _timeline(scene, house) as (timeline, watch):
            gives_up = _GIVES_UP if kind == "shop" else 0.0
            people = People(scene.slack, timeline, watch, rng, gate=scene.gate, gives_up=gives_up)
            presence = Presence(house, scene.restores)
            eyes = (people.watch, presence) if not planned else (people.watch,)
            record, run, struck = await _act(scene, house, people, planned, eyes, relieved=frozen)
        record = replace(record, ended_by_itself=house.mourned)
    (folder / "story").write_text("\n".join(map(_told, record.entries)), encoding="utf-8")
    left = [*record.left, *processes_in(folder)]
    return Played(
        kind,
        seed,
        run.state if run else "never planned",
        struck,
        people.decisions,
        violations(replace(record, left=left)),
        (utc_now() - begun).total_seconds(),
        sum(1 for entry in record.entries if isinstance(entry.event, StepInDoubt)),
        Undisturbed(_lasted(record.entries, scene.restores), presence.there),
    )


async def _act(
    scene: Scene,
    house: House,
    people: People,
    planned: Sequence[Blow],
    eyes: Sequence[Eyes],
    *,
    relieved: bool,
) -> tuple[Record, Run | None, list[Struck]]:
    moment = await scene.damage()
    lives = Lives(scene.place.state)
    looking = [asyncio.create_task(each.look()) for each in (*eyes, lives)]
    striking = [asyncio.create_task(strike(blow, house, people.watch)) for blow in planned]
    approving: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(LONGEST.total_seconds()):
            await _to_the_start(scene, people, moment, house if relieved else None)
            approving = [asyncio.create_task(people.approve(*each)) for each in people.patience()]
            run = await people.decide(utc_now() + LONGEST)
            await asyncio.gather(*approving)
            if relieved:
                struck = await asyncio.gather(*striking)
                if all(blow.whom for blow in struck):
                    await house.bot.says("duty lost")
    except TimeoutError:
        run = await people.run()
    finally:
        for task in (*striking, *approving, *looking):
            task.cancel()
        await asyncio.gather(*approving, *looking, return_exceptions=True)
        ends = await asyncio.gather(*striking, return_exceptions=True)
    left = await house.still_acting()
    record = await _record(scene, house, people, run, lives)
    for found in ends:
        if isinstance(found, Exception):
            raise found
    return replace(record, left=left), run, [found for found in ends if isinstance(found, Struck)]


async def _to_the_start(scene: Scene, people: People, moment: str, house: House | None) -> None:
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

    await people.told("ana", f'impact "Totals are a tenth" start:{moment} damage:{moment}', stated)
    await _plan(scene, people)
    if house:
        house.relieve()
        await house.relief.says("serving")
    await people.told("ana", f"start {people.id}", started)


async def _plan(scene: Scene, people: People) -> None:
    """Plan, and once more when the plan says what it could not find out just then."""

    async def planned() -> Run | None:
        found = await people.run()
        return found if found and (found.plan or found.failed) else None

    while True:
        await people.told("ana", scene.plan, people.run)
        run = await people.until(planned, _OPEN_S)
        if run and run.plan and not run.plan.problems:
            return
        if run:
            people.planned += 1


@asynccontextmanager
async def _timeline(scene: Scene, house: House) -> AsyncIterator[tuple[Timeline, Watch]]:
    """Yield eyes on the timeline, once the bot has made its tables."""
    # Whoever looks into a SQLite file earlier may keep the bot from making them.
    await house.bot.says("bot.serve serving")
    engine = open_engine(scene.place.database)
    timeline = Timeline(engine, now=utc_now)
    try:
        yield timeline, Watch(engine)
    finally:
        await timeline.close()


async def _record(scene: Scene, house: House, people: People, run: Run | None, lives: Lives) -> Record:
    state = scene.place.state
    asked = {key: jobs.Job(state, key) for key in jobs.keys(state) if key.startswith("RUN-")}
    return Record(
        entries=await people.timeline.story(INCIDENT),
        acts=_acts(house.acts),
        lives=lives.all,
        jobs={key: (_spec(job), jobs.status(state, key)) for key, job in asked.items()},
        yeses=people.yeses,
        data=await asyncio.to_thread(scene.judge, run),
        breaks=await people.timeline.verify(),
        left=(),
    )


def _spec(job: jobs.Job) -> dict[str, object]:
    spec = job.spec()
    begun = (job.claimed() or {}).get("at")
    return {"token": spec.token, "target": spec.target, "begun": begun} if spec else {}


def _acts(path: Path) -> list[Act]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = (json.loads(line) for line in lines)
    return [
        Act(line["key"], line["what"], line["pid"], datetime.fromisoformat(line["at"]))
        for line in found
        if str(line["key"]).startswith("RUN-")
    ]


def _told(entry: Entry) -> str:
    event = entry.event.model_dump_json(exclude={"plan", "snapshot"}) if entry.event else ""
    return f"{entry.recorded_at:%H:%M:%S.%f} {entry.stream} {entry.by} {event}"


def _lasted(entries: Iterable[Entry], step: str) -> float:
    """Return how long a step took that was carried out once, 0 when it did not come to its end."""
    begun = [e.recorded_at for e in entries if isinstance(e.event, StepStarted) and e.event.step == step]
    done = [e.recorded_at for e in entries if isinstance(e.event, StepSucceeded) and e.event.step == step]
    return (done[-1] - begun[-1]).total_seconds() if begun and done else 0.0
