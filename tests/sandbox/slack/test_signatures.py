"""Deliveries over HTTP are signed as Slack signs them, and bolt's own check refuses the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.slack import SlackStandIn, Terms
from tests.sandbox.slack.bolt import attached, new_app


async def test_a_forged_or_old_delivery_is_refused_and_does_nothing(slack: SlackStandIn) -> None:
    app = new_app(slack)
    heard: list[str] = []

    @app.command("/backstop")
    async def command(ack: Any, command: Any) -> None:
        heard.append(command["text"])
        await ack()

    async with attached(slack, app, "http"):
        genuine = await slack.slash("ana", "/backstop approve db")
        assert (await slack.forge(genuine)).status == 401
        assert (await slack.replay(genuine)).status == 401
        assert (await slack.replay(genuine, age=timedelta(minutes=4))).status == 200
    assert heard == ["approve db", "approve db"]


async def test_the_request_url_is_verified(slack: SlackStandIn) -> None:
    async with attached(slack, new_app(slack), "http"):
        reply = await slack.verify_url()
    assert reply.body == {"challenge": reply.payload["challenge"]}


async def test_a_command_nobody_handles_is_not_found(slack: SlackStandIn) -> None:
    async with attached(slack, new_app(slack), "http"):
        reply = await slack.slash("ana", "/unknown")
    assert (reply.status, reply.answered, reply.failure) == (404, False, "http_error")


async def test_an_app_that_is_not_there_is_a_failed_connection(slack: SlackStandIn) -> None:
    async with attached(slack, new_app(slack), "http"):
        pass
    reply = await slack.slash("ana", "/backstop status")
    assert (reply.status, reply.failure) == (None, "connection_failed")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
async def test_it_listens_on_loopback_and_nowhere_else(host: str) -> None:
    with pytest.raises(ValueError, match="not a loopback address"):
        async with SlackStandIn(terms=Terms(host=host)):
            pass
