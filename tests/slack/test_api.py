"""One error comes out of Slack's Web API, with a sentence, and edits are rationed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.slack import SlackStandIn, Terms
from bot.slack.api import EDITS_A_MINUTE, Api, Bucket, SlackTrouble
from bot.slack.messages import Payload
from bot.slack.posts import CARD, PROGRESS, Posts, Spot, TooSoon
from bot.timeline import Timeline
from tests.clock import Clock


@pytest.fixture
async def api(slack: SlackStandIn, clock: Clock) -> Api:
    """Return the API of the workspace, with the bot in #general."""
    slack.invite_bot("general")
    return Api(slack.bot_token, slack.api_url, now=clock)


@pytest.fixture
async def posts(api: Api, sqlite_url: str, clock: Clock) -> AsyncIterator[Posts]:
    """Return the posts of a Backstop."""
    timeline = await Timeline.open(sqlite_url, now=clock)
    yield Posts(api, timeline.records, clock)
    await timeline.close()


def _payload(text: str) -> Payload:
    return Payload(text, (), text)


@pytest.mark.parametrize(
    ("fault", "code", "permanent", "unsure"),
    [
        (lambda faults: faults.error("chat.update", "message_not_found"), "message_not_found", True, False),
        (lambda faults: faults.error("chat.update", "invalid_auth"), "invalid_auth", False, False),
        (lambda faults: faults.limited("chat.update", 30), "ratelimited", False, False),
        (lambda faults: faults.broken("chat.update", 503), "", False, True),
        (lambda faults: faults.dropped("chat.update", "after"), "", False, True),
    ],
)
async def test_every_failure_is_one_error(
    api: Api, slack: SlackStandIn, fault: Any, code: str, permanent: bool, unsure: bool
) -> None:
    fault(slack.faults)
    with pytest.raises(SlackTrouble) as caught:
        await api.edit(slack.channel("general").id, "1.0", _payload("x"))
    trouble = caught.value
    assert (trouble.code, trouble.permanent, trouble.unsure) == (code, permanent, unsure)
    assert trouble.retry_after == (30 if code == "ratelimited" else None)
    assert "chat.update" in str(trouble)
    assert slack.bot_token not in str(trouble)


async def test_a_missing_scope_is_named(clock: Clock) -> None:
    async with SlackStandIn(now=clock, terms=Terms(scopes=frozenset({"chat:write"}))) as slack:
        api = Api(slack.bot_token, slack.api_url, now=clock)
        with pytest.raises(SlackTrouble, match=r"missing_scope \(needs the scope .*channels:manage"):
            await api.call("conversations.create", name="x")


async def test_nobody_listening_is_surely_not_done(clock: Clock) -> None:
    api = Api("xoxb-x", "http://127.0.0.1:9/api/", now=clock)
    with pytest.raises(SlackTrouble, match="cannot be reached") as caught:
        await api.post("C1", _payload("x"), key="k")
    assert not caught.value.unsure
    assert not caught.value.permanent


def test_edits_are_rationed_and_some_are_left_for_what_is_urgent(clock: Clock) -> None:
    bucket = Bucket(EDITS_A_MINUTE, EDITS_A_MINUTE, clock())
    taken = 0
    while bucket.take(clock(), spare=PROGRESS.spare) is None:
        taken += 1
    assert taken == EDITS_A_MINUTE - PROGRESS.spare
    while bucket.take(clock(), spare=CARD.spare) is None:
        taken += 1
    assert taken == EDITS_A_MINUTE - CARD.spare
    while (later := bucket.take(clock())) is None:
        taken += 1
    assert taken == EDITS_A_MINUTE
    clock.set(later + timedelta(milliseconds=1))
    assert bucket.take(clock()) is None
    clock.advance(3600)
    assert bucket.take(clock()) is None
    assert bucket.left == EDITS_A_MINUTE - 1


async def test_the_same_message_is_not_sent_again(posts: Posts, slack: SlackStandIn) -> None:
    spot = Spot(slack.channel("general").id)
    first = await posts.put("k", spot, _payload("one"))
    assert await posts.put("k", spot, _payload("one")) == first
    assert [call.method for call in slack.calls] == ["chat.postMessage"]
    assert await posts.put("k", spot, _payload("two")) == first
    assert slack.find("two", channel="general") is not None


async def test_an_edit_waits_for_its_turn(posts: Posts, slack: SlackStandIn, clock: Clock) -> None:
    spot = Spot(slack.channel("general").id)
    await posts.put("k", spot, _payload("one"))
    with pytest.raises(TooSoon) as soon:
        await posts.put("k", spot, _payload("two"), CARD)
    assert soon.value.at == clock() + CARD.every
    clock.set(soon.value.at)
    await posts.put("k", spot, _payload("two"), CARD)
    assert slack.find("two", channel="general")


async def test_a_message_is_found_among_many_by_its_key(posts: Posts, slack: SlackStandIn) -> None:
    spot = Spot(slack.channel("general").id)
    slack.faults.dropped("chat.postMessage", "after")
    with pytest.raises(SlackTrouble):
        await posts.put("wanted", spot, _payload("wanted"))
    for number in range(250):
        slack.say("ana", f"noise {number}")
    await posts.put("wanted", spot, _payload("edited"))
    mine = [m for m in slack.messages("general") if m.user == slack.bot_user_id]
    assert [m.text for m in mine] == ["edited"]
    assert len(slack.calls_of("conversations.history")) == 2


async def test_a_refused_post_is_not_looked_for(posts: Posts, slack: SlackStandIn) -> None:
    spot = Spot(slack.channel("general").id)
    slack.faults.limited("chat.postMessage", 3)
    with pytest.raises(SlackTrouble):
        await posts.put("k", spot, _payload("x"))
    await posts.put("k", spot, _payload("x"))
    assert slack.calls_of("conversations.history") == []
