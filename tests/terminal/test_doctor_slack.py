"""What `backstop doctor` finds between Slack and Backstop, asked of a local workspace."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from bot.manifest import SCOPES
from bot.sandbox.slack import SlackStandIn, Terms
from bot.terminal.doctor.slack import clock
from tests.terminal.shell import Shell
from tests.web.door import CATALOG

CONNECTIONS = frozenset({"connections:write"})


@pytest.fixture(params=[frozenset(SCOPES)])
async def slack(request: pytest.FixtureRequest) -> AsyncIterator[SlackStandIn]:
    """Return a workspace in which the app has these scopes."""
    async with SlackStandIn(terms=Terms(scopes=request.param | CONNECTIONS)) as workspace:
        yield workspace


async def doctor(shell: Shell, slack: SlackStandIn, **more: str) -> list[str]:
    words = {
        "BACKSTOP_SLACK_API_URL": slack.api_url,
        "BACKSTOP_SLACK_BOT_TOKEN": slack.bot_token,
        "BACKSTOP_SLACK_APP_TOKEN": slack.app_token,
    }
    ran = await shell.run("doctor", **{**words, **more})
    assert slack.bot_token not in ran.out + ran.err
    return [line for line in ran.out.splitlines() if line.split()[1] in {"slack", "clock", "groups"}]


async def test_a_workspace_that_is_set_up_is_well(shell: Shell, slack: SlackStandIn) -> None:
    assert await doctor(shell, slack) == ["ok     slack      backstop in Backstop sandbox, socket mode"]


@pytest.mark.parametrize("slack", [frozenset(SCOPES) - {"pins:write"}], indirect=True)
async def test_a_missing_scope_is_named_with_what_it_is_for(shell: Shell, slack: SlackStandIn) -> None:
    assert await doctor(shell, slack) == [
        "ok     slack      backstop in Backstop sandbox, socket mode",
        "wrong  slack      the app may not pin the incident card: pins:write is missing. "
        "Make the app anew from `backstop manifest`, install it again.",
    ]


async def test_an_app_token_that_is_none_is_found(shell: Shell, slack: SlackStandIn) -> None:
    assert (await doctor(shell, slack, BACKSTOP_SLACK_APP_TOKEN="xapp-old"))[1:] == [
        "wrong  slack      Slack refuses the app token: invalid_auth. "
        "Make one with the scope connections:write."
    ]


async def test_the_home_channel_must_be_one_that_backstop_is_in(shell: Shell, slack: SlackStandIn) -> None:
    assert (await doctor(shell, slack, BACKSTOP_SLACK_HOME_CHANNEL="C0NONE"))[1:] == [
        "wrong  slack      the home channel C0NONE cannot be seen: channel_not_found. "
        "Set BACKSTOP_SLACK_HOME_CHANNEL to a channel's id."
    ]
    general = slack.channel("general").id
    assert (await doctor(shell, slack, BACKSTOP_SLACK_HOME_CHANNEL=general))[1:] == [
        f"wrong  slack      Backstop is not in the home channel {general}. Invite it there."
    ]


async def test_groups_that_nobody_is_in_are_named(shell: Shell, slack: SlackStandIn) -> None:
    dba = next(iter(slack.workspace.groups))
    text = CATALOG.replace(
        "groups:\n", f"groups:\n  night: {{slack_group: {dba}}}\n  gone: {{slack_group: S0GONE}}\n"
    )
    (shell.home / "catalog.yaml").write_text(text)
    assert (await doctor(shell, slack))[1:] == [
        f"wrong  groups     nobody is in night, whose Slack group is {dba}: "
        "none of its 1 members is in the catalog. "
        "Add people with their Slack ids to the catalog, or to the group.",
        "wrong  groups     nobody is in gone, whose Slack group is S0GONE: no_such_subteam. "
        "Add people with their Slack ids to the catalog, or to the group.",
    ]
    slack.faults.limited("usergroups.users.list", retry_after=30)
    assert (await doctor(shell, slack))[1:] == [
        "unwise groups     night and those after it were not looked at. Ask again."
    ]


@pytest.mark.parametrize(
    ("apart", "says"),
    [
        (timedelta(seconds=90), ["this machine's clock is 90 s ahead of Slack's."]),
        (timedelta(seconds=-90), ["this machine's clock is 90 s behind Slack's."]),
        (timedelta(seconds=50), []),
    ],
)
def test_a_clock_that_is_apart_is_said(apart: timedelta, says: list[str]) -> None:
    now = datetime(2026, 11, 29, 2, 10, tzinfo=UTC)
    assert [found.says for found in clock({"date": format_datetime(now)}, now + apart)] == says
    assert list(clock({}, now)) == []
