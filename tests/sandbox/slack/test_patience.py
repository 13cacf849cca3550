"""What Slack lets an app do only so often, or only for a while."""

from __future__ import annotations

from typing import Any

import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.webhook.async_client import AsyncWebhookClient

from bot.sandbox.slack import PersonCannot, SlackStandIn
from bot.sandbox.slack.deliveries import Delivery, Reply, Seal
from tests.clock import Clock
from tests.sandbox.slack.test_web_api import refusal

MODAL: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "T"},
    "blocks": [{"type": "divider"}],
}


class _Mute:
    """An app that acknowledges everything and does nothing."""

    async def send(self, delivery: Delivery, seal: Seal) -> Reply:
        return Reply(delivery, 200)


@pytest.fixture
def mute(slack: SlackStandIn) -> SlackStandIn:
    """Return the workspace with an app that only acknowledges."""
    slack.deliver_with(_Mute())
    return slack


async def test_a_trigger_opens_one_view_within_three_seconds(
    mute: SlackStandIn, client: AsyncWebClient, clock: Clock
) -> None:
    trigger = (await mute.slash("ana", "/backstop declare")).payload["trigger_id"]
    clock.advance(3)
    await client.views_open(trigger_id=trigger, view=MODAL)
    assert await refusal(client.views_open(trigger_id=trigger, view=MODAL)) == "exchanged_trigger_id"
    late = (await mute.slash("ana", "/backstop declare")).payload["trigger_id"]
    clock.advance(3.1)
    assert await refusal(client.views_open(trigger_id=late, view=MODAL)) == "expired_trigger_id"


async def test_at_most_three_modals_lie_over_one_another(mute: SlackStandIn, client: AsyncWebClient) -> None:
    trigger = (await mute.slash("ana", "/backstop declare")).payload["trigger_id"]
    button = {"type": "button", "action_id": "next", "text": {"type": "plain_text", "text": "Next"}}
    modal = MODAL | {"blocks": [{"type": "actions", "elements": [button]}]}
    await client.views_open(trigger_id=trigger, view=modal)
    for _ in range(2):
        click = await mute.click("ana", mute.views("ana")[-1], action_id="next")
        await client.views_push(trigger_id=click.payload["trigger_id"], view=modal)
    click = await mute.click("ana", mute.views("ana")[-1], action_id="next")
    fourth = client.views_push(trigger_id=click.payload["trigger_id"], view=modal)
    assert await refusal(fourth) == "push_limit_reached"
    top, below = mute.views("ana")[-1], mute.views("ana")[-2]
    assert (top.previous_id, top.root_id) == (below.id, mute.views("ana")[0].id)


async def test_an_update_of_an_old_view_is_a_conflict(mute: SlackStandIn, client: AsyncWebClient) -> None:
    trigger = (await mute.slash("ana", "/backstop declare")).payload["trigger_id"]
    opened = (await client.views_open(trigger_id=trigger, view=MODAL))["view"]
    await client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)
    again = client.views_update(view_id=opened["id"], hash=opened["hash"], view=MODAL)
    assert await refusal(again) == "hash_conflict"


async def test_a_response_url_works_five_times(mute: SlackStandIn) -> None:
    url = (await mute.slash("ana", "/backstop status")).payload["response_url"]
    hook = AsyncWebhookClient(url, retry_handlers=[])
    for number in range(5):
        assert (await hook.send(text=f"answer {number}")).status_code == 200
    spent = await hook.send(text="answer 5")
    assert (spent.status_code, '"used_url"' in spent.body) == (404, True)
    assert [m.text for m in mute.ephemerals("ana")] == [f"answer {number}" for number in range(5)]
    assert mute.messages("general") == []


async def test_a_response_url_works_for_thirty_minutes(mute: SlackStandIn, clock: Clock) -> None:
    url = (await mute.slash("ana", "/backstop status")).payload["response_url"]
    hook = AsyncWebhookClient(url, retry_handlers=[])
    clock.advance(30 * 60)
    assert (await hook.send(text="to all", response_type="in_channel")).status_code == 200
    clock.advance(1)
    late = await hook.send(text="too late")
    assert (late.status_code, '"expired_url"' in late.body) == (404, True)
    assert [m.text for m in mute.messages("general")] == ["to all"]


async def test_commands_cannot_be_typed_in_threads(mute: SlackStandIn) -> None:
    root = mute.say("ana", "a thread")
    with pytest.raises(PersonCannot, match="do not exist in threads"):
        await mute.slash("ana", "/backstop status", thread_ts=root.ts)
    with pytest.raises(PersonCannot, match="not in #general: Slack offers to invite it"):
        await mute.mention("ana", "status")


async def test_the_app_hears_only_of_what_it_subscribed_to(mute: SlackStandIn) -> None:
    mute.invite_bot("general")
    mute.say("ana", "@channel orders are wrong, ask <@bo>")
    reply = await mute.mention("zed", "status")

    def kinds() -> list[str]:
        return sorted(delivered.payload["event"]["type"] for delivered in mute.deliveries)

    await mute.wait(lambda: "member_joined_channel" in kinds())
    assert kinds() == ["app_mention", "member_joined_channel"]
    assert reply.payload["event"]["user_team"] == "T0OUTSIDE1"
    assert reply.payload["is_ext_shared_channel"] is True
    said = mute.messages("general")[0]
    assert said.text == "<!channel> orders are wrong, ask &lt;<@U0BO000001>&gt;"
    assert mute.pings(said) == {"channel", "bo"}


async def test_posting_is_limited_per_channel_and_recovers_with_the_clock(
    slack: SlackStandIn, client: AsyncWebClient, clock: Clock
) -> None:
    slack.limits.on = True
    channel = (await client.conversations_create(name="inc-1"))["channel"]["id"]
    other = (await client.conversations_create(name="inc-2"))["channel"]["id"]
    for number in range(5):
        await client.chat_postMessage(channel=channel, text=str(number))
    with pytest.raises(SlackApiError) as refused:
        await client.chat_postMessage(channel=channel, text="5")
    assert refused.value.response.status_code == 429
    assert refused.value.response.headers["Retry-After"] == "1"
    await client.chat_postMessage(channel=other, text="elsewhere is free")
    clock.advance(1)
    await client.chat_postMessage(channel=channel, text="5")
    assert [m.text for m in slack.messages("inc-1")] == ["0", "1", "2", "3", "4", "5"]


async def test_the_tier_of_a_method_is_its_limit(
    slack: SlackStandIn, client: AsyncWebClient, clock: Clock
) -> None:
    slack.limits.on = True
    for number in range(20):
        await client.conversations_create(name=f"inc-{number}")
    with pytest.raises(SlackApiError) as refused:
        await client.conversations_create(name="inc-20")
    assert refused.value.response.headers["Retry-After"] == "3"
    clock.advance(3)
    await client.conversations_create(name="inc-20")


async def test_the_sdk_waits_as_long_as_it_is_told(slack: SlackStandIn, client: AsyncWebClient) -> None:
    slack.invite_bot("general")
    slack.faults.limited("chat.postMessage", 0)
    client.retry_handlers.append(AsyncRateLimitErrorRetryHandler(max_retry_count=1))
    await client.chat_postMessage(channel="general", text="at last")
    assert [call.status for call in slack.calls_of("chat.postMessage")] == [429, 200]
