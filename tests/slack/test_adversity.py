"""Slack loses, limits, deletes and goes down; nothing of what was said is lost or said twice."""

from __future__ import annotations

import asyncio

import pytest

from bot.core.events import NoteAdded
from bot.sandbox.slack import Message
from tests.slack.house import House


def _said(house: House, room: str, text: str) -> list[Message]:
    return [m for m in house.slack.messages(room) if text in house.slack.plain(m)]


async def _note(house: House, text: str) -> None:
    await house.append("incident/INC-1", NoteAdded(text=text))


async def test_a_deleted_card_is_posted_again_and_pinned(home: House) -> None:
    room = await home.declare()
    card = await home.seen("INC-1 SEV2", channel=room)
    home.slack.delete(card)
    await home.later(3)
    await _note(home, "after the deletion")
    [new] = await home.slack.wait(lambda: _said(home, room, "INC-1 SEV2"))
    assert new.ts != card.ts
    await home.slack.wait(lambda: new.ts in home.slack.channel(room).pins)


async def test_a_deleted_plan_card_is_posted_again_and_its_thread_goes_on_there(home: House) -> None:
    await home.declare()
    plan = await home.plan()
    home.slack.delete(plan)
    request = await home.start()
    assert request.thread_ts not in (None, plan.ts)
    assert "RUN-1 restore-orders" in home.slack.plain(
        home.slack.messages(request.channel, request.thread_ts)[0]
    )


@pytest.mark.parametrize("how", ["archived", "removed"])
async def test_a_lost_channel_moves_the_talk_to_its_commander_who_is_told_once(home: House, how: str) -> None:
    room = await home.declare()
    await home.plan()
    if how == "archived":
        home.slack.archive("ana", room)
    else:
        home.slack.remove_bot(room)
    request = await home.start()
    direct = home.slack.workspace.direct(home.slack.workspace.person("ana"))
    assert request.channel == direct.id
    await _note(home, "still said")
    await home.seen("still said", channel=direct.id)
    assert len(_said(home, direct.id, f"cannot write to #{room} any more")) == 1
    assert await home.timeline.effects.troubled() == []


async def test_the_talk_comes_back_when_the_bot_is_invited_again(home: House) -> None:
    room = await home.declare()
    home.slack.remove_bot(room)
    await _note(home, "elsewhere")
    direct = home.slack.workspace.direct(home.slack.workspace.person("ana"))
    await home.seen("elsewhere", channel=direct.id)
    home.slack.invite_bot(room)
    await home.slack.wait(
        lambda: home.slack.deliveries[-1].payload["event"]["type"] == "member_joined_channel"
    )
    await _note(home, "at home")
    await home.seen("at home", channel=room)


async def test_a_lost_channel_moves_the_talk_to_the_home_channel_if_there_is_one(home: House) -> None:
    home.slack.invite_bot("general")
    await home.close()
    home.chosen = {"slack_home_channel": home.slack.channel("general").id}
    await home.open()
    await home.ready()
    room = await home.declare()
    home.slack.archive("ana", room)
    await _note(home, "said in general")
    await home.seen("said in general", channel="general")
    home.slack.remove_bot("general")
    await _note(home, "said to ana")
    await home.seen("said to ana", channel=home.slack.workspace.direct(home.slack.workspace.person("ana")).id)


async def test_an_answer_to_a_channel_that_is_gone_goes_to_the_person(home: House) -> None:
    room = await home.declare()
    root = home.slack.say("ana", "hm", room)
    home.slack.faults.error("chat.postMessage", "is_archived", channel=home.slack.channel(room).id)
    await home.slack.mention("ana", "help note", room, thread_ts=root.ts)
    await home.seen("Add a line", channel=home.slack.workspace.direct(home.slack.workspace.person("ana")).id)


async def test_when_slack_limits_the_lane_waits_as_long_as_it_was_told(home: House) -> None:
    room = await home.declare()
    home.slack.faults.limited("chat.postMessage", 7)
    await _note(home, "limited")
    await home.slack.wait(lambda: home.slack.calls_of("chat.postMessage")[-1].status == 429)
    await home.rest()
    [late] = await home.timeline.effects.troubled()
    assert (late.not_before - home.clock()).total_seconds() == 7
    await home.later(7)
    await home.seen("limited", channel=room)
    assert len(home.slack.calls_of("conversations.history")) == 0


async def test_an_outage_loses_nothing_and_keeps_the_order(house: House) -> None:
    room = await house.declare()
    house.slack.faults.down = True
    for number in range(5):
        await _note(house, f"during the outage {number}")
    await house.rest()
    assert house.slack.calls[-1].at <= house.clock()
    house.slack.faults.down = False
    await house.later(2)
    await house.seen("during the outage 4", channel=room)
    said = [house.slack.plain(m) for m in _said(house, room, "during the outage") if m.ts]
    lines = [text for text in said if "SEV2" not in text]
    assert [line[line.index("outage ") + 7] for line in lines] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_cut_connection_neither_loses_nor_doubles_a_message(home: House, when: str) -> None:
    room = await home.declare()
    home.slack.faults.dropped("chat.postMessage", when)  # type: ignore[arg-type]
    await _note(home, "exactly once")
    await home.slack.wait(lambda: home.slack.calls_of("chat.postMessage")[-1].status is None)
    await home.later(2)
    await home.seen("exactly once", channel=room)
    await _note(home, "the next")
    await home.seen("the next", channel=room)
    assert len(_said(home, room, "exactly once")) == 1 + ("exactly once" in _card(home, room))


def _card(house: House, room: str) -> str:
    return house.slack.plain(_said(house, room, "INC-1 SEV2")[0])


async def test_a_crash_while_posting_neither_loses_nor_doubles_a_message(home: House) -> None:
    room = await home.declare()
    held = home.slack.faults.held("chat.postMessage", channel=home.slack.channel(room).id)
    await _note(home, "exactly once")
    await held.arrived.wait()
    await home.die()
    await home.close()
    held.release()
    await home.slack.wait(lambda: _said(home, room, "@ana: exactly once"))
    await home.open()
    await home.ready()
    await _note(home, "the next")
    await home.seen("@ana: the next", channel=room)
    assert len(_said(home, room, "@ana: exactly once")) == 1


async def test_a_crash_before_anything_was_posted_loses_nothing(home: House) -> None:
    room = await home.declare()
    home.slack.faults.dropped("chat.postMessage", "before")
    await _note(home, "exactly once")
    await home.slack.wait(lambda: home.slack.calls_of("chat.postMessage")[-1].status is None)
    await home.close()
    home.clock.advance(5)
    await home.open()
    await home.seen("@ana: exactly once", channel=room)


async def test_a_crash_after_creating_the_channel_finds_it_again(home: House) -> None:
    home.slack.faults.dropped("conversations.create", "after")
    await home.slack.slash("ana", '/backstop declare "Orders are wrong"')
    await home.slack.wait(lambda: home.slack.calls_of("conversations.create"))
    await home.later(2)
    await home.seen("INC-1 SEV2", channel="inc-1-orders-are-wrong")
    assert [name for name in home.names() if name.startswith("inc-")] == ["inc-1-orders-are-wrong"]


async def test_a_taken_name_gets_a_number(home: House) -> None:
    home.slack.workspace.open_channel("inc-1-orders-are-wrong", creator="USLACKBOT")
    await home.slack.slash("ana", '/backstop declare "Orders are wrong"')
    await home.seen("INC-1 SEV2", channel="inc-1-orders-are-wrong-2")


async def test_without_the_right_to_open_channels_there_is_still_a_room(home: House) -> None:
    home.slack.faults.error("conversations.create", "restricted_action", times=None)
    await home.slack.slash("ana", '/backstop declare "Orders are wrong"')
    card = await home.seen("INC-1 SEV2 investigating")
    assert card.channel == home.slack.workspace.direct(home.slack.workspace.person("ana")).id
    assert home.slack.plain(card) == "INC-1 SEV2 investigating: Orders are wrong"
    await home.later(3)
    await home.slack.wait(lambda: "Commander" in home.slack.plain(home.slack.current(card)))
    await _note(home, "in the thread")
    assert (await home.seen("@ana: in the thread")).thread_ts == card.ts


async def test_an_expired_trigger_tells_what_to_type_instead(house: House) -> None:
    await house.declare()
    await house.plan()
    request = await house.start()
    house.slack.faults.error("views.open", "expired_trigger_id")
    reply = await house.slack.click("bo", request, label="Reject")
    assert reply.answered
    assert reply.elapsed < 2
    told = await house.whispered("bo", "Slack did not open the form")
    assert "/backstop reject RUN-1.overwrite plan:" in house.slack.plain(told)


async def test_blocks_that_slack_refuses_are_said_in_plain_words(home: House) -> None:
    room = await home.declare()
    home.slack.faults.error("chat.postMessage", "invalid_blocks")
    await _note(home, "in words")
    assert not (await home.seen("@ana: in words", channel=room)).blocks


async def test_what_slack_will_never_take_is_set_aside_and_does_not_stop_the_lane(home: House) -> None:
    room = await home.declare()
    home.slack.faults.error("chat.postMessage", "some_new_refusal")
    await _note(home, "poison")
    await _note(home, "goes on")
    await home.seen("@ana: goes on", channel=room)
    async with asyncio.timeout(20):
        # The queue tells nobody when it sets an effect aside.
        while not (found := await home.timeline.effects.troubled()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    [aside] = found
    assert aside.error == "Slack refused chat.postMessage: some_new_refusal."


async def test_hostile_text_is_literal_everywhere(house: House) -> None:
    nasty = "<!channel> *b* | `x` <https://evil.example|y> \u202e 🔥 " + "z" * 200
    await house.slack.slash("ana", f'/backstop declare "{nasty}"')
    room = await house.room()
    assert room.startswith("inc-1-channel-b-x-https-evil-example-y")
    card = await house.seen("INC-1 SEV2", channel=room)
    assert "<!channel> *b* | `x` <https://evil.example|y> \\u202e 🔥 zzz" in house.slack.plain(card)
    for message in house.slack.messages(room):
        assert house.slack.pings(message) == set()


async def test_cards_are_edited_at_most_every_three_seconds_and_show_the_last_state(home: House) -> None:
    room = await home.declare()
    await home.rest()
    before = len(home.slack.calls_of("chat.update"))
    home._dispatch()
    for number in range(10):
        await _note(home, f"note {number}")
    await home.seen("@ana: note 9", channel=room)
    await home.rest()
    assert len(home.slack.calls_of("chat.update")) - before == 0
    await home.later(3)
    await home.slack.wait(lambda: "note 9" in _card(home, room))
    await home.rest()
    assert len(home.slack.calls_of("chat.update")) - before == 1


async def test_acts_at_the_same_moment_are_all_answered(house: House) -> None:
    await house.declare()
    acts = [house.slack.slash("ana", f'/backstop note "n{number}" inc:INC-1') for number in range(12)]
    replies = await asyncio.gather(*acts)
    assert all(reply.answered for reply in replies)

    def told() -> list[str]:
        return [house.slack.plain(message) for message in house.slack.ephemerals("ana")]

    async def notes_so_far() -> list[str]:
        entries = await house.timeline.read("incident/INC-1")
        return [entry.event.text for entry in entries if isinstance(entry.event, NoteAdded)]

    async def all_there() -> bool:
        return len(await notes_so_far()) >= 12

    await house.until(all_there)
    notes = await notes_so_far()
    assert sorted(notes) == sorted(f"n{number}" for number in range(12))
    await house.slack.wait(lambda: sum("recorded" in text for text in told()) == 12)
