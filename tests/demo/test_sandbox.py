"""The sandbox is a whole Backstop over either transport, and its bot can be ended and run again."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.demo.sandbox import running_in, sandbox
from bot.sandbox.surroundings import Transport, surroundings
from tests.sandbox.remains import processes_in


@pytest.mark.parametrize("transport", ["socket", "http"])
async def test_people_are_answered_over_either_transport(tmp_path: Path, transport: Transport) -> None:
    async with sandbox(tmp_path, transport=transport, environ={}) as box:
        reply = await box.slack.slash("ana", '/backstop declare "Totals are wrong" sev:1 svc:checkout')
        assert reply.answered
        card = await box.slack.wait(lambda: box.slack.find("INC-1 SEV1"))
        assert "Totals are wrong" in box.slack.plain(card)
        assert await box.app.timeline.verify() == []
    assert processes_in(tmp_path) == []


async def test_what_was_said_survives_the_end_of_the_bot(tmp_path: Path) -> None:
    async with surroundings(tmp_path, environ={}) as around:
        async with running_in(around) as box:
            await box.slack.slash("ana", '/backstop declare "Totals are wrong" sev:1 svc:checkout')
        async with running_in(around) as box:
            await box.slack.wait(lambda: box.slack.find("INC-1 SEV1"))
            assert len(await box.app.timeline.lookup.incidents(only_open=True)) == 1
