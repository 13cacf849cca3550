"""What PagerDuty tells at its own door: only it is heard, each thing once, nothing before it is stored."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from bot.core.events import Entry, PagerTold
from bot.notify.mark import mark_of
from bot.notify.pager import way_back
from bot.notify.told import SEEN, PagerEars
from bot.sandbox.faults import Reply
from bot.sandbox.pagerduty import Incident, PagerDutyStandIn
from bot.web.pagerduty import ear
from integrations.pagerduty import Account, PagerDuty
from integrations.pagerduty.hooks import sign
from tests.clock import Clock
from tests.integrations.pagerduty.conftest import SENDER, furnished
from tests.web.door import DECLARED, Door, open_door

SECRETS = ("the old secret", "the new one")


class Ward:
    """A door that hears PagerDuty, and an incident that is in both."""

    def __init__(self, door: Door, account: PagerDutyStandIn, incident: Incident) -> None:
        self.door, self.account, self.incident = door, account, incident

    async def heard(self) -> list[tuple[str, PagerTold]]:
        """Return who did what there, once everything was delivered."""
        await self.account.courier.settled()
        return [
            (entry.by, entry.event) for entry in await self.entries() if isinstance(entry.event, PagerTold)
        ]

    async def entries(self) -> list[Entry]:
        """Return the incident's entries."""
        return await self.door.timeline.read("incident/INC-1")

    async def send(self, body: bytes, *signatures: str) -> int:
        """Send a body as somebody who may not be PagerDuty."""
        headers = {"X-PagerDuty-Signature": ",".join(signatures)}
        return (await self.door.ask("POST", "/pagerduty/events", data=body, headers=headers)).status


@asynccontextmanager
async def warded(url: str, folder: Path, clock: Clock) -> AsyncIterator[Ward]:
    """Open the door and the account, and declare an incident that was opened there too."""
    async with furnished(clock) as account:
        client = PagerDuty(Account(SecretStr(account.token), SENDER, account.url))
        heard: list[PagerEars] = []

        async def hear(request: web.Request) -> web.StreamResponse:
            return await ear(SECRETS, heard[0].take)(request)

        async with open_door(url, folder, clock, pagerduty=hear) as door:
            heard.append(PagerEars(door.timeline, door.desk.shelf, client, SENDER))
            await door.write("incident/INC-1", DECLARED)
            made = await client.open("k", service="PSHOP01", title="t", details="", urgency="high")
            await door.timeline.records.remember(way_back(made.id), {"incident": "INC-1"})
            account.subscribe(f"{door.url}/pagerduty/events", SECRETS[1])
            yield Ward(door, account, account.incidents[0])
        await client.close()


@pytest.fixture
async def ward(sqlite_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Ward]:
    async with warded(sqlite_url, tmp_path, clock) as ward:
        yield ward


def event(incident: str, kind: str = "incident.acknowledged", **more: Any) -> dict[str, Any]:
    """Return an event of an incident that nobody of the account caused."""
    return {
        "id": f"E-{kind}",
        "event_type": kind,
        "occurred_at": "2026-11-23T02:10:00Z",
        "agent": {"id": "PSTRANGER", "type": "user_reference", "summary": "Dana"},
        "data": {"type": "incident", "id": incident},
        **more,
    }


async def test_what_people_do_is_recorded_with_the_person_of_the_catalog(ward: Ward) -> None:
    ward.account.moves("bo@example.com", ward.incident, "acknowledged")
    ward.account.writes("cy@example.com", ward.incident, "The disk is full & <hot>")
    bo, cy = await ward.heard()
    assert bo == ("bo", PagerTold(what="acknowledged"))
    assert cy == ("cy", PagerTold(what="note", text="The disk is full & <hot>"))
    assert {each.statuses[-1] for each in ward.account.courier.sent if each.statuses} == {202}
    assert await ward.door.timeline.records.remote(SEEN)


async def test_a_delivery_that_comes_again_changes_nothing_whatever_the_order(ward: Ward) -> None:
    ward.account.moves("bo@example.com", ward.incident, "acknowledged")
    ward.account.moves("bo@example.com", ward.incident, "resolved")
    before = await ward.heard()
    for delivery in reversed(ward.account.courier.sent):
        assert await ward.account.courier.once_more(delivery) == 202
    assert await ward.heard() == before
    assert [told.what for _, told in before] == ["acknowledged", "resolved"]


async def test_what_happened_earlier_and_comes_later_stands_at_its_moment(ward: Ward, clock: Clock) -> None:
    clock.advance(600)
    late = event(ward.incident.id, "incident.resolved", occurred_at="2026-11-23T02:15:00Z")
    early = event(ward.incident.id, occurred_at="2026-11-23T02:12:00Z")
    ahead = event(ward.incident.id, "incident.reopened", occurred_at="2030-01-01T00:00:00Z")
    for each in (late, early, ahead):
        ward.account.tells(each)
    await ward.heard()
    told = {e.event.what: e for e in await ward.entries() if isinstance(e.event, PagerTold)}
    assert [told[what].occurred_at.minute for what in ("resolved", "acknowledged")] == [15, 12]
    assert told["reopened"].occurred_at == clock()


async def test_several_secrets_may_sign_while_one_replaces_the_other(ward: Ward) -> None:
    body = json.dumps({"event": event(ward.incident.id)}).encode()
    assert await ward.send(body, "v1=00", sign(body, SECRETS[0])) == 202
    assert len(await ward.heard()) == 1


@pytest.mark.parametrize(
    "forged", ["", "v1=", "v1=00", "v0={}", "v1=ü", sign(b"another body", SECRETS[0]), sign(b"", "guessed")]
)
async def test_who_cannot_sign_is_not_heard(ward: Ward, forged: str) -> None:
    body = json.dumps({"event": event(ward.incident.id)}).encode()
    assert await ward.send(body, forged) == 401
    assert await ward.send(body + b" ", sign(body, SECRETS[0])) == 401
    assert await ward.heard() == []


@pytest.mark.parametrize("body", [b"{", b'{"event": {}}', b"\xff", b'{"event": {"id": 1}}'])
async def test_what_cannot_be_read_is_not_accepted_for_it_would_be_lost(ward: Ward, body: bytes) -> None:
    assert await ward.send(body, sign(body, SECRETS[0])) == 503
    assert await ward.heard() == []


async def test_what_is_not_ours_or_nothing_new_is_accepted_and_left_alone(ward: Ward) -> None:
    ward.account.opens("bo@example.com", service="PSHOP01", title="Not ours")
    ward.account.tells(event(ward.incident.id, "incident.workflow.started"))
    ward.account.tells({**event("", "pagey.ping"), "data": {"type": "ping", "message": "Hello"}})
    ward.account.moves(SENDER, ward.incident, "acknowledged")
    assert await ward.heard() == []
    assert all(each.taken for each in ward.account.courier.sent if each.statuses)


async def test_an_incident_is_known_by_its_key_before_its_answer_came(ward: Ward) -> None:
    mark = mark_of(await ward.entries())
    for key in (f"backstop-INC-1-{mark}", "backstop-INC-1-0000000000000000", f"backstop-INC-9-{mark}"):
        data = {"type": "incident", "id": "QNEW", "incident_key": key}
        ward.account.tells({**event("QNEW"), "id": key, "data": data})
    assert [told.who for _, told in await ward.heard()] == ["Dana"]


async def test_who_is_not_in_the_catalog_is_named_as_there(ward: Ward) -> None:
    ward.account.person("Dana", "dana@elsewhere.example")
    ward.account.moves("dana@elsewhere.example", ward.incident, "acknowledged")
    assert await ward.heard() == [("backstop", PagerTold(what="acknowledged", who="Dana"))]


async def test_who_cannot_be_looked_up_is_named_as_there_and_looked_up_once_if_they_can(ward: Ward) -> None:
    ward.account.faults.add("get_user", Reply(503))
    ward.account.moves("bo@example.com", ward.incident, "acknowledged")
    await ward.heard()
    ward.account.writes("bo@example.com", ward.incident, "one")
    ward.account.writes("bo@example.com", ward.incident, "two")
    assert [by for by, _ in await ward.heard()] == ["backstop", "bo", "bo"]
    assert len(ward.account.asked("get_user")) == 2


async def test_nothing_is_acknowledged_that_cannot_be_stored(ward: Ward) -> None:
    await ward.account.courier.settled()
    with sqlite3.connect(ward.door.folder / "backstop.db") as busy:
        busy.execute("BEGIN EXCLUSIVE")
        ward.account.moves("bo@example.com", ward.incident, "acknowledged")
        await ward.account.courier.settled()
        assert ward.account.courier.sent[-1].statuses == [503]
    busy.close()
    ward.account.courier.again()
    assert [by for by, _ in await ward.heard()] == ["bo"]
