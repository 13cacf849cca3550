"""What was deleted in Slack is put back once, wherever the incident is talked about and whatever crashes."""

from __future__ import annotations

from bot.core.events import Repaired
from tests.slack.house import House


async def _repaired(house: House) -> list[tuple[str, ...]]:
    story = await house.timeline.read("incident/INC-1")
    return [entry.event.lost for entry in story if isinstance(entry.event, Repaired)]


async def test_what_a_crash_let_forget_is_said_again(home: House) -> None:
    room = await home.declare()
    await home.told("ana", 'note "the replica lags" inc:INC-1')
    home.slack.delete(await home.seen("the replica lags", channel=room))
    await home.rest()
    await home.slack.slash("ana", "/backstop repair INC-1")
    await home.door.heard_out()
    home._dispatch()
    await home.seen("the replica lags", channel=room)
    await home.rest()

    records, key = home.timeline.records, "say:incident/INC-1#3"
    asked = len(await home.timeline.read("incident/INC-1")) + 1
    await home.slack.slash("ana", "/backstop repair INC-1")
    await home.door.heard_out()
    home.slack.delete(await home.seen("the replica lags", channel=room))
    # What a process had done that was killed between forgetting and writing.
    await records.remember(f"repair:INC-1#{asked}", {key: "a message"})
    await records.forget(key)
    home._dispatch()
    await home.seen("the replica lags", channel=room)
    await home.rest()

    assert await _repaired(home) == [("1 message",), ("1 message",)]


async def test_an_incident_in_a_thread_gets_its_messages_back_there(threads: House) -> None:
    await threads.slack.slash("ana", '/backstop declare "Orders are wrong"')
    card = await threads.seen("INC-1 SEV2")
    await threads.told("ana", 'note "the replica lags" inc:INC-1')
    said = await threads.seen("the replica lags")
    threads.slack.delete(said)

    await threads.told("ana", "repair INC-1")

    await threads.seen("and put back")
    again = await threads.slack.wait(lambda: threads.slack.find("the replica lags"))
    assert again.thread_ts == card.ts
    assert again.ts != said.ts
    assert await _repaired(threads) == [("1 message",)]
