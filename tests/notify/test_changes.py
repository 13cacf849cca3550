"""The issue of a change, to which the decisions of an incident are written."""

from __future__ import annotations

import pytest

from bot.core.events import ChangeNamed, Decided, NoteAdded
from bot.sandbox.jira import Drop, Issue
from integrations.contract import IntegrationError
from tests.integrations.jira.conftest import document
from tests.notify.test_record import DECLARED, Desk, desk, words

__all__ = ["desk"]

CHANGED = DECLARED.model_copy(update={"change": "OPS-1"})
OVERRULED = Decided(option="rollback", why="it is old", proposal="wait", overridden=("V7",))


def the_change(desk: Desk) -> Issue:
    return desk.jira.site.create(type="Task", summary="Put 2.4.0 out", description=document("ours"))


async def test_decisions_are_one_edited_comment_and_the_issues_are_linked_once(desk: Desk) -> None:
    change = the_change(desk)
    theirs = desk.jira.person_comments("OPS-1", document("we looked too"))
    before = (change.summary, change.description)
    await desk.happens(CHANGED, OVERRULED, NoteAdded(text="looking"))
    assert (change.summary, change.description) == before
    assert [comment.author for comment in change.comments] == ["person", "backstop"]
    assert theirs.body == document("we looked too")
    assert "going over V7" in " ".join(words(change.comments[1].body))
    assert desk.jira.issues["OPS-2"].links == [("Relates", "OPS-1")]
    assert len(desk.jira.asked("link")) == 1
    assert "going over V7" in (desk.out / "INC-1" / "change-record.md").read_text()


async def test_a_change_that_is_named_later_is_written_to_and_linked_and_so_is_another_one(
    desk: Desk,
) -> None:
    first, second = the_change(desk), the_change(desk)
    await desk.happens(DECLARED, OVERRULED, ChangeNamed(change="OPS-1"))
    await desk.happens(ChangeNamed(change="OPS-2"))
    assert "going over V7" in " ".join(words(second.comments[0].body))
    assert desk.jira.issues["OPS-3"].links == [("Relates", "OPS-1"), ("Relates", "OPS-2")]
    await desk.happens(ChangeNamed(change=None), NoteAdded(text="looking"))
    assert [len(each.comments) for each in (first, second)] == [1, 1]
    assert len(desk.jira.asked("link")) == 2


async def test_what_people_write_around_our_comment_stays(desk: Desk) -> None:
    change = the_change(desk)
    await desk.happens(CHANGED)
    change.comments[0].body["content"].insert(0, document("ours")["content"][0])
    await desk.happens(OVERRULED)
    text = list(words(change.comments[0].body))
    assert text[0] == "ours"
    assert "going over V7" in " ".join(text)


@pytest.mark.parametrize("operation", ["add_comment", "link"])
async def test_an_answer_that_was_lost_makes_nothing_twice(desk: Desk, operation: str) -> None:
    change = the_change(desk)
    await desk.told(CHANGED)
    if operation == "add_comment":
        await desk.notify.handle("INC-1")
        change.comments.clear()
    desk.jira.faults.add(operation, Drop())
    await desk.told(OVERRULED)
    desk.clock.advance(60)
    with pytest.raises(IntegrationError):
        await desk.notify.handle("INC-1")
    desk.clock.advance(60)
    await desk.notify.handle("INC-1")
    assert len(change.comments) == 1
    assert desk.jira.issues["OPS-2"].links == [("Relates", "OPS-1")]


async def test_a_change_that_jira_does_not_know_is_told_and_keeps_nothing_back(desk: Desk) -> None:
    await desk.told(DECLARED.model_copy(update={"change": "OPS-99"}), OVERRULED)
    with pytest.raises(IntegrationError):
        await desk.notify.handle("INC-1")
    [told] = await desk.troubles()
    assert told.startswith("Jira refused reading the comments of OPS-99 (HTTP 404)")
    assert "rollback" in desk.comments[0]
    assert "going over V7" in (desk.out / "INC-1" / "change-record.md").read_text()
