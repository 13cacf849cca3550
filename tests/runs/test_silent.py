"""Which alerts a plan makes silent, and what whoever approves reads where there will be none."""

from __future__ import annotations

import pytest

from bot.core.plan import Plan
from bot.runs import Runs
from bot.runs.book import Book
from tests.commands.scenes import put
from tests.journeys.places import alerting
from tests.runs.stage import CATALOG, PLAYBOOK, Stage


async def plan_of(stage: Stage, *, silences: bool = True) -> Plan:
    await stage.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
    await stage.told("ana", "plan restore-orders before:2026-11-23T02:06:00Z")
    book = Book(stage.timeline, stage.shelf, dict, silences=silences)
    await Runs(book, stage.shelf, stage.engines).handle("RUN-1")
    plan = (await stage.run()).plan
    assert plan
    return plan


async def test_a_playbook_that_wants_it_makes_the_alerts_of_its_targets_silent(stage: Stage) -> None:
    put(stage, catalog=alerting(CATALOG), playbook=f"{PLAYBOOK}silence: true\n")
    plan = await plan_of(stage)
    assert plan.silences == ({"service": "checkout", "environment": "production"},)
    assert plan.warnings == ()


async def test_without_the_wish_no_alert_is_silent(stage: Stage) -> None:
    put(stage, catalog=alerting(CATALOG))
    assert (await plan_of(stage)).silences == ()


@pytest.mark.parametrize(
    ("catalog", "silences", "why"),
    [
        (CATALOG, True, "none of its targets has `alerts` in catalog.yaml"),
        (alerting(CATALOG), False, "BACKSTOP_ALERTMANAGER_URL is not set"),
    ],
)
async def test_where_none_will_be_silent_the_plan_says_so(
    stage: Stage, catalog: str, why: str, *, silences: bool
) -> None:
    put(stage, catalog=catalog, playbook=f"{PLAYBOOK}silence: true\n")
    plan = await plan_of(stage, silences=silences)
    assert plan.silences == ()
    assert plan.warnings == (f"Its playbook says `silence`, and no alert will be silent: {why}.",)
