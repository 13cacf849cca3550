"""What is left to do after an incident: asked for, written down, and in the post-mortem."""

from __future__ import annotations

from bot.core import events
from bot.core.actions import action_text, outcome_text
from bot.core.cards.incident import incident_card
from bot.core.document import Document, plain
from bot.core.effects import follow
from bot.core.postmortem import postmortem
from bot.core.tasks import Task
from tests.core.story import DECLARED, Story, at

URL = "https://backstop.example/incidents/INC-1"
ALERT = events.TaskGiven(number=1, what="Alert on lag", to="bo", due=at(900), follow_up=True)
TRACKED = events.TaskTracked(number=1, system="jira", key="OPS-2", url="https://jira.example/OPS-2")


def story_of(*later: events.Event) -> Story:
    story = Story()
    story.in_incident(0, DECLARED)
    story.in_incident(10, ALERT)
    for event in later:
        story.in_incident(20, event, by="bo")
    return story


def action(story: Story) -> Task:
    [task] = story.incident.tasks
    return task


def text(story: Story) -> str:
    return plain(action_text(story.incident, action(story), URL))


def outcome(story: Story) -> str:
    return plain(outcome_text(story.incident, action(story)))


def test_an_action_says_what_is_to_be_done_whose_it_is_and_by_when() -> None:
    said = text(story_of())
    assert "To do     Alert on lag" in said
    assert "Owner     @bo" in said
    assert "Until INC-1 is closed the owner is reminded" in said
    assert "OPS-1" not in said

    linked = events.IssueLinked(system="jira", key="OPS-1", url="https://jira.example/OPS-1")
    assert "OPS-1" in text(story_of(linked))
    assert "reminded" not in text(story_of(events.TaskDone(number=1)))


def test_what_came_of_an_action_is_said_with_what_happens_next() -> None:
    done = outcome(story_of(events.TaskDone(number=1, note="it pages now")))
    assert "T1 of INC-1 was said to be done" in done
    assert "by @bo. it pages now." in done
    assert "Backstop leaves the status of this issue to you." in done
    back = outcome(story_of(events.TaskHandedBack(number=1, why="")))
    assert back.rstrip().endswith("by @bo. `task T1 @name` gives it to somebody.")
    again = outcome(story_of(events.TaskHandedBack(number=1, why="no time"), ALERT))
    assert "T1 of INC-1 was given again: @bo has it until" in again


def test_an_issue_stays_that_of_its_action_when_it_is_given_again() -> None:
    assert action(story_of(TRACKED, ALERT)).issue == TRACKED


def test_actions_stand_among_the_action_items_and_not_among_the_tasks() -> None:
    story = story_of(TRACKED)
    told = plain(postmortem(story.incident, story.entries, [], [], now=at(60)))
    before, after = told.split("Action items")
    assert "T1 Alert on lag" not in before
    assert "T1 Alert on lag" in after
    assert "OPS-2" in after
    untracked = story_of()
    assert "none yet" in plain(postmortem(untracked.incident, untracked.entries, [], [], now=at(60)))


def test_the_card_shows_the_issue_of_an_action() -> None:
    story = story_of(TRACKED)
    card: Document = incident_card(story.incident, runs=[], freezes=[], recent=story.entries, now=at(30))
    assert "OPS-2" in plain(card)
    assert "is recorded in jira" not in plain(card)


def test_whoever_has_a_late_action_is_asked_again_and_of_a_task_once() -> None:
    once = events.TaskOverdue(number=1, due=ALERT.due)
    daily = events.TaskOverdue(number=1, due=ALERT.due, again=at(2_340))
    assert not action(story_of(once)).late(at(5_000))
    assert [action(story_of(daily)).late(at(minute)) for minute in (2_339, 2_340)] == [False, True]
    assert "task-due" not in {effect.kind for effect in follow(story_of(once).entries[-1], "INC-1")}
    [timer] = [each for each in follow(story_of(daily).entries[-1], "INC-1") if each.kind == "task-due"]
    assert timer.not_before == at(2_340)
