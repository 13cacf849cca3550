"""People and a real bolt app in the same workspace, over both transports."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from slack_bolt.response import BoltResponse

from bot.sandbox.slack import Message, PersonCannot, Reply, SlackStandIn, Terms
from bot.sandbox.slack.stand_in import EVENTS
from tests.clock import Clock
from tests.sandbox.slack.bolt import Way, attached, new_app


def _approval(label: str = "Approve") -> list[dict[str, Any]]:
    button = {
        "type": "button",
        "text": {"type": "plain_text", "text": label},
        "action_id": "approve",
        "value": "RUN-1:db",
        "style": "primary",
    }
    return [
        {"type": "section", "text": {"type": "mrkdwn", "text": "*RUN-1* wants a yes from <@U0BO000001>"}},
        {"type": "actions", "elements": [button]},
    ]


def _modal(title: str = "Declare", **more: Any) -> dict[str, Any]:
    field = {"type": "plain_text_input", "action_id": "summary", "max_length": 40}
    block = {
        "type": "input",
        "block_id": "what",
        "label": {"type": "plain_text", "text": "What happens"},
        "element": field,
    }
    return {
        "type": "modal",
        "callback_id": "declare",
        "title": {"type": "plain_text", "text": title},
        "submit": {"type": "plain_text", "text": "Declare"},
        "blocks": [block],
        **more,
    }


async def test_a_command_a_posted_card_a_click_and_an_edit(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any, command: Any, client: Any) -> None:
        await ack(f"Heard: {command['text']}")
        channel = (await client.conversations_create(name="inc-1"))["channel"]["id"]
        await client.conversations_invite(channel=channel, users=command["user_id"])
        await client.chat_postMessage(channel=channel, text="RUN-1 wants a yes", blocks=_approval())

    @app.action("approve")
    async def approve(ack: Any, body: Any, action: Any, client: Any) -> None:
        await ack()
        message = body["message"]
        await client.chat_update(
            channel=body["channel"]["id"],
            ts=message["ts"],
            text=f"{action['value']} approved by <@{body['user']['id']}>",
            blocks=[],
        )

    async with attached(slack, app, way):
        reply = await slack.slash("ana", '/backstop declare checkout "orders & <money> lost" @bo #general')
        assert reply.answered
        assert reply.payload["text"] == (
            'declare checkout "orders &amp; &lt;money&gt; lost" <@U0BO000001|bo> '
            f"<#{slack.channel('general').id}|general>"
        )
        card = await slack.wait(lambda: slack.find("wants a yes", channel="inc-1"))
        assert [button.label for button in slack.buttons(card)] == ["Approve"]
        assert slack.plain(card) == "RUN-1 wants a yes from @bo\n[Approve]"
        assert slack.pings(card) == {"bo"}
        assert (await slack.click("bo", card, label="Approve")).answered
        edited = await slack.wait(lambda: slack.find("RUN-1:db approved by @bo"))

    assert edited.ts == card.ts
    assert edited.edited_ts is not None
    assert [slack.plain(message) for message in slack.ephemerals("ana")] == [
        'Heard: declare checkout "orders & <money> lost" @bo #general'
    ]
    assert slack.ephemerals("bo") == []
    assert slack.transcript("inc-1") == ("backstop  RUN-1:db approved by @bo\nbo        [Approve]\n")
    assert slack.transcript("general").startswith("ana       /backstop declare checkout")


async def test_a_mention_in_a_thread_is_heard_and_answered_there(slack: SlackStandIn, way: Way) -> None:
    slack.invite_bot("general")
    app = new_app(slack)

    @app.event("app_mention")
    async def mention(event: Any, client: Any) -> None:
        await client.chat_postMessage(
            channel=event["channel"], text=f"You said {event['text']}", thread_ts=event.get("thread_ts")
        )

    async with attached(slack, app, way):
        root = slack.say("cy", "orders look wrong")
        reply = await slack.mention("ana", "approve db & <!channel>", thread_ts=root.ts)
        assert reply.answered
        answer = await slack.wait(lambda: slack.find("You said", by="backstop", thread_ts=root.ts))
    assert slack.plain(answer) == "You said @backstop approve db & <!channel>"
    assert slack.pings(answer) == {"backstop"}
    assert slack.transcript("general") == (
        "cy        orders look wrong\n"
        "    ana       @backstop approve db & <!channel>\n"
        "    backstop  You said @backstop approve db & <!channel>\n"
    )


async def test_a_modal_is_opened_rejected_replaced_and_submitted(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)
    seen: list[Any] = []

    @app.shortcut("declare")
    async def shortcut(ack: Any, shortcut: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=_modal(private_metadata="1"))

    @app.view("declare")
    async def submitted(ack: Any, view: Any) -> None:
        summary = view["state"]["values"]["what"]["summary"]["value"]
        seen.append((summary, view["private_metadata"]))
        match summary:
            case "bad":
                await ack(response_action="errors", errors={"what": "Say more."})
            case "more":
                await ack(response_action="push", view=_modal("Second"))
            case "other":
                await ack(response_action="update", view=_modal("Changed", private_metadata="2"))
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
        await client.views_open(trigger_id=command["trigger_id"], view=_modal(notify_on_close=True))
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


async def test_a_double_click_and_a_retried_event_reach_the_app_twice(slack: SlackStandIn, way: Way) -> None:
    slack.invite_bot("general")
    app = new_app(slack)
    heard: list[tuple[str, Any]] = []

    @app.event("app_mention")
    async def mention(body: Any, request: Any) -> None:
        heard.append((body["event_id"], request.headers.get("x-slack-retry-num")))

    @app.action("approve")
    async def approve(ack: Any, body: Any) -> None:
        await ack()
        heard.append((body["trigger_id"], None))

    async with attached(slack, app, way):
        first = await slack.mention("ana", "approve db")
        await slack.redeliver(first, retry_num=2)
        event_id = first.payload["event_id"]
        retried = [(name, number and number[0]) for name, number in heard]
        assert [name for name, _ in retried] == [event_id, event_id]
        assert retried[1][1] == "2"
        heard.clear()
        slack.workspace.post(_card(slack))
        card = slack.find("press me")
        assert card is not None
        click = await slack.click("bo", card, action_id="approve")
        await slack.again(click)
        assert heard == [(click.payload["trigger_id"], None)] * 2


def _card(slack: SlackStandIn) -> Message:
    return Message(
        slack.channel("general").id,
        slack.workspace.new_ts(),
        slack.bot_user_id,
        "press me",
        tuple(_approval("press me")),
    )


async def test_an_ephemeral_answer_is_changed_and_deleted_through_its_response_url(
    slack: SlackStandIn, way: Way
) -> None:
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any) -> None:
        await ack(text="Sure?", blocks=_approval("Sure"))

    @app.action("approve")
    async def approve(ack: Any, respond: Any, body: Any) -> None:
        assert body["container"]["is_ephemeral"] is True
        assert "message" not in body
        await ack()
        await respond(text="Done.", replace_original=True)

    async with attached(slack, app, way):
        await slack.slash("ana", "/backstop approve")
        question = slack.ephemerals("ana")[0]
        with pytest.raises(PersonCannot, match="bo does not see this message"):
            await slack.click("bo", question, label="Sure")
        await slack.click("ana", question, label="Sure")
        await slack.wait(lambda: slack.ephemerals("ana")[0].text == "Done.")
    assert len(slack.ephemerals("ana")) == 1


async def test_a_listener_that_raises_after_its_ack_loses_it(slack: SlackStandIn, way: Way) -> None:
    """Bolt wipes the ack before it leaves: the reason our door catches everything after it."""
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any) -> None:
        await ack("on it")
        raise RuntimeError("too soon")

    async with attached(slack, app, way):
        reply = await slack.slash("ana", "/backstop status")
    assert not reply.answered
    assert reply.failure == "http_timeout"
    seen = [slack.plain(message) for message in slack.ephemerals("ana")]
    assert seen == ['/backstop failed with the error "operation_timeout"']


async def test_an_event_nobody_acknowledges_comes_three_more_times(slack: SlackStandIn, way: Way) -> None:
    slack.invite_bot("general")
    app = new_app(slack)

    @app.middleware
    async def refuse() -> BoltResponse:
        return BoltResponse(status=500)

    def mentions() -> list[Reply]:
        return [reply for reply in slack.deliveries if reply.payload["event"]["type"] == "app_mention"]

    async with attached(slack, app, way):
        await slack.mention("ana", "status")
        await slack.wait(lambda: len(mentions()) == 4)
    assert [reply.delivered.retry_num for reply in mentions()] == [0, 1, 2, 3]
    assert len({reply.payload["event_id"] for reply in mentions()}) == 1


async def test_the_bot_does_not_hear_itself_though_its_messages_are_echoed(way: Way, clock: Clock) -> None:
    async with SlackStandIn(now=clock, terms=Terms(events=EVENTS | {"message"})) as slack:
        slack.invite_bot("general")
        app = new_app(slack)
        heard: list[str] = []

        def echoed() -> list[str]:
            return [reply.payload["event"].get("text") for reply in slack.deliveries if reply.answered]

        @app.event("message")
        async def message(event: Any, client: Any) -> None:
            heard.append(event["text"])
            await client.chat_postMessage(channel=event["channel"], text="I heard you")

        async with attached(slack, app, way):
            slack.say("ana", "hello")
            await slack.wait(lambda: slack.find("I heard you"))
            await slack.wait(lambda: "I heard you" in echoed())
        assert heard == ["hello"]


async def test_an_outsider_is_recognised_by_team_and_is_not_offered_commands(
    slack: SlackStandIn, way: Way
) -> None:
    app = new_app(slack)
    teams: list[Any] = []

    @app.action("approve")
    async def approve(ack: Any, body: Any) -> None:
        await ack()
        teams.append((body["user"]["team_id"], body["team"]["id"]))

    async with attached(slack, app, way):
        slack.workspace.post(_card(slack))
        card = slack.find("press me")
        assert card is not None
        await slack.click("zed", card, label="press me")
        with pytest.raises(PersonCannot, match="another workspace"):
            await slack.slash("zed", "/backstop approve")
    assert teams == [("T0OUTSIDE1", "T0BACKSTOP")]


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


async def test_a_click_on_a_screen_that_is_behind_reaches_the_app(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)
    heard: list[str] = []

    @app.action("approve")
    async def approve(ack: Any, body: Any) -> None:
        await ack()
        heard.append(body["container"]["message_ts"])

    async with attached(slack, app, way):
        card = slack.workspace.post(_card(slack))
        slack.delete(card)
        with pytest.raises(PersonCannot, match="not on the screen any more"):
            await slack.click("bo", card, label="press me")
        assert (await slack.click_late("bo", card, label="press me")).answered
    assert heard == [card.ts]


async def test_somebody_chooses_in_a_menu_and_uses_a_message_shortcut(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)
    heard: list[Any] = []

    @app.action("release")
    async def release(ack: Any, action: Any) -> None:
        await ack()
        heard.append(action["selected_option"]["value"])

    @app.action("who")
    async def who(ack: Any, action: Any) -> None:
        await ack()
        heard.append(action["selected_users"])

    @app.message_shortcut("timeline_add")
    async def add(ack: Any, shortcut: Any) -> None:
        await ack()
        heard.append(shortcut["message"]["text"])

    options = [{"text": {"type": "plain_text", "text": name}, "value": name} for name in ("2.3.0", "2.4.0")]
    placeholder = {"type": "plain_text", "text": "Choose"}
    menus = [
        {"type": "static_select", "action_id": "release", "placeholder": placeholder, "options": options},
        {"type": "multi_users_select", "action_id": "who", "placeholder": placeholder},
    ]
    card = replace(_card(slack), blocks=tuple({"type": "section", "accessory": menu} for menu in menus))
    async with attached(slack, app, way):
        shown = slack.workspace.post(card)
        await slack.select("ana", shown, action_id="release", option="2.3.0")
        await slack.select("ana", shown, action_id="who", option=["bo", "cy"])
        with pytest.raises(PersonCannot, match=r"no option '9\.9'"):
            await slack.select("ana", shown, action_id="release", option="9.9")
        await slack.shortcut("ana", "timeline_add", shown)
    assert heard == ["2.3.0", ["U0BO000001", "U0CY000001"], "press me"]


async def test_a_button_in_a_modal_carries_the_modal(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any, command: Any, client: Any) -> None:
        await client.views_open(trigger_id=command["trigger_id"], view=_modal(blocks=_approval("More")))
        await ack()

    @app.action("approve")
    async def approve(ack: Any, body: Any, client: Any) -> None:
        view = body["view"]
        await client.views_update(view_id=view["id"], hash=view["hash"], view=_modal("Changed"))
        await ack()

    async with attached(slack, app, way):
        await slack.slash("ana", "/backstop declare")
        await slack.click("ana", slack.views("ana")[0], label="More")
    assert slack.plain(slack.views("ana")[0]) == "Changed\nWhat happens: ____"
