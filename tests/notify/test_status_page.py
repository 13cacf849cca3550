"""What customers are told, over the wire: each draft once and in order, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from bot.core.events import (
    Event,
    ExternalDrafted,
    ExternalDropped,
    ExternalSent,
    ExternalTold,
    IncidentDeclared,
    Severity,
)
from bot.notify.status_page import (
    Outlet,
    StatusPages,
    ToStatuspage,
    ToWebhook,
    Update,
    outlets_of,
    systems_of,
)
from bot.sandbox.faults import Drop, Fault, Reply, failing, maintenance, rate_limited
from bot.sandbox.statuspage import StatuspageStandIn
from bot.settings import Settings
from bot.timeline import Change, Timeline
from integrations.contract import IntegrationError
from integrations.webhook import Webhook
from tests.clock import Clock
from tests.fakes.hooks import SECRET, Hooks, receiving
from tests.integrations.statuspage.conftest import COMPONENT, client, furnished

DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV1,
    service="checkout",
    environment="production",
    commander="ana",
)


def draft(text: str, status: Any = "investigating") -> ExternalDrafted:
    state = "operational" if status == "resolved" else "major_outage"
    return ExternalDrafted(
        status=status,
        impact="critical",
        title="Problem with Checkout",
        text=text,
        component=COMPONENT,
        state=state,
    )


class Desk:
    """A timeline with an incident, and a process that tells customers; another one remembers nothing."""

    def __init__(self, timeline: Timeline, page: StatuspageStandIn, hooks: Hooks, clock: Clock) -> None:
        self.timeline, self.page, self.hooks, self.clock = timeline, page, hooks, clock

    def process(self) -> StatusPages:
        webhook = Webhook(SecretStr(self.hooks.url), SecretStr(SECRET), aiohttp.ClientSession, now=self.clock)
        outlets = {
            "statuspage": ToStatuspage(client(self.page, self.clock)),
            "webhook": ToWebhook(webhook, "https://backstop.example"),
        }
        return StatusPages(self.timeline, outlets)

    async def happens(self, *events: Event) -> int:
        """Record events, and return the number of the last."""
        seq = len(await self.timeline.read("incident/INC-1"))
        await self.timeline.append({"incident/INC-1": Change(seq, events)}, by="ana", via="test")
        return seq + len(events)

    async def sent(self, *events: ExternalDrafted, systems: tuple[str, ...] = ("statuspage",)) -> list[int]:
        """Record drafts and that somebody sends them, and return their numbers."""
        numbers = []
        for event in events:
            numbers.append(await self.happens(event))
            await self.happens(ExternalSent(draft=numbers[-1], systems=systems))
        return numbers

    async def until_told(self) -> None:
        """Let new processes tell until one of them fails no more."""
        for _ in range(6):
            with suppress(IntegrationError):
                await self.process().handle("INC-1")
                return
            self.clock.advance(70)
        raise AssertionError("it never worked")

    async def told(self) -> list[ExternalTold]:
        entries = await self.timeline.read("incident/INC-1")
        return [entry.event for entry in entries if isinstance(entry.event, ExternalTold)]

    @property
    def read(self) -> list[list[str]]:
        """Return what customers read of each incident."""
        shown = self.page.incidents
        return [[f"{said['status']}: {said['body']}" for said in each.updates] for each in shown]


@pytest.fixture
async def desk(sqlite_url: str, clock: Clock) -> AsyncIterator[Desk]:
    timeline = await Timeline.open(sqlite_url, now=clock)
    async with furnished(clock) as page, receiving() as hooks:
        made = Desk(timeline, page, hooks, clock)
        await made.happens(DECLARED)
        yield made
    await timeline.close()


async def test_drafts_become_one_incident_and_what_comes_after_its_end_another(desk: Desk) -> None:
    await desk.sent(draft("We look."), draft("We know.", "identified"))
    await desk.process().handle("INC-1")
    await desk.sent(draft("It is over.", "resolved"))
    await desk.process().handle("INC-1")
    assert desk.read == [["investigating: We look.", "identified: We know.", "resolved: It is over."]]
    assert desk.page.components == {COMPONENT: "operational"}
    await desk.sent(draft("It is back."))
    await desk.process().handle("INC-1")
    assert desk.read[1:] == [["investigating: It is back."]]
    first, second = desk.page.incidents
    assert [each.key for each in await desk.told()] == [first.id, first.id, first.id, second.id]


async def test_nothing_is_told_that_nobody_sent(desk: Desk) -> None:
    await desk.happens(draft("We look."))
    await desk.process().handle("INC-1")
    await desk.process().handle("INC-9")
    [number] = await desk.sent(draft("We look again."))
    await desk.happens(ExternalDropped(draft=number))
    await desk.process().handle("INC-1")
    assert desk.page.journal == []
    assert await desk.told() == []


LOST: list[Fault] = [Drop(), Drop("before"), failing(500, when="after"), failing(503), maintenance(),
                     Reply(200, body="<html>", content_type="text/html", when="after"),
                     rate_limited("3"), rate_limited(), Reply(420)]  # fmt: skip


@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_customers_read_each_thing_once_whatever_happens_to_an_answer(desk: Desk, fault: Fault) -> None:
    for operation in ("open_incident", "update_incident", "list_incidents", "get_incident"):
        desk.page.faults.add(operation, fault)
    await desk.sent(draft("We look."))
    await desk.until_told()
    await desk.sent(draft("We look."), draft("We look.", "identified"))
    await desk.until_told()
    assert desk.read == [["investigating: We look.", "investigating: We look.", "identified: We look."]]
    assert [each.why for each in await desk.told() if not each.trying] == ["", "", ""]


class Dies(Exception):
    """The process died."""


class Dying:
    """Tells customers, and dies before anything of it is recorded."""

    def __init__(self, outlet: Outlet) -> None:
        self.outlet = outlet

    async def tell(self, update: Update, *, in_doubt: bool) -> tuple[str, str]:
        await self.outlet.tell(update, in_doubt=in_doubt)
        raise Dies


async def test_a_process_that_died_after_it_told_customers_told_them_once(desk: Desk) -> None:
    for event in (draft("We look."), draft("We know.", "identified")):
        await desk.sent(event)
        dying = Dying(ToStatuspage(client(desk.page, desk.clock)))
        with pytest.raises(Dies):
            await StatusPages(desk.timeline, {"statuspage": dying}).handle("INC-1")
        await desk.process().handle("INC-1")
    assert desk.read == [["investigating: We look.", "identified: We know."]]
    assert len(await desk.told()) == 2


async def test_an_incident_that_was_deleted_there_is_opened_anew(desk: Desk) -> None:
    await desk.sent(draft("We look."))
    await desk.process().handle("INC-1")
    desk.page.incidents.clear()
    await desk.sent(draft("We know.", "identified"))
    desk.page.faults.add("open_incident", Drop())
    await desk.until_told()
    await desk.sent(draft("We watch.", "monitoring"))
    await desk.until_told()
    assert desk.read == [["identified: We know.", "monitoring: We watch."]]


async def test_what_is_refused_is_said_and_the_next_is_told(desk: Desk) -> None:
    desk.page.faults.add("open_incident", Reply(422, body='{"error": ["Body is too long"]}'))
    await desk.sent(draft("We look."), draft("We know.", "identified"))
    await desk.process().handle("INC-1")
    assert [(each.why, each.trying) for each in await desk.told()] == [
        ("Statuspage answered 422: Body is too long.", False),
        ("", False),
    ]
    assert desk.read == [["identified: We know."]]


async def test_where_customers_may_have_read_what_was_refused_people_are_sent_to_look(desk: Desk) -> None:
    await desk.sent(draft("We look."))
    desk.page.faults.add("open_incident", Drop())
    with pytest.raises(IntegrationError):
        await desk.process().handle("INC-1")
    desk.page.faults.add("list_incidents", Reply(401, body='{"error": "Could not authenticate"}'))
    await desk.process().handle("INC-1")
    assert [each.why for each in await desk.told()] == [
        "Statuspage answered 401: Could not authenticate. Is BACKSTOP_STATUSPAGE_KEY right? "
        "Customers may have read it all the same: look there."
    ]


async def test_a_page_that_stays_away_is_told_of_once_and_told_later(desk: Desk) -> None:
    await desk.sent(draft("We look."), systems=("statuspage", "webhook"))
    desk.page.faults.down = True
    for _ in range(5):
        with pytest.raises(IntegrationError):
            await desk.process().handle("INC-1")
        desk.clock.advance(60)
    told = [(each.system, each.why, each.trying) for each in await desk.told()]
    assert told == [("webhook", "", False), ("statuspage", "Statuspage answered 503.", True)]
    assert len(desk.hooks.came) == 1
    desk.page.faults.down = False
    await desk.process().handle("INC-1")
    assert desk.read == [["investigating: We look."]]
    assert (await desk.told())[-1].key == desk.page.incidents[0].id


async def test_a_webhook_gets_a_signed_event_that_keeps_its_id(desk: Desk) -> None:
    [number] = await desk.sent(draft("We look <b>."), systems=("webhook",))
    desk.hooks.faults.lose_answer("POST")
    await desk.until_told()
    first, again = desk.hooks.came
    assert first == again
    assert first["type"] == "dev.backstop.status-update"
    assert first["id"].startswith("INC-1-")
    assert first["id"].endswith(f"-E{number}")
    assert first["data"] == {
        "incident": "INC-1",
        "update": number,
        "title": "Problem with Checkout",
        "status": "investigating",
        "impact": "critical",
        "text": "We look <b>.",
        "component": COMPONENT,
        "component_status": "major_outage",
    }
    desk.hooks.faults.answer("POST", 410)
    await desk.sent(draft("We know."), systems=("webhook",))
    await desk.process().handle("INC-1")
    assert (await desk.told())[-1].why == "127.0.0.1 answered 410 and took nothing."


async def test_what_words_were_removed_from_is_not_told(desk: Desk) -> None:
    await desk.sent(draft("The key is [removed]."))
    await desk.process().handle("INC-1")
    assert [each.why for each in await desk.told()] == ["Words were removed from it."]
    assert desk.page.journal == []


async def test_a_system_that_the_settings_lost_is_said_to_be_lost(desk: Desk) -> None:
    await desk.sent(draft("We look."))
    await StatusPages(desk.timeline, {}).handle("INC-1")
    [told] = await desk.told()
    assert told.why == "The settings of Backstop name Statuspage no more."
    await desk.process().handle("INC-1")
    assert desk.page.journal == []


def test_the_settings_say_who_is_told(clock: Clock) -> None:
    none = Settings()
    assert systems_of(none) == ()
    assert outlets_of(none, aiohttp.ClientSession, now=clock) == {}
    assert systems_of(Settings(statuspage_page="p")) == ()
    both = Settings(
        statuspage_page="p", statuspage_key=SecretStr("k"), status_webhook_url=SecretStr("https://h.example")
    )
    assert systems_of(both) == ("statuspage", "webhook")
    assert tuple(outlets_of(both, aiohttp.ClientSession, now=clock)) == ("statuspage", "webhook")
