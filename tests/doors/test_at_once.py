"""However many say the same thing at once, through whichever door and however often, it happens once."""

from __future__ import annotations

import asyncio
from functools import partial

from bot.core.run import Run
from tests.doors.town import Town

APPROVERS = ("bo", "cy", "dee")
ACTS = ["RUN-1.stop.1", "RUN-1.restore.1", "RUN-1.go.1"]


def said_yes(town: Town, who: str) -> list[str]:
    said = [town.slack.plain(message) for message in town.slack.ephemerals(who)]
    return [text for text in said if "approved as" in text]


def people(run: Run) -> list[str]:
    return sorted(approval.person for approval in run.gates["overwrite"].approvals)


async def assert_all_three_count_once_and_everything_is_done_once(town: Town) -> None:
    run = await town.until("recovered")
    events = await town.events()
    assert [events["approved", who] for who in APPROVERS] == [1, 1, 1]
    assert people(run) == list(APPROVERS)
    assert town.world.acts == ACTS
    assert await town.app.timeline.verify() == []


async def test_three_people_press_approve_at_once_and_each_presses_twice(both_doors: Town) -> None:
    request = await both_doors.asked()

    replies = await asyncio.gather(
        *(both_doors.slack.click_late(who, request, label="Approve") for who in APPROVERS for _ in range(2))
    )

    assert all(reply.answered for reply in replies)
    await assert_all_three_count_once_and_everything_is_done_once(both_doors)
    for who in APPROVERS:
        said = await both_doors.slack.wait(partial(said_yes, both_doors, who), 15)
        assert len(said) == 1


async def test_a_press_that_slack_delivers_again_while_others_press_counts_once(both_doors: Town) -> None:
    request = await both_doors.asked()
    first = await both_doors.slack.click("bo", request, label="Approve")

    replies = await asyncio.gather(
        both_doors.slack.again(first),
        both_doors.slack.click_late("cy", request, label="Approve"),
        both_doors.slack.redeliver(first),
        both_doors.slack.click_late("dee", request, label="Approve"),
        both_doors.slack.again(first),
    )

    assert all(reply.answered for reply in replies)
    await assert_all_three_count_once_and_everything_is_done_once(both_doors)


async def test_three_people_approve_over_http_at_once_and_each_request_is_sent_three_times(
    both_doors: Town,
) -> None:
    await both_doors.asked()
    tokens = {who: await both_doors.token(who) for who in APPROVERS}

    answers = await asyncio.gather(
        *(both_doors.said(tokens[who], "approve RUN-1", "yes") for who in APPROVERS for _ in range(3))
    )

    assert {status for status, _ in answers} == {200}
    assert all(answer["ok"] for _, answer in answers), answers
    assert len({str(answer["text"]) for _, answer in answers}) == len(APPROVERS)
    await assert_all_three_count_once_and_everything_is_done_once(both_doors)


async def test_one_human_through_both_doors_at_once_is_one_approval(both_doors: Town) -> None:
    request = await both_doors.asked()
    token = await both_doors.token("bo")

    by_slack, (status, by_token) = await asyncio.gather(
        both_doors.slack.click("bo", request, label="Approve"),
        both_doors.said(token, "approve RUN-1", "yes"),
    )

    assert by_slack.answered
    assert status == 200
    assert people(await both_doors.run()) == ["bo"]
    assert (await both_doors.events())["approved", "bo"] == 1
    said = [both_doors.slack.plain(message) for message in both_doors.slack.ephemerals("bo")]
    told = await both_doors.slack.wait(lambda: said or both_doors.slack.ephemerals("bo"))
    texts = [item if isinstance(item, str) else both_doors.slack.plain(item) for item in told]
    assert by_token["ok"] != any("approved as" in text for text in texts)


async def test_a_run_that_two_doors_start_at_once_is_started_once(both_doors: Town) -> None:
    await both_doors.planned()
    token = await both_doors.token("ana")
    both_doors.slack.invite_bot("general")

    reply, *answers = await asyncio.gather(
        both_doors.slack.slash("ana", "/backstop start RUN-1"),
        *(both_doors.said(token, "start RUN-1", f"start-{number}") for number in range(3)),
    )

    assert reply.answered
    by_slack = await both_doors.answered("ana")
    assert (await both_doors.events())["run-started", "ana"] == 1
    assert await both_doors.app.timeline.lookup.freezes() == ["FRZ-1"]
    accepted = [answer for _, answer in answers if answer["ok"]]
    assert len(accepted) + ("started" in by_slack) == 1


async def test_a_yes_and_a_no_at_once_are_both_kept_and_the_no_stops(both_doors: Town) -> None:
    await both_doors.asked()
    tokens = {who: await both_doors.token(who) for who in APPROVERS}

    await asyncio.gather(
        both_doors.said(tokens["bo"], "approve RUN-1", "bo"),
        both_doors.said(tokens["cy"], 'reject RUN-1 why:"not tonight"', "cy"),
        both_doors.said(tokens["dee"], "approve RUN-1", "dee"),
    )

    run = await both_doors.until("paused")
    assert run.gates["overwrite"].rejection
    assert "RUN-1.restore.1" not in both_doors.world.acts
    assert (await both_doors.events())["rejected", "cy"] == 1
