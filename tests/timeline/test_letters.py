"""Letters are stored once, many at a time, and wait in the order in which they came."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.timeline import Timeline
from bot.timeline.letters import HEAR, Letter
from integrations.contract import IntegrationError
from tests.clock import Clock


def letter(number: int, clock: Clock) -> Letter:
    return Letter(f"Ev{number}", {"line": f"note {number}"}, clock())


async def test_those_that_come_together_are_stored_together_in_order_and_ask_once(
    database_url: str, clock: Clock
) -> None:
    timeline = await Timeline.open(database_url, now=clock)
    told: list[None] = []
    timeline.listen(lambda: told.append(None))
    storing = [timeline.letters.take(letter(number, clock)) for number in range(30)]

    await asyncio.gather(*storing)

    assert len(set(storing)) == 1
    assert len(told) == 1
    assert [found.id for found in await timeline.letters.oldest(20)] == [f"Ev{n}" for n in range(20)]
    [waiting] = await timeline.effects.heads()
    assert (waiting.kind, waiting.subject, waiting.lane) == (HEAR.kind, HEAR.subject, HEAR.lane)
    await timeline.close()


async def test_the_same_letter_is_kept_once_until_it_is_dropped(database_url: str, clock: Clock) -> None:
    timeline = await Timeline.open(database_url, now=clock)
    first = letter(1, clock)
    await timeline.letters.take(first)
    await timeline.letters.take(replace(first, said={"line": "another"}))

    assert await timeline.letters.oldest(5) == [first]
    await timeline.letters.drop([first])
    assert await timeline.letters.oldest(5) == []
    await timeline.close()


async def test_everybody_whose_letter_could_not_be_stored_hears_of_it(
    database_url: str, clock: Clock
) -> None:
    timeline = await Timeline.open(database_url, now=clock)
    await timeline.letters.drop([])
    too_long = replace(letter(1, clock), id="x" * 10, at=clock().replace(tzinfo=None))
    storing = [timeline.letters.take(too_long), timeline.letters.take(letter(2, clock))]
    failed = await asyncio.gather(*storing, return_exceptions=True)
    assert all(failed)
    await timeline.letters.take(letter(3, clock))
    assert [found.id for found in await timeline.letters.oldest(5)] == ["Ev3"]
    await timeline.close()


async def test_a_closed_database_is_an_error_with_words(database_url: str, clock: Clock) -> None:
    timeline = await Timeline.open(database_url, now=clock)
    async with timeline._engine.begin() as connection:
        await connection.exec_driver_sql("DROP TABLE letter")
    with pytest.raises(IntegrationError, match="nothing was recorded"):
        await timeline.letters.take(letter(1, clock))
    await timeline.close()
