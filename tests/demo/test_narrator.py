"""What is told again when a message is edited, and how long lines are broken."""

from __future__ import annotations

import io

from bot.demo.narrator import Narrator, added, wrapped
from bot.sandbox.slack import SlackStandIn
from bot.sandbox.slack.records import BOT_USER, Message
from tests.clock import Clock


def test_figures_that_count_on_are_no_news() -> None:
    before = ["Time: 59 s since the impact began", "○ waiting: S1 Stop checkout", "65.5 kB of 90.1 kB"]
    after = ["Time: 1 min 2 s since the impact began", "✓ succeeded: S1 Stop checkout", "90.1 kB of 90.1 kB"]
    assert added(before, after) == ["✓ succeeded: S1 Stop checkout"]


def test_a_long_line_goes_on_below_where_it_began() -> None:
    line = "  • ✓ Chosen " + "word " * 30
    first, second, *_ = wrapped(line)
    assert first.startswith("  • ✓ Chosen word")
    assert second.startswith("      word")
    assert " ".join(" ".join(wrapped(line)).split()) == " ".join(line.split())


def test_short_and_empty_lines_stay_as_they_are() -> None:
    assert wrapped("  • done") == ["  • done"]
    assert wrapped("") == [""]


async def test_people_are_told_once_what_was_said_and_where(clock: Clock) -> None:
    out = io.StringIO()
    async with SlackStandIn(now=clock) as slack:
        tell = Narrator(slack, out, clock)
        root = slack.say("ana", "Totals are wrong\nsince ten past")
        slack.say("bo", "looking \x1b[2J", thread_ts=root.ts)
        tell.catch_up()
        tell.catch_up()
        tell.terminal("ci", "deploy", "refused")
    assert out.getvalue().splitlines() == [
        "          #general",
        "02:10:00  ana       Totals are wrong",
        "                    since ten past",
        "02:10:00  bo        │ looking \\u001b[2J",
        "02:10:00  ci        $ deploy",
        "                    refused",
    ]
    assert tell.lines == out.getvalue().splitlines()


async def test_an_edit_tells_what_is_new_and_a_pinned_card_is_told_once(clock: Clock) -> None:
    out = io.StringIO()
    async with SlackStandIn(now=clock) as slack:
        tell = Narrator(slack, out, clock)
        place = slack.workspace.channel("general")
        card, plan = (
            slack.workspace.post(Message(place.id, slack.workspace.new_ts(), BOT_USER, text))
            for text in ("the card", "the plan\n1 of 2")
        )
        place.pins.append(card.ts)
        tell.catch_up()
        for message, text in ((card, "the card again"), (plan, "the plan\n2 of 2\nits end")):
            slack.workspace.put(Message(place.id, message.ts, BOT_USER, text))
        tell.catch_up()
    assert [line[20:] for line in out.getvalue().splitlines()[1:]] == [
        "the card",
        "the plan",
        "1 of 2",
        "(edited)",
        "its end",
    ]
