"""What arrives twice happens once; what is a new act counts anew."""

from __future__ import annotations

import asyncio

from bot.core.events import NoteAdded, RoleAssigned
from tests.slack.house import House


async def _notes(house: House) -> list[str]:
    story = await house.timeline.read("incident/INC-1")
    return [entry.event.text for entry in story if isinstance(entry.event, NoteAdded)]


async def test_a_retried_mention_is_recorded_and_answered_once(house: House) -> None:
    room = await house.declare()
    first = await house.slack.mention("ana", 'note "once"', room)
    again = await asyncio.gather(house.slack.redeliver(first), house.slack.redeliver(first, retry_num=2))
    assert all(reply.answered for reply in (first, *again))
    await house.seen("recorded", channel=room)
    await house.seen("once", channel=room, by="backstop")
    await house.slack.mention("ana", 'note "after it"', room)
    await house.seen("after it", channel=room, by="backstop")
    assert await _notes(house) == ["once", "after it"]
    answers = [m for m in house.slack.messages(room) if "note 3 recorded" in house.slack.plain(m)]
    assert len(answers) == 1


async def test_a_command_delivered_twice_is_recorded_and_answered_once(house: House) -> None:
    await house.declare()
    first = await house.slack.slash("ana", '/backstop note "once" inc:INC-1')
    await house.whispered("ana", "note 3 recorded")
    assert (await house.slack.again(first)).answered
    assert await house.told("ana", 'note "after it" inc:INC-1') == "INC-1 note 4 recorded."
    assert await _notes(house) == ["once", "after it"]
    answers = [house.slack.plain(message) for message in house.slack.ephemerals("ana")]
    assert sum("note 3 recorded" in text for text in answers) == 1


async def test_a_double_click_is_one_approval_and_one_answer(house: House) -> None:
    room = await house.declare()
    await house.plan()
    request = await house.start()
    replies = await asyncio.gather(
        *(house.slack.click_late("bo", request, label="Approve") for _ in range(3))
    )
    assert all(reply.answered for reply in replies)
    await house.whispered("bo", "approved as dba")
    await house.slack.mention("ana", "ping", room)
    await house.slack.wait(lambda: len(house.slack.messages(room)) > 4)
    assert len((await house.stage.run()).gates["overwrite"].approvals) == 1
    assert len(house.slack.ephemerals("bo")) == 1


async def test_a_press_that_was_refused_may_be_tried_again(home: House) -> None:
    await home.declare()
    await home.plan()
    request = await home.start(by="cy")
    await home.slack.click("ana", request, label="Approve")
    refusal = await home.whispered("ana", "You may not approve")
    catalog = home.folder / "catalog.yaml"
    catalog.write_text(catalog.read_text().replace("dba: {people: [bo]}", "dba: {people: [bo, ana]}"))
    await home.slack.click_late("ana", request, label="Approve")
    assert await home.whispered("ana", "approved as dba") != refusal


async def test_the_button_of_a_card_that_was_drawn_anew_is_another_button(home: House) -> None:
    room = await home.declare()
    card = home.slack.current(await home.seen("INC-1 SEV2", channel=room))
    await home.slack.click("cy", card, label="Timeline")
    await home.whispered("cy", "timeline")
    await home.append("incident/INC-1", RoleAssigned(role="ops", person="cy"))
    await home.later(3)
    await home.slack.wait(lambda: "ops @cy" in home.slack.plain(home.slack.current(card)))
    await home.slack.click("cy", card, label="Timeline")
    await home.slack.wait(lambda: len(home.slack.ephemerals("cy")) == 2)
    assert "ops" in home.slack.plain(home.slack.ephemerals("cy")[1])


async def test_a_form_submitted_twice_counts_once(home: House) -> None:
    await home.declare()
    await home.plan()
    request = await home.start()
    await home.slack.click("bo", request, label="Reject")
    view = await home.slack.wait(lambda: home.slack.view("bo"))
    reply = await home.slack.submit("bo", view, {"why": "no"})
    assert (await home.slack.again(reply)).answered
    await home.whispered("bo", "rejected")
    assert len(home.slack.ephemerals("bo")) == 1
    assert [e.event.kind for e in await home.timeline.read("run/RUN-1") if e.event].count("rejected") == 1
