from __future__ import annotations

import json

from inline_snapshot import snapshot

from bot.core.cards import timeline_document, timeline_json
from bot.core.events import Entry, NoteAdded
from tests.core.everything import SAMPLES, entry
from tests.core.story import Story, at, planned, shown


def late_note() -> Story:
    story = planned()
    story.tell("incident/INC-1", at(1), "bo", NoteAdded(text="replica lagged"), told=at(30))
    return story


def test_what_was_told_later_stands_where_it_happened() -> None:
    story = late_note()
    assert shown(timeline_document(story.entries, story.incident)) == snapshot("""\
INC-1 timeline: Orders are wrong
  UTC                   Who        Event                                            Source
  2026-11-23 02:10:00Z  @ana       Declared SEV1: Orders are wrong; commander @ana  INC-1#1 in Slack
  2026-11-23 02:11:00Z  @bo        replica lagged                                   INC-1#4 in Slack
        (told later)
  2026-11-23 02:12:00Z  @ana       Impact: 3 % of orders have a wrong price; damage began 2026-11-23
        02:04:00Z  INC-1#2 in Slack
  2026-11-23 02:15:00Z  @ana       RUN-1 was planned from checkout-restore          INC-1#3 in Slack
  2026-11-23 02:15:00Z  @ana       A plan was asked for: checkout-restore for checkout in production
        RUN-1#1 in Slack
  2026-11-23 02:16:00Z  @backstop  Planned, hash 19b6fb07                           RUN-1#2 in Slack
""")


def test_an_empty_timeline_says_so() -> None:
    assert shown(timeline_document([], planned().incident)) == snapshot("""\
INC-1 timeline: Orders are wrong
Nothing is recorded.
""")


def test_programs_get_every_entry_whole_and_in_words() -> None:
    rows = timeline_json(late_note().entries)
    assert [row["text"] for row in rows][1] == "replica lagged"
    assert rows[1] == snapshot(
        {
            "stream": "incident/INC-1",
            "seq": 4,
            "occurred_at": "2026-11-23T02:11:00+00:00",
            "recorded_at": "2026-11-23T02:40:00+00:00",
            "by": "bo",
            "via": "slack",
            "text": "replica lagged",
            "evidence": None,
            "event": {"kind": "note-added", "text": "replica lagged", "evidence": None},
        }
    )


def test_every_event_can_be_written_as_json() -> None:
    rows = timeline_json([entry(stream, event) for stream, event in SAMPLES])
    assert len(json.loads(json.dumps(rows))) == len(SAMPLES)


def test_a_redacted_entry_keeps_its_place() -> None:
    [row] = timeline_json([Entry("incident/INC-1", 3, at(1), at(1), "ana", "cli", None)])
    assert (row["event"], row["text"]) == (None, "(the text of this entry was removed)")
