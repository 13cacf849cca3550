"""A false alarm is over, tells who was paged what it was, and no figure counts it."""

from __future__ import annotations

from bot.core.document import plain
from bot.core.events import FalseAlarm, IncidentReopened
from bot.core.paging import wanted
from bot.core.postmortem import postmortem
from tests.core.story import Story, at, planned


def _alarmed() -> Story:
    story = planned()
    story.tell("incident/INC-1", at(20), "ana", FalseAlarm(why="a test order"))
    return story


def test_the_post_mortem_of_a_false_alarm_has_no_figures() -> None:
    story = _alarmed()
    text = plain(postmortem(story.incident, story.entries, (), (), now=at(30)))
    assert "It was a false alarm, and no figure counts it." in text
    assert "TTD" not in text


def test_who_was_paged_is_told_what_it_was() -> None:
    story = _alarmed()
    want = wanted(story.incident, story.entries, None)
    assert (want.status, want.resolution) == ("resolved", "A false alarm: a test order")


def test_what_is_reopened_was_no_false_alarm() -> None:
    story = _alarmed()
    assert not story.incident.open
    story.tell("incident/INC-1", at(30), "ana", IncidentReopened(why="customers see it too"))
    assert story.incident.open
    assert story.incident.false_alarm is None
