"""The client against the stand-in: what is done, and that a bad day does nothing twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from pydantic import SecretStr

from bot.sandbox.faults import Drop, Fault, Hold, Reply, failing, maintenance, rate_limited
from bot.sandbox.pagerduty import PagerDutyStandIn
from integrations.contract import IntegrationError
from integrations.pagerduty import Account, Ambiguous, PagerDuty, RateLimited, Target, Unauthorized
from tests.integrations.pagerduty.conftest import SENDER, opened


async def error_of(asking: Awaitable[object]) -> IntegrationError:
    with pytest.raises(IntegrationError) as caught:
        await asking
    assert "\n" not in str(caught.value)
    return caught.value


def someone(account: PagerDutyStandIn, **given: str) -> PagerDuty:
    told = {"token": account.token, "sender": SENDER, "url": account.url, **given}
    return PagerDuty(Account(SecretStr(told["token"]), told["sender"], told["url"]))


async def test_an_incident_is_opened_once_for_its_key(
    account: PagerDutyStandIn, pagerduty: PagerDuty
) -> None:
    first = await opened(pagerduty)
    assert await opened(pagerduty) == first
    [incident] = account.incidents
    assert (incident.key, incident.service, incident.urgency) == ("backstop-INC-1", "PSHOP01", "high")
    assert incident.title == "INC-1: Orders are wrong"


async def test_a_key_that_is_open_already_is_found_when_the_look_before_missed_it(
    account: PagerDutyStandIn, pagerduty: PagerDuty
) -> None:
    first = await opened(pagerduty)
    account.faults.add("list_incidents", Reply(200, '{"incidents": []}'))
    assert await opened(pagerduty) == first
    assert len(account.incidents) == 1


async def test_an_incident_whose_answer_was_lost_is_found_afterwards(
    account: PagerDutyStandIn, pagerduty: PagerDuty
) -> None:
    account.faults.add("open_incident", Drop())
    assert isinstance(await error_of(opened(pagerduty)), Ambiguous)
    await opened(pagerduty)
    assert len(account.incidents) == 1


async def test_an_incident_is_acknowledged_resolved_and_opened_again(
    account: PagerDutyStandIn, pagerduty: PagerDuty
) -> None:
    id = await opened(pagerduty)
    await pagerduty.move(id, "acknowledged")
    assert (await pagerduty.incident(id)).status == "acknowledged"
    await pagerduty.move(id, "resolved", "Totals are right.")
    [incident] = account.incidents
    assert (incident.status, incident.resolution) == ("resolved", "Totals are right.")
    await pagerduty.move(id, "acknowledged")
    assert account.incidents[0].status == "acknowledged"


async def test_what_was_written_can_be_looked_for(account: PagerDutyStandIn, pagerduty: PagerDuty) -> None:
    id = await opened(pagerduty)
    assert not await pagerduty.has_note(id, "[INC-1 update 1]")
    await pagerduty.note(id, "[INC-1 update 1] Restoring & <hoping>")
    assert await pagerduty.has_note(id, "[INC-1 update 1]")
    await pagerduty.status_update(id, "[INC-1 update 1] Restoring")
    assert account.incidents[0].updates == ["[INC-1 update 1] Restoring"]
    await pagerduty.ask(id, "[INC-1 page 2] Look at the orders", [Target("PDBA001", "escalation_policy")])
    assert await pagerduty.has_asked(id, "[INC-1 page 2]")
    assert not await pagerduty.has_asked(id, "[INC-1 page 3]")
    [asked] = account.incidents[0].responders
    assert account.records.users[asked.user].name == "Bo"


async def test_who_is_on_call_is_the_first_level_by_e_mail(pagerduty: PagerDuty) -> None:
    found = await pagerduty.on_call("escalation_policy", ["PDBA001", "PSHOP02", "PNOBODY"])
    emails = {id: [each.email for each in people] for id, people in found.items()}
    assert emails == {"PDBA001": ["bo@example.com"], "PSHOP02": ["cy@example.com"], "PNOBODY": []}
    assert await pagerduty.on_call("schedule", []) == {}


async def test_who_is_on_a_schedule_is_on_call_wherever_the_schedule_stands(pagerduty: PagerDuty) -> None:
    found = await pagerduty.on_call("schedule", ["PSCHED1", "PNOBODY"])
    assert [each.email for each in found["PSCHED1"]] == ["ana@example.com"]
    assert found["PNOBODY"] == ()
    assert found["PSCHED1"][0].id == await pagerduty.user("ana@example.com")


async def test_a_long_list_of_who_is_on_call_is_read_to_its_end(
    account: PagerDutyStandIn, pagerduty: PagerDuty
) -> None:
    many = [account.person(f"P{n}", f"p{n}@example.com").email for n in range(150)]
    account.schedule("PMANY01", *many)
    found = await pagerduty.on_call("schedule", ["PMANY01"])
    assert [each.email for each in found["PMANY01"]] == many
    assert len(account.asked("on_call")) == 2


async def test_an_incident_is_made_urgent_and_stays_as_it_is_otherwise(
    account: PagerDutyStandIn, pagerduty: PagerDuty
) -> None:
    made = await pagerduty.open("k", service="PSHOP01", title="t", details="", urgency="low")
    await pagerduty.urge(made.id)
    [incident] = account.incidents
    assert (incident.urgency, incident.status) == ("high", "triggered")


async def test_people_are_found_by_e_mail_in_any_case(pagerduty: PagerDuty) -> None:
    id = await pagerduty.user("BO@example.com")
    assert id
    assert await pagerduty.email(id) == "bo@example.com"
    assert await pagerduty.user("o@example.com") is None


LOST: list[Fault] = [Drop(), Drop("before"), failing(500), failing(503, when="after"), maintenance()]


@pytest.mark.parametrize("fault", LOST, ids=str)
async def test_a_write_whose_answer_was_lost_is_sent_once_and_said_to_be_in_doubt(
    account: PagerDutyStandIn, pagerduty: PagerDuty, fault: Fault
) -> None:
    id = await opened(pagerduty)
    writes: dict[str, Callable[[], Awaitable[None]]] = {
        "add_note": lambda: pagerduty.note(id, "text"),
        "status_update": lambda: pagerduty.status_update(id, "text"),
        "ask_responders": lambda: pagerduty.ask(id, "text", [Target("PSHOP02", "escalation_policy")]),
        "change_incident": lambda: pagerduty.move(id, "acknowledged"),
    }
    for operation, write in writes.items():
        account.faults.add(operation, fault)
        assert isinstance(await error_of(write()), Ambiguous)
        assert len(account.asked(operation)) == 1


async def test_a_slow_write_is_in_doubt_and_not_sent_again(account: PagerDutyStandIn) -> None:
    pagerduty = PagerDuty(Account(SecretStr(account.token), SENDER, account.url), time_limits_s=(3.0, 0.2))
    id = await opened(pagerduty)
    account.faults.add("add_note", Hold())
    assert "did not answer in time" in str(await error_of(pagerduty.note(id, "text")))
    assert len(account.asked("add_note")) == 1
    account.faults.release()
    await pagerduty.close()


@pytest.mark.parametrize("fault", [Drop(), failing(502), maintenance()], ids=str)
async def test_a_read_that_failed_may_be_repeated(
    account: PagerDutyStandIn, pagerduty: PagerDuty, fault: Fault
) -> None:
    id = await opened(pagerduty)
    account.faults.add("get_incident", fault)
    error = await error_of(pagerduty.incident(id))
    assert not error.permanent
    assert not isinstance(error, Ambiguous)
    assert len(account.asked("get_incident")) == 1


@pytest.mark.parametrize(
    ("fault", "pause"),
    [
        (rate_limited("17"), 17.0),
        (rate_limited(), None),
        (rate_limited(ratelimit_reset="42"), 42.0),
        (rate_limited("soon"), None),
        (
            rate_limited("Mon, 23 Nov 2026 02:10:30 GMT", Date="Mon, 23 Nov 2026 02:10:10 GMT"),
            20.0,
        ),
    ],
    ids=str,
)
async def test_too_many_requests_did_nothing_and_say_how_long_to_wait(
    account: PagerDutyStandIn, pagerduty: PagerDuty, fault: Fault, pause: float | None
) -> None:
    id = await opened(pagerduty)
    account.faults.add("add_note", fault)
    error = await error_of(pagerduty.note(id, "text"))
    assert isinstance(error, RateLimited)
    assert error.retry_after == pause
    assert account.incidents[0].notes == []
    assert len(account.asked("add_note")) == 1


async def test_a_token_that_is_not_accepted_says_what_to_do_and_nothing_of_itself(
    account: PagerDutyStandIn,
) -> None:
    pagerduty = someone(account, token="u+expired-8f31")
    error = await error_of(opened(pagerduty))
    assert isinstance(error, Unauthorized)
    assert "BACKSTOP_PAGERDUTY_TOKEN" in str(error)
    assert "8f31" not in str(error)
    await pagerduty.close()


async def test_a_sender_whom_nobody_knows_is_named_with_the_setting(account: PagerDutyStandIn) -> None:
    pagerduty = someone(account, sender="nobody@example.com")
    told = str(await error_of(opened(pagerduty)))
    assert "From header names nobody" in told
    health = await pagerduty.health({})
    assert not health.ok
    assert "BACKSTOP_PAGERDUTY_FROM" in health.problems[0]
    await pagerduty.close()


async def test_health_names_the_services_that_are_not_there(pagerduty: PagerDuty) -> None:
    assert (await pagerduty.health({"checkout": "PSHOP01"})).ok
    health = await pagerduty.health({"checkout": "PSHOP01", "storefront": "PGONE99"})
    assert not health.ok
    assert "storefront: PagerDuty refused looking at the service PGONE99" in health.problems[0]


@pytest.mark.parametrize("url", ["http://api.pagerduty.com", "ftp://127.0.0.1", "api.pagerduty.com"])
async def test_only_https_is_spoken_except_on_this_machine(account: PagerDutyStandIn, url: str) -> None:
    pagerduty = someone(account, url=url)
    error = await error_of(opened(pagerduty))
    assert error.permanent
    assert "https://api.eu.pagerduty.com" in str(error)
    await pagerduty.close()


async def test_a_token_that_cannot_be_sent_is_not_sent(account: PagerDutyStandIn) -> None:
    pagerduty = someone(account, token="tökén")
    assert "copy it again" in str(await error_of(opened(pagerduty)))
    await pagerduty.close()


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (403, '{"error": {"message": "Access Denied"}}', "does not allow adding a note to"),
        (402, "{}", "cannot do it: adding a note to"),
        (400, '{"error": {"errors": ["too long", "and wide"]}}', "(HTTP 400): too long; and wide."),
        (400, "no json", "(HTTP 400)."),
        (400, '"words"', "(HTTP 400)."),
        (302, "", "(HTTP 302)."),
    ],
)
async def test_a_refusal_is_for_good_and_says_what_pagerduty_said(
    account: PagerDutyStandIn, pagerduty: PagerDuty, status: int, body: str, told: str
) -> None:
    id = await opened(pagerduty)
    account.faults.add("add_note", Reply(status, body))
    error = await error_of(pagerduty.note(id, "text"))
    assert error.permanent
    assert told in str(error)


@pytest.mark.parametrize("body", ["{}", "[]", '{"incident": {"id": "Q1"}}', "{"])
async def test_an_answer_of_another_shape_leaves_a_write_in_doubt(
    account: PagerDutyStandIn, pagerduty: PagerDuty, body: str
) -> None:
    account.faults.add("open_incident", Reply(201, body))
    assert isinstance(await error_of(opened(pagerduty)), Ambiguous)


async def test_a_key_is_refused_for_another_reason_when_no_incident_is_there(
    account: PagerDutyStandIn, pagerduty: PagerDuty
) -> None:
    missing = pagerduty.open("k", service="PGONE99", title="t", details="", urgency="low")
    assert "Service not found" in str(await error_of(missing))


async def test_nobody_listening_is_no_doubt(account: PagerDutyStandIn) -> None:
    pagerduty = someone(account, url="http://127.0.0.1:9")
    error = await error_of(opened(pagerduty))
    assert str(error) == "PagerDuty cannot be reached."
    assert not isinstance(error, Ambiguous)
    await pagerduty.close()
