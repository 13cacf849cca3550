"""What went wrong in other incident bots; `docs/why/011-what-went-wrong-elsewhere.md` tells of each."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from bot.sandbox.slack import SlackStandIn
from bot.slack.posts import CARD
from tests.clock import Clock
from tests.doors.town import Town, town
from tests.slack.house import workspace

ACTS = ["RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.go.1"]
AWAY_S = 5 * 3600


async def test_what_is_approved_while_the_run_is_held_counts_when_it_goes_on(both_doors: Town) -> None:
    await both_doors.asked()

    await asyncio.gather(
        both_doors.told("cy", "approve RUN-1"),
        both_doors.told("ana", 'hold RUN-1 why:"the auditors call"'),
        both_doors.told("dee", "approve RUN-1"),
    )

    held = await both_doors.until("paused")
    assert sorted(a.person for a in held.gates["overwrite"].approvals) == ["cy", "dee"]
    await both_doors.told("bo", "approve RUN-1")
    await both_doors.told("ana", "resume RUN-1")
    await both_doors.until("recovered")
    assert both_doors.world.acts == ACTS


async def test_what_came_due_while_nothing_ran_is_said_once_and_the_next_one_is_not_lost(
    sqlite_url: str, tmp_path: Path, clock: Clock
) -> None:
    home = tmp_path / "home"
    async with workspace(clock) as slack:
        async with town(slack, sqlite_url, home, "http", clock) as before:
            await before.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
            await before.told("ana", 'task @bo "Look at the replica" in:10m inc:INC-1')
            await before.app.dispatcher.settled()
        clock.advance(AWAY_S)
        async with town(slack, sqlite_url, home, "http", clock) as after:
            await after.happened("update-overdue", "incident/INC-1")
            await after.happened("task-overdue", "incident/INC-1")
            await after.told("ana", 'update post C:"We are back" A:"We look" next:10m inc:INC-1')
            await after.app.dispatcher.settled()
            clock.advance(601)
            await after.told("ana", 'note "still here" inc:INC-1')
            await after.app.dispatcher.settled()
            events = await after.events("incident/INC-1")

    assert (events["update-overdue", "backstop"], events["task-overdue", "backstop"]) == (2, 1)
    assert said(slack, "was promised for") == 2
    assert said(slack, "T1 was to be done by now") == 1


@pytest.mark.parametrize("state", ["recovered", "aborted"])
async def test_every_end_of_a_run_is_told_once(both_doors: Town, state: str) -> None:
    await both_doors.asked()
    if state == "aborted":
        _, shown = await both_doors.said(await both_doors.token("ana"), "abort RUN-1", "a1")
        confirm = re.findall(r"confirm:[0-9a-f]+", str(shown["text"]))[0]
        await both_doors.told("ana", f'abort RUN-1 {confirm} why:"it was another table"')
    else:
        await asyncio.gather(*(both_doors.told(who, "approve RUN-1") for who in ("bo", "cy", "dee")))

    await both_doors.until(state)
    await both_doors.told("ana", 'note "it is over" inc:INC-1')
    await both_doors.slack.wait(lambda: both_doors.slack.find("it is over"))
    await both_doors.app.dispatcher.settled()

    ends = {"recovered": "✓ RUN-1 recovered.", "aborted": "RUN-1 is aborted. It leaves"}
    assert {end: said(both_doors.slack, text) for end, text in ends.items()} == {
        end: int(end == state) for end in ends
    }


async def test_a_thousand_lines_register_no_listener_anew(both_doors: Town) -> None:
    await both_doors.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
    assert both_doors.app.slack
    bolt = both_doors.app.slack._app
    before = len(bolt._async_listeners)

    for _ in range(20):
        await both_doors.slack.slash("ana", "/backstop ping")

    assert len(bolt._async_listeners) == before


@pytest.mark.parametrize("words", ["minor, 1 user affected", "1 or 2", "sev", "critical", "-1"])
async def test_a_severity_is_a_word_of_the_list_and_never_guessed_from_a_sentence(
    both_doors: Town, words: str
) -> None:
    _, answer = await both_doors.said(
        await both_doors.token("ana"), f'declare "Critical: 1 user affected" svc:checkout sev:"{words}"', "d1"
    )

    assert not answer["ok"]
    assert "1, 2, 3, 4" in str(answer["text"])
    assert await both_doors.events("incident/INC-1") == {}


async def test_what_people_change_in_slack_changes_nothing_that_is_known(
    both_doors: Town, clock: Clock
) -> None:
    slack = both_doors.slack
    await both_doors.told("ana", 'declare "Orders are wrong" sev:1 svc:checkout')
    room = await slack.wait(lambda: next((name for name in names(slack) if name.startswith("inc-1")), None))
    card = await slack.wait(lambda: slack.find("INC-1 SEV1"))
    before = await both_doors.events("incident/INC-1")

    channel = slack.channel(room)
    channel.topic = "SEV4 resolved · all is well"
    channel.name = "fine-again"
    slack.delete(card)
    clock.advance(CARD.every.total_seconds() + 1)
    await both_doors.told("bo", 'note "it is not" inc:INC-1')
    await slack.wait(lambda: slack.find("it is not"))
    await both_doors.app.dispatcher.settled()

    added = await both_doors.events("incident/INC-1") - before
    assert added == {("note-added", "bo"): 1}
    assert any("INC-1 SEV1" in slack.plain(message) for message in slack.messages("fine-again"))


def names(slack: SlackStandIn) -> list[str]:
    return [channel.name for channel in slack.workspace.channels.values()]


def said(slack: SlackStandIn, text: str) -> int:
    """Return in how many messages of all channels a text stands."""
    found = [message for name in names(slack) for message in slack.messages(name)]
    return sum(text in slack.plain(message) for message in found)
