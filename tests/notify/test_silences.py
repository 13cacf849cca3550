"""Alerts that a run keeps silent, over the wire: each silence placed once, and none that outlives its run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import aiohttp
import pytest

from bot.core import run as runs
from bot.core.errors import Conflict
from bot.core.events import (
    Event,
    PlanAsked,
    RunAborted,
    RunRecovered,
    SilenceAsked,
    SilenceEnded,
    SilenceLifted,
    SilencePlaced,
    SilenceTroubled,
)
from bot.core.run import Run
from bot.core.silence import LEASE
from bot.jobs import Again
from bot.notify.silences import LOOK, Silencing, alertmanager_of
from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.sandbox.faults import Drop, Fault, Hold, Reply, failing, maintenance, rate_limited
from bot.settings import Settings
from bot.timeline import Change, Timeline
from integrations.contract import IntegrationError
from tests.clock import Clock
from tests.integrations.alertmanager.conftest import TOKEN, client

ORDERS, WEB = {"service": "orders"}, {"instance": "web-1"}
FIRING = {"alertname": "Down", **ORDERS}


class Desk:
    """A run that wants silence, and a process that keeps it; another one remembers nothing."""

    def __init__(self, timeline: Timeline, there: AlertmanagerStandIn, clock: Clock) -> None:
        self.timeline, self.there, self.clock = timeline, there, clock

    async def look(self, *, token: str = TOKEN) -> Again | None:
        silencing = Silencing(self.timeline, client(self.there, self.clock, token=token), "http://backstop")
        return await silencing.handle("RUN-1")

    async def until_done(self) -> None:
        """Let new processes look until one of them fails no more."""
        for _ in range(6):
            with suppress(IntegrationError):
                await self.look()
                return
            self.clock.advance(10)
        raise AssertionError("it never worked")

    async def happens(self, *events: Event) -> None:
        seq = len(await self.timeline.read("run/RUN-1"))
        await self.timeline.append({"run/RUN-1": Change(seq, events)}, by="cy", via="test")

    async def asks(self, *alerts: dict[str, str], minutes: int = 120) -> None:
        until = self.clock() + timedelta(minutes=minutes)
        await self.happens(SilenceAsked(alerts=alerts or (ORDERS,), until=until, why="it is stopped"))

    async def told(self) -> list[str]:
        """Return what was told since somebody asked, in short."""
        entries = await self.timeline.read("run/RUN-1")
        return [text for entry in entries if entry.event and (text := _short(entry.event))]

    async def run(self) -> Run:
        found = runs.fold(await self.timeline.read("run/RUN-1"))
        assert found
        return found

    @property
    def posted(self) -> int:
        return len(self.there.asked("post_silence"))


def _short(event: Event) -> str:
    match event:
        case SilencePlaced(labels=labels):
            return f"placed {', '.join(labels)}"
        case SilenceEnded(labels=labels, because=because):
            return f"ended {', '.join(labels)}: {because}"
        case SilenceTroubled(why=why):
            return why or "well again"
        case _:
            return ""


@pytest.fixture
async def desk(sqlite_url: str, clock: Clock) -> AsyncIterator[Desk]:
    timeline = await Timeline.open(sqlite_url, now=clock)
    async with AlertmanagerStandIn(now=clock, token=TOKEN) as there:
        made = Desk(timeline, there, clock)
        asked = PlanAsked(incident="INC-1", playbook="p", service="checkout", environment="production")
        await made.happens(asked)
        yield made
    await timeline.close()


async def test_alerts_are_silent_until_the_run_ends_and_heard_at_once_then(desk: Desk) -> None:
    await desk.asks(ORDERS, WEB)
    again = await desk.look()
    assert again == Again(desk.clock() + LOOK)
    assert desk.there.silent(FIRING)
    assert desk.there.silences[0].comment.startswith(
        "RUN-1 of INC-1 works on checkout: http://backstop/runs/RUN-1 [backstop RUN-1 "
    )
    await desk.happens(RunRecovered())
    assert await desk.look() is None
    assert desk.there.in_force == []
    assert await desk.told() == [
        "placed service", "placed instance", "ended service: run", "ended instance: run",
    ]  # fmt: skip
    asked = len(desk.there.journal)
    assert await desk.look() is None
    assert len(desk.there.journal) == asked


async def test_a_silence_is_bounded_in_alertmanager_and_made_longer_while_it_is_wanted(desk: Desk) -> None:
    await desk.asks(minutes=60)
    until = desk.clock() + timedelta(minutes=60)
    for _ in range(59):
        await desk.look()
        [silence] = desk.there.in_force
        assert silence.ends <= min(desk.clock() + LEASE, until)
        desk.clock.advance(60)
    assert desk.posted < 15
    desk.clock.advance(60)
    assert await desk.look() is None
    assert await desk.told() == ["placed service", "ended service: time"]


async def test_an_old_alertmanager_that_replaces_silences_keeps_one_in_force(desk: Desk) -> None:
    desk.there.in_place = False
    await desk.asks()
    for _ in range(30):
        await desk.look()
        assert len(desk.there.in_force) == 1
        desk.clock.advance(60)
    await desk.happens(RunAborted(leaves="x"))
    assert await desk.look() is None
    assert desk.there.in_force == []
    assert await desk.told() == ["placed service", "ended service: run"]


HTML = Reply(200, body="<html>", content_type="text/html", when="after")
LOST: list[Fault] = [Drop(), Drop("before"), failing(500, when="after"), failing(503), maintenance(), HTML,
                     rate_limited("3")]  # fmt: skip


@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_whatever_happens_to_an_answer_there_is_one_silence_and_then_none(
    desk: Desk, fault: Fault
) -> None:
    for operation in ("post_silence", "list_silences", "delete_silence"):
        desk.there.faults.add(operation, fault)
    await desk.asks()
    await desk.until_done()
    assert len(desk.there.in_force) == 1
    desk.clock.advance(400)
    desk.there.faults.add("post_silence", fault)
    await desk.until_done()
    assert len(desk.there.in_force) == 1
    await desk.happens(RunRecovered())
    await desk.until_done()
    assert desk.there.in_force == []
    assert await desk.told() == ["placed service", "ended service: run"]


class Dies(Exception):
    """The process died."""


async def test_a_process_that_died_after_it_asked_asks_for_nothing_twice(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def dies(*_: Any, **__: Any) -> None:
        raise Dies

    for before, after in (
        ([], ["placed service"]),
        (["placed service"], ["placed service", "ended service: run"]),
    ):
        await (desk.happens(RunRecovered()) if before else desk.asks())
        with monkeypatch.context() as patch:
            patch.setattr(desk.timeline, "append", dies)
            with pytest.raises(Dies):
                await desk.look()
        assert await desk.told() == before
        await desk.look()
        assert await desk.told() == after
    assert len(desk.there.silences) == 1
    assert desk.there.in_force == []


async def test_what_somebody_ended_in_alertmanager_is_not_put_back(desk: Desk) -> None:
    await desk.asks(ORDERS, WEB)
    await desk.look()
    desk.clock.advance(30)
    desk.there.end(desk.there.silences[0])
    for _ in range(20):
        await desk.look()
        desk.clock.advance(60)
    assert not desk.there.silent(FIRING)
    assert await desk.told() == ["placed service", "placed instance", "ended service: elsewhere"]
    await desk.asks(ORDERS)
    await desk.look()
    assert desk.there.silent(FIRING)


@pytest.mark.parametrize("minutes", [2, 300], ids=["shorter", "longer"])
async def test_what_somebody_changed_in_alertmanager_is_left_as_it_is_while_the_run_lasts(
    desk: Desk, minutes: int
) -> None:
    await desk.asks()
    await desk.look()
    [silence] = desk.there.silences
    silence.ends = ends = desk.clock() + timedelta(minutes=minutes)
    for _ in range(10):
        desk.clock.advance(60)
        await desk.look()
    assert (silence.ends, desk.posted) == (ends, 1)
    await desk.happens(RunRecovered())
    await desk.look()
    assert desk.there.in_force == []
    assert (await desk.told())[-1] == f"ended service: {'elsewhere' if minutes == 2 else 'run'}"


async def test_where_backstop_or_the_memory_of_alertmanager_was_gone_it_is_silent_again(desk: Desk) -> None:
    await desk.asks()
    await desk.look()
    desk.clock.advance(40 * 60)
    assert not desk.there.silent(FIRING)
    await desk.look()
    assert desk.there.silent(FIRING)
    desk.there.silences.clear()
    await desk.look()
    assert desk.there.silent(FIRING)
    assert await desk.told() == ["placed service"]


async def test_a_silence_that_came_late_and_twice_is_ended(desk: Desk) -> None:
    await desk.asks()
    await desk.look()
    [silence] = desk.there.silences
    desk.there.silences.append(replace(silence, id="0d4c1f4e-4a1b-4a7e-9a53-1c2d3e4f5a6b"))
    await desk.look()
    assert len(desk.there.in_force) == 1


async def test_an_alertmanager_that_is_away_is_told_of_once_and_asked_again(desk: Desk) -> None:
    desk.there.faults.down = True
    await desk.asks()
    for _ in range(5):
        with pytest.raises(IntegrationError):
            await desk.look()
        desk.clock.advance(60)
    assert await desk.told() == ["Alertmanager answered 503 to GET."]
    desk.there.faults.down = False
    await desk.look()
    assert await desk.told() == ["Alertmanager answered 503 to GET.", "placed service", "well again"]
    desk.there.faults.add("list_silences", failing())
    with pytest.raises(IntegrationError):
        await desk.look()
    await desk.look()
    assert len(await desk.told()) == 3


async def test_one_that_stays_away_for_ever_lets_the_silence_end_by_itself(desk: Desk) -> None:
    await desk.asks(ORDERS, WEB)
    desk.there.faults.add("list_silences", Reply(200, body="[]"), failing())
    with pytest.raises(IntegrationError):
        await desk.look()
    desk.there.faults.down = True
    await desk.happens(RunRecovered())
    with pytest.raises(IntegrationError):
        await desk.look()
    assert await desk.told() == ["placed service", "ended instance: run"]
    desk.clock.advance(LEASE.total_seconds())
    assert await desk.look() is None
    assert (await desk.told())[-1] == "ended service: run"
    desk.there.faults.down = False
    assert desk.there.in_force == []


async def test_a_refusal_is_told_at_once_and_it_is_asked_again_for_a_key_may_be_mended(desk: Desk) -> None:
    await desk.asks()
    assert await desk.look(token="another") == Again(desk.clock() + LOOK)
    await desk.look(token="another")
    [why] = await desk.told()
    assert why.startswith("Alertmanager answered 401 to GET: Unauthorized. Are BACKSTOP_ALERTMANAGER_USER")
    await desk.look()
    assert (await desk.told())[1:] == ["placed service", "well again"]


async def test_where_nobody_reaches_the_pages_of_backstop_no_address_is_named(desk: Desk) -> None:
    await desk.asks()
    await Silencing(desk.timeline, client(desk.there, desk.clock), "").handle("RUN-1")
    assert desk.there.silences[0].comment.startswith("RUN-1 of INC-1 works on checkout [backstop RUN-1 ")


async def test_a_person_who_lifts_it_is_obeyed(desk: Desk) -> None:
    await desk.asks()
    await desk.look()
    await desk.happens(SilenceLifted(why="it is over"))
    assert await desk.look() is None
    assert desk.there.in_force == []
    assert await desk.told() == ["placed service", "ended service: person"]


async def test_without_an_alertmanager_any_more_it_is_said(desk: Desk) -> None:
    nowhere = Silencing(desk.timeline, None, "http://backstop")
    assert await nowhere.handle("RUN-9") is None
    assert await nowhere.handle("RUN-1") is None
    await desk.asks()
    assert await nowhere.handle("RUN-1") == Again(desk.clock() + LOOK)
    assert await desk.told() == ["BACKSTOP_ALERTMANAGER_URL is not set any more."]
    await desk.happens(RunRecovered())
    assert await nowhere.handle("RUN-1") is None


async def test_whoever_writes_first_is_heard_and_nothing_is_placed_twice(desk: Desk) -> None:
    await desk.asks()
    desk.there.faults.add("post_silence", hold := Hold())
    looking = asyncio.create_task(desk.look())
    await desk.there.wait(lambda there: bool(there.silences))
    await desk.asks(minutes=240)
    hold.released.set()
    with pytest.raises(Conflict):
        await looking
    await desk.look()
    assert len(desk.there.silences) == 1
    assert await desk.told() == ["placed service"]


def test_the_settings_say_where_it_is(clock: Clock) -> None:
    assert alertmanager_of(Settings(), aiohttp.ClientSession, now=clock) is None
    assert alertmanager_of(Settings(alertmanager_url="http://am:9093"), aiohttp.ClientSession, now=clock)
