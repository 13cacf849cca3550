"""What PagerDuty is told, over the wire: each thing once, whatever happens on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.core import incident as incidents
from bot.core.events import (
    Event,
    IncidentDeclared,
    IncidentReopened,
    IncidentResolved,
    NoteAdded,
    PageAsked,
    Paged,
    PagerLinked,
    Phase,
    PhaseChanged,
    Severity,
    SeverityChanged,
    UpdatePosted,
)
from bot.jobs import Again
from bot.notify.pager import Pager
from bot.sandbox.faults import Drop, Fault, Reply, failing, maintenance, rate_limited
from bot.sandbox.pagerduty import Incident, PagerDutyStandIn
from bot.shelf import Shelf
from bot.timeline import Change, Timeline
from integrations.contract import IntegrationError
from integrations.pagerduty import Account, PagerDuty
from tests.clock import Clock
from tests.integrations.pagerduty.conftest import SENDER, furnished
from tests.journeys.places import paged
from tests.runs.stage import CATALOG

UPDATE = UpdatePosted(
    number=1, conditions="Wrong.", actions="Looking.", needs="none", next_by=None, audience="exec"
)
RESOLVED = IncidentResolved(statement="Totals are right.", data_statement="none lost")
IDENTIFIED = PhaseChanged(phase=Phase.IDENTIFIED)
ASKED = PageAsked(groups=("owners",), people=("bo",), why="stop the shop")


def declared(severity: int = 1) -> IncidentDeclared:
    return IncidentDeclared(
        title="Orders are wrong",
        severity=Severity(severity),
        service="checkout",
        environment="production",
        commander="ana",
    )


class Desk:
    """A timeline with incidents, and the handler that tells PagerDuty of them."""

    def __init__(self, timeline: Timeline, account: PagerDutyStandIn, pager: Pager, catalog: Path) -> None:
        self.timeline, self.account, self.pager, self.catalog = timeline, account, pager, catalog

    async def happens(self, *events: Event) -> None:
        """Record events, without telling anybody."""
        seq = len(await self.timeline.read("incident/INC-1"))
        await self.timeline.append({"incident/INC-1": Change(seq, events)}, by="ana", via="test")

    async def told(self, *events: Event) -> Incident:
        """Record events, tell of them until it worked, and return the incident there."""
        await self.happens(*events)
        for _ in range(5):
            with suppress(IntegrationError):
                while again := await self.pager.handle("INC-1"):
                    assert again.at <= self.timeline.now()
                return self.account.incidents[-1]
        raise AssertionError("it never worked")

    async def recorded(self, kind: type[Event]) -> list[Event]:
        """Return the events of a kind in the incident."""
        entries = await self.timeline.read("incident/INC-1")
        return [entry.event for entry in entries if isinstance(entry.event, kind)]

    async def notes(self) -> list[str]:
        """Return what people read."""
        return [note.text for note in await self.recorded(NoteAdded) if isinstance(note, NoteAdded)]


@pytest.fixture
async def account(clock: Clock) -> AsyncIterator[PagerDutyStandIn]:
    async with furnished(clock) as stand_in:
        yield stand_in


@pytest.fixture
async def pagerduty(account: PagerDutyStandIn) -> AsyncIterator[PagerDuty]:
    made = PagerDuty(Account(SecretStr(account.token), SENDER, account.url))
    yield made
    await made.close()


@pytest.fixture
async def desk(
    sqlite_url: str, tmp_path: Path, clock: Clock, account: PagerDutyStandIn, pagerduty: PagerDuty
) -> AsyncIterator[Desk]:
    timeline = await Timeline.open(sqlite_url, now=clock)
    catalog = tmp_path / "catalog.yaml"
    catalog.write_text(paged(CATALOG))
    yield Desk(timeline, account, Pager(timeline, Shelf(catalog, tmp_path / "playbooks"), pagerduty), catalog)
    await timeline.close()


LOST: list[Fault] = [Drop(), Drop("before"), failing(500, when="after"), failing(503), maintenance(),
                     rate_limited("3"), rate_limited()]  # fmt: skip


@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_each_thing_is_there_once_whatever_happens_to_an_answer(desk: Desk, fault: Fault) -> None:
    for operation in ("open_incident", "ask_responders", "add_note", "status_update", "change_incident"):
        desk.account.faults.add(operation, fault)
    there = await desk.told(declared(), UPDATE)
    there = await desk.told(IDENTIFIED)
    assert [each.status for each in desk.account.incidents] == ["acknowledged"]
    assert [note.content.split("]")[0] for note in there.notes] == ["[INC-1 update 1"]
    assert len(there.responders) == 1
    # Nothing lists what subscribers were told, so what is in doubt is not repeated.
    never = fault in (Drop("before"), failing(503), maintenance())
    assert len(there.updates) == (0 if never else 1)
    assert len(await desk.recorded(PagerLinked)) == len(await desk.recorded(Paged)) == 1
    assert await desk.notes() == []


async def test_another_installation_of_the_same_service_has_incidents_of_its_own(
    desk: Desk, clock: Clock, tmp_path: Path, pagerduty: PagerDuty
) -> None:
    await desk.told(declared())
    clock.advance(1)
    other = await Timeline.open(f"sqlite+aiosqlite:///{tmp_path / 'other.db'}", now=clock)
    pager = Pager(other, Shelf(desk.catalog, tmp_path / "playbooks"), pagerduty)
    beside = Desk(other, desk.account, pager, desk.catalog)
    await beside.told(declared())
    first, second = desk.account.incidents
    assert first.key != second.key
    assert first.key.startswith("backstop-INC-1-")
    await other.close()


async def test_a_new_process_goes_on_where_the_old_one_died(desk: Desk, tmp_path: Path) -> None:
    desk.account.faults.add("add_note", Drop())
    await desk.happens(declared(), UPDATE)
    assert await desk.pager.handle("INC-1")
    with pytest.raises(IntegrationError):
        await desk.pager.handle("INC-1")
    account = Account(SecretStr(desk.account.token), SENDER, desk.account.url)
    client = PagerDuty(account)
    pager = Pager(desk.timeline, Shelf(desk.catalog, tmp_path / "playbooks"), client)
    await pager.handle("INC-1")
    assert len(desk.account.incidents[0].notes) == 1
    await client.close()


async def test_what_people_did_there_is_theirs(desk: Desk) -> None:
    there = await desk.told(declared())
    desk.account.moves("bo@example.com", there, "resolved")
    await desk.told(IDENTIFIED)
    assert there.status == "resolved"
    desk.account.moves("bo@example.com", there, "triggered")
    await desk.told(UPDATE)
    assert there.status == "triggered"
    await desk.told(RESOLVED)
    assert (there.status, there.resolution) == ("resolved", "Totals are right.")
    desk.account.moves("bo@example.com", there, "triggered")
    await desk.told(NoteAdded(text="one more"))
    assert there.status == "triggered"
    await desk.told(IncidentReopened(why="again"))
    await desk.told(RESOLVED)
    await desk.told(IncidentReopened(why="again"))
    assert there.status == "triggered"
    desk.account.moves("bo@example.com", there, "resolved")
    await desk.told(RESOLVED)
    assert there.status == "resolved"


async def test_what_was_done_before_anybody_was_called_calms_nobody(desk: Desk) -> None:
    there = await desk.told(declared(3), IDENTIFIED, SeverityChanged(severity=Severity.SEV1, why="all"))
    assert there.status == "triggered"
    await desk.told(PhaseChanged(phase=Phase.RECOVERING))
    assert there.status == "acknowledged"


async def test_what_got_worse_becomes_urgent_once(desk: Desk) -> None:
    text = desk.catalog.read_text().replace("from_severity: 2", "from_severity: 3")
    desk.catalog.write_text(text)
    there = await desk.told(declared(3))
    assert there.urgency == "low"
    await desk.told(SeverityChanged(severity=Severity.SEV1, why="all orders"))
    assert there.urgency == "high"
    await desk.told(SeverityChanged(severity=Severity.SEV3, why="some orders"))
    assert there.urgency == "high"
    assert len(desk.account.asked("change_incident")) == 1


async def test_groups_are_paged_by_policy_by_schedule_or_one_by_one(desk: Desk) -> None:
    text = desk.catalog.read_text().replace(
        "owners: {people: [cy]}", "owners: {people: [cy], oncall: {schedule: PSCHED1}}"
    )
    desk.catalog.write_text(text.replace("commanders: {people: [ana]}", "commanders: {people: [ana, cy]}"))
    there = await desk.told(declared(), PageAsked(groups=("owners", "commanders", "gone"), why="all"))
    targets = [
        [(each["type"], each["id"]) for each in request["responder_request_targets"]]
        for request in there.requests
    ]
    ana, cy = (desk.account.records.by_email(f"{name}@example.com") for name in ("ana", "cy"))
    assert ana
    assert cy
    assert targets == [
        [("escalation_policy_reference", "PDBA001")],
        [("user_reference", ana.id), ("user_reference", cy.id)],
    ]
    said = [each for each in await desk.recorded(Paged) if isinstance(each, Paged)]
    assert said[1].groups == ("owners", "commanders")
    assert said[1].missed == ("PagerDuty knows nobody of the group gone",)


async def test_a_person_is_known_by_the_id_that_the_catalog_names(desk: Desk) -> None:
    bo = desk.account.records.by_email("bo@example.com")
    assert bo
    text = desk.catalog.read_text()
    desk.catalog.write_text(
        text.replace("email: bo@example.com", f"email: bo@home.example, pagerduty: {bo.id}").replace(
            "email: cy@example.com", "email: cy@home.example"
        )
    )
    there = await desk.told(declared(3), PageAsked(people=("bo", "cy"), why="come"))
    assert [each.user for each in there.responders] == [bo.id]
    [said] = await desk.recorded(Paged)
    assert isinstance(said, Paged)
    assert (said.people, said.missed) == (("bo",), ("PagerDuty does not know @cy",))


async def test_a_page_that_is_refused_is_told_and_holds_nothing_up(desk: Desk) -> None:
    desk.account.records.policies.clear()
    there = await desk.told(declared(), UPDATE)
    [said] = await desk.recorded(Paged)
    assert isinstance(said, Paged)
    assert "Responder request target PDBA001 not found" in said.missed[0]
    assert len(there.notes) == 1
    await desk.told(NoteAdded(text="more"))
    assert len(await desk.recorded(Paged)) == 1


async def test_subscribers_whom_the_account_cannot_tell_are_named_once(desk: Desk) -> None:
    desk.account.faults.add("status_update", *[Reply(402, '{"error": {"message": "Upgrade"}}')] * 3)
    there = await desk.told(declared(), UPDATE)
    await desk.told(NoteAdded(text="more"))
    assert len(there.notes) == 1
    [told] = [text for text in await desk.notes() if "subscribers" in text]
    assert "This PagerDuty account cannot do it" in told


@pytest.mark.parametrize("operation", ["list_incidents", "ask_responders", "status_update"])
async def test_a_token_that_ends_is_told_once_and_everything_follows_when_it_is_new(
    desk: Desk, clock: Clock, operation: str
) -> None:
    desk.account.faults.add(operation, *[Reply(401, "{}")] * 3)
    await desk.happens(declared(), UPDATE)
    if operation != "list_incidents":
        assert await desk.pager.handle("INC-1")
    for _ in range(3):
        again = await desk.pager.handle("INC-1")
        assert isinstance(again, Again)
        assert again.at > clock()
    [told] = await desk.notes()
    assert "BACKSTOP_PAGERDUTY_TOKEN. Call people yourselves" in told
    there = await desk.told()
    assert (len(there.responders), len(there.notes), there.updates != []) == (1, 1, True)
    assert (await desk.notes())[1:] == ["PagerDuty takes what it is told again, and knows everything now."]


async def test_silence_is_told_after_two_minutes_and_once(desk: Desk, clock: Clock) -> None:
    desk.account.faults.add("list_incidents", *[failing(503)] * 4)
    await desk.happens(declared())
    for seconds in (0, 60, 61, 600):
        clock.advance(seconds)
        with pytest.raises(IntegrationError):
            await desk.pager.handle("INC-1")
    [told] = await desk.notes()
    assert told.startswith("PagerDuty has taken nothing for 2 min. Call people yourselves")
    await desk.told()
    assert len(await desk.notes()) == 2


async def test_nobody_is_called_to_what_is_over(desk: Desk) -> None:
    await desk.happens(declared(), RESOLVED)
    assert await desk.pager.handle("INC-1") is None
    assert await desk.pager.handle("INC-9") is None
    assert desk.account.journal == []
    await desk.happens(IncidentReopened(why="again"))
    there = await desk.told()
    asked = len(there.responders)
    await desk.told(ASKED, RESOLVED)
    assert len(there.responders) == asked


async def test_without_a_service_there_nobody_is_called(desk: Desk) -> None:
    desk.catalog.write_text(CATALOG)
    await desk.happens(declared())
    assert await desk.pager.handle("INC-1") is None
    assert desk.account.journal == []
    found = incidents.fold(await desk.timeline.read("incident/INC-1"))
    assert found
    assert found.pager is None
