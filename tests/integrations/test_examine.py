"""What is looked at of every engine that is set up, and what is said of one that breaks its promises."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from integrations.contract import (
    Call,
    Cap,
    CheckResult,
    Effect,
    Goal,
    Guard,
    Health,
    IntegrationError,
    Operation,
    RecoveryPoint,
    Resolution,
    Source,
    Target,
    Window,
)
from integrations.examine import Examined, examine_source, examine_target
from integrations.registry import open_engines
from tests.integrations.host import Host
from tests.runs.stage import StageEngine, World, operation, point

NOW = datetime(2026, 11, 23, 2, 20, tzinfo=UTC)
TARGET, SOURCE = Target("orders-db", "stage", "production"), Source("points", "stage")


class Careless(StageEngine):
    """A stage that breaks whatever a test wants it to break."""

    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.WINDOW, Cap.GUARD})

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.healths: list[Health | IntegrationError] = []
        self.span: Window | None = None
        self.safe = Guard(deletes=False, because="the vault is locked")
        self.guesses = False

    async def health(self, target: Target) -> Health:
        found = self.healths.pop(0) if self.healths else Health(ok=True, identity="one", version="stage 1")
        if isinstance(found, IntegrationError):
            raise found
        return found

    async def window(self, source: Source) -> Window | None:
        return self.span

    async def guard(self, source: Source) -> Guard:
        return self.safe

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        return (
            Resolution(self.world.points[0], "near enough") if self.guesses else Resolution(None, "unknown")
        )


async def source_of(*points: RecoveryPoint, **ways: object) -> Examined:
    engine = Careless(World(points=list(points)))
    for name, value in ways.items():
        setattr(engine, name, value)
    return await examine_source(engine, SOURCE, now=NOW)


async def target_of(*healths: Health | IntegrationError) -> Examined:
    engine = Careless(World())
    engine.healths = list(healths)
    return await examine_target(engine, TARGET)


async def test_a_target_that_is_well_says_which_one_it_is() -> None:
    assert await target_of() == Examined("stage 1, one")


async def test_a_target_that_is_ill_says_why_or_that_it_does_not_say() -> None:
    ill = Health(ok=False, identity="one", problems=("The disk is full.",))
    silent = Health(ok=False, identity="one")
    assert (await target_of(ill, ill)).problems == ("The disk is full.",)
    assert (await target_of(silent, silent)).problems == ("It is not well and does not say why.",)
    down = IntegrationError("nobody answers", permanent=False)
    assert await target_of(down) == Examined("cannot be asked", ("nobody answers",))


async def test_a_state_that_is_right_is_said_as_such_and_not_as_wrong() -> None:
    standby = Health(ok=False, identity="one", version="stage 1", notes=("It is a standby.",))
    assert await target_of(standby, standby) == Examined("stage 1, one. It is a standby.")
    ready = Health(ok=True, identity="one", version="stage 1", notes=("A copy lies ready.", "It is new."))
    assert await target_of(ready, ready) == Examined("stage 1, one. A copy lies ready. It is new.")


async def test_a_stand_in_that_no_drill_filled_is_right_to_be_empty(host: Host) -> None:
    engine = open_engines(host.connections)["sqlite"]
    host.database.unlink()
    stand_in = Target("orders-db", "sqlite", "lab", isolated=True)
    empty = f"There is no database at {host.database}."
    found = await examine_target(engine, stand_in)
    assert (found.problems, empty in found.says) == ((), True)
    assert found.says.endswith(f" {empty} It is a stand-in, which a drill fills.")
    real = await examine_target(engine, replace(stand_in, isolated=False))
    assert real.problems == (empty,)


async def test_a_target_whose_name_changes_or_is_missing_is_named() -> None:
    one, other, none = (Health(ok=True, identity=name) for name in ("one", "two", ""))
    assert (await target_of(one, other)).problems == ("It calls itself one, and a moment later two.",)
    assert (await target_of(none, none)).problems == (
        "It does not say which thing it is, so an approval for one could pass for another.",
    )


async def test_a_source_says_what_it_has() -> None:
    proved = replace(point("P2", 10), verified_at=NOW)
    found = await source_of(proved, point("P1", 0), span=Window(NOW - timedelta(hours=1), NOW))
    assert found == Examined(
        "2 recovery points, 1 proved, the newest of 2026-11-23 02:10:00Z, "
        "any moment from 2026-11-23 01:20:00Z to 2026-11-23 02:20:00Z"
    )


async def test_a_source_that_breaks_a_promise_is_named_with_it() -> None:
    assert await source_of() == Examined(
        "no recovery points", ("There is no recovery point: nothing could be restored.",)
    )
    found = await source_of(
        point("P1", 0),
        replace(point("P1", 50), health="invalid"),
        span=Window(NOW, NOW - timedelta(hours=1)),
        safe=Guard(deletes=True, because="backup may write in /srv/backups"),
        guesses=True,
    )
    assert found.problems == (
        "Two recovery points are called P1.",
        "The recovery points do not come newest first.",
        "P1 is of 2026-11-23 02:50:00Z, which is still to come: look at the clocks.",
        "The span of restorable moments ends before it begins.",
        "It would restore P1 when a point is named that it has not.",
    )
    assert found.unwise == (
        "P1 cannot be restored: it is invalid; once it was mended, a plan that names it has it read again.",
        "Whoever takes these backups could delete them: backup may write in /srv/backups.",
    )


async def test_who_cannot_see_whether_backups_are_safe_says_so() -> None:
    found = await source_of(point("P1", 0), safe=Guard(deletes=None, because="its server decides"))
    assert found.unwise == (
        "Whether whoever takes these backups could delete them cannot be seen: its server decides.",
    )


async def test_a_source_that_does_not_answer_is_said_so() -> None:
    engine = Careless(World(reachable=False))
    found = await examine_source(engine, SOURCE, now=NOW)
    assert found == Examined("cannot be asked", ("the runner does not answer",))


async def test_the_engine_beside_a_database_keeps_its_promises(host: Host) -> None:
    engine = open_engines(host.connections)["sqlite"]
    source = Source("orders-db", "sqlite")
    assert (await examine_target(engine, Target("orders-db", "sqlite", "production"))).problems == ()
    places = await engine.guard(source)
    assert places.deletes is True
    assert places.because.endswith(f"may write in {Path(host.home) / 'points'}")


async def test_the_newest_copy_is_read_without_noting_it_and_one_that_changed_is_a_problem(
    host: Host,
) -> None:
    engine = open_engines(host.connections)["sqlite"]
    source = Source("orders-db", "sqlite")
    for key in ("B-1", "B-2"):
        await host.runner.start(key, "sqlite.backup", "orders-db", {}, token=None, timeout_s=60)
        await host.ended(key)
    newest = (await engine.points(source))[0]
    content, note = host.points / f"{newest.id}.db", host.points / f"{newest.id}.json"
    kept = note.read_bytes()

    found = await examine_source(engine, source, now=datetime.now(UTC))
    assert found.problems == ()
    assert found.says.endswith(f"; {newest.id} was read and is what was backed up")

    content.write_bytes(content.read_bytes()[:-1] + b"x")
    found = await examine_source(engine, source, now=datetime.now(UTC))
    (problem,) = found.problems
    assert problem.startswith(f"{newest.id} is damaged: its content is not what was backed up: digest ")
    assert note.read_bytes() == kept


async def test_an_engine_that_cannot_look_now_says_so_and_nothing_is_wrong() -> None:
    class Looking(Careless):
        operations: ClassVar[Mapping[str, Operation]] = {"look": operation("look", Effect.READ, "check")}

    world = World(points=[point("P2", 5), point("P1", 0)])
    assert (await examine_source(Looking(world), SOURCE, now=NOW)).says.endswith("; 41 rows")
    world.rows_ok = False
    assert (await examine_source(Looking(world), SOURCE, now=NOW)).problems == ("0 rows.",)
    world.reachable = False

    class Later(Looking):
        def _reach(self) -> None:
            """Points are listed, and nothing else is answered."""

        async def check(self, call: Call) -> CheckResult:
            raise IntegrationError("The runner is older.", permanent=True)

    found = await examine_source(Later(world), SOURCE, now=NOW)
    assert found.problems == ()
    assert found.says.endswith("; P2 was not looked at: The runner is older")
