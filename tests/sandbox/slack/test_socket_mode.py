"""Socket Mode as the SDK's own client sees it."""

from __future__ import annotations

import asyncio
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack import SlackIsDown, SlackStandIn
from tests.sandbox.slack.bolt import attached, client_of, new_app, socket_handler
from tests.sandbox.slack.test_web_api import refusal


async def _url(slack: SlackStandIn) -> str:
    opened = await client_of(slack, slack.app_token).apps_connections_open(app_token=slack.app_token)
    return str(opened["url"])


async def test_a_ticket_opens_one_connection_and_hello_comes_first(slack: SlackStandIn) -> None:
    url = await _url(slack)
    async with aiohttp.ClientSession() as session:
        async with session.ws_connect(url) as socket:
            hello = await socket.receive_json()
        assert (hello["type"], hello["num_connections"]) == ("hello", 1)
        assert hello["connection_info"] == {"app_id": "A0BACKSTOP"}
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(url)
    await slack.wait(lambda: not slack.connections)


async def test_an_envelope_says_whether_an_answer_may_come_with_its_ack(slack: SlackStandIn) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(await _url(slack)) as socket:
        await socket.receive_json()
        slack.invite_bot("general")
        joined = await socket.receive_json()
        assert (joined["type"], joined["accepts_response_payload"]) == ("events_api", False)
        assert (joined["retry_attempt"], joined["payload"]["event"]["type"]) == (0, "member_joined_channel")
        await socket.send_json({"envelope_id": joined["envelope_id"]})
        await slack.wait(lambda: slack.deliveries and slack.deliveries[-1].answered)


async def test_the_eleventh_connection_is_turned_away(slack: SlackStandIn) -> None:
    async with aiohttp.ClientSession() as session:
        sockets = [await session.ws_connect(await _url(slack)) for _ in range(10)]
        counts = [(await socket.receive_json())["num_connections"] for socket in sockets]
        assert counts == list(range(1, 11))
        one_more = await session.ws_connect(await _url(slack))
        answer = await one_more.receive_json()
        assert (answer["type"], answer["reason"]) == ("disconnect", "too_many_websockets")
        assert len(slack.connections) == 10
    await slack.wait(lambda: not slack.connections)


async def test_two_connections_share_the_payloads_and_none_comes_twice(slack: SlackStandIn) -> None:
    app = new_app(slack)
    heard: list[str] = []

    @app.command("/backstop")
    async def command(ack: Any, command: Any) -> None:
        heard.append(command["text"])
        await ack()

    async with attached(slack, app, "socket"), attached(slack, app, "socket"):
        await slack.connected(2)
        for number in range(6):
            assert (await slack.slash("ana", f"/backstop {number}")).answered
        assert heard == ["0", "1", "2", "3", "4", "5"]
        assert [connection.delivered for connection in slack.connections] == [3, 3]


async def test_a_refresh_loses_no_command(slack: SlackStandIn) -> None:
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any) -> None:
        await ack()

    async with attached(slack, app, "socket"), attached(slack, app, "socket"):
        await slack.connected(2)
        old = list(slack.connections)
        await slack.refresh()
        await slack.wait(lambda: len(slack.connections) == 2 and not any(c in old for c in slack.connections))
        assert (await slack.slash("ana", "/backstop status")).answered


async def test_nothing_new_goes_to_a_connection_that_was_told_to_reconnect(slack: SlackStandIn) -> None:
    async with aiohttp.ClientSession() as session:
        old = await session.ws_connect(await _url(slack))
        await old.receive_json()
        await slack.refresh()
        told = await old.receive_json()
        assert (told["type"], told["reason"]) == ("disconnect", "refresh_requested")
        assert (await slack.slash("ana", "/backstop 1")).failure == "connection_failed"
        new = await session.ws_connect(await _url(slack))
        await new.receive_json()
        typing = asyncio.ensure_future(slack.slash("ana", "/backstop 2"))
        envelope = await new.receive_json()
        await new.send_json({"envelope_id": envelope["envelope_id"], "payload": {"text": "heard"}})
        assert (await typing).body == {"text": "heard"}
        assert [connection.delivered for connection in slack.connections] == [0, 1]


async def test_pings_are_answered(slack: SlackStandIn) -> None:
    async with attached(slack, new_app(slack), "socket"):
        await slack.ping()
        await slack.wait(lambda: slack.connections[0].pongs == 1)


async def test_nobody_listening_is_a_failed_delivery(slack: SlackStandIn) -> None:
    reply = await slack.slash("ana", "/backstop status")
    assert (reply.answered, reply.failure) == (False, "connection_failed")


async def test_a_deaf_socket_lets_the_ack_time_pass(slack: SlackStandIn) -> None:
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any) -> None:
        await ack()

    async with attached(slack, app, "socket"):
        slack.faults.deaf = True
        assert (await slack.slash("ana", "/backstop status")).failure == "http_timeout"
        slack.faults.deaf = False
        assert (await slack.slash("ana", "/backstop status")).answered


async def test_a_deaf_socket_swallows_an_ack_on_its_way(slack: SlackStandIn) -> None:
    async with aiohttp.ClientSession() as session, session.ws_connect(await _url(slack)) as socket:
        await socket.receive_json()
        typing = asyncio.ensure_future(slack.slash("ana", "/backstop status"))
        envelope = await socket.receive_json()
        slack.faults.deaf = True
        await socket.send_json({"envelope_id": envelope["envelope_id"]})
        assert (await typing).failure == "http_timeout"


async def test_after_an_outage_the_app_comes_back_by_itself(
    slack: SlackStandIn, client: AsyncWebClient
) -> None:
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any) -> None:
        await ack()

    handler = socket_handler(slack, app, ping_interval=0.05)
    await handler.connect_async()
    try:
        await slack.connected()
        slack.faults.down = True
        await slack.wait(lambda: not slack.connections)
        with pytest.raises(SlackIsDown):
            await slack.slash("ana", "/backstop status")
        with pytest.raises(aiohttp.ClientError):
            await client.auth_test()
        slack.faults.down = False
        await slack.connected()
        assert (await slack.slash("ana", "/backstop status")).answered
    finally:
        await handler.close_async()
    assert await refusal(client.users_info(user="U404")) == "user_not_found"
