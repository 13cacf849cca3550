"""Messages of Slack on the timeline: what is taken of them, and what nobody concludes who may not look."""

from __future__ import annotations

from bot.commands.capture import shown_as
from bot.core.events import IncidentResolved, MessageCaptured
from bot.sandbox.slack.records import Message
from tests.slack.house import House


async def _captured(house: House, message: Message) -> MessageCaptured:
    """React to a message as cy and return what the timeline has of it."""
    house.slack.react("cy", message, "pushpin")
    found: list[MessageCaptured] = []

    async def there() -> bool:
        entries = await house.timeline.read("incident/INC-1")
        found[:] = [e.event for e in entries if isinstance(e.event, MessageCaptured)]
        return any(event.ts == message.ts for event in found)

    await house.until(there)
    return found[-1]


async def test_a_reply_in_a_thread_is_linked_to_in_its_thread(house: House) -> None:
    room = await house.declare()
    house.slack.join("cy", room)
    root = house.slack.say("ana", "What of the replica?", room)
    reply = house.slack.say("ana", "It is behind", room, thread_ts=root.ts)

    kept = await _captured(house, reply)

    assert kept.text == "It is behind"
    assert kept.author == "ana"
    assert kept.url
    assert kept.url.endswith(f"?thread_ts={root.ts}&cid={reply.channel}")


async def test_a_long_message_is_kept_whole_and_forgotten_beside_the_timeline(home: House) -> None:
    room = await home.declare()
    home.slack.join("cy", room)
    text = "the log says <b>&</b> " * 400
    message = home.slack.say("ana", text, room)

    kept = await _captured(home, message)

    assert kept.text.strip() == text.strip()

    await home.door.handlers()["captured"](f"{message.channel}/{message.ts}")
    assert await home.timeline.records.remote(shown_as(message.channel, message.ts)) is None


async def test_where_slack_lets_nobody_look_no_deletion_is_concluded(home: House) -> None:
    room = await home.declare()
    home.slack.join("cy", room)
    await _captured(home, home.slack.say("ana", "It is behind", room))
    home.slack.faults.error("conversations.replies", "channel_not_found")

    before = len(home.slack.calls_of("conversations.replies"))
    await home.append("incident/INC-1", IncidentResolved(statement="It is right.", data_statement="none"))
    await home.slack.wait(lambda: len(home.slack.calls_of("conversations.replies")) > before)
    await home.rest()

    kinds = [entry.event.kind for entry in await home.timeline.read("incident/INC-1") if entry.event]
    assert "message-deleted" not in kinds
