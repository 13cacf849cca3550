"""What a tracker reads of an incident before its post-mortem."""

from inline_snapshot import snapshot

from bot.core.document import Document, Paragraph
from bot.core.events import NoteAdded, UpdatePosted
from bot.core.record import NEWEST, opening, progress
from bot.core.written import Written
from tests.core.story import DECLARED, Story, at, shown

URL = "https://backstop.example/incidents/INC-1"


def declared() -> Story:
    story = Story()
    story.in_incident(0, DECLARED)
    return story


def test_the_description_begins_as_what_was_declared() -> None:
    assert shown(opening(declared().incident, URL)) == snapshot("""\
INC-1: Orders are wrong
  Declared         2026-11-23 02:10:00Z by @ana
  Service          checkout in production
  Suspect release  2.4.0
How it stands is in our comment below, and everything at https://backstop.example/incidents/INC-1.
The post-mortem takes the place of these lines when the incident is resolved.
""")


def test_the_progress_is_the_card_the_last_update_and_the_newest_entries() -> None:
    story = declared()
    first = UpdatePosted(
        number=1, conditions="Prices are wrong.", actions="Looking.", needs="none", next_by=at(20)
    )
    last = UpdatePosted(number=2, conditions="Right again.", actions="Watching.", needs="none", next_by=None)
    story.in_incident(5, first)
    assert "Next update by  2026-11-23 02:30:00Z" in shown(
        progress(story.incident, story.entries, (), (), URL)
    )
    story.in_incident(9, last)
    assert shown(progress(story.incident, story.entries, (), (), URL)) == snapshot("""\
INC-1 SEV1 investigating: Orders are wrong
Impact: nobody has stated it yet
  Service          checkout in production
  Suspect release  2.4.0
  Commander        @ana
  Roles            nobody else has a role yet
  Declared      2026-11-23 02:10:00Z, open for 9 min
  Impact began  2026-11-23 02:00:00Z
  [Post an update]  update inc:INC-1 …
  [Timeline]  timeline INC-1
INC-1 · entry 3 · as of 2026-11-23 02:19:00Z

Update #2
  Conditions      Right again.
  Actions         Watching.
  Needs           none
  Next update by  none promised

Timeline
  UTC                   Who   Event                                            Source
  2026-11-23 02:10:00Z  @ana  Declared SEV1: Orders are wrong; commander @ana  INC-1#1 in Slack
  2026-11-23 02:15:00Z  @ana  Update #1: Prices are wrong.                     INC-1#2 in Slack
  2026-11-23 02:19:00Z  @ana  Update #2: Right again.                          INC-1#3 in Slack
""")


def test_the_same_entries_always_give_the_same_progress() -> None:
    story = declared()
    told = story.tell("incident/INC-1", at(-5), "ana", NoteAdded(text="it began here"), told=at(7))
    text = shown(progress(story.incident, story.entries, (), (), URL))
    assert text == shown(progress(story.incident, story.entries, (), (), URL))
    assert f"as of {told.recorded_at:%Y-%m-%d %H:%M:%S}Z" in text
    assert text.index("it began here") < text.index("Declared SEV1")


def test_of_a_long_timeline_the_newest_entries_stand_and_a_link_to_all_of_them() -> None:
    story = declared()
    for number in range(NEWEST):
        story.in_incident(number, NoteAdded(text=f"note {number:02}"))
    text = shown(progress(story.incident, story.entries, (), (), URL))
    assert f"The newest {NEWEST} of {NEWEST + 1} entries; all of them at {URL}." in text
    assert "Declared SEV1" not in text
    assert all(f"note {number:02}" in text for number in range(NEWEST))


def test_a_written_text_is_whole_in_markdown_and_cut_for_jira() -> None:
    long = Written(Document("", [Paragraph(["x" * 400])] * 3, whole=""), ("The rest is elsewhere.",))
    assert long.markdown().count("x" * 400) == 3
    assert str(long.adf(900)).count("x" * 400) == 2
    assert "The rest is elsewhere." in str(long.adf(900))
