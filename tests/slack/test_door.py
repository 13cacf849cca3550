"""The door opens whether or not Slack is there, keeps its sockets, and acknowledges in time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bot.app import MESSAGES
from bot.core.events import NoteAdded
from bot.sandbox.slack import SlackStandIn
from bot.settings import Settings
from bot.slack.door import SlackDoor
from bot.slack.hear import TOO_OLD
from integrations.contract import IntegrationError
from tests.clock import Clock
from tests.slack.house import House, living_in, workspace


@pytest.fixture
async def sockets(slack: SlackStandIn, clock: Clock, tmp_path: Path, sqlite_url: str) -> AsyncIterator[House]:
    """Return a Backstop over Socket Mode."""
    async with living_in(House(slack, clock, tmp_path / "home", sqlite_url, "socket")) as found:
        yield found


@pytest.fixture
async def hasty(clock: Clock, tmp_path: Path, sqlite_url: str) -> AsyncIterator[House]:
    """Return a Backstop that waits for its database for a third of a second, while Slack waits for three."""
    clock.advance(15 * 60)
    async with workspace(clock, patience=3.0) as slack:
        made = House(slack, clock, tmp_path / "home", sqlite_url, "http", patience=0.3)
        async with living_in(made) as found:
            yield found


@contextmanager
def database_busy(house: House) -> Iterator[None]:
    """Hold the database's only place for a writer."""
    connection = sqlite3.connect(house.database.partition("///")[2], isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")
        connection.close()


async def _notes(house: House) -> list[str]:
    entries = await house.timeline.read("incident/INC-1")
    return [entry.event.text for entry in entries if isinstance(entry.event, NoteAdded)]


async def test_two_sockets_are_open_and_the_door_is_well(sockets: House) -> None:
    assert len(sockets.slack.connections) == 2
    await sockets.declare()
    health = await sockets.door.health()
    assert (health.ok, list(health.problems)) == (True, [])
    assert health.identity == f"{sockets.slack.url}/, heard 0 s ago"


async def test_backstop_starts_while_slack_is_down_and_hears_when_it_is_back(
    slack: SlackStandIn, clock: Clock, tmp_path: Path, sqlite_url: str
) -> None:
    slack.faults.down = True
    house = House(slack, clock, tmp_path / "home", sqlite_url, "socket")
    await house.open()
    try:
        health = await house.door.health()
        assert not health.ok
        assert any("0 of 2 sockets are open" in problem for problem in health.problems)
        slack.faults.down = False
        await house.ready()
        await house.declare()
    finally:
        await house.close()


async def test_after_an_outage_the_sockets_open_again(sockets: House) -> None:
    sockets.slack.faults.down = True
    await sockets.slack.wait(lambda: not sockets.slack.connections)
    sockets.slack.faults.down = False
    await sockets.slack.connected(2)
    await sockets.declare()


async def test_a_refresh_loses_no_command(sockets: House) -> None:
    await sockets.declare()
    await sockets.slack.refresh()
    await sockets.slack.wait(lambda: len([c for c in sockets.slack.connections if c.fresh]) == 2)
    assert "recorded" in await sockets.told("ana", 'note "after the refresh" inc:INC-1')


async def test_deaf_sockets_are_replaced(sockets: House) -> None:
    deaf = list(sockets.slack.connections)
    sockets.slack.faults.deaf = True
    await sockets.slack.wait(lambda: not set(map(id, deaf)) & set(map(id, sockets.slack.connections)), 20)
    sockets.slack.faults.deaf = False
    await sockets.slack.wait(lambda: len(sockets.slack.connections) == 2, 20)


async def test_a_restart_while_slack_is_down_still_knows_who_backstop_is(home: House) -> None:
    await home.close()
    home.slack.faults.down = True
    await home.open()
    assert home.door.identity.team == home.slack.team_id
    assert home.door.identity.bot_user == home.slack.bot_user_id
    home.slack.faults.down = False


async def test_a_slow_database_is_said_in_time_and_the_answer_follows(hasty: House) -> None:
    await hasty.declare()
    await hasty.rest()
    with database_busy(hasty):
        reply = await hasty.slack.slash("ana", '/backstop note "slow" inc:INC-1')
        assert reply.answered
        assert reply.elapsed < 2
        assert "still being recorded" in reply.body["text"]
        assert await _notes(hasty) == []
    hasty._dispatch()
    await hasty.whispered("ana", "note 3 recorded")
    assert await _notes(hasty) == ["slow"]


async def test_what_a_slow_database_refuses_in_the_end_is_told(hasty: House) -> None:
    await hasty.declare()
    await hasty.rest()
    with database_busy(hasty):
        reply = await hasty.slack.slash("ana", '/backstop note "slow" inc:INC-1')
        assert "still being recorded" in reply.body["text"]
        await asyncio.wait_for(hasty.whispered("ana", "nothing was recorded"), 20)
    assert await _notes(hasty) == []


async def test_a_press_is_acknowledged_only_when_it_is_stored_and_pressed_again_counts_once(
    hasty: House,
) -> None:
    await hasty.declare()
    await hasty.plan()
    request = await hasty.start()
    await hasty.rest()
    with database_busy(hasty):
        reply = await hasty.slack.click("bo", request, label="Approve")
        assert not reply.answered
        assert (await hasty.stage.run()).gates["overwrite"].approvals == ()
    assert (await hasty.slack.again(reply)).answered
    hasty._dispatch()
    await hasty.whispered("bo", "approved as dba")
    assert len((await hasty.stage.run()).gates["overwrite"].approvals) == 1


async def test_a_mention_is_acknowledged_only_when_it_is_stored(hasty: House) -> None:
    room = await hasty.declare()
    await hasty.rest()
    with database_busy(hasty):
        reply = await hasty.slack.mention("ana", 'note "slow"', room)
        assert reply.status == 503
        assert await _notes(hasty) == []
    assert (await hasty.slack.redeliver(reply)).answered
    hasty._dispatch()
    await hasty.seen("note 3 recorded", channel=room)
    assert await _notes(hasty) == ["slow"]


async def test_a_mention_that_could_not_be_recorded_is_delivered_again_until_it_is(home: House) -> None:
    room = await home.declare()
    await home.rest()
    database = sqlite3.connect(home.database.partition("///")[2])
    database.execute("ALTER TABLE letter RENAME TO elsewhere")
    database.commit()
    reply = await home.slack.mention("ana", 'note "kept trying"', room)
    assert reply.status == 503
    await home.slack.wait(lambda: home.slack.deliveries[-1].delivered.retry_num == 3)
    assert home.ephemeral("ana", "nothing was recorded")
    database.execute("ALTER TABLE elsewhere RENAME TO letter")
    database.commit()
    database.close()
    home._dispatch()
    assert (await home.slack.redeliver(reply)).answered
    await home.seen("note 3 recorded", channel=room)
    assert await _notes(home) == ["kept trying"]


async def test_a_press_that_could_not_be_recorded_says_so_and_may_be_repeated(home: House) -> None:
    await home.declare()
    await home.plan()
    request = await home.start()
    await home.rest()
    database = sqlite3.connect(home.database.partition("///")[2])
    database.execute("ALTER TABLE letter RENAME TO elsewhere")
    database.commit()
    assert (await home.slack.click("bo", request, label="Approve")).answered
    assert home.ephemeral("bo", "nothing was recorded")
    database.execute("ALTER TABLE elsewhere RENAME TO letter")
    database.commit()
    database.close()
    home._dispatch()
    await home.slack.click("bo", request, label="Approve")
    await home.whispered("bo", "approved as dba")


async def test_a_line_that_breaks_is_answered_and_the_next_one_is_carried_out(home: House) -> None:
    await home.declare()

    def breaks(*_args: object) -> None:
        raise RuntimeError("broken on purpose")

    # A groups' reader that breaks stands for whatever nobody foresaw in a verb.
    home.door._hear._desk = replace(home.door._hear._desk, slack_groups=breaks)  # type: ignore[arg-type]
    assert "Backstop broke while it did this" in await home.told("ana", "list")
    home.door._hear._desk = replace(home.door._hear._desk, slack_groups=dict)
    assert "INC-1" in await home.told("ana", "list")


async def test_a_line_is_carried_out_after_a_crash(home: House) -> None:
    await home.declare()
    await home.rest()
    assert (await home.slack.slash("ana", '/backstop note "before the crash" inc:INC-1')).answered
    await home.close()
    assert home.ephemeral("ana", "note 3 recorded") is None
    await home.open()
    await home.whispered("ana", "note 3 recorded")
    assert await _notes(home) == ["before the crash"]


async def test_a_line_that_waited_too_long_is_not_carried_out_and_its_person_is_told(home: House) -> None:
    await home.declare()
    await home.rest()
    await home.slack.slash("ana", '/backstop note "long ago" inc:INC-1')
    home.clock.advance(TOO_OLD.total_seconds() + 1)
    home._dispatch()
    told = await home.whispered("ana", "What waited for more than 15 minutes is not carried out")
    assert "nothing was done" in home.slack.plain(told)
    assert await _notes(home) == []


async def test_an_answer_whose_address_is_spent_is_shown_in_the_channel(home: House) -> None:
    home.slack.invite_bot("general")
    await home.declare()
    await home.rest()
    await home.slack.slash("ana", '/backstop note "late" inc:INC-1')
    for hook in home.slack.workspace.hooks.values():
        hook.uses = 5
    home._dispatch()
    await home.whispered("ana", "note 3 recorded")
    assert home.slack.calls_of("chat.postEphemeral")


async def test_other_events_are_acknowledged_and_nothing_more(house: House) -> None:
    assert (await house.slack.open_home("ana")).answered
    assert await house.timeline.lookup.incidents(only_open=False) == []


async def test_the_url_can_be_verified(home: House) -> None:
    assert (await home.slack.verify_url()).body["challenge"] == "3eZbrw1a"


@pytest.mark.parametrize(
    ("mode", "name"),
    [("http", "slack_signing_secret"), ("socket", "slack_app_token"), ("http", "slack_bot_token")],
)
async def test_a_missing_secret_is_named_and_the_door_stays_shut(home: House, mode: str, name: str) -> None:
    given = {**home.settings().model_dump(), "slack_mode": mode, name: None}
    settings = Settings.model_validate(given)
    with pytest.raises(IntegrationError, match=f"BACKSTOP_{name.upper()} is not set"):
        SlackDoor(settings, home.stage.desk, api=home.api, people=home.people, first=home.first)


async def test_in_socket_mode_there_is_no_route_to_forge(sockets: House) -> None:
    assert sockets.door.http is None


async def test_without_slack_every_effect_that_is_said_there_is_quietly_done(home: House) -> None:
    assert {*MESSAGES, "hear"} == set(home.door.handlers())


async def test_troubled_messages_show_in_the_health(home: House) -> None:
    await home.declare()
    home.slack.faults.error("chat.postMessage", "internal_error", times=None)
    await home.slack.slash("ana", '/backstop note "x" inc:INC-1')
    await home.slack.wait(lambda: home.slack.calls_of("chat.postMessage")[-1].answer.get("error"))
    await home.rest()
    health = await home.door.health()
    assert list(health.problems) == [
        "1 messages wait for Slack; the first: Slack refused chat.postMessage: internal_error."
    ]


async def test_nothing_secret_is_in_what_was_stored_or_said(home: House) -> None:
    room = await home.declare()
    home.slack.faults.error("chat.postMessage", "invalid_auth")
    await home.slack.slash("ana", '/backstop note "x" inc:INC-1')
    await asyncio.wait_for(home.slack.wait(lambda: len(home.slack.messages(room)) >= 1), 5)
    await home.rest()
    await home.timeline.close()
    everything = await asyncio.to_thread(Path(home.database.partition("///")[2]).read_bytes)
    for secret in (home.slack.bot_token, home.slack.app_token, home.slack.signing_secret):
        assert secret.encode() not in everything
        assert all(secret not in str(call) for call in home.slack.calls)
