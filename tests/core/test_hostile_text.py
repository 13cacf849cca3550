"""Whatever people type, every drawing can be made, and shows it as it is."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.core import events
from bot.core.cards import (
    abort_leaves,
    approval_card,
    describe,
    incident_card,
    plan_card,
    progress_card,
    said,
    timeline_document,
    timeline_json,
)
from bot.core.document import Document, Link, Preformatted, markdown, plain, to_json
from bot.core.postmortem import postmortem
from bot.core.update import draft
from tests.core.everything import HOSTILE, SAMPLES, entry
from tests.core.story import DECLARED, GATE, HOLDERS, PLAN, Story, at, restoring


def hostile_story(text: str) -> Story:
    steps = tuple(step.model_copy(update={"title": text, "by": text}) for step in PLAN.steps)
    plan = PLAN.model_copy(
        update={"title": text, "steps": steps, "inputs": {"target-time": text}, "problems": (text,)}
    )
    story = restoring(plan)
    first = story.entries[0]
    event = DECLARED.model_copy(update={"title": text, "release": text, "commander": text})
    story.entries[0] = type(first)(
        first.stream, 1, first.occurred_at, first.recorded_at, text, "slack", event
    )
    story.in_incident(15, events.NoteAdded(text=text, evidence=text), by=text)
    story.in_incident(15, events.ImpactStated(statement=text))
    story.in_incident(15, events.Decided(option=text, why=text, proposal=text, overridden=(text,)))
    story.in_run(16, events.StepFailed(step="restore", attempt=1, because=text, tail=text))
    story.in_run(16, events.RunPaused(why=text, step="restore"))
    return story


def drawings(story: Story, text: str) -> list[Document]:
    run, incident, now = story.run, story.incident, at(20)
    latest: dict[str, dict[str, object]] = {"restore": {"phase": text, "tail": text, "unit": text}}
    return [
        incident_card(incident, runs=[run], freezes=[story.freeze], recent=story.entries, now=now),
        plan_card(run, incident, now=now),
        approval_card(run, incident, GATE.name, holders={**HOLDERS, "app": (text,)}, now=now),
        progress_card(run, incident, latest=latest, now=now),
        abort_leaves(run),
        timeline_document(story.entries, incident),
        postmortem(incident, story.entries, [run], [story.freeze], now=now),
    ]


def spans(part: object) -> list[object]:
    """Return a document's parts, all the way down."""
    if isinstance(part, tuple | list):
        return [found for item in part for found in spans(item)]
    slots = getattr(type(part), "__slots__", ())
    return [part, *(found for name in slots for found in spans(getattr(part, name)))]


@given(HOSTILE)
def test_every_card_can_be_drawn_from_whatever_people_type(text: str) -> None:
    for document in drawings(hostile_story(text), text):
        assert plain(document)
        assert markdown(document)
        assert to_json(document)
        links = [span for span in spans(document) if isinstance(span, Link)]
        assert all(link.url.startswith(("http://", "https://")) for link in links)
    assert draft(hostile_story(text).incident, [], [], at(20)).conditions


@given(HOSTILE)
def test_what_was_typed_is_in_the_timeline_as_it_was_typed(text: str) -> None:
    rows = timeline_json(hostile_story(text).entries)
    notes = [
        row["event"]
        for row in rows
        if isinstance(row["event"], dict) and row["event"]["kind"] == "note-added"
    ]
    assert [note["text"] for note in notes] == [text]


def with_texts(event: events.Event, text: str) -> events.Event:
    """Return an event whose free texts are all the same one."""
    plain_texts = {
        name: text
        for name, value in event
        if type(value) is str and name not in ("kind", "cause", "lift", "hash")
    }
    return event.model_copy(update=plain_texts)


@given(st.sampled_from(SAMPLES), HOSTILE, st.booleans())
def test_every_event_can_be_told_with_whatever_people_type(sample: Any, text: str, paused: bool) -> None:
    stream, event = sample
    story = hostile_story("x") if paused else restoring()
    told = entry(stream, with_texts(event, text), by=text)
    assert describe(told)
    document = said(told, incident=story.incident, run=story.run, freeze=story.freeze)
    assert document is None or plain(document)


def test_a_very_long_text_makes_no_card_long_and_the_timeline_keeps_all_of_it() -> None:
    text = "\x1b[2J\u202e" + "x" * 39_000
    incident, plan, approval, *others, whole, record = drawings(hostile_story(text), text)
    commands = [
        block for card in (plan, approval) for block in card.blocks if isinstance(block, Preformatted)
    ]
    assert any(text in block.text for block in commands), "what is typed by hand is never shortened"
    for document in (incident, *others, record):
        for show in (plain, markdown):
            said_so = show(document)
            assert len(said_so) < 39_000
            assert not {"\x1b", "\u202e"} & set(said_so)
            assert "Shortened. The whole: " in said_so or "xxx" not in said_so
    assert "\\u001b[2J\\u202e" + "x" * 39_000 in plain(whole)
