"""Who is on call holds roles: asked over the wire, kept for a while, for approvals only while it is young."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.notify.oncall import KEPT, SURE, OnCallPeople
from bot.sandbox.faults import failing
from bot.sandbox.pagerduty import PagerDutyStandIn
from bot.shelf import Shelf
from bot.timeline import Timeline
from integrations.pagerduty import Account, PagerDuty
from playbooks.catalog import Catalog
from playbooks.load import load_playbook
from playbooks.roles import holders
from tests.clock import Clock
from tests.integrations.pagerduty.conftest import SENDER, furnished
from tests.runs.stage import CATALOG, PLAYBOOK

POLICY, SCHEDULE = "escalation_policy:PDBA001", "schedule:PSCHED1"
ON_CALL = CATALOG.replace("dba: {people: [bo]}", "dba: {oncall: {escalation_policy: PDBA001}}").replace(
    "owners: {people: [cy]}", "owners: {people: [cy], oncall: {schedule: PSCHED1}}"
)


@pytest.fixture
async def account(clock: Clock) -> AsyncIterator[PagerDutyStandIn]:
    async with furnished(clock) as stand_in:
        yield stand_in


@pytest.fixture
async def timeline(sqlite_url: str, clock: Clock) -> AsyncIterator[Timeline]:
    opened = await Timeline.open(sqlite_url, now=clock)
    yield opened
    await opened.close()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    (tmp_path / "playbooks").mkdir()
    (tmp_path / "catalog.yaml").write_text(ON_CALL)
    return Shelf(tmp_path / "catalog.yaml", tmp_path / "playbooks")


@pytest.fixture
async def people(account: PagerDutyStandIn, timeline: Timeline, shelf: Shelf) -> AsyncIterator[OnCallPeople]:
    client = PagerDuty(Account(SecretStr(account.token), SENDER, account.url))
    found = OnCallPeople(timeline, shelf, client)
    yield found
    await found.close()
    await client.close()


def members(catalog: Catalog, people: OnCallPeople) -> tuple[tuple[str, ...], ...]:
    """Return the databases' people to ask, and those who may approve."""
    return catalog.members("dba", people.last()), catalog.members("dba", people.sure())


async def test_groups_have_who_is_on_call_for_them_beside_their_people(
    people: OnCallPeople, shelf: Shelf
) -> None:
    assert members(shelf.catalog(), people) == ((), ())
    await people.refresh()
    assert members(shelf.catalog(), people) == (("bo",), ("bo",))
    assert shelf.catalog().members("owners", people.sure()) == ("cy", "ana")
    assert shelf.catalog().groups_of("ana", people.sure()) == ("commanders", "owners")


async def test_it_is_asked_again_only_when_it_is_old(
    people: OnCallPeople, account: PagerDutyStandIn, shelf: Shelf, clock: Clock
) -> None:
    await people.refresh()
    account.policy("PDBA001", "cy@example.com")
    clock.advance(KEPT.total_seconds() - 1)
    people.last()
    assert members(shelf.catalog(), people)[1] == ("bo",)
    clock.advance(1)
    people.last()
    assert people._reading
    await people._reading
    assert members(shelf.catalog(), people) == (("cy",), ("cy",))


async def test_while_pagerduty_is_silent_the_last_are_asked_and_soon_none_approve(
    people: OnCallPeople, account: PagerDutyStandIn, shelf: Shelf, clock: Clock
) -> None:
    await people.refresh()
    for _ in range(4):
        account.faults.add("on_call", failing(503), failing(503))
        clock.advance(KEPT.total_seconds())
        await people.refresh()
        young = clock() - SURE <= Clock()()
        assert members(shelf.catalog(), people) == (("bo",), ("bo",) if young else ())
    await people.refresh()
    assert members(shelf.catalog(), people) == (("bo",), ("bo",))


async def test_a_new_process_asks_who_was_last_known_and_trusts_it_no_longer_than_the_old_one(
    people: OnCallPeople, account: PagerDutyStandIn, timeline: Timeline, shelf: Shelf, clock: Clock
) -> None:
    await people.refresh()
    clock.advance(SURE.total_seconds() + 1)
    silent = PagerDuty(Account(SecretStr(account.token), SENDER, "http://127.0.0.1:9"))
    later = OnCallPeople(timeline, shelf, silent)
    await later.refresh()
    assert members(shelf.catalog(), later) == (("bo",), ())
    await later.close()
    await silent.close()


async def test_who_is_not_in_the_catalog_is_nobody_and_an_id_goes_before_an_e_mail(
    people: OnCallPeople, account: PagerDutyStandIn, shelf: Shelf
) -> None:
    dana = account.person("Dana", "dana@elsewhere.example")
    account.policy("PDBA001", "dana@elsewhere.example")
    await people.refresh()
    assert members(shelf.catalog(), people) == ((), ())
    named = ON_CALL.replace("email: cy@example.com", f"email: cy@example.com, pagerduty: {dana.id}")
    shelf.catalog_file.write_text(named)
    assert members(shelf.catalog(), people) == (("cy",), ("cy",))


async def test_a_role_of_a_playbook_may_name_an_escalation_policy(people: OnCallPeople, shelf: Shelf) -> None:
    text = PLAYBOOK.replace("app: {group: owners}", "app: {pagerduty: PSHOP02}")
    (shelf.playbook_folder / "restore.yaml").write_text(text)
    await people.refresh()
    roles = load_playbook(text, "restore.yaml").playbook.roles
    held = holders(roles, shelf.catalog(), incident={}, slack_groups=people.sure())
    assert held == {"dba": ("bo",), "app": ("cy",)}
    assert holders(roles, shelf.catalog(), incident={}) == {"dba": (), "app": ()}


async def test_without_a_catalog_nobody_is_on_call(people: OnCallPeople, shelf: Shelf) -> None:
    shelf.catalog_file.write_text("nonsense: yes")
    await people.refresh()
    assert people.last() == {}
