"""People and Backstop in one workspace: commands, mentions, buttons and forms, over both transports."""

from __future__ import annotations

from bot.sandbox.slack import Message
from tests.slack.house import House


def label(house: House, message: Message) -> list[str]:
    """Return what stands on the buttons of a message."""
    return [button.label for button in house.slack.buttons(message)]


async def test_declaring_opens_a_channel_with_its_people_topic_card_and_bookmark(house: House) -> None:
    assert "INC-1 is open: Orders are wrong" in await house.told("ana", 'declare "Orders are wrong" sev:1')
    await house.seen("INC-1 SEV1 investigating: Orders are wrong", channel="inc-1-orders-are-wrong")
    room = house.slack.channel("inc-1-orders-are-wrong")
    await house.slack.wait(lambda: room.pins and room.bookmarks and room.topic)
    assert {house.slack.workspace.people[user].name for user in room.members} == {"backstop", "ana", "cy"}
    assert room.topic == "SEV1 investigating · checkout production · commander @ana"
    assert room.bookmarks[0]["link"] == "http://backstop.example/incidents/INC-1"
    incident = await house.stage.incident()
    assert incident.room is not None
    assert incident.room.channel == room.id
    assert incident.room.url == f"{house.slack.url}/archives/{room.id}"


async def test_a_mention_in_a_thread_is_answered_in_the_thread(house: House) -> None:
    room = await house.declare()
    root = house.slack.say("ana", "who looks at the database?", room)
    reply = await house.slack.mention("cy", 'note "I do, &amp; <now>" link:x', room, thread_ts=root.ts)
    assert reply.answered
    answer = await house.seen("INC-1 note 3 recorded", channel=room, thread_ts=root.ts)
    assert answer.thread_ts == root.ts
    note = await house.seen("I do, &amp; <now>", channel=room, by="backstop")
    assert "@cy" in house.slack.plain(note)


async def test_a_button_stands_for_the_line_and_its_answer_is_for_who_pressed(house: House) -> None:
    room = await house.declare()
    card = await house.seen("INC-1 SEV2", channel=room)
    assert (await house.slack.click("cy", card, label="Timeline")).answered
    assert await house.whispered("cy", "timeline")
    assert house.slack.ephemerals("ana")[-1:] != house.slack.ephemerals("cy")[-1:]


async def test_two_people_approve_in_the_thread_and_the_run_goes_on(house: House) -> None:
    room = await house.declare()
    plan = await house.plan()
    assert label(house, house.slack.current(plan)) == ["Start"]
    request = await house.start()
    assert request.thread_ts == plan.ts
    assert house.slack.pings(request) >= {"bo", "cy"}
    assert (await house.slack.click("bo", request, label="Approve")).answered
    assert await house.whispered("bo", "RUN-1.overwrite approved as dba")
    await house.slack.wait(lambda: "✓ @bo as dba" in house.slack.plain(house.slack.current(request)))
    assert (await house.slack.click("cy", request, label="Approve")).answered
    await house.seen("RUN-1 recovered", channel=room, thread_ts=plan.ts)
    assert [house.world.operations[act] for act in house.world.acts] == ["stop", "restore", "go"]
    await house.slack.wait(lambda: "✓ Used" in house.slack.plain(house.slack.current(request)))
    assert label(house, house.slack.current(request)) == []


async def test_a_button_with_a_question_opens_a_form_whose_answer_becomes_the_reason(house: House) -> None:
    room = await house.declare()
    await house.plan()
    request = await house.start()
    assert request.channel == house.slack.channel(room).id
    assert (await house.slack.click("bo", request, label="Reject")).answered
    view = await house.slack.wait(lambda: house.slack.view("bo"))
    assert "Why?" in house.slack.plain(view)
    empty = await house.slack.submit("bo", view, {"why": "  "})
    assert empty.body["response_action"] == "errors"
    reply = await house.slack.submit("bo", view, {"why": 'too "old" <!channel> why:"x"'})
    assert reply.answered
    assert house.slack.view("bo") is None
    answer = await house.whispered("bo", "rejected")
    assert answer.thread_ts == request.thread_ts
    gate = (await house.stage.run()).gates["overwrite"]
    assert gate.rejection is not None
    assert (gate.rejection.person, gate.rejection.why) == ("bo", 'too "old" <!channel> why:"x"')
    await house.seen('@ana: @bo rejected RUN-1.overwrite: too "old" <!channel> why:"x"', channel=room)


async def test_an_unknown_verb_is_answered_with_the_nearest_one_and_nothing_is_done(house: House) -> None:
    await house.declare()
    before = len(await house.timeline.story("INC-1"))
    assert "Did you mean `note`?" in await house.told("ana", 'notte "x"')
    assert len(await house.timeline.story("INC-1")) == before
