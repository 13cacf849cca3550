"""Rooms that are threads, people who join later, and progress that is one message."""

from __future__ import annotations

from bot.core import run as runs
from bot.core.effects import Effect
from bot.core.events import FreezePlaced, RoleAssigned, Scope, Severity, SeverityChanged
from bot.core.going import Going
from tests.slack.house import House


async def test_an_incident_can_be_a_thread_whose_first_message_is_the_card(threads: House) -> None:
    await threads.slack.slash("ana", '/backstop declare "Orders are wrong"')
    card = await threads.seen("INC-1 SEV2 investigating: Orders are wrong", channel="general")
    await threads.opened("INC-1")
    await threads.later(3)
    await threads.slack.wait(lambda: threads.slack.channel("general").pins == [card.ts])
    incident = await threads.stage.incident()
    assert incident.room is not None
    assert (incident.room.channel, incident.room.thread) == (card.channel, card.ts)
    assert not [name for name in threads.names() if name.startswith("inc-")]
    assert threads.slack.channel("general").topic == ""
    await threads.slack.mention("cy", 'note "from the thread"', "general", thread_ts=card.ts)
    said = await threads.seen("@cy: from the thread", channel="general")
    assert said.thread_ts == card.ts


async def test_a_run_in_a_thread_stays_in_it(threads: House) -> None:
    await threads.slack.slash("ana", '/backstop declare "Orders are wrong"')
    card = await threads.seen("INC-1 SEV2", channel="general")
    plan = await threads.plan()
    request = await threads.start()
    assert plan.thread_ts == request.thread_ts == card.ts


async def test_two_incidents_in_threads_of_one_channel_are_told_apart(threads: House) -> None:
    await threads.slack.slash("ana", '/backstop declare "First"')
    first = await threads.seen("INC-1 SEV2", channel="general")
    await threads.slack.slash("ana", '/backstop declare "Second"')
    second = await threads.seen("INC-2 SEV2", channel="general")
    await threads.opened("INC-1")
    await threads.opened("INC-2")
    await threads.slack.mention("ana", 'note "one"', "general", thread_ts=first.ts)
    await threads.slack.mention("ana", 'note "two"', "general", thread_ts=second.ts)
    assert (await threads.seen("@ana: one", channel="general")).thread_ts == first.ts
    assert (await threads.seen("@ana: two", channel="general")).thread_ts == second.ts


async def test_who_worked_on_what_is_merged_is_invited_to_where_it_goes_on(home: House) -> None:
    room = await home.declare()
    assert "U0BO" not in home.slack.channel(room).members
    await home.declare("Payments fail", "bo")
    await home.told("ana", 'merge INC-2 into INC-1 why:"the same release"')
    await home.seen("is the same event and goes on here", channel=room)
    assert "U0BO" in home.slack.channel(room).members


async def test_who_gets_a_role_is_invited_and_told(home: House) -> None:
    room = await home.declare()
    await home.append("incident/INC-1", RoleAssigned(role="scribe", person="bo"))
    said = await home.seen("@bo is now scribe", channel=room)
    assert home.slack.pings(said) == {"bo"}
    assert "U0BO" in home.slack.channel(room).members


async def test_who_is_asked_a_question_is_in_the_channel_and_can_read_it(home: House) -> None:
    room = await home.declare()
    assert "U0BO" not in home.slack.channel(room).members
    await home.slack.slash("ana", "/backstop decide inc:INC-1")
    card = await home.seen("INC-1: what to do", channel=room)
    assert {"bo", "cy"} <= home.slack.pings(card)
    assert {"U0BO", "U0CY"} <= set(home.slack.channel(room).members)
    methods = [call.method for call in home.slack.calls]
    invited = max(place for place, method in enumerate(methods) if method == "conversations.invite")
    shown = [
        place for place, call in enumerate(home.slack.calls) if "what to do" in call.args.get("text", "")
    ]
    assert invited < shown[0]


async def test_who_can_approve_is_in_the_channel_before_being_asked(home: House) -> None:
    room = await home.declare()
    await home.plan()
    assert "U0BO" not in home.slack.channel(room).members
    request = await home.start()
    assert home.slack.pings(request) == {"bo", "cy"}
    methods = [call.method for call in home.slack.calls if "approval: overwrite" in call.args.get("text", "")]
    assert methods[0] == "chat.postMessage"
    assert {"U0BO", "U0CY"} <= set(home.slack.channel(room).members)


async def test_the_topic_follows_the_severity(home: House) -> None:
    room = await home.declare()
    await home.append("incident/INC-1", SeverityChanged(severity=Severity.SEV1, why="worse"))
    await home.seen("worse", channel=room)
    await home.later(3)
    await home.slack.wait(lambda: home.slack.channel(room).topic.startswith("SEV1"))


async def test_progress_is_one_message_that_is_edited(home: House) -> None:
    room = await home.declare()
    plan = await home.plan()
    home.world.held = True
    await home.start()
    first = await home.seen("RUN-1 running, 0 of 3 steps over", channel=room, thread_ts=plan.ts)
    run = runs.fold(await home.timeline.read("run/RUN-1"))
    assert run
    begun = Going(
        key=run.step("stop").key, since=run.asked_at, moved=run.asked_at, seen=("copying",), total=4
    )
    for rows in (1, 2):
        latest = begun.model_copy(update={"done": rows})
        await home.timeline.records.progressed("RUN-1", "stop", latest.model_dump(mode="json"))
        await home.timeline.effects.ask(Effect("progress", "RUN-1", "slack/INC-1/RUN-1"))
        await home.later(4)
        await home.seen("copying", channel=room, thread_ts=plan.ts)
    shown = [m for m in home.slack.messages(room, plan.ts) if "steps over" in home.slack.plain(m)]
    assert [message.ts for message in shown] == [first.ts]


async def test_a_gate_that_is_asked_again_is_a_new_message_and_the_old_one_loses_its_buttons(
    home: House,
) -> None:
    room = await home.declare()
    plan = await home.plan()
    first = await home.start()
    await home.slack.click("bo", first, label="Reject")
    view = await home.slack.wait(lambda: home.slack.view("bo"))
    await home.slack.submit("bo", view, {"why": "not yet"})
    await home.slack.wait(lambda: "Rejected" in home.slack.plain(home.slack.current(first)))
    await home.later(1)
    await home.start()
    second = await home.slack.wait(
        lambda: next(
            (
                m
                for m in home.slack.messages(room, plan.ts)
                if m.ts != first.ts and home.slack.pings(m) == {"bo", "cy"}
            ),
            None,
        )
    )
    assert home.slack.buttons(home.slack.current(first)) == []
    assert [button.label for button in home.slack.buttons(second)][:2] == ["Approve", "Reject"]


async def test_a_freeze_of_no_incident_is_said_in_the_home_channel(threads: House) -> None:
    await threads.append(
        "freeze/FRZ-1", FreezePlaced(scope=Scope(services=("checkout",)), why="the sale <!here>")
    )
    said = await threads.seen("FRZ-1: changes are frozen", channel="general")
    assert "the sale <!here>" in threads.slack.plain(said)
    assert threads.slack.pings(said) == set()


async def test_without_a_home_channel_such_a_freeze_is_said_nowhere_and_stops_nothing(home: House) -> None:
    await home.append("freeze/FRZ-1", FreezePlaced(scope=Scope(), why="the sale"))
    room = await home.declare()
    assert home.slack.find("FRZ-1") is None or home.slack.find("FRZ-1", channel=room)
    await home.rest()
    assert await home.timeline.effects.troubled() == []
