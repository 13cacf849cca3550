"""What is asked of an Alertmanager, over the wire, and what its answers mean."""

from __future__ import annotations

import json
from datetime import timedelta

import aiohttp
import pytest

from bot.sandbox.alertmanager import AlertmanagerStandIn
from bot.sandbox.faults import Drop, Fault, Reply, failing, maintenance, rate_limited
from integrations.alertmanager import Address, Alertmanager
from integrations.contract import IntegrationError
from integrations.refusals import RateLimited
from tests.clock import Clock
from tests.integrations.alertmanager.conftest import TOKEN, client

LABELS = {"service": "orders", "environment": "production"}
ALERT = {"alertname": "Down", "severity": "critical", **LABELS}
MARK = "backstop RUN-9.4.0123456789abcdef"
WHY = "RUN-9 restores orders"
LEASE = timedelta(minutes=15)


async def placed(alertmanager: Alertmanager, clock: Clock) -> None:
    await alertmanager.place(LABELS, mark=MARK, why=WHY, ends=clock() + LEASE)


async def test_a_silence_names_whose_it_is_and_covers_only_its_labels(
    there: AlertmanagerStandIn, alertmanager: Alertmanager, clock: Clock
) -> None:
    await placed(alertmanager, clock)
    [asked] = there.journal
    assert (asked.method, asked.path_qs) == ("POST", "/api/v2/silences")
    assert json.loads(asked.request) == {
        "matchers": [
            {"name": "environment", "value": "production", "isRegex": False, "isEqual": True},
            {"name": "service", "value": "orders", "isRegex": False, "isEqual": True},
        ],
        "startsAt": "2026-11-23T02:09:59Z",
        "endsAt": "2026-11-23T02:25:00Z",
        "createdBy": "backstop",
        "comment": "RUN-9 restores orders [backstop RUN-9.4.0123456789abcdef]",
    }
    assert there.silent(ALERT)
    assert not there.silent({**ALERT, "service": "checkout"})
    clock.advance(LEASE.total_seconds())
    assert not there.silent(ALERT)


async def test_a_silence_is_found_by_its_mark_among_those_of_its_labels(
    there: AlertmanagerStandIn, alertmanager: Alertmanager, clock: Clock
) -> None:
    await alertmanager.place(LABELS, mark="backstop RUN-8.4.x", why=WHY, ends=clock() + LEASE)
    await placed(alertmanager, clock)
    await alertmanager.place({"service": "checkout"}, mark=MARK, why=WHY, ends=clock() + LEASE)
    [found] = await alertmanager.find(LABELS, MARK)
    assert (found.id, found.active, found.ends) == (there.silences[1].id, True, clock() + LEASE)
    await alertmanager.expire(found.id)
    [ended] = await alertmanager.find(LABELS, MARK)
    assert (ended.active, ended.ends) == (False, clock())
    clock.advance(5)
    await placed(alertmanager, clock)
    assert [each.active for each in await alertmanager.find(LABELS, MARK)] == [True, False]


@pytest.mark.parametrize("in_place", [True, False], ids=["in its place", "by a new one"])
async def test_a_silence_is_made_longer_and_stays_one(
    there: AlertmanagerStandIn, alertmanager: Alertmanager, clock: Clock, *, in_place: bool
) -> None:
    there.in_place = in_place
    await placed(alertmanager, clock)
    clock.advance(300.25)
    [found] = await alertmanager.find(LABELS, MARK)
    ends = clock() + LEASE
    await alertmanager.place(LABELS, mark=MARK, why=WHY, ends=ends, over=found)
    [now] = there.in_force
    assert (now.id == found.id, now.ends) == (in_place, ends.replace(microsecond=0))


async def test_ending_what_is_gone_is_no_error(alertmanager: Alertmanager) -> None:
    await alertmanager.expire("e5a1a0d0-7c3a-4c3f-9a53-1c2d3e4f5a6b")


async def test_the_version_is_read(there: AlertmanagerStandIn, alertmanager: Alertmanager) -> None:
    assert await alertmanager.version() == "0.28.1"
    there.faults.add("get_status", Reply(200, body="{}"))
    assert await alertmanager.version() == "of a version it does not say"


async def test_a_password_or_a_token_or_nothing_lets_in(clock: Clock) -> None:
    async with AlertmanagerStandIn(now=clock, token=TOKEN, user="backstop") as there:
        assert await client(there, clock, user="backstop").version()
        for wrong in (client(there, clock), client(there, clock, token="")):
            with pytest.raises(IntegrationError) as problem:
                await wrong.version()
            assert problem.value.permanent
            assert str(problem.value) == (
                "Alertmanager answered 401 to GET: Unauthorized. "
                "Are BACKSTOP_ALERTMANAGER_USER and BACKSTOP_ALERTMANAGER_SECRET right?"
            )
    async with AlertmanagerStandIn(now=clock) as there:
        assert await client(there, clock, token="").version()


WRONG: list[tuple[Fault, bool, str]] = [
    (Drop(), False, "Alertmanager did not answer (ServerDisconnectedError)."),
    (failing(500), False, "Alertmanager answered 500 to POST."),
    (Reply(408), False, "Alertmanager answered 408 to POST."),
    (
        maintenance(),
        False,
        "Alertmanager answered with something that is not the id of a silence. Is something in between?",
    ),
    (
        Reply(403, body=json.dumps(f"no silences for {TOKEN}")),
        True,
        "Alertmanager answered 403 to POST: no silences for …. "
        "May those of BACKSTOP_ALERTMANAGER_USER and BACKSTOP_ALERTMANAGER_SECRET do that?",
    ),
    (
        Reply(422, body='{"code": 602, "message": "matchers in body is required"}'),
        True,
        "Alertmanager answered 422 to POST: matchers in body is required.",
    ),
    (
        Reply(404, body="nothing"),
        True,
        "Alertmanager answered 404 to POST. Is BACKSTOP_ALERTMANAGER_URL right?",
    ),
    (Reply(302), True, "Alertmanager answered 302 to POST."),
]


@pytest.mark.parametrize(("fault", "for_good", "text"), WRONG, ids=[str(each[0]) for each in WRONG])
async def test_what_goes_wrong_is_a_sentence_without_a_secret(
    there: AlertmanagerStandIn,
    alertmanager: Alertmanager,
    clock: Clock,
    fault: Fault,
    text: str,
    *,
    for_good: bool,
) -> None:
    there.faults.add("post_silence", fault)
    with pytest.raises(IntegrationError) as problem:
        await placed(alertmanager, clock)
    assert (str(problem.value), problem.value.permanent) == (text, for_good)
    assert TOKEN not in repr(problem.value)


@pytest.mark.parametrize(
    "body", ["{}", '[{"id": "x"}]', '[{"comment": "backstop RUN-9.4.0123456789abcdef"}]']
)
async def test_a_list_of_something_else_is_not_taken_for_silences(
    there: AlertmanagerStandIn, alertmanager: Alertmanager, body: str
) -> None:
    there.faults.add("list_silences", Reply(200, body=body))
    if body == '[{"id": "x"}]':
        assert await alertmanager.find(LABELS, MARK) == []
        return
    with pytest.raises(IntegrationError, match="Is something in between"):
        await alertmanager.find(LABELS, MARK)


@pytest.mark.parametrize(("after", "seconds"), [("7", 7), ("", 10), ("0", 1), ("86400", 300)])
async def test_a_rest_that_is_asked_for_is_passed_on(
    there: AlertmanagerStandIn, alertmanager: Alertmanager, clock: Clock, after: str, seconds: float
) -> None:
    there.faults.add("post_silence", rate_limited(after or None))
    with pytest.raises(RateLimited) as problem:
        await placed(alertmanager, clock)
    assert problem.value.retry_after == seconds


async def test_an_alertmanager_that_is_not_there_is_said_to_be_away(clock: Clock) -> None:
    away = Alertmanager(Address("http://127.0.0.1:9"), aiohttp.ClientSession, now=clock)
    with pytest.raises(IntegrationError, match="cannot be reached") as problem:
        await away.version()
    assert not problem.value.permanent
