"""The menu of a message: reactions, the app's shortcut, and what its author can do."""

from __future__ import annotations

from typing import Any

from bot.manifest import CAPTURE
from bot.sandbox.slack import Message, SlackStandIn
from tests.sandbox.page.visitor import Element, Visitor
from tests.sandbox.slack.bolt import attached, client_of, new_app


async def menu_of(visitor: Visitor, said: str, *, who: str = "ana") -> Element:
    """Return the article of a message as somebody sees it."""
    document = await visitor.look(f"/?as={who}")
    [article] = [each for each in document.one("div", id="talk").all("article") if said in each.text]
    return article


async def choose(visitor: Visitor, article: Element, label: str, **typed: str) -> str:
    """Press what is in a message's menu, or in a question that it opens."""
    [(form, button)] = [
        (form, button)
        for form in article.all("form")
        for button in form.all("button", type="submit")
        if button.text.strip() == label
    ]
    return await visitor.send(form, button=button, **typed)


def now(slack: SlackStandIn) -> list[Message]:
    """Return what stands in the channel."""
    return slack.messages("general")


async def test_a_reaction_counts_once_for_each_person(visitor: Visitor, slack: SlackStandIn) -> None:
    slack.say("bo", "Totals are wrong")
    assert await choose(visitor, await menu_of(visitor, "Totals"), ":pushpin:") == ""
    again = await choose(visitor, await menu_of(visitor, "Totals"), ":pushpin:")
    assert again == "ana has reacted with :pushpin: already."
    await choose(visitor, await menu_of(visitor, "Totals", who="cy"), ":pushpin:")
    assert ":pushpin: 2 by ana, cy" in (await menu_of(visitor, "Totals")).one("footer").text
    assert [len(each.reactions["pushpin"]) for each in now(slack)] == [2]


async def test_the_shortcut_of_the_app_is_used_on_a_message(visitor: Visitor, slack: SlackStandIn) -> None:
    app = new_app(slack)
    heard: list[tuple[str, str]] = []

    @app.message_shortcut(CAPTURE)
    async def capture(ack: Any, shortcut: Any) -> None:
        heard.append((shortcut["user"]["id"], shortcut["message"]["text"]))
        await ack()

    async with attached(slack, app, "socket"):
        slack.say("bo", "Totals are wrong")
        article = await menu_of(visitor, "Totals", who="cy")
        assert await choose(visitor, article, "Add to incident timeline") == ""
    assert heard == [(slack.person("cy").id, "Totals are wrong")]


async def test_only_the_author_changes_and_deletes_a_message(visitor: Visitor, slack: SlackStandIn) -> None:
    said = slack.say("bo", "Totals are <b>wrong</b> @cy")
    assert (await menu_of(visitor, "Totals")).all("dialog") == []
    article = await menu_of(visitor, "Totals", who="bo")
    assert article.one("textarea").text == "Totals are <b>wrong</b> @cy"
    assert await choose(visitor, article, "Save changes", text=" ") == (
        "A message says something: nothing was changed."
    )
    await choose(visitor, article, "Save changes", text="Totals are right, @cy")
    assert [(each.ts, each.text) for each in now(slack)] == [
        (said.ts, f"Totals are right, <@{slack.person('cy').id}>")
    ]
    assert "edited" in (await menu_of(visitor, "Totals are right", who="cy")).text
    [question] = [form for form in article.all("form") if form["action"] == "/delete"]
    as_ana = {"here": "as=ana&in=general"}
    assert await visitor.send(question, **as_ana) == "Only its author can change a message."
    assert await visitor.send(question) == ""
    assert now(slack) == []
    assert await choose(visitor, article, ":eyes:") == "It is not on the screen any more."


async def test_nothing_is_done_to_a_message_while_slack_is_down(
    visitor: Visitor, slack: SlackStandIn
) -> None:
    slack.say("ana", "Totals are wrong")
    article = await menu_of(visitor, "Totals")
    slack.faults.down = True
    said = [
        await choose(visitor, article, label, text="…")
        for label in (":eyes:", "Add to incident timeline", "Save changes", "Delete")
    ]
    assert said == ["ana cannot reach Slack."] * 4
    assert [(each.text, dict(each.reactions)) for each in now(slack)] == [("Totals are wrong", {})]


async def test_what_only_one_person_sees_has_no_menu(visitor: Visitor, slack: SlackStandIn) -> None:
    person = slack.person("ana").id
    await client_of(slack).chat_postEphemeral(channel="general", user=person, text="psst")
    assert (await menu_of(visitor, "psst")).all("details") == []
