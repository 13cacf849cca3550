"""The page shows which alerts are silent, while they are."""

from __future__ import annotations

from datetime import timedelta

from bot.sandbox.alertmanager import AlertmanagerStandIn, Kept
from bot.sandbox.slack import SlackStandIn
from tests.clock import Clock
from tests.sandbox.page.visitor import Visitor

LABELS = {"service": "checkout", "environment": "production"}


async def test_while_nothing_is_silent_it_says_so_and_how(visitor: Visitor) -> None:
    beside = (await visitor.look()).one("div", id="silences")
    assert "Every alert is heard." in beside.text
    assert "/backstop silence RUN-1" in beside.text


async def test_a_silence_is_shown_until_it_ends(
    visitor: Visitor, alerts: AlertmanagerStandIn, slack: SlackStandIn, clock: Clock
) -> None:
    await visitor.look()
    comment = "RUN-1 of INC-1 works on <checkout> [RUN-1.abcd]"
    ends = clock() + timedelta(minutes=15)
    silence = Kept("s1", LABELS, clock(), ends, clock(), "backstop", comment)
    async with visitor.news() as news:
        alerts.silences.append(silence)
        slack.ring()
        [shown] = [each for each in await anext(news) if each["part"] == "silences"]
        alerts.end(silence)
        slack.ring()
        [over] = [each for each in await anext(news) if each["part"] == "silences"]
    assert "service=checkout environment=production" in shown["put"]["silences"]
    assert f"{ends:%H:%M:%SZ}" in shown["put"]["silences"]
    assert "works on &lt;checkout&gt;" in shown["put"]["silences"]
    assert "[RUN-1.abcd]" not in shown["put"]["silences"]
    assert "Every alert is heard." in over["put"]["silences"]
