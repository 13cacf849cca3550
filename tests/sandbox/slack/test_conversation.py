"""People and a real bolt app in the same workspace, over both transports."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from slack_bolt.response import BoltResponse

from bot.sandbox.slack import PersonCannot, Reply, SlackStandIn, Terms
from bot.sandbox.slack.stand_in import EVENTS
from tests.clock import Clock
from tests.sandbox.slack.bolt import Way, attached, new_app
from tests.sandbox.slack.cards import approval, posted_by_the_bot


async def test_a_command_a_posted_card_a_click_and_an_edit(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any, command: Any, client: Any) -> None:
        await ack(f"Heard: {command['text']}")
        channel = (await client.conversations_create(name="inc-1"))["channel"]["id"]
        await client.conversations_invite(channel=channel, users=command["user_id"])
        await client.chat_postMessage(channel=channel, text="RUN-1 wants a yes", blocks=approval())

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


async def test_a_bot_that_was_in_a_channel_all_along_is_told_nothing_of_it(
    slack: SlackStandIn, way: Way
) -> None:
    slack.settle_bot("general")
    assert slack.bot_user_id in slack.channel("general").members
    assert not slack.delivering
    async with attached(slack, new_app(slack), way):
        slack.remove_bot("general")
        slack.invite_bot("general")
        assert slack.delivering
        await slack.delivered()
        assert not slack.delivering
    assert len({reply.payload["event_id"] for reply in slack.deliveries}) == 1


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
        slack.workspace.post(posted_by_the_bot(slack))
        card = slack.find("press me")
        assert card is not None
        click = await slack.click("bo", card, action_id="approve")
        await slack.again(click)
        assert heard == [(click.payload["trigger_id"], None)] * 2


async def test_an_ephemeral_answer_is_changed_and_deleted_through_its_response_url(
    slack: SlackStandIn, way: Way
) -> None:
    app = new_app(slack)

    @app.command("/backstop")
    async def command(ack: Any) -> None:
        await ack(text="Sure?", blocks=approval("Sure"))

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
        slack.workspace.post(posted_by_the_bot(slack))
        card = slack.find("press me")
        assert card is not None
        await slack.click("zed", card, label="press me")
        with pytest.raises(PersonCannot, match="another workspace"):
            await slack.slash("zed", "/backstop approve")
    assert teams == [("T0OUTSIDE1", "T0BACKSTOP")]


async def test_a_click_on_a_screen_that_is_behind_reaches_the_app(slack: SlackStandIn, way: Way) -> None:
    app = new_app(slack)
    heard: list[str] = []

    @app.action("approve")
    async def approve(ack: Any, body: Any) -> None:
        await ack()
        heard.append(body["container"]["message_ts"])

    async with attached(slack, app, way):
        card = slack.workspace.post(posted_by_the_bot(slack))
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
    card = replace(
        posted_by_the_bot(slack), blocks=tuple({"type": "section", "accessory": menu} for menu in menus)
    )
    async with attached(slack, app, way):
        shown = slack.workspace.post(card)
        await slack.select("ana", shown, action_id="release", option="2.3.0")
        await slack.select("ana", shown, action_id="who", option=["bo", "cy"])
        with pytest.raises(PersonCannot, match=r"no option '9\.9'"):
            await slack.select("ana", shown, action_id="release", option="9.9")
        await slack.shortcut("ana", "timeline_add", shown)
    assert heard == ["2.3.0", ["U0BO000001", "U0CY000001"], "press me"]
