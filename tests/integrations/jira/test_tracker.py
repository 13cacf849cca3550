import asyncio
from dataclasses import replace

import pytest

from bot.sandbox.jira import Drop, Hold, JiraStandIn, Reply, failing, maintenance
from integrations.jira import JiraTracker, Unanswered
from tests.integrations.jira.conftest import LABEL, REF, TEXT, ensure, error_of, site, stored


async def test_an_issue_is_made_with_its_label_and_property_in_one_request(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    issue = await tracker.ensure_issue(REF, summary="INC-42 checkout", text=TEXT)
    assert (issue.key, issue.url, issue.duplicates) == ("OPS-1", f"{jira.url}/browse/OPS-1", [])
    made = jira.issues["OPS-1"]
    assert (made.summary, made.type, made.description) == ("INC-42 checkout", "Task", stored(TEXT))
    assert made.labels == ("backstop", LABEL)
    assert made.properties == {"backstop": {"ref": REF}}
    assert [each.operation for each in jira.journal] == ["server_info", "fields", "search", "create_issue"]


async def test_asking_again_finds_the_issue(jira: JiraStandIn, tracker: JiraTracker) -> None:
    assert await ensure(tracker) == await ensure(tracker) == ("OPS-1", [])
    assert len(jira.issues) == 1


async def test_an_issue_just_made_is_known_before_the_search_index_has_it(
    jira: JiraStandIn, tracker: JiraTracker, waits: list[float]
) -> None:
    jira.site.hold_index()
    assert await ensure(tracker) == await ensure(tracker, attempt=2) == ("OPS-1", [])
    assert waits == []


async def test_an_issue_that_is_gone_is_made_anew_though_the_search_index_still_names_it(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    assert await ensure(tracker) == ("OPS-1", [])
    assert await tracker.exists("OPS-1")
    gone = jira.issues["OPS-1"]
    jira.issues.pop("OPS-1")

    assert not await tracker.exists("OPS-1")
    jira.issues["OPS-1"] = gone
    assert await ensure(tracker, attempt=2) == ("OPS-2", [])


async def test_an_account_that_may_not_look_says_so_and_calls_nothing_gone(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    await ensure(tracker)
    jira.faults.add("get_issue", failing(403))
    assert "does not allow" in str(await error_of(lambda: tracker.exists("OPS-1")))


async def test_an_issue_made_by_an_earlier_process_is_adopted(
    jira: JiraStandIn, tracker: JiraTracker, waits: list[float]
) -> None:
    jira.site.create(type="Task", summary="made before the crash", labels=[LABEL])
    assert await ensure(tracker) == ("OPS-1", [])
    assert (len(jira.issues), waits) == (1, [])


async def test_a_second_attempt_believes_in_absence_only_after_several_searches(
    jira: JiraStandIn, tracker: JiraTracker, waits: list[float]
) -> None:
    assert await ensure(tracker, attempt=2) == ("OPS-1", [])
    assert waits == [5.0, 15.0, 30.0, 70.0]
    assert len(jira.asked("search")) == 5


@pytest.mark.parametrize("fault", [Drop(), failing(502, when="after"), replace(maintenance(), when="after")])
async def test_a_create_whose_answer_was_lost_is_found_and_not_repeated(
    jira: JiraStandIn, tracker: JiraTracker, waits: list[float], fault: Drop | Reply
) -> None:
    jira.faults.add("create_issue", fault)
    assert await ensure(tracker) == ("OPS-1", [])
    assert len(jira.asked("create_issue")) == 1
    assert waits == []


async def test_a_lost_create_is_searched_for_until_the_index_has_it(jira: JiraStandIn) -> None:
    waited: list[float] = []

    async def wait(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 3:
            jira.site.catch_up()

    tracker = JiraTracker(site(jira), wait=wait)
    jira.site.hold_index()
    jira.faults.add("create_issue", Drop())
    assert await ensure(tracker) == ("OPS-1", [])
    assert (len(jira.issues), waited) == (1, [5.0, 15.0, 30.0])
    await tracker.close()


async def test_a_create_that_never_arrived_is_repeated_once(
    jira: JiraStandIn, tracker: JiraTracker, waits: list[float]
) -> None:
    jira.faults.add("create_issue", Drop("before"))
    assert await ensure(tracker) == ("OPS-1", [])
    assert len(jira.asked("create_issue")) == 2
    assert len(waits) == 4


async def test_two_lost_creates_are_left_to_the_next_attempt_which_looks_first(
    jira: JiraStandIn, tracker: JiraTracker, waits: list[float]
) -> None:
    jira.faults.add("create_issue", Drop("before"), Drop("before"))
    error = await error_of(lambda: ensure(tracker))
    assert isinstance(error, Unanswered)
    assert not error.permanent
    waits.clear()
    assert await ensure(tracker) == ("OPS-1", [])
    assert len(waits) == 4


async def test_two_issues_for_one_incident_are_both_reported(jira: JiraStandIn, tracker: JiraTracker) -> None:
    jira.site.hold_index()
    jira.faults.add("create_issue", Drop())
    assert await ensure(tracker) == ("OPS-2", [])
    jira.site.catch_up()
    assert await ensure(tracker) == ("OPS-1", ["OPS-2"])
    assert len(jira.issues) == 2


async def test_keys_are_ordered_by_number(jira: JiraStandIn, tracker: JiraTracker) -> None:
    for number in range(10):
        jira.site.create(type="Task", summary="x", labels=[LABEL] if number in (8, 9) else [])
    assert await ensure(tracker) == ("OPS-9", ["OPS-10"])


async def test_an_answer_that_takes_too_long_is_an_unknown_outcome(
    jira: JiraStandIn, waits: list[float]
) -> None:
    async def wait(seconds: float) -> None:
        waits.append(seconds)

    tracker = JiraTracker(site(jira), wait=wait, time_limits_s=(3.0, 0.3))
    jira.faults.add("create_issue", Hold())
    assert await ensure(tracker) == ("OPS-1", [])
    assert len(jira.asked("create_issue")) == 1
    await tracker.close()


async def test_giving_up_waiting_does_not_make_a_second_issue(
    jira: JiraStandIn, tracker: JiraTracker
) -> None:
    hold = Hold()
    jira.faults.add("create_issue", hold)
    jira.site.hold_index()
    first = asyncio.create_task(ensure(tracker))
    await jira.wait(lambda jira: "OPS-1" in jira.issues)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(ensure(tracker))
    hold.released.set()
    assert await second == ("OPS-1", [])
    assert len(jira.asked("create_issue")) == 1


async def test_an_abandoned_call_that_fails_disturbs_nobody(jira: JiraStandIn, tracker: JiraTracker) -> None:
    hold = Hold(when="before")
    jira.faults.add("search", hold)
    jira.faults.add("create_issue", failing(400))
    call = asyncio.create_task(ensure(tracker))
    await jira.wait(lambda jira: bool(jira.asked("search")))
    call.cancel()
    await asyncio.wait([call])
    hold.released.set()
    await jira.wait(lambda jira: any(each.status == 400 for each in jira.asked("create_issue")))


async def test_closing_ends_a_call_that_waits_for_the_index(jira: JiraStandIn) -> None:
    waiting = asyncio.Event()

    async def wait(seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    tracker = JiraTracker(site(jira), wait=wait)
    call = asyncio.create_task(ensure(tracker, attempt=2))
    await waiting.wait()
    await tracker.close()
    await asyncio.wait([call])
    assert call.cancelled()


async def test_the_loop_stays_live_while_jira_is_slow(jira: JiraStandIn, tracker: JiraTracker) -> None:
    hold = Hold()
    jira.faults.add("search", hold)
    call = asyncio.create_task(ensure(tracker))
    await jira.wait(lambda jira: bool(jira.asked("search")))
    assert not call.done()
    hold.released.set()
    assert await call == ("OPS-1", [])


async def test_a_create_answered_without_a_key_is_looked_for(jira: JiraStandIn, tracker: JiraTracker) -> None:
    jira.faults.add("create_issue", Reply(201, "{}", when="after"))
    assert await ensure(tracker) == ("OPS-1", [])
    assert len(jira.issues) == 1
