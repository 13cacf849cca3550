"""What goes wrong on purpose."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import PersonCannot, SlackStandIn
from tests.sandbox.slack.bolt import attached, new_app
from tests.sandbox.slack.test_web_api import refusal


@pytest.fixture
async def channel(client: AsyncWebClient) -> str:
    """Return a channel the bot made."""
    created: str = (await client.conversations_create(name="inc-1"))["channel"]["id"]
    return created


async def test_an_error_comes_as_often_as_planned(
    slack: SlackStandIn, client: AsyncWebClient, channel: str
) -> None:
    slack.faults.error("chat.postMessage", "fatal_error", times=2)
    for _ in range(2):
        assert await refusal(client.chat_postMessage(channel=channel, text="x")) == "fatal_error"
    await client.chat_postMessage(channel=channel, text="x")
    slack.faults.error("*", "token_revoked", times=None)
    assert await refusal(client.auth_test()) == "token_revoked"
    assert await refusal(client.chat_postMessage(channel=channel, text="x")) == "token_revoked"
    slack.faults.clear()
    await client.auth_test()
    assert len(slack.messages("inc-1")) == 1


async def test_a_fault_can_be_kept_to_one_channel(
    slack: SlackStandIn, client: AsyncWebClient, channel: str
) -> None:
    other = (await client.conversations_create(name="inc-2"))["channel"]["id"]
    slack.faults.limited("chat.postMessage", 7, times=None, channel=channel)
    await client.chat_postMessage(channel=other, text="x")
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=channel, text="x")
    assert refused.value.response.headers["Retry-After"] == "7"


async def test_a_broken_server_answers_without_json(
    slack: SlackStandIn, client: AsyncWebClient, channel: str
) -> None:
    slack.faults.broken("chat.postMessage", 502)
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=channel, text="x")
    assert refused.value.response.status_code == 502


async def test_a_cut_connection_leaves_the_message_there_or_not(
    slack: SlackStandIn, client: AsyncWebClient, channel: str
) -> None:
    slack.faults.dropped("chat.postMessage", "before")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=channel, text="lost")
    slack.faults.dropped("chat.postMessage", "after")
    with pytest.raises(aiohttp.ClientError):
        await client.chat_postMessage(channel=channel, text="there")
    assert [m.text for m in slack.messages("inc-1")] == ["there"]
    assert [call.status for call in slack.calls_of("chat.postMessage")] == [None, None]
    assert [call.ok for call in slack.calls_of("chat.postMessage")] == [False, False]


async def test_a_held_call_waits_until_it_is_released(
    slack: SlackStandIn, client: AsyncWebClient, channel: str
) -> None:
    held = slack.faults.held("chat.postMessage")
    posting = asyncio.ensure_future(client.chat_postMessage(channel=channel, text="slow"))
    await asyncio.wait_for(held.arrived.wait(), 5)
    await client.chat_postMessage(channel=channel, text="quick")
    assert [m.text for m in slack.messages("inc-1")] == ["quick"]
    held.release()
    await posting
    assert [m.text for m in slack.messages("inc-1")] == ["quick", "slow"]


async def test_an_outage_can_answer_instead_of_cutting(slack: SlackStandIn, client: AsyncWebClient) -> None:
    slack.faults.down_status = 503
    slack.faults.down = True
    with pytest.raises(SlackApiError) as refused:
        await client.auth_test()
    assert refused.value.response.status_code == 503
    slack.faults.down = False
    await client.auth_test()


async def test_in_an_outage_nothing_reaches_the_app(slack: SlackStandIn) -> None:
    app = new_app(slack)
    heard: list[str] = []

    @app.event("member_joined_channel")
    async def joined(event: dict[str, str]) -> None:
        heard.append(event["channel"])

    async with attached(slack, app, "http"):
        slack.faults.down = True
        slack.invite_bot("general")
        await slack.wait(lambda: len(slack.deliveries) == 4)
        assert {reply.failure for reply in slack.deliveries} == {"connection_failed"}
    assert heard == []


async def test_people_archive_remove_and_delete(
    slack: SlackStandIn, client: AsyncWebClient, channel: str
) -> None:
    ts = (await client.chat_postMessage(channel=channel, text="card"))["ts"]
    await client.pins_add(channel=channel, timestamp=ts)
    card = slack.messages("inc-1")[0]
    slack.delete(card)
    assert slack.channel("inc-1").pins == []
    assert await refusal(client.chat_update(channel=channel, ts=ts, text="x")) == "message_not_found"
    with pytest.raises(PersonCannot, match="not on the screen any more"):
        await slack.click("ana", card, label="Approve")
    slack.remove_bot("inc-1")
    assert await refusal(client.chat_postMessage(channel=channel, text="x")) == "not_in_channel"
    slack.invite_bot("inc-1")
    slack.archive("ana", "inc-1")
    assert await refusal(client.chat_postMessage(channel=channel, text="x")) == "is_archived"


async def test_waiting_in_vain_says_what_happened_instead(
    slack: SlackStandIn, client: AsyncWebClient, channel: str
) -> None:
    with pytest.raises(TimeoutError, match=r"conversations\.create"):
        await slack.wait(lambda: slack.find("never said"), timeout=0.01)
