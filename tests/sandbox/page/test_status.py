"""The page shows what customers were told, beside Slack and in the middle."""

from __future__ import annotations

from typing import Literal

from bot.sandbox.slack import SlackStandIn
from bot.sandbox.statuspage import StatuspageStandIn
from integrations.statuspage import Post
from tests.clock import Clock
from tests.integrations.statuspage.conftest import COMPONENT, client
from tests.sandbox.page.visitor import Visitor


def post(number: int, status: Literal["investigating", "resolved"], body: str) -> Post:
    """Return an update for customers."""
    state = "operational" if status == "resolved" else "major_outage"
    return Post("mark-1", number, "Wrong totals", status, "critical", body, {COMPONENT: state})


async def test_who_was_told_nothing_is_said_to_have_been_told_nothing(visitor: Visitor) -> None:
    document = await visitor.look()
    beside = document.one("div", id="status")
    assert "is shown as operational" in beside.text
    assert "Customers have been told nothing yet." in beside.text
    assert "/backstop publish" in beside.text
    assert "told nothing" in (await visitor.look("/?in=status")).one("div", id="talk").text


async def test_the_newest_word_is_beside_slack_and_every_word_in_the_middle(
    visitor: Visitor, customers: StatuspageStandIn, slack: SlackStandIn, clock: Clock
) -> None:
    page = client(customers, clock)
    opened = await page.open(post(1, "investigating", "We look <b>into</b> it."))
    beside = (await visitor.look()).one("div", id="status")
    assert "✗" in beside.text
    assert "major outage" in beside.text
    assert "We look <b>into</b> it." in beside.text
    async with visitor.news() as news:
        clock.advance(60)
        await page.update(opened.id, post(2, "resolved", "Totals are right again."))
        slack.ring()
        [change] = [each for each in await anext(news) if each["part"] == "status"]
    assert "Totals are right again." in change["put"]["status"]
    assert "We look" not in change["put"]["status"]
    link = (await visitor.look()).one("div", id="status").one("a")
    document = await visitor.look(link["href"])
    assert document.one("h1").text == "What customers read"
    [incident] = document.one("div", id="talk").all("article")
    read = [each.text for each in incident.all("div", class_="update")]
    assert ["resolved" in read[0], "investigating" in read[1]] == [True, True]
    assert document.all("textarea") == []
