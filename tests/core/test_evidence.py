"""Each entry leads to where one can see that it was so, as far as there is such a place."""

from __future__ import annotations

import pytest

from bot.core import events
from bot.core.adf import adf
from bot.core.cards import timeline_document, timeline_json
from bot.core.document import Document, Link, Paragraph, Table, markdown, say
from bot.core.events import Entry, Event
from bot.core.evidence import Leads, evidence, permalink, source
from bot.core.links import thinned
from bot.core.wiki import wiki
from integrations.adf import length
from integrations.parts import units
from tests.core.story import DECLARED, Story, at, planned

SLACK = "https://shop.slack.com"
CONSOLE = "https://backstop.example"
PAGER = "https://shop.pagerduty.com/incidents/Q1"


def led(*told: Event, leads: Leads | None = None, stream: str = "incident/INC-1") -> list[str | None]:
    """Return where each of these events leads to, or None."""
    story = Story()
    for event in told:
        story.tell(stream, at(1), "ana", event)
    found = evidence(story.entries, leads or Leads())
    return [found.get(f"{entry.stream}#{entry.seq}") for entry in story.entries]


def test_a_message_opens_in_its_thread() -> None:
    assert permalink(f"{SLACK}/", "C1") == f"{SLACK}/archives/C1"
    assert permalink(SLACK, "C1", "1763864700.000100") == f"{SLACK}/archives/C1/p1763864700000100"
    assert permalink(SLACK, "C1", "2.000001", "1.000001").endswith("/p2000001?thread_ts=1.000001&cid=C1")
    assert permalink(SLACK, "C1", "1.000001", "1.000001").endswith("/p1000001")


def test_what_was_captured_leads_to_the_message_also_when_it_was_edited_or_deleted() -> None:
    url = f"{SLACK}/archives/C1/p1000001"
    captured = events.MessageCaptured(channel="C1", ts="1.000001", author="bo", text="It grows", url=url)
    edited = events.MessageEdited(channel="C1", ts="1.000001", of=1, author="bo", text="It shrinks")
    deleted = events.MessageDeleted(channel="C1", ts="1.000001", of=1, author="bo")
    unseen = events.MessageDeleted(channel="C1", ts="9.000001", of=9, author="bo")

    assert led(captured, edited, deleted, unseen) == [url, url, url, None]
    assert led(captured.model_copy(update={"url": None})) == [None]


@pytest.mark.parametrize(
    ("event", "url"),
    [
        (events.NoteAdded(text="It grows", evidence="https://graphs.example/7"), "https://graphs.example/7"),
        (events.NoteAdded(text="It grows", evidence="see the graph"), None),
        (events.NoteAdded(text="It grows"), None),
        (events.StepDone(step="finance", evidence="https://mail.example/1"), "https://mail.example/1"),
        (events.StepDone(step="finance", evidence="on the phone"), None),
        (events.RoomOpened(channel="C1", name="inc-1", url=f"{SLACK}/archives/C1"), f"{SLACK}/archives/C1"),
        (events.RoomOpened(channel="C1", name="inc-1"), None),
        (
            events.IssueLinked(system="jira", key="OPS-1", url="https://jira.example/OPS-1"),
            "https://jira.example/OPS-1",
        ),
        (
            events.TaskTracked(number=1, system="jira", key="OPS-2", url="https://jira.example/OPS-2"),
            "https://jira.example/OPS-2",
        ),
        (
            events.ExternalTold(draft=1, system="statuspage", status="identified", url="https://s.example/1"),
            "https://s.example/1",
        ),
        (events.PagerLinked(system="pagerduty", key="Q1", number=1, url=PAGER), PAGER),
        (events.PagerTold(what="acknowledged"), None),
        (
            events.IncidentClosed(
                backup_availability="no", recovery_speed="helped", speed_evidence="https://g.example/1"
            ),
            "https://g.example/1",
        ),
        (events.IncidentClosed(backup_availability="no", recovery_speed="no"), None),
        (events.FalseAlarm(why="a test"), None),
    ],
    ids=lambda each: getattr(each, "kind", None),
)
def test_what_an_event_itself_names_is_its_evidence(event: Event, url: str | None) -> None:
    assert led(event) == [url]


def test_what_the_pager_tells_leads_to_its_incident() -> None:
    linked = events.PagerLinked(system="pagerduty", key="Q1", number=1, url=PAGER)
    assert led(events.PagerTold(what="acknowledged"), linked, events.Paged(page="p1")) == [PAGER] * 3


def test_else_it_is_the_message_that_told_it_else_a_page_of_the_console_else_nothing() -> None:
    message = f"{SLACK}/archives/C1/p1000001"
    said = Leads({"incident/INC-1#1": message}, CONSOLE)
    assert led(DECLARED, DECLARED, leads=said) == [message, f"{CONSOLE}/incidents/INC-1"]
    pages = {
        "run/RUN-7": f"{CONSOLE}/runs/RUN-7",
        "drill/DRL-2": f"{CONSOLE}/drills/DRL-2",
        "freeze/FRZ-3": f"{CONSOLE}/freezes",
        "service/checkout": None,
    }
    for stream, page in pages.items():
        assert led(events.FalseAlarm(why="x"), leads=Leads({}, CONSOLE), stream=stream) == [page]
        assert led(events.FalseAlarm(why="x"), stream=stream) == [None]


def test_without_an_address_the_row_says_how_it_came() -> None:
    def came(via: str) -> str:
        return say(source(Entry("incident/INC-1", 2, at(1), at(1), "ana", via, DECLARED), None))

    assert [came(via) for via in ("http", "slack", "pagerduty", "run", "clock", "elsewhere")] == [
        "INC-1#2 by command line or HTTP",
        "INC-1#2 in Slack",
        "INC-1#2 in PagerDuty",
        "INC-1#2 by the run",
        "INC-1#2 by the clock",
        "INC-1#2 in elsewhere",
    ]


def test_every_form_of_the_timeline_has_the_address() -> None:
    story = planned()
    leads = Leads({}, CONSOLE)
    document = timeline_document(story.entries, story.incident, leads)

    assert f"[INC-1\\#1](<{CONSOLE}/incidents/INC-1>) in Slack" in markdown(document)
    assert f"[RUN-1&#35;1|{CONSOLE}/runs/RUN-1] in Slack" in wiki(document, room=9_000, rest=())
    assert f'"href": "{CONSOLE}/runs/RUN-1"' in str(adf(document)).replace("'", '"')
    assert {row["evidence"] for row in timeline_json(story.entries, leads)} == {
        f"{CONSOLE}/incidents/INC-1",
        f"{CONSOLE}/runs/RUN-1",
    }
    assert {row["evidence"] for row in timeline_json(story.entries)} == {None}


def long(notes: int) -> Document:
    story = Story()
    story.in_incident(0, DECLARED)
    for number in range(notes):
        story.in_incident(number, events.NoteAdded(text=f"note {number}, and some more words of it"))
    leads = Leads({f"incident/INC-1#{n}": f"{SLACK}/archives/C1/p{n:016}" for n in range(2, notes)}, CONSOLE)
    return timeline_document(story.entries, story.incident, leads)


@pytest.mark.parametrize("notes", [10, 200, 260, 2_000])
def test_links_and_text_together_never_take_more_than_their_room(notes: int) -> None:
    document, room = long(notes), 25_000
    node = adf(document, room=room)
    addresses = [part.split("'")[0] for part in str(node).split("'href': '")[1:]]

    assert length(node) + sum(map(units, addresses)) <= room
    assert addresses
    assert units(wiki(document, room=room, rest=("The rest is elsewhere.",))) <= room


def test_links_go_before_rows_do() -> None:
    document = long(260)
    text = str(adf(document, room=25_000))
    assert "note 259," in text
    assert 80 < text.count("'href'") < 260
    marked = wiki(long(215), room=25_000, rest=("The rest is elsewhere.",))
    assert "note 214," in marked
    assert 40 < marked.count(SLACK) < 215


def test_only_links_of_tables_go() -> None:
    link = Link("7", "https://graphs.example/7")
    document = Document("", (Paragraph((link,)), Table(("A",), [((link, "!"),), ((Link("", link.url),),)])))
    thin, taken = thinned(document, 10, lambda _: 10)
    assert thin.blocks == (Paragraph((link,)), Table(("A",), [[(link, "!")], [(link.url,)]]))
    assert taken == 10
