"""What is asked of a page of Statuspage, over the wire, and what its answers mean."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from bot.sandbox.faults import Drop, Fault, Reply, failing, maintenance
from bot.sandbox.statuspage import StatuspageStandIn
from integrations.contract import IntegrationError
from integrations.refusals import RateLimited
from integrations.statuspage import Ambiguous, Gone, Post, Statuspage
from tests.clock import Clock
from tests.integrations.statuspage.conftest import COMPONENT

FIRST = Post(
    mark="INC-1-0123456789abcdef-E4",
    number=4,
    name="Problem with Checkout",
    status="investigating",
    impact="critical",
    body="We are investigating.",
    components={COMPONENT: "major_outage"},
)
LATER = replace(FIRST, number=9, status="resolved", body="None lost.", components={COMPONENT: "operational"})


async def test_an_incident_is_opened_with_what_customers_read(
    page: StatuspageStandIn, statuspage: Statuspage
) -> None:
    posted = await statuspage.open(FIRST)
    [asked] = page.journal
    assert (asked.method, asked.path_qs) == ("POST", f"/v1/pages/{page.page}/incidents.json")
    assert json.loads(asked.request) == {
        "incident": {
            "name": "Problem with Checkout",
            "status": "investigating",
            "impact_override": "critical",
            "body": "We are investigating.",
            "metadata": {"backstop": {"ref": "INC-1-0123456789abcdef-E4", "update": 4}},
            "component_ids": [COMPONENT],
            "components": {COMPONENT: "major_outage"},
        }
    }
    [there] = page.incidents
    assert (posted.id, posted.number) == (there.id, 4)
    assert posted.url == f"https://stspg.example/{there.id}"
    assert page.components == {COMPONENT: "major_outage"}


async def test_an_update_leaves_the_name_that_people_may_have_changed(
    page: StatuspageStandIn, statuspage: Statuspage
) -> None:
    posted = await statuspage.open(FIRST)
    page.incidents[0].name = "Checkout shows wrong totals"
    later = await statuspage.update(posted.id, LATER)
    [there] = page.incidents
    assert (there.name, there.status) == ("Checkout shows wrong totals", "resolved")
    assert [each["body"] for each in there.updates] == ["We are investigating.", "None lost."]
    assert page.components == {COMPONENT: "operational"}
    assert (later.id, later.number) == (posted.id, 9)
    assert page.journal[-1].path_qs == f"/v1/pages/{page.page}/incidents/{posted.id}.json"


async def test_without_a_component_none_is_touched(page: StatuspageStandIn, statuspage: Statuspage) -> None:
    await statuspage.open(replace(FIRST, components={}))
    assert page.components == {COMPONENT: "operational"}
    assert "component" not in page.journal[0].request.decode()


async def test_what_was_posted_is_found_by_its_mark_and_by_its_id(statuspage: Statuspage) -> None:
    assert await statuspage.find(FIRST.mark) is None
    posted = await statuspage.open(FIRST)
    await statuspage.open(replace(FIRST, mark="INC-2-another-E1"))
    assert await statuspage.find(FIRST.mark) == posted
    assert await statuspage.incident(posted.id) == posted
    assert await statuspage.incident("gone") is None
    assert (await statuspage.update(posted.id, LATER)) == await statuspage.find(FIRST.mark)


async def test_incidents_that_others_opened_are_nobodys(
    page: StatuspageStandIn, statuspage: Statuspage
) -> None:
    posted = await statuspage.open(FIRST)
    page.incidents[0].metadata = {"backstop": {"ref": 7, "update": "x"}}
    found = await statuspage.incident(posted.id)
    assert found
    assert (found.mark, found.number) == ("", 0)
    page.incidents[0].metadata = {}
    assert await statuspage.find(FIRST.mark) is None


@pytest.mark.parametrize(
    "fault", [Drop(), Drop("before"), failing(500), failing(503, when="after"), failing(408), maintenance(),
              Reply(201, body="[]"), Reply(201, body='{"id": 3}')], ids=str
)  # fmt: skip
async def test_whether_something_was_done_is_not_known_without_a_whole_answer(
    page: StatuspageStandIn, statuspage: Statuspage, fault: Fault
) -> None:
    page.faults.add("open_incident", fault)
    with pytest.raises(Ambiguous) as lost:
        await statuspage.open(FIRST)
    assert not lost.value.permanent
    found = await statuspage.find(FIRST.mark)
    assert (found is not None) == (len(page.incidents) == 1)


async def test_a_list_that_is_none_is_no_reason_to_post_again(
    page: StatuspageStandIn, statuspage: Statuspage
) -> None:
    page.faults.add("list_incidents", Reply(200, body='{"incidents": []}'))
    with pytest.raises(Ambiguous, match="something else where it lists incidents"):
        await statuspage.find(FIRST.mark)


@pytest.mark.parametrize(
    ("status", "headers", "rest"),
    [(429, {"Retry-After": "7"}, 7), (420, {"Retry-After": "7"}, 7), (429, {}, 60), (420, {}, 60),
     (429, {"Retry-After": "0"}, 1), (429, {"Retry-After": "999999"}, 3600),
     (429, {"Retry-After": "Mon, 23 Nov 2026 02:10:30 GMT"}, 30)],
)  # fmt: skip
async def test_a_page_that_asks_for_rest_is_left_alone_until_then(
    page: StatuspageStandIn,
    statuspage: Statuspage,
    clock: Clock,
    status: int,
    headers: dict[str, str],
    rest: int,
) -> None:
    page.faults.add("open_incident", Reply(status, headers=headers))
    with pytest.raises(RateLimited, match=f"asks to wait {rest} s") as refused:
        await statuspage.open(FIRST)
    assert refused.value.retry_after == rest
    clock.advance(rest - 0.5)
    with pytest.raises(RateLimited) as resting:
        await statuspage.find(FIRST.mark)
    assert resting.value.retry_after == 0.5
    assert len(page.journal) == 1
    clock.advance(0.5)
    await statuspage.open(FIRST)


async def test_a_clock_that_was_set_back_keeps_nobody_waiting(
    page: StatuspageStandIn, statuspage: Statuspage, clock: Clock
) -> None:
    page.faults.add("open_incident", Reply(429, headers={"Retry-After": "60"}))
    with pytest.raises(RateLimited):
        await statuspage.open(FIRST)
    clock.advance(-3600)
    before = clock()
    await statuspage.open(FIRST)
    assert clock() == before


async def test_requests_are_a_second_apart(
    page: StatuspageStandIn, statuspage: Statuspage, clock: Clock
) -> None:
    await statuspage.open(FIRST)
    clock.advance(0.25)
    await statuspage.find(FIRST.mark)
    await statuspage.find(FIRST.mark)
    at = [each.at for each in page.journal]
    assert [after - before for before, after in pairwise(at)] == [timedelta(seconds=1)] * 2


async def test_what_is_refused_for_good_says_why_and_never_the_key(
    page: StatuspageStandIn, statuspage: Statuspage, clock: Clock
) -> None:
    with pytest.raises(IntegrationError) as refused:
        await statuspage.open(replace(FIRST, components={"nowhere": "operational"}))
    assert refused.value.permanent
    assert str(refused.value) == "Statuspage answered 422: Component is not on this page."

    page.faults.add("open_incident", Reply(422, body=json.dumps({"error": f"what is {page.key}?\x1b[2J"})))
    with pytest.raises(IntegrationError) as echoed:
        await statuspage.open(FIRST)
    assert str(echoed.value) == "Statuspage answered 422: what is …?[2J."

    page.faults.add("open_incident", Reply(302, headers={"Location": "https://elsewhere.example"}))
    with pytest.raises(IntegrationError, match=r"^Statuspage answered 302\.$") as led:
        await statuspage.open(FIRST)
    assert led.value.permanent

    key, page.key = page.key, "another"
    with pytest.raises(IntegrationError) as unknown:
        await statuspage.open(FIRST)
    assert unknown.value.permanent
    said = "Statuspage answered 401: Could not authenticate. Is BACKSTOP_STATUSPAGE_KEY right?"
    assert str(unknown.value) == said
    page.key, page.page = key, "another"
    with pytest.raises(Gone) as gone:
        await statuspage.open(FIRST)
    said = "Statuspage answered 404: Record not found. Is BACKSTOP_STATUSPAGE_PAGE right?"
    assert str(gone.value) == said
    assert page.incidents == []


async def test_a_page_that_cannot_be_reached_took_nothing(
    page: StatuspageStandIn, statuspage: Statuspage
) -> None:
    await page.__aexit__(None, None, None)
    with pytest.raises(IntegrationError, match=r"^Statuspage cannot be reached\.$") as away:
        await statuspage.open(FIRST)
    assert not away.value.permanent
    assert not isinstance(away.value, Ambiguous)
    await page.__aenter__()


async def test_looking_changes_nothing(page: StatuspageStandIn, statuspage: Statuspage) -> None:
    assert await statuspage.name() == "The shop"
    assert await statuspage.component(COMPONENT) == COMPONENT.title()
    assert await statuspage.component("nowhere") is None
    assert {each.method for each in page.journal} == {"GET"}
