"""Words that are removed are nowhere any more, and the chain of digests still shows every other change."""

from __future__ import annotations

import pytest
from sqlalchemy import select, text

from bot.core.document import Document, Paragraph, to_json
from bot.core.errors import Conflict
from bot.core.events import NoteAdded, Redacted
from bot.core.redaction import without
from bot.timeline import Change, Delivery, Timeline, tables
from bot.timeline.removal import Removal, Rewritten
from tests.timeline.test_timeline import declare

SECRET = 'hünter2 "7"'
NOTE = NoteAdded(text=f"the password is {SECRET}, use it")


async def _noted(timeline: Timeline) -> None:
    await declare(timeline)
    answered = {"document": to_json(Document("", (Paragraph((NOTE.text,)),))), "ok": True, "data": {"a": "b"}}
    delivery = Delivery("slack:1", {**answered, "line": "mark"}, {}, "answer/C1")
    change = Change(1, (NOTE, NoteAdded(text="the disk is fine")))
    await timeline.append({"incident/INC-1": change}, by="bo", via="test", delivery=delivery)
    await timeline.records.remember("message:C1/1.1", {"text": NOTE.text})
    await timeline.records.remember("message:C1/1.2", {"text": "another"})


async def _remove(timeline: Timeline, *, expected: int = 3) -> None:
    rewritten = Rewritten("incident/INC-1", 2, without(NOTE, SECRET), "salt")
    event = Redacted(why="a password", payloads={"incident/INC-1#2": rewritten.payload})
    change = Change(expected, (event,), removal=Removal((rewritten,), (SECRET,)))
    await timeline.append({"incident/INC-1": change}, by="ana", via="test")


async def test_removed_words_stand_in_no_table(timeline: Timeline) -> None:
    await _noted(timeline)
    await _remove(timeline)

    async with timeline._engine.connect() as connection:
        for table in tables.metadata.sorted_tables:
            rows = (await connection.execute(select(table))).all()
            assert not [row for row in rows if "nter2" in repr(row)], table.name
    answer = await timeline.records.answer("slack:1")
    assert answer
    assert answer["data"] == {}
    assert await timeline.records.remote("message:C1/1.1") is None
    assert await timeline.records.remote("message:C1/1.2")


async def test_the_chain_holds_after_words_were_removed(timeline: Timeline) -> None:
    await _noted(timeline)
    await _remove(timeline)

    assert await timeline.verify() == []
    assert [record.broken async for record in timeline.trail.whole()] == ["", "", "", ""]
    assert [record.broken for record in await timeline.trail.behind("sink", 10)] == ["", "", "", ""]
    [_, note, _, _] = await timeline.read("incident/INC-1")
    assert note.event == NoteAdded(text="the password is [removed], use it")


@pytest.mark.parametrize("seq", [2, 3])
async def test_a_change_of_an_entry_is_still_noticed(timeline: Timeline, seq: int) -> None:
    await _noted(timeline)
    await _remove(timeline)
    async with timeline._engine.begin() as connection:
        await connection.execute(
            text("UPDATE entry SET event = replace(event, 'is', 'was') WHERE seq = :seq"), {"seq": seq}
        )

    assert await timeline.verify() == [f"incident/INC-1 entry {seq}: its text was changed"]


async def test_words_come_back_from_no_copy_unnoticed(timeline: Timeline) -> None:
    await _noted(timeline)
    async with timeline._engine.connect() as connection:
        before = (await connection.execute(select(tables.entry).where(tables.entry.c.seq == 2))).one()
    await _remove(timeline)
    async with timeline._engine.begin() as connection:
        await connection.execute(
            text("UPDATE entry SET event = :event, salt = :salt WHERE seq = 2"),
            {"event": before.event, "salt": before.salt},
        )

    assert await timeline.verify() == ["incident/INC-1 entry 2: its text was changed"]


async def test_nothing_is_removed_where_somebody_wrote_first(timeline: Timeline) -> None:
    await _noted(timeline)
    with pytest.raises(Conflict, match="stands at 3"):
        await _remove(timeline, expected=2)

    [_, note, _] = await timeline.read("incident/INC-1")
    assert note.event == NOTE
