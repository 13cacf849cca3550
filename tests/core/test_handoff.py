"""The command is offered and taken; what is said of an offer follows what became of it."""

from __future__ import annotations

from dataclasses import replace

from bot.core.cards import said
from bot.core.cards.catchup import MOST, catchup_card
from bot.core.document import plain
from bot.core.events import Event, HandoffEnded, HandoffOffered, HandoffUnanswered, NoteAdded, UpdatePosted
from tests.core.story import Story, at, planned

STREAM = "incident/INC-1"


def _told(*events: Event) -> Story:
    story = planned()
    for minute, event in enumerate(events, 1):
        story.tell(STREAM, at(minute), "ana", event)
    return story


def _last_said(story: Story) -> str:
    document = said(story.entries[-1], incident=story.incident, run=None, freeze=None)
    return plain(document) if document else ""


def test_who_hands_over_tells_what_the_last_update_said() -> None:
    update = UpdatePosted(
        number=1, conditions="wrong prices", actions="restoring", needs="none", next_by=None
    )
    told = _last_said(_told(update, HandoffOffered(to="bo")))
    assert "wrong prices" in told
    assert "RUN-1" in told
    assert "Take command" in told


def test_a_reminder_that_comes_after_the_answer_is_not_said() -> None:
    story = _told(HandoffOffered(to="bo"), HandoffEnded(offer=4, to="bo", how="declined"))
    story.tell(STREAM, at(3), "backstop", HandoffUnanswered(offer=4, to="bo"))
    assert story.incident.handoff is None
    assert _last_said(story) == ""


def test_whoever_was_long_away_reads_the_newest_lines_and_how_many_there_were() -> None:
    story = _told(*(NoteAdded(text=f"note {number}") for number in range(MOST + 5)))
    card = catchup_card(
        replace(story.incident, updated_at=None),
        runs=(),
        freezes=(),
        story=story.entries,
        since=at(0),
        now=at(40),
    )
    text = plain(card)
    assert f"the last {MOST} of " in text
    assert "note 2 " not in text
    assert f"note {MOST + 4}" in text
