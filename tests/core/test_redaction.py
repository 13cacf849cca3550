"""What is removed is only what was said; whatever else an event decides stays as it was."""

from __future__ import annotations

import pytest

from bot.core.corrections import with_corrections
from bot.core.events import (
    Corrected,
    Correction,
    Event,
    HandoffOffered,
    MergedIn,
    NoteAdded,
    Probed,
    TaskDone,
    TaskGiven,
)
from bot.core.redaction import REMOVED, said_fields, said_in, telling, without, wordless
from tests.core.everything import SAMPLES
from tests.core.story import Story, at, planned

STREAM = "incident/INC-1"


@pytest.mark.parametrize("event", [event for _, event in SAMPLES], ids=lambda event: event.kind)
def test_an_event_without_its_words_decides_the_same(event: Event) -> None:
    bare = wordless(event)
    kept, there, said = event.model_dump(), bare.model_dump(), said_fields(type(event))
    assert {n: v for n, v in there.items() if n not in said} == {
        n: v for n, v in kept.items() if n not in said
    }
    assert said_in(bare) == []
    assert without(event, "\x00never said") == event


@pytest.mark.parametrize(
    "event",
    [
        TaskGiven(number=1, what="type hunter2", to="bo", due=at(9)),
        TaskDone(number=1, note="hunter2 works"),
        HandoffOffered(to="bo", stands="log in with hunter2"),
        MergedIn(incident="INC-2", title="Slow", why="same", impact="hunter2 is public"),
    ],
    ids=lambda event: event.kind,
)
def test_words_are_removed_wherever_people_say_them(event: Event) -> None:
    assert "hunter2" not in without(event, "hunter2").model_dump_json()


def test_words_are_removed_inside_texts_and_lists_of_them() -> None:
    event = Probed(probe="backups", unanswered={"backup_verified": "hunter2 was refused, hunter2!"})
    changed = without(event, "hunter2")
    assert changed == Probed(
        probe="backups", unanswered={"backup_verified": f"{REMOVED} was refused, {REMOVED}!"}
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("the password is hunter2, he says", {"hunter2"}),
        ("Log in as admin (or Maria): s3", {"Maria"}),
        ("open-sesame", {"open-sesame"}),
        ("it was the SECRET word", {"SECRET"}),
        ("Orders are wrong", set()),
    ],
)
def test_what_stands_out_is_not_an_ordinary_word(text: str, found: set[str]) -> None:
    assert telling([text]) == {text, *found}
    assert telling(["s3"]) == set()


def _corrected(*corrections: Corrected) -> Story:
    story = planned()
    story.tell(STREAM, at(1), "bo", NoteAdded(text="4 s behind"), told=at(30))
    for minute, correction in enumerate(corrections, 31):
        story.tell(STREAM, at(minute), "ana", correction)
    return story


def test_a_later_correction_says_only_what_it_changes() -> None:
    story = _corrected(Corrected(of=4, text="40 s behind"), Corrected(of=4, at=at(2)))
    [note] = [entry for entry in with_corrections(story.entries) if entry.corrected]
    assert note.corrected == Correction(6, "ana", "40 s behind", at(2))
    assert note.occurred_at == at(2)
    assert note.event == NoteAdded(text="4 s behind")
