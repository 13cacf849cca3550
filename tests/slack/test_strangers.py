"""Only the signed identity of somebody in the catalog of the home team counts."""

from __future__ import annotations

from datetime import timedelta

import aiohttp
import pytest

from bot.sandbox.slack import PersonCannot
from tests.slack.house import House


async def test_a_forged_or_old_signature_is_401_and_changes_nothing(home: House) -> None:
    await home.declare()
    first = await home.slack.slash("ana", '/backstop note "real" inc:INC-1')
    before = await home.timeline.story("INC-1")
    reply = await home.slack.forge(first)
    assert reply.status == 401
    old = await home.slack.replay(first, age=timedelta(minutes=6))
    assert old.status == 401
    async with aiohttp.ClientSession() as session, session.post(home.url, data="command=/backstop") as bare:
        assert bare.status == 401
    assert await home.timeline.story("INC-1") == before


async def test_a_forged_command_that_never_came_before_is_not_carried_out(home: House) -> None:
    first = await home.slack.slash("ana", "/backstop help")
    payload = first.payload | {"text": 'declare "Forged"', "trigger_id": "1.2.3"}
    object.__setattr__(first.delivered, "payload", payload)
    assert (await home.slack.forge(first)).status == 401
    assert await home.timeline.lookup.incidents(only_open=False) == []


async def test_an_outsider_can_neither_approve_nor_say_anything(house: House) -> None:
    room = await house.declare()
    await house.plan()
    request = await house.start()
    house.slack.join("zed", room)
    assert (await house.slack.click("zed", request, label="Approve")).answered
    await house.whispered("zed", "takes nothing from people of other companies")
    await house.slack.mention("zed", 'note "hello"', room)
    await house.seen("takes nothing from people of other companies", channel=room)
    assert (await house.stage.run()).gates["overwrite"].approvals == ()
    with pytest.raises(PersonCannot):
        await house.slack.slash("zed", "/backstop help", room)


async def test_a_channel_shared_with_another_company_is_refused(house: House) -> None:
    house.slack.invite_bot("shared")
    await house.slack.mention("ana", 'declare "x"', "shared")
    await house.seen("in channels shared with them", channel="shared")
    assert await house.timeline.lookup.incidents(only_open=False) == []


async def test_somebody_who_is_not_in_the_catalog_is_told_what_to_do(house: House) -> None:
    assert "`slack: U0DEE`" in await house.told("dee", 'declare "x"')
    assert await house.timeline.lookup.incidents(only_open=False) == []
    assert "You are not in the catalog" in await house.told("dee", "help")


async def test_an_unreadable_catalog_is_a_sentence_and_not_a_silence(home: House) -> None:
    (home.folder / "catalog.yaml").write_text("schema: nonsense")
    home.stage.shelf._kept.clear()
    assert "The catalog cannot be read" in await home.told("ana", "help")
