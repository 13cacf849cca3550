"""Actions of an incident as issues of their own, through the real client."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bot.core import incident as incidents
from bot.core.events import NoteAdded, RepairAsked, Repaired, TaskDone, TaskGiven
from bot.sandbox.faults import Fault
from bot.sandbox.jira import Drop, Issue, Reply, failing, rate_limited
from integrations.contract import IntegrationError
from tests.notify.test_record import DECLARED, RESOLVED, Desk, desk, words

__all__ = ["desk"]


async def given(desk: Desk, fault: tuple[str, Fault] | None = None) -> None:
    """Declare an incident and give bo an action; one request for it may fail."""
    await desk.happens(DECLARED)
    due = desk.clock() + timedelta(days=7)
    await desk.told(TaskGiven(number=1, what="Alert on lag", to="bo", due=due, follow_up=True))
    desk.clock.advance(60)
    if fault:
        desk.jira.faults.add(*fault)


def action(desk: Desk) -> Issue:
    found = [issue for issue in desk.jira.issues.values() if issue.summary == "INC-1 action: Alert on lag"]
    assert len(found) == 1
    return found[0]


async def notes(desk: Desk) -> list[str]:
    found = [entry.event for entry in await desk.timeline.read("incident/INC-1")]
    return [event.text for event in found if isinstance(event, NoteAdded)]


async def test_an_action_is_an_issue_and_a_file_that_say_whose_it_is(desk: Desk) -> None:
    await given(desk)
    await desk.notify.handle("INC-1")
    made = action(desk)
    assert (made.assignee, made.due, made.links) == ("bo", date(2026, 11, 30), [("Relates", "OPS-1")])
    incident = incidents.fold(await desk.timeline.read("incident/INC-1"))
    assert incident
    assert incident.tasks[0].issue
    assert incident.tasks[0].issue.key == "OPS-2"
    assert "Alert on lag" in (desk.out / "INC-1" / "action-t1.md").read_text()
    await desk.happens(TaskDone(number=1, note="it pages"))
    assert "it pages" in " ".join(words(made.comments[0].body))
    assert "done" in (desk.out / "INC-1" / "action-t1.md").read_text()


async def test_the_same_entries_ask_nothing_of_an_action_twice(desk: Desk) -> None:
    await given(desk)
    await desk.happens(TaskDone(number=1), RESOLVED)
    asked = [each for each in desk.jira.journal if each.path_qs.startswith("/rest/api/3/issue/OPS-2")]
    writes = [each for each in desk.jira.journal if each.method != "GET"]
    for _ in range(3):
        desk.clock.advance(3_600)
        await desk.notify.handle("INC-1")
    assert [each for each in desk.jira.journal if each.method != "GET"] == writes
    assert [e for e in desk.jira.journal if e.path_qs.startswith("/rest/api/3/issue/OPS-2")] == asked


@pytest.mark.parametrize("fault", [Drop(), failing(502, when="after")])
async def test_an_action_whose_answer_was_lost_is_adopted(desk: Desk, fault: Drop | Reply) -> None:
    await given(desk, ("create_issue", fault))
    await desk.notify.handle("INC-1")
    assert action(desk).key == "OPS-2"
    assert len(desk.jira.asked("create_issue")) == 2


async def test_an_action_made_before_a_crash_is_adopted_after_it(desk: Desk) -> None:
    await given(desk, ("edit_issue", Drop()))
    with pytest.raises(IntegrationError):
        await desk.notify.handle("INC-1")
    desk.clock.advance(60)
    await desk.notify.handle("INC-1")
    assert (action(desk).assignee, len(desk.jira.asked("create_issue"))) == ("bo", 2)


@pytest.mark.parametrize("operation", ["create_issue", "people", "edit_issue", "link"])
async def test_what_fails_on_the_way_is_made_up_for_and_nothing_is_made_twice(
    desk: Desk, operation: str
) -> None:
    await given(desk, (operation, rate_limited("30")))
    with pytest.raises(IntegrationError):
        await desk.notify.handle("INC-1")
    assert "Alert on lag" in (desk.out / "INC-1" / "action-t1.md").read_text()
    desk.clock.advance(60)
    await desk.notify.handle("INC-1")
    made = action(desk)
    assert (made.assignee, made.links) == ("bo", [("Relates", "OPS-1")])


async def test_what_people_write_and_change_in_the_issue_stays(desk: Desk) -> None:
    await given(desk)
    await desk.notify.handle("INC-1")
    made = action(desk)
    made.summary, made.due, made.assignee = "Alert on lag (ours)", date(2027, 1, 4), "ana"
    made.description["content"].insert(
        0, {"type": "paragraph", "content": [{"type": "text", "text": "ours"}]}
    )
    await desk.happens(TaskDone(number=1))
    assert (made.summary, made.due, made.assignee) == ("Alert on lag (ours)", date(2027, 1, 4), "ana")
    assert next(words(made.description)) == "ours"


async def test_two_issues_of_one_action_are_told_with_which_is_kept(desk: Desk) -> None:
    await given(desk)
    labels = [f"{label}-T1" for label in desk.jira.issues["OPS-1"].labels if label != "backstop"]
    for _ in range(2):
        desk.jira.site.create(type="Task", summary="from two attempts", labels=["backstop", *labels])
    await desk.notify.handle("INC-1")
    assert await notes(desk) == ["jira has several issues of T1: OPS-2 is kept, close OPS-3."]


async def test_whoever_is_not_in_the_catalog_any_more_is_only_named(desk: Desk) -> None:
    await desk.happens(DECLARED)
    due = desk.clock() + timedelta(days=7)
    await desk.happens(TaskGiven(number=1, what="Alert on lag", to="gone", due=due, follow_up=True))
    assert (action(desk).assignee, action(desk).due) == (None, None)
    assert "@gone" in " ".join(words(action(desk).description))


async def test_a_repair_makes_the_issue_of_an_action_that_was_deleted_anew(desk: Desk) -> None:
    await given(desk)
    await desk.happens(TaskDone(number=1))
    del desk.jira.site.issues["OPS-2"]
    await desk.happens(RepairAsked())
    made = action(desk)
    assert (made.key, made.assignee, made.links) == ("OPS-3", "bo", [("Relates", "OPS-1")])
    assert len(made.comments) == 1
    [repaired] = [
        entry.event
        for entry in await desk.timeline.read("incident/INC-1")
        if isinstance(entry.event, Repaired)
    ]
    assert repaired.lost == ("OPS-2, instead of which there is OPS-3",)


async def test_a_repair_puts_the_comment_of_an_action_back_and_leaves_its_issue(desk: Desk) -> None:
    await given(desk)
    await desk.happens(TaskDone(number=1))
    action(desk).comments.clear()
    await desk.happens(RepairAsked())
    assert (action(desk).key, len(action(desk).comments)) == ("OPS-2", 1)
