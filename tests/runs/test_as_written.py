"""What a playbook says about failing, waiting and giving up is what happens."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest

from bot.core.events import AbortAsked, AttemptOpened, RunPaused, RunResumed
from bot.core.run import Status
from bot.jobs import Again
from bot.runs.left import wrong_with
from integrations.contract import (
    Call,
    Cap,
    Health,
    IntegrationError,
    Phase,
    Prepared,
    Progress,
    RecoveryPoint,
    Source,
    Target,
)
from tests.clock import Clock
from tests.runs.stage import PLAYBOOK, Stage, StageEngine, World
from tests.runs.test_carry import approved, planned, started, write

STOP = "    stops_writers: true\n"
RESTORE = "    no_way_back: true\n"
LATER_RIGHT = (
    "with: {target: orders-db}}\n  - id: go",
    "with: {target: orders-db}, within: 40s}\n  - id: go",
)
FALLBACKS = """
fallbacks:
  - {when: step_failed, use: other-way, ask: dba}
  - {when: out_of_time, use: failover, ask: app}
  - {when: out_of_time, use: wait, ask: dba}
  - {when: source_unusable, use: partial, ask: dba}
  - {when: target_unusable, use: elsewhere, ask: app}
"""


def says(tmp_path: Path, *changes: tuple[str, str], more: str = "") -> None:
    """Put a playbook with changes into force."""
    text = PLAYBOOK
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (tmp_path / "home" / "playbooks" / "restore.yaml").write_text(text + more)


async def pause(stage: Stage) -> str:
    paused = (await stage.run()).paused
    assert paused
    return paused.why


@pytest.mark.parametrize(
    ("step", "line", "operation"), [("stop", STOP, "stop"), ("restore", RESTORE, "restore")]
)
async def test_a_failure_of_a_step_that_says_abort_ends_the_run_and_says_what_it_leaves(
    stage: Stage, world: World, tmp_path: Path, step: str, line: str, operation: str
) -> None:
    says(tmp_path, (line, f"{line}    on_failure: {{then: abort}}\n"))
    world.outcomes[operation] = [Phase.FAILED]
    await started(stage)
    await approved(stage)

    run = await stage.run()

    assert (run.state, run.step("go").status) == ("aborted", Status.WAITING)
    assert run.abort
    assert run.abort.why.endswith("failed, and the playbook says to abort then: scripted failed")
    assert "half changed" in run.abort.leaves or "Look at its data before it is used" in run.abort.leaves
    assert not any(isinstance(e.event, RunPaused) for e in await stage.timeline.read("run/RUN-1"))
    assert await stage.timeline.lookup.holder("orders-db") is None


async def test_a_step_in_doubt_asks_also_where_a_failure_would_end_the_run(
    stage: Stage, world: World, tmp_path: Path
) -> None:
    says(tmp_path, (STOP, f"{STOP}    on_failure: {{then: abort}}\n"))
    world.tells = False

    await started(stage)

    run = await stage.run()
    assert (run.state, run.step("stop").status) == ("paused", Status.IN_DOUBT)
    assert not any(isinstance(e.event, AbortAsked) for e in await stage.timeline.read("run/RUN-1"))


async def test_a_failure_of_a_step_that_says_continue_does_not_stop_the_run(
    stage: Stage, world: World, tmp_path: Path
) -> None:
    says(tmp_path, (STOP, f"{STOP}    on_failure: {{then: continue}}\n"))
    world.outcomes["stop"] = [Phase.FAILED]
    await started(stage)
    await approved(stage)

    run = await stage.run()

    assert run.step("stop").status is Status.FAILED
    assert run.state == "recovered"


async def test_another_try_waits_for_its_backoff(
    stage: Stage, world: World, tmp_path: Path, clock: Clock
) -> None:
    says(tmp_path, (STOP, f"{STOP}    retry: {{max: 1, backoff: 30s}}\n"))
    world.outcomes["stop"] = [Phase.FAILED]
    await started(stage)
    failed_at = clock()

    assert world.acts == ["RUN-1.stop.1"]
    assert await stage.carry() == Again(failed_at + timedelta(seconds=30))
    clock.advance(30)
    await stage.carry()

    assert world.acts == ["RUN-1.stop.1", "RUN-1.stop.2"]


@pytest.mark.parametrize(
    ("on", "phase", "tries"),
    [
        ("", Phase.FAILED, 2),
        ("", Phase.PARTIAL, 2),
        ("", Phase.TIMED_OUT, 1),
        (", on: [timeout]", Phase.TIMED_OUT, 2),
        (", on: [timeout]", Phase.FAILED, 1),
        (", on: [transient, timeout]", Phase.REFUSED, 1),
    ],
)
async def test_only_what_retry_names_is_tried_again(
    stage: Stage, world: World, tmp_path: Path, clock: Clock, on: str, phase: Phase, tries: int
) -> None:
    says(tmp_path, (STOP, f"{STOP}    retry: {{max: 1, backoff: 1s{on}}}\n"))
    world.outcomes["stop"] = [phase]
    await started(stage)
    clock.advance(1)
    await stage.carry()

    assert len(world.acts) == tries


async def test_a_check_of_a_step_has_its_time_to_become_right(
    stage: Stage, world: World, tmp_path: Path, clock: Clock
) -> None:
    says(tmp_path, LATER_RIGHT)
    world.rows_ok, world.now = False, clock
    await started(stage)
    await approved(stage)
    assert (await stage.run()).step("restore").status is Status.STARTED

    clock.advance(30)
    assert await stage.carry() is not None
    assert (await stage.run()).step("restore").status is Status.STARTED
    world.rows_ok = True
    await stage.carry()

    assert (await stage.run()).step("restore").status is Status.SUCCEEDED


async def test_a_check_of_a_step_that_stays_wrong_fails_it_after_its_time(
    stage: Stage, world: World, tmp_path: Path, clock: Clock
) -> None:
    says(tmp_path, LATER_RIGHT)
    world.rows_ok, world.now = False, clock
    await started(stage)
    await approved(stage)
    clock.advance(40)
    await stage.carry()
    assert "Restore the orders failed: the check rows found 0 rows" in await pause(stage)


@pytest.mark.parametrize("outcome", [Phase.PARTIAL, Phase.LOST])
async def test_the_target_of_a_restore_that_did_not_end_well_is_asked_how_it_is(
    stage: Stage, world: World, outcome: Phase
) -> None:
    world.outcomes["restore"] = [outcome]
    await started(stage)
    world.ill = "its server is stopped"
    await approved(stage)

    state = (await stage.run()).step("restore")

    assert state.status is (Status.IN_DOUBT if outcome is Phase.LOST else Status.FAILED)
    assert state.answered == {"orders-db": "its server is stopped"}


async def test_an_abort_does_not_wait_for_a_check_to_become_right(
    stage: Stage, world: World, tmp_path: Path, clock: Clock
) -> None:
    says(tmp_path, LATER_RIGHT)
    world.rows_ok, world.now = False, clock
    await started(stage)
    await approved(stage)
    await write(stage, "ana", AbortAsked(why="no more", leaves=""))

    await stage.carry()

    assert (await stage.run()).state == "aborted"


async def test_a_run_that_takes_longer_than_it_may_asks_once_and_names_what_else_there_is(
    stage: Stage, tmp_path: Path, clock: Clock
) -> None:
    says(tmp_path, more=f"at_most: 10m\n{FALLBACKS}")
    await started(stage)
    clock.advance(601)
    await approved(stage)

    assert await pause(stage) == (
        "RUN-1 takes longer than the 10 min its playbook allows. For this the playbook names "
        "`plan failover`, which app decides, or `plan wait`, which dba decides."
    )
    await write(stage, "ana", RunResumed(why="nearly there"))
    await stage.carry()
    assert (await stage.run()).state == "recovered"


async def test_a_failure_names_the_playbook_to_change_to(stage: Stage, world: World, tmp_path: Path) -> None:
    says(tmp_path, more=FALLBACKS)
    world.outcomes["stop"] = [Phase.FAILED]

    await started(stage)

    assert await pause(stage) == (
        "Stop the shop failed: scripted failed. "
        "For this the playbook names `plan other-way`, which dba decides."
    )


async def test_what_cannot_be_planned_names_the_playbook_to_change_to(
    stage: Stage, world: World, tmp_path: Path
) -> None:
    says(tmp_path, more=FALLBACKS)
    world.points, world.ill = [], "its disk is full"

    await planned(stage)

    plan = (await stage.run()).plan
    assert plan
    found = "\n".join(plan.problems)
    assert "there is no recovery point at all. For this the playbook names `plan partial`, which dba" in found
    assert "its disk is full. For this the playbook names `plan elsewhere`, which app decides." in found


class Following(StageEngine):
    """A stage that follows another one, which is right and is not restored itself."""

    async def health(self, target: Target) -> Health:
        return replace(
            await super().health(target), ok=False, notes=("It is a standby.", "Others follow it.")
        )


async def test_a_standby_cannot_be_planned_for_although_nothing_is_wrong_with_it(stage: Stage) -> None:
    stage.engines["stage"] = Following(stage.world)

    await planned(stage)

    plan = (await stage.run()).plan
    assert plan
    assert "orders-db: It is a standby." in "\n".join(plan.problems)
    assert "Others follow it." not in "\n".join(plan.problems)
    assert "orders-db: Others follow it." in plan.warnings


class Holding(StageEngine):
    """A stage that can keep recovery points."""

    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.HOLD})
    held: ClassVar[list[str]] = []

    async def hold(self, source: Source, point: RecoveryPoint, *, until: datetime | None) -> None:
        assert until
        assert until > datetime(2026, 11, 23, tzinfo=UTC)
        self.held.append(point.id)


@pytest.mark.parametrize(("hold", "held"), [("true", ["P2"]), ("false", [])])
async def test_a_point_is_held_only_where_the_playbook_wants_it(
    stage: Stage, world: World, tmp_path: Path, hold: str, held: list[str]
) -> None:
    says(tmp_path, ("engine: stage, select", f"engine: stage, hold: {hold}, select"))
    Holding.held.clear()
    stage.engines["stage"] = Holding(world)
    await started(stage)
    await approved(stage)

    assert (await stage.run()).state == "recovered"
    assert Holding.held == held


class Forbidden(Holding):
    """A stage whose rules do not let recovery points be kept."""

    async def plan(self, call: Call) -> Prepared:
        if call.holds and call.operation == "restore":
            raise IntegrationError("stage.hold is not allowed", permanent=True)
        return await super().plan(call)


@pytest.mark.parametrize(("hold", "problems"), [("true", 1), ("false", 0)])
async def test_a_point_that_may_not_be_held_is_a_problem_of_the_plan(
    stage: Stage, world: World, tmp_path: Path, hold: str, problems: int
) -> None:
    says(tmp_path, ("engine: stage, select", f"engine: stage, hold: {hold}, select"))
    stage.engines["stage"] = Forbidden(world)
    await planned(stage)

    plan = (await stage.run()).plan
    assert plan
    assert list(plan.problems) == ["stage.restore: stage.hold is not allowed"] * problems


async def test_the_moment_of_another_try_is_on_the_timeline(
    stage: Stage, world: World, tmp_path: Path, clock: Clock
) -> None:
    says(tmp_path, (STOP, f"{STOP}    retry: {{max: 1}}\n"))
    world.outcomes["stop"] = [Phase.FAILED]
    await started(stage)

    opened = [e.event for e in await stage.timeline.read("run/RUN-1") if isinstance(e.event, AttemptOpened)]
    assert [event.not_before for event in opened] == [clock() + timedelta(seconds=10)]


async def test_progress_is_looked_at_in_turns_and_holds_up_nothing_beside_it(
    stage: Stage, world: World, tmp_path: Path, clock: Clock
) -> None:
    says(tmp_path, ("    title: Start the shop\n", "    title: Start the shop\n    needs: []\n"))
    world.held = True
    world.progress = [Progress(f"part {part}", part, 9, "items", clock()) for part in range(9)]

    await started(stage)

    assert world.acts == ["RUN-1.stop.1", "RUN-1.go.1"]
    assert len(world.progress) == 7
    assert await stage.carry() == Again(clock() + timedelta(milliseconds=150))
    assert len(world.progress) == 5


@pytest.mark.parametrize(
    ("ill", "says"),
    [
        ("", "; it answered at 02:25:00Z."),
        ("its disk is full.", ", this was wrong: its disk is full."),
    ],
)
async def test_what_an_abort_left_half_destroyed_is_asked_how_it_is(
    stage: Stage, world: World, ill: str, says: str
) -> None:
    world.outcomes["restore"] = [Phase.PARTIAL]
    await started(stage)
    await approved(stage)
    await write(stage, "ana", AbortAsked(why="another way", leaves=""))
    world.ill = ill
    await stage.carry()

    left = " ".join((await stage.run()).left.split())

    assert "orders-db: as it was, or as the step makes it, last by S2 Restore the orders" in left
    assert says in left
    assert "Look at its data before it is used." in left


@pytest.mark.parametrize(
    ("health", "says"),
    [
        (
            Health(ok=True, problems=("The server is stopped.", "It is old.")),
            "The server is stopped; It is old",
        ),
        (Health(ok=True, notes=("A copy lies ready.",)), ""),
        (Health(ok=False, notes=("The server is a standby.",)), "The server is a standby."),
        (Health(ok=False), "it is not well"),
    ],
)
def test_what_is_wrong_with_a_target_is_told_also_where_it_may_be_restored(health: Health, says: str) -> None:
    assert wrong_with(health) == says


async def test_an_abort_does_not_wait_for_a_target_that_does_not_answer(stage: Stage, world: World) -> None:
    world.outcomes["restore"] = [Phase.PARTIAL]
    await started(stage)
    await approved(stage)
    await write(stage, "ana", AbortAsked(why="another way", leaves=""))
    world.silent.add("orders-db")
    await stage.carry()

    run = await stage.run()

    assert run.state == "aborted"
    assert "this was wrong: orders-db does not answer" in " ".join(run.left.split())
