"""What people see and do on the page: channels, threads, buttons, forms, switches, and news of it all."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.sandbox.page import Press, Progress
from bot.sandbox.slack import Message, SlackStandIn
from tests.sandbox.page.conftest import Quiet
from tests.sandbox.page.visitor import Visitor, read
from tests.sandbox.slack.bolt import attached, client_of, new_app
from tests.sandbox.slack.cards import approval, modal


async def test_somebody_says_something_and_everybody_reads_it(visitor: Visitor, slack: SlackStandIn) -> None:
    assert await visitor.say("Totals look *wrong* to <b>me</b> & @bo") == ""
    [said] = slack.messages("general")
    assert (said.user, said.text) == (
        slack.person("ana").id,
        "Totals look *wrong* to &lt;b&gt;me&lt;/b&gt; &amp; <@U0BO000001>",
    )
    [article] = (await visitor.look("/?as=bo")).all("article")
    assert [each.text for each in article.all("strong")] == ["ana", "wrong"]
    assert "Totals look wrong to <b>me</b> & @bo" in article.text
    assert article.one("span", class_="mention own").text == "@bo"
    assert article.all("b") == []


async def test_who_is_called_sees_where(visitor: Visitor, slack: SlackStandIn) -> None:
    slack.say("ana", "@bo @cy look")
    document = await visitor.look("/?as=ana")
    assert [each["aria-label"] for each in document.all("span", class_="count")] == ["1 mentions"] * 2
    assert [each.text for each in (await visitor.look("/?as=bo")).all("span", class_="count")] == ["1"]


async def test_a_thread_is_read_and_answered_beside_its_channel(
    visitor: Visitor, slack: SlackStandIn
) -> None:
    root = slack.say("ana", "Totals are wrong")
    await visitor.look("/?as=cy")
    link = (await visitor.look()).one("a", class_="reply")
    await visitor.look(link["href"])
    assert await visitor.say("Looking") == ""
    assert [each.text for each in slack.messages("general", root.ts)] == ["Totals are wrong", "Looking"]
    document = await visitor.look()
    thread = document.one("section", id="in-thread")
    assert [each.text for each in thread.all("p") if each.text in ("Totals are wrong", "Looking")] == [
        "Totals are wrong",
        "Looking",
    ]
    assert document.one("div", id="talk").one("a", class_="reply").text == "1 reply"


async def test_what_slack_does_not_allow_is_told_and_changes_nothing(
    visitor: Visitor, slack: SlackStandIn
) -> None:
    root = slack.say("ana", "Totals are wrong")
    await visitor.look(f"/?as=ana&in={root.channel}&thread={root.ts}")
    assert await visitor.say("/backstop ping") == "Slash commands do not exist in threads."
    slack.faults.down = True
    assert await visitor.say("hello") == "ana cannot reach Slack."
    assert len(slack.messages("general")) == 1


async def test_who_is_not_in_a_channel_joins_it_first(visitor: Visitor, slack: SlackStandIn) -> None:
    created = await client_of(slack).conversations_create(name="inc-1")
    channel = created["channel"]["id"]
    document = await visitor.look(f"/?as=bo&in={channel}")
    assert document.all("textarea") == []
    await visitor.press("Join #inc-1")
    assert await visitor.say("here") == ""
    assert [each.text for each in slack.messages(channel)][-1] == "here"


async def test_a_channel_is_shown_in_parts_that_lead_to_each_other(
    visitor: Visitor, slack: SlackStandIn
) -> None:
    for number in range(130):
        slack.say("ana", f"line {number}")
    document = await visitor.look()
    assert [each.text.split("line ")[1].split("Reply")[0] for each in document.all("article")] == [
        str(number) for number in range(70, 130)
    ]
    earlier = document.one("a", class_="earlier")
    document = await visitor.look(earlier["href"])
    assert len(document.all("article")) == 60
    assert [each.text for each in document.all("a", class_="earlier")] == [
        "Earlier messages",
        "Newest messages",
    ]


async def test_a_message_only_one_person_sees_is_shown_to_nobody_else(
    visitor: Visitor, slack: SlackStandIn
) -> None:
    await client_of(slack).chat_postEphemeral(channel="general", user=slack.person("bo").id, text="psst")
    assert (await visitor.look("/?as=ana")).all("article") == []
    [own] = (await visitor.look("/?as=bo")).all("article")
    assert "only you see this" in own.text
    assert "psst" in own.text


async def test_a_button_is_pressed_as_whoever_sits_there(visitor: Visitor, slack: SlackStandIn) -> None:
    app = new_app(slack)
    heard: list[tuple[str, str]] = []

    @app.action("approve")
    async def approve(ack: Any, body: Any, action: Any) -> None:
        heard.append((body["user"]["id"], action["value"]))
        await ack()

    async with attached(slack, app, "socket"):
        await client_of(slack).chat_postMessage(channel="general", text="yes?", blocks=approval())
        await visitor.look("/?as=cy")
        assert await visitor.press("Approve") == ""
    assert heard == [(slack.person("cy").id, "RUN-1:db")]


async def test_a_button_that_is_gone_is_told(visitor: Visitor, slack: SlackStandIn) -> None:
    client = client_of(slack)
    posted = await client.chat_postMessage(channel="general", text="yes?", blocks=approval())
    document = await visitor.look()
    await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="done", blocks=approval("No"))
    [form] = [form for form in document.all("form") if form["action"] == "/press"]
    await client.chat_update(channel=posted["channel"], ts=posted["ts"], text="done", blocks=[])
    assert "There is no button" in await visitor.send(form, button=form.one("button"))


async def test_a_modal_is_filled_in_corrected_and_submitted(visitor: Visitor, slack: SlackStandIn) -> None:
    app = new_app(slack)
    heard: list[str] = []

    @app.command("/backstop")
    async def command(ack: Any, command: Any, client: Any) -> None:
        await ack()
        await client.views_open(trigger_id=command["trigger_id"], view=modal())

    @app.view("declare")
    async def submitted(ack: Any, view: Any) -> None:
        heard.append(view["state"]["values"]["what"]["summary"]["value"])
        if len(heard) == 1:
            await ack(response_action="errors", errors={"what": "Say <more>."})
        else:
            await ack()

    async with attached(slack, app, "socket"):
        assert await visitor.say("/backstop declare") == ""
        await slack.wait(lambda: slack.view("ana"))
        assert (await visitor.look("/?as=bo")).all("dialog") == []
        dialog = (await visitor.look("/?as=ana")).one("dialog")
        assert await visitor.send(dialog.one("form"), **{"what|summary": "no"}) == ""
        dialog = (await visitor.look()).one("dialog")
        field = dialog.one("input", type="text")
        assert (field["value"], field["aria-invalid"]) == ("no", "true")
        wrong = dialog.one("p", class_="wrong")
        assert (wrong.text, wrong["id"] in field["aria-describedby"]) == ("Say <more>.", True)
        too_long = await visitor.send(dialog.one("form"), **{"what|summary": "x" * 41})
        assert "0 to 40 characters" in too_long
        assert await visitor.send(dialog.one("form"), **{"what|summary": "Totals are wrong"}) == ""
    assert heard == ["no", "Totals are wrong"]
    assert (await visitor.look()).all("dialog") == []


async def test_the_home_of_the_app_is_drawn_by_the_app(visitor: Visitor, slack: SlackStandIn) -> None:
    app = new_app(slack)

    @app.event("app_home_opened")
    async def opened(event: Any, client: Any) -> None:
        blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": "Nothing *waits*"}}]
        await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": blocks})

    async with attached(slack, app, "socket"):
        await visitor.press("Home of backstop")
        await slack.wait(lambda: slack.home("ana"))
    assert "Nothing waits" in (await visitor.look()).one("div", id="talk").text


@pytest.mark.parametrize(
    ("name", "label"), [("limits", "rate-limits"), ("slack", "Slack is"), ("jira", "Jira")]
)
async def test_a_switch_makes_something_go_wrong_and_right_again(
    visitor: Visitor, slack: SlackStandIn, name: str, label: str
) -> None:
    for wanted in ("true", "false"):
        button = (await visitor.look()).one("button", id=f"switch-{name}")
        assert label in button.text
        await visitor.press(button.text)
        document = await visitor.look()
        assert document.one("button", id=f"switch-{name}")["aria-checked"] == wanted
        assert bool(document.all("p", role="alert")) == (name == "slack" and wanted == "true")


async def test_the_pipeline_is_started_once_at_a_time(visitor: Visitor, outside: Quiet) -> None:
    await visitor.press("Let the bad release out")
    outside.busy = "It is being deployed."
    document = await visitor.look()
    assert document.all("button", id="next") == []
    deploy = document.one("button", id="deploy")
    assert "disabled" in deploy.attributes
    [form] = [form for form in document.all("form") if deploy in form.all("button")]
    assert await visitor.send(form) == "It is being deployed. Wait for its end."
    outside.busy = ""
    await visitor.press("Deploy now")
    assert outside.begun == ["release", "deploy"]


async def test_the_guide_acts_as_the_one_whose_turn_it_is(
    visitor: Visitor, slack: SlackStandIn, outside: Quiet, clock: Any
) -> None:
    outside.progress = Progress(damaged_at=clock(), release="2.4.0")
    document = await visitor.look()
    assert document.one("li", class_="next").all("code")[0].text.startswith('ana: /backstop declare "')
    outside.progress = replace(outside.progress, incident="INC-1")
    assert (await visitor.look()).all("button", id="next") == [], "there is no channel to say it in yet"
    room = slack.channel("general").id
    posted = await client_of(slack).chat_postMessage(channel="general", text="yes?", blocks=approval())
    outside.progress = replace(
        outside.progress,
        room=room,
        proposal="restore_full",
        run="RUN-1",
        planned=True,
        started=True,
        press=Press(room, posted["ts"], "approve"),
    )
    await visitor.press("Approve as Bo")
    assert visitor.at == f"/?as=bo&in={room}"
    outside.progress = replace(outside.progress, approved=frozenset({"bo", "cy"}), paused="S3 failed.")
    step = (await visitor.look()).one("li", class_="next")
    assert "S3 failed." in step.text
    assert "a person decides" in step.text


async def test_news_is_sent_part_by_part(visitor: Visitor, slack: SlackStandIn) -> None:
    slack.say("bo", "first")
    async with visitor.news() as news:
        posted = slack.say("bo", "second <i>")
        changes = await anext(news)
        [talk] = [change for change in changes if change["part"] == "talk"]
        assert list(talk["put"]) == [posted.ts]
        assert "second <i>" in read(talk["put"][posted.ts]).text
        assert talk["keys"][-1] == posted.ts
        await client_of(slack).chat_postMessage(channel="general", text="third")
        changes = await anext(news)
        assert any("third" in html for change in changes for html in change["put"].values())


async def test_a_page_whose_news_broke_off_gets_everything(visitor: Visitor, slack: SlackStandIn) -> None:
    said: Message = slack.say("bo", "first")
    visitor.session.headers["Last-Event-ID"] = "3"
    async with visitor.news() as news:
        changes = await anext(news)
    put = {change["part"]: change["put"] for change in changes}
    assert said.ts in put["talk"]
    assert {"people", "guide", "shop", "jira", "switches"} <= set(put)


async def test_the_shop_that_never_started_is_said_to_be_stopped(visitor: Visitor) -> None:
    assert "checkout is stopped" in (await visitor.look()).text


async def test_the_guide_folds_what_is_done_and_names_what_comes_next(
    visitor: Visitor, outside: Quiet, clock: Any
) -> None:
    assert (await visitor.look()).all("details", id="steps-done") == []
    outside.progress = Progress(damaged_at=clock(), release="2.4.0")
    guide = (await visitor.look()).one("div", id="guide")
    assert guide.one("details", id="steps-done").text == "✓ 1 step doneA bad release goes out"
    assert [each.text for each in guide.one("ol", class_="steps").all("li")][1:] == [
        "Say what is known",
        "Decide, and see the plan",
        "Start it",
    ]
    assert "and 8 more, up to the post-mortem" in guide.text
