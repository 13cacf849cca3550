"""Where a moment that somebody gives and the start of the damage differ, the plan says so."""

from __future__ import annotations

from pathlib import Path

import pytest
from inline_snapshot import snapshot

from bot.core.cards.plan import plan_card
from bot.core.document import plain
from tests.runs.stage import Stage
from tests.runs.test_as_written import says
from tests.runs.test_carry import declared


async def caution(stage: Stage, before: str = "") -> str:
    """Return what a plan says of its source besides its point."""
    await declared(stage)
    await stage.told("ana", f"plan restore-orders{before and f' before:{before}'}")
    await stage.carry()
    plan = (await stage.run()).plan
    assert plan
    assert plan.sources[0].point
    return plan.sources[0].caution


async def test_what_the_playbook_suggests_is_meant_so(stage: Stage, tmp_path: Path) -> None:
    says(tmp_path, ("decision.damage_start - 1s", "decision.damage_start - 8m"))
    assert await caution(stage) == ""


@pytest.mark.parametrize("before", ["02:10", "02:06"])
async def test_a_little_before_the_damage_is_no_news(stage: Stage, before: str) -> None:
    assert await caution(stage, before) == ""


async def test_a_moment_after_the_damage_began_is_a_caution_on_the_plan(stage: Stage) -> None:
    assert await caution(stage, "02:14") == snapshot(
        "It was to go back to before 2026-11-23 02:14:00Z, and INC-1 says that the damage began at "
        "2026-11-23 02:10:00Z, 4 min earlier: what was kept since is not used, as damaged data would "
        "come back. If the damage began later, say `impact damage:` and plan again."
    )
    card = plain(plan_card(await stage.run(), await stage.incident(), now=stage.timeline.now()))
    assert "⚠ It was to go back to before 2026-11-23 02:14:00Z" in card


async def test_a_moment_well_before_the_damage_is_a_caution_on_the_plan(stage: Stage) -> None:
    assert await caution(stage, "02:01") == snapshot(
        "It goes back to before 2026-11-23 02:01:00Z, and INC-1 says that the damage began at "
        "2026-11-23 02:10:00Z, 9 min later: the good data that was written between is lost. If the "
        "damage began earlier, say `impact damage:`; if not, plan again with a later moment."
    )
