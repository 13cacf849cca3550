"""Slack user groups are read in the background and kept for five minutes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.sandbox.slack import SlackStandIn
from bot.shelf import Shelf
from bot.slack.api import Api
from bot.slack.people import KEPT, People
from tests.clock import Clock
from tests.runs.stage import CATALOG


@pytest.fixture
def people(slack: SlackStandIn, clock: Clock, tmp_path: Path) -> People:
    """Return people whose group `dba` is the Slack group of that name."""
    [group] = slack.workspace.groups
    text = CATALOG.replace("dba: {people: [bo]}", f"dba: {{slack_group: {group}}}")
    (tmp_path / "catalog.yaml").write_text(text)
    api = Api(slack.bot_token, slack.api_url, now=clock)
    return People(api, Shelf(tmp_path / "catalog.yaml", tmp_path), now=clock)


async def _read(people: People) -> None:
    assert people._reading is not None
    await people._reading


async def test_members_are_there_after_the_first_reading(people: People, slack: SlackStandIn) -> None:
    [group] = slack.workspace.groups
    assert people.groups() == {}
    await _read(people)
    assert people.groups() == {group: ("U0BO",)}


async def test_they_are_read_again_only_when_they_are_old(
    people: People, slack: SlackStandIn, clock: Clock
) -> None:
    people.groups()
    await _read(people)
    people.groups()
    assert len(slack.calls) == 1
    clock.advance(KEPT.total_seconds())
    people.groups()
    await _read(people)
    assert len(slack.calls) == 2


@pytest.mark.parametrize(
    ("code", "members"),
    [("plan_upgrade_required", ()), ("internal_error", ("U0BO",)), ("invalid_auth", ("U0BO",))],
)
async def test_a_plan_without_groups_has_none_and_trouble_keeps_the_last_members(
    people: People, slack: SlackStandIn, clock: Clock, code: str, members: tuple[str, ...]
) -> None:
    [group] = slack.workspace.groups
    await people.refresh()
    slack.faults.error("usergroups.users.list", code)
    clock.advance(KEPT.total_seconds())
    people.groups()
    await _read(people)
    assert people.groups()[group] == members
    await people.close()


async def test_no_catalog_means_no_groups(people: People, tmp_path: Path) -> None:
    (tmp_path / "catalog.yaml").write_text("nonsense: yes")
    await people.refresh()
    assert people.groups() == {}
    await people.close()
