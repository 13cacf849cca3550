"""Modals and the home tab of a real bolt app, over both transports."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.sandbox.slack import PersonCannot, SlackStandIn
from tests.sandbox.slack.bolt import Way, attached, new_app
from tests.sandbox.slack.cards import approval, modal


async def test_a_modal_is_opened_rejected_replaced_and_submitted(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)
    seen: list[Any] = []

    @app.shortcut("declare")
    async def shortcut(ack: Any, shortcut: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=modal(private_metadata="1"))

    @app.view("declare")
    async def submitted(ack: Any, view: Any) -> None:
        summary = view["state"]["values"]["what"]["summary"]["value"]
        seen.append((summary, view["private_metadata"]))
        match summary:
            case "bad":
                await ack(response_action="errors", errors={"what": "Say more."})
            case "more":
                await ack(response_action="push", view=modal("Second"))
            case "other":
                await ack(response_action="update", view=modal("Changed", private_metadata="2"))
            case "clear":
                await ack(response_action="clear")
            case _:
                await ack()

    async with attached(slack, app, way):
        await slack.shortcut("ana", "declare")
        view = await slack.wait(lambda: slack.view("ana"))
        with pytest.raises(PersonCannot, match="'What happens' is required"):
            await slack.submit("ana", view, {})
        with pytest.raises(PersonCannot, match="0 to 40 characters"):
            await slack.submit("ana", view, {"summary": "x" * 41})
        await slack.submit("ana", view, {"What happens": "bad"})
        assert slack.views("ana")[0].errors == {"what": "Say more."}
        await slack.submit("ana", view, {"what": "other"})
        assert "Changed" in slack.plain(slack.views("ana")[0])
        await slack.submit("ana", view, {"what": "more"})
        assert [v.content["title"]["text"] for v in slack.views("ana")] == ["Changed", "Second"]
        await slack.submit("ana", slack.views("ana")[-1], {"what": "done"})
        assert len(slack.views("ana")) == 1
        await slack.submit("ana", view, {"what": "more"})
        await slack.submit("ana", slack.views("ana")[-1], {"what": "clear"})
        assert slack.views("ana") == []
    assert seen[:3] == [("bad", "1"), ("other", "1"), ("more", "2")]


async def test_a_view_that_asks_hears_that_it_was_closed(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)
    closed = asyncio.Event()

    @app.command("/backstop")
    async def command(ack: Any, command: Any, client: Any) -> None:
        await client.views_open(trigger_id=command["trigger_id"], view=modal(notify_on_close=True))
        await ack()

    @app.view_closed("declare")
    async def gone(ack: Any) -> None:
        await ack()
        closed.set()

    async with attached(slack, app, way):
        await slack.slash("cy", "/backstop declare")
        view = slack.view("cy")
        assert view is not None
        reply = await slack.close_view("cy", view)
        assert reply is not None
        assert reply.answered
        assert closed.is_set()
        assert slack.view("cy") is None


async def test_the_home_tab_is_published(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)
    home = {"type": "home", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "Calm"}}]}

    @app.event("app_home_opened")
    async def opened(event: Any, client: Any) -> None:
        await client.views_publish(user_id=event["user"], view=home)

    async with attached(slack, app, way):
        await slack.open_home("bo")
        shown = await slack.wait(lambda: slack.home("bo"))
    assert slack.plain(shown) == "Calm"


async def test_a_button_in_a_modal_carries_the_modal(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any, command: Any, client: Any) -> None:
        await client.views_open(trigger_id=command["trigger_id"], view=modal(blocks=approval("More")))
        await ack()

    @app.action("approve")
    async def approve(ack: Any, body: Any, client: Any) -> None:
        view = body["view"]
        await client.views_update(view_id=view["id"], hash=view["hash"], view=modal("Changed"))
        await ack()

    async with attached(slack, app, way):
        await slack.slash("ana", "/backstop declare")
        await slack.click("ana", slack.views("ana")[0], label="More")
    assert slack.plain(slack.views("ana")[0]) == "Changed\nWhat happens: ____"
