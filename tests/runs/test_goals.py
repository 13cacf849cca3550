"""What a playbook says about where to go back to is what its engine is asked to reach."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bot.core.plan import Plan
from integrations.contract import (
    BeforeXid,
    Call,
    Goal,
    Prepared,
    Refusal,
    Resolution,
    Source,
    ToLsn,
    ToMarker,
    ToRevision,
    ToTime,
)
from tests.runs.stage import Stage, StageEngine, World
from tests.runs.test_as_written import says
from tests.runs.test_carry import planned

BEFORE = "{strategy: latest_before, before: inputs.before}"
DAMAGE = datetime(2026, 11, 23, 2, 10, tzinfo=UTC)
MOMENT = datetime(2026, 11, 23, 2, 9, tzinfo=UTC)


class Logging(StageEngine):
    """A stage that keeps a log: it reaches any goal from its oldest point."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked: list[Goal] = []
        self.called: list[Goal | None] = []
        self.reaches = MOMENT
        self.answers = True

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        self.asked.append(goal)
        refused = (Refusal(self.world.points[2], "its timeline was abandoned"),)
        if not self.answers:
            return Resolution(None, "the log ends before the goal", refused)
        return Resolution(
            self.world.points[0],
            "the newest before the goal.",
            refused,
            goal=BeforeXid(745, timeline=3),
            reaches=self.reaches,
            log_continuous=True,
        )

    async def plan(self, call: Call) -> Prepared:
        if call.operation == "restore":
            self.called.append(call.goal)
        return await super().plan(call)


@pytest.fixture
def logging(stage: Stage, world: World) -> Logging:
    engine = Logging(world)
    stage.engines["stage"] = engine
    return engine


async def plan_of(stage: Stage) -> Plan:
    await planned(stage)
    plan = (await stage.run()).plan
    assert plan
    return plan


@pytest.mark.parametrize(
    ("select", "goal"),
    [
        ("{strategy: pitr, before: inputs.before}", ToTime(datetime(2026, 11, 23, 2, 9, 59, tzinfo=UTC))),
        ("{strategy: pitr, marker: before-2-4-0}", ToMarker("before-2-4-0")),
        ("{strategy: pitr, lsn: 0/3000060}", ToLsn("0/3000060")),
        ('{strategy: pitr, xid: "745"}', BeforeXid(745)),
        ("{strategy: previous}", ToRevision()),
    ],
)
async def test_the_engine_is_asked_for_the_goal_and_told_what_it_pinned(
    stage: Stage, logging: Logging, tmp_path: Path, select: str, goal: Goal
) -> None:
    says(tmp_path, (BEFORE, select))

    plan = await plan_of(stage)

    assert logging.asked == [goal]
    assert logging.called == [BeforeXid(745, timeline=3)]
    source = plan.sources[0]
    assert source.point
    assert (source.point.id, source.goal, source.moment) == ("P1", BeforeXid(745, timeline=3), MOMENT)
    assert [item.because for item in source.refused] == ["its timeline was abandoned"]
    assert plan.problems == ()


async def test_an_engine_that_cannot_reach_the_goal_says_why(
    stage: Stage, logging: Logging, tmp_path: Path
) -> None:
    logging.answers = False
    says(tmp_path, (BEFORE, "{strategy: pitr, marker: never}"))

    plan = await plan_of(stage)

    assert plan.sources[0].because == "the log ends before the goal"
    assert "No recovery point of points can be used: the log ends before the goal." in plan.problems


async def test_a_goal_inside_the_damage_is_refused(stage: Stage, logging: Logging, tmp_path: Path) -> None:
    says(tmp_path, (BEFORE, '{strategy: pitr, xid: "745"}'))
    logging.reaches = DAMAGE

    plan = await plan_of(stage)

    assert plan.sources[0].point is None
    assert [item.because for item in plan.sources[0].refused] == [
        "its timeline was abandoned",
        "it would come back as it was at 2026-11-23 02:10:00Z, and the damage began at 2026-11-23 02:10:00Z; "
        "if what did it was committed later, say `impact damage:` with when",
    ]


async def test_a_transaction_that_is_no_number_is_a_problem(
    stage: Stage, logging: Logging, tmp_path: Path
) -> None:
    says(tmp_path, (BEFORE, "{strategy: pitr, xid: last-one}"))

    plan = await plan_of(stage)

    assert plan.sources[0].because == "last-one is not the number of a transaction"
