"""The record of an incident in its tracker, through the real client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.core.events import (
    DrillAsked,
    DrillEnded,
    Event,
    Gap,
    IncidentClosed,
    IncidentDeclared,
    IncidentReopened,
    IncidentResolved,
    NoteAdded,
    PostmortemAsked,
    Severity,
    SeverityChanged,
    TrackerTroubled,
)
from bot.notify import Notify
from bot.notify.record import SPACING
from bot.sandbox.faults import Fault
from bot.sandbox.jira import Drop, JiraStandIn, failing, maintenance, rate_limited
from bot.timeline import Change, Timeline
from bot.timeline.rehearsals import read_drill
from integrations import adf
from integrations.contract import IntegrationError
from integrations.jira import JiraSite, JiraTracker
from integrations.parts import Part
from integrations.tracker import FileTracker
from tests.clock import Clock

DECLARED = IncidentDeclared(
    title="Orders are wrong",
    severity=Severity.SEV1,
    service="checkout",
    environment="production",
    commander="ana",
)
RESOLVED = IncidentResolved(statement="Totals are right.", data_statement="none lost")
PROGRESS = Part.named("progress", "INC-1")


def page(id: str) -> str:
    return f"https://backstop.example/incidents/{id}"


CLOSED = IncidentClosed(backup_availability="helped", recovery_speed="no")


def words(node: dict[str, Any]) -> Iterator[str]:
    if "text" in node:
        yield node["text"]
    for child in node.get("content", ()):
        yield from words(child)


class Desk:
    """A timeline with one incident, and the handler that records it in Jira and in files."""

    def __init__(
        self, timeline: Timeline, jira: JiraStandIn, notify: Notify, out: Path, clock: Clock
    ) -> None:
        self.timeline, self.jira, self.notify, self.out, self.clock = timeline, jira, notify, out, clock

    async def happens(self, *events: Event) -> None:
        """Record events, and bring the record up to date after each."""
        for event in events:
            await self.told(event)
            self.clock.advance(60)
            await self.notify.handle("INC-1")

    async def told(self, *events: Event, at: datetime | None = None) -> None:
        """Record events, and leave the record as it is."""
        seq = len(await self.timeline.read("incident/INC-1"))
        change = {"incident/INC-1": Change(seq, events, at)}
        await self.timeline.append(change, by="ana", via="test")

    async def troubles(self) -> list[str]:
        """Return what people were told of the tracker, oldest first."""
        found = [entry.event for entry in await self.timeline.read("incident/INC-1")]
        return [event.why or "again" for event in found if isinstance(event, TrackerTroubled)]

    @property
    def comments(self) -> list[str]:
        """The comments of the issue as one reads them."""
        [issue] = self.jira.issues.values()
        return [" ".join(words(comment.body)) for comment in issue.comments]

    @property
    def attached(self) -> list[str]:
        """The names of the files in Jira, oldest first."""
        return [each.filename for issue in self.jira.issues.values() for each in issue.attachments]


@pytest.fixture
async def desk(sqlite_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Desk]:
    timeline = await Timeline.open(sqlite_url, now=clock)
    async with JiraStandIn(now=clock) as jira:
        tracker = JiraTracker(JiraSite(jira.url, jira.email, SecretStr(jira.token), jira.project), pauses=())
        out = tmp_path / "out"
        jira.site.people["bo"] = "bo@example.com"
        notify = Notify(
            timeline,
            FileTracker(out),
            tracker,
            "jira",
            url=page,
            members=lambda _group: ("bo",),
            email={"bo": "bo@example.com"}.get,
        )
        yield Desk(timeline, jira, notify, out, clock)
        await tracker.close()
    await timeline.close()


FILES = ["postmortem.md", "timeline.md", "timeline.json"]


async def test_files_are_attached_when_it_is_resolved_closed_or_asked_for_and_never_between(
    desk: Desk,
) -> None:
    await desk.happens(DECLARED, NoteAdded(text="looking"))
    assert desk.attached == []

    await desk.happens(RESOLVED)
    assert desk.attached == FILES

    await desk.happens(NoteAdded(text="one more"), NoteAdded(text="and another"))
    assert desk.attached == FILES
    assert "and another" in str(desk.jira.issues["OPS-1"].description)
    assert "and another" in (desk.out / "INC-1" / "timeline.md").read_text()

    await desk.happens(CLOSED)
    assert desk.attached == FILES * 2

    await desk.happens(PostmortemAsked())
    assert desk.attached == FILES * 3

    await desk.happens(IncidentReopened(why="again"), NoteAdded(text="looking again"), RESOLVED)
    assert desk.attached == FILES * 4


async def test_the_issue_is_opened_at_the_declaration_and_one_comment_follows(desk: Desk) -> None:
    await desk.happens(DECLARED)
    [issue] = desk.jira.issues.values()
    assert issue.summary == "INC-1: Orders are wrong"
    assert "checkout in production" in str(issue.description)
    assert page("INC-1") in str(issue.description)
    await desk.happens(NoteAdded(text="looking"), SeverityChanged(severity=Severity.SEV2, why="fewer orders"))
    [comment] = desk.comments
    assert PROGRESS.opening in comment
    assert "INC-1 SEV2 investigating" in comment
    assert "looking" in comment
    assert "Severity is now  SEV2" in comment
    assert (desk.out / "INC-1" / "progress.md").is_file()
    assert len(desk.jira.asked("add_comment")) == 1


async def test_the_record_rests_between_writes_and_not_at_the_end(desk: Desk) -> None:
    await desk.happens(DECLARED)
    asked = len(desk.jira.journal)
    desk.clock.advance(-60)  # happens() lets a minute pass before it writes
    await desk.told(NoteAdded(text="one"))
    written = desk.clock() + timedelta(seconds=60)
    desk.clock.set(written + timedelta(seconds=1))
    again = await desk.notify.handle("INC-1")
    assert again
    assert again.at == written + SPACING
    assert len(desk.jira.journal) == asked
    desk.clock.set(again.at)
    assert await desk.notify.handle("INC-1") is None
    assert "one" in desk.comments[0]
    await desk.told(RESOLVED)
    assert await desk.notify.handle("INC-1") is None
    assert desk.attached == FILES


async def test_the_same_entries_write_nothing_twice(desk: Desk) -> None:
    await desk.happens(DECLARED, NoteAdded(text="looking"), RESOLVED)
    writes = [each for each in desk.jira.journal if each.method != "GET"]
    for _ in range(3):
        desk.clock.advance(3_600)
        await desk.notify.handle("INC-1")
    assert [each for each in desk.jira.journal if each.method != "GET"] == writes


async def test_an_incident_of_26_hours_with_what_was_told_later_stands_in_order(desk: Desk) -> None:
    await desk.happens(DECLARED)
    began = desk.clock()
    for hour in range(1, 27):
        desk.clock.set(began + timedelta(hours=hour))
        await desk.told(NoteAdded(text=f"note {hour:02}"))
    await desk.told(NoteAdded(text="seen at noon"), at=began + timedelta(hours=2, minutes=30))
    await desk.happens(RESOLVED)
    [comment] = desk.comments
    order = [comment.index(text) for text in ("note 02", "seen at noon", "note 03", "note 26")]
    assert order == sorted(order)
    assert "took 26 h" in comment
    assert "(told later)" in comment
    timeline = (desk.out / "INC-1" / "timeline.md").read_text()
    assert timeline.index("note 02") < timeline.index("seen at noon") < timeline.index("note 03")
    assert began.strftime("%Y-%m-%d") in timeline
    assert (began + timedelta(hours=26)).strftime("%Y-%m-%d") in timeline


async def test_a_timeline_longer_than_jira_takes_is_cut_with_a_link_and_attached_whole(desk: Desk) -> None:
    await desk.happens(DECLARED)
    for number in range(120):
        await desk.told(NoteAdded(text=f"note {number:03} " + "x" * 990))
    await desk.happens(RESOLVED)
    [issue] = desk.jira.issues.values()
    for body in (issue.description, issue.comments[0].body):
        assert body
        assert 20_000 < adf.length(body) <= 32_767
        assert page("INC-1") in str(body["content"][-2])
    whole = next(each for each in issue.attachments if each.filename == "timeline.md").content.decode()
    assert all(f"note {number:03}" in whole for number in range(120))


@pytest.mark.parametrize("fault", [Drop(), failing(502, when="after")])
async def test_an_issue_whose_answer_was_lost_is_adopted(desk: Desk, fault: Drop) -> None:
    desk.jira.faults.add("create_issue", fault)
    await desk.happens(DECLARED)
    assert len(desk.jira.issues) == 1
    assert len(desk.comments) == 1
    assert await desk.troubles() == []


async def failing_for(desk: Desk, fault: Fault, minutes: int) -> None:
    """Let Jira fail in this way, and the record be tried once a minute."""
    for _ in range(minutes):
        desk.clock.advance(60)
        desk.jira.faults.add("comments", fault)
        with pytest.raises(IntegrationError):
            await desk.notify.handle("INC-1")


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (failing(503), "Jira is in trouble (HTTP 503) while reading the comments of OPS-1."),
        (rate_limited(), "Jira asks to wait before reading the comments of OPS-1."),
        (maintenance(), "Jira answered with a page instead of data while reading the comments of OPS-1"),
        (Drop("before"), "The connection to Jira was lost while reading the comments of OPS-1."),
    ],
)
async def test_what_lasts_is_told_once_and_so_is_its_end(desk: Desk, fault: Fault, sentence: str) -> None:
    await desk.happens(DECLARED)
    await desk.told(NoteAdded(text="looking"))
    await failing_for(desk, fault, 2)
    assert await desk.troubles() == []
    await failing_for(desk, fault, 8)
    [told] = await desk.troubles()
    assert told.startswith(sentence)
    await desk.notify.handle("INC-1")
    assert await desk.troubles() == [told, "again"]
    assert "looking" in desk.comments[0]
    desk.clock.advance(60)
    await desk.notify.handle("INC-1")
    assert len(await desk.troubles()) == 2


async def test_a_token_that_is_over_is_told_at_once_and_only_once(desk: Desk) -> None:
    await desk.happens(DECLARED)
    await desk.told(NoteAdded(text="looking"))
    await failing_for(desk, failing(401), 3)
    [told] = await desk.troubles()
    assert "tokens end after a year at most, so make a new one" in told
    assert "looking" in (desk.out / "INC-1" / "progress.md").read_text()


async def test_a_long_rest_that_jira_asks_for_is_told_as_it_begins(desk: Desk) -> None:
    await desk.happens(DECLARED)
    await desk.told(NoteAdded(text="looking"))
    await failing_for(desk, rate_limited("3600"), 1)
    assert await desk.troubles() == ["Jira asks to wait 3600 s before reading the comments of OPS-1."]


async def test_trouble_that_passes_and_then_stays_for_good_is_told_anew(desk: Desk) -> None:
    await desk.happens(DECLARED)
    await desk.told(NoteAdded(text="looking"))
    await failing_for(desk, failing(503), 4)
    await failing_for(desk, failing(401), 2)
    await failing_for(desk, failing(503), 4)
    assert len(await desk.troubles()) == 2


async def test_files_that_cannot_be_written_keep_nothing_from_jira(desk: Desk) -> None:
    desk.out.write_text("in the way")
    await desk.told(DECLARED)
    with pytest.raises(IntegrationError, match="Cannot write"):
        await desk.notify.handle("INC-1")
    assert len(desk.comments) == 1


class Rehearsals:
    """Drills that end as they are told to, and the handler that opens their tasks."""

    def __init__(self, desk: Desk, notify: Notify) -> None:
        self.timeline, self.jira, self.notify = desk.timeline, desk.jira, notify

    async def end(self, number: int, *gaps: str) -> dict[str, str]:
        """Let a drill end with these gaps, and return the tasks it has then."""
        id = f"DRL-{number}"
        asked = DrillAsked(
            playbook="restore",
            title="Put the orders back",
            service="checkout",
            environment="production",
            commander="ana",
            owner="owners",
        )
        ended = DrillEnded(outcome="failed", gaps=tuple(Gap(id=gap, what=f"{gap} failed.") for gap in gaps))
        await self.timeline.append({f"drill/{id}": Change(0, (asked, ended))}, by="backstop", via="run")
        while await self.notify.gaps(id):
            pass
        found = await read_drill(self.timeline, id)
        assert found
        return {gap: task.key for gap, task in found.tasks.items()}


@pytest.fixture
def rehearsals(desk: Desk) -> Rehearsals:
    return Rehearsals(desk, desk.notify)


async def test_each_gap_gets_one_task_which_later_drills_share(rehearsals: Rehearsals) -> None:
    assert await rehearsals.end(1, "a", "b") == {"a": "OPS-1", "b": "OPS-2"}
    assert await rehearsals.end(2, "b", "c") == {"b": "OPS-2", "c": "OPS-3"}
    assert len(rehearsals.jira.issues) == 3
    issue = rehearsals.jira.issues["OPS-1"]
    assert issue.summary == "Drill gap of restore: a failed."
    assert "owners (@bo)" in str(issue.description) or "owners (bo)" in str(issue.description)


async def test_a_task_that_people_closed_is_not_opened_again_while_its_gap_is_still_shown(
    rehearsals: Rehearsals,
) -> None:
    await rehearsals.end(1, "a")
    assert await rehearsals.end(2, "a") == {"a": "OPS-1"}
    await rehearsals.end(3)
    assert await rehearsals.end(4, "a") == {"a": "OPS-2"}


async def test_without_a_tracker_gaps_are_only_listed(desk: Desk, tmp_path: Path) -> None:
    files = FileTracker(tmp_path / "out")
    alone = Rehearsals(desk, Notify(desk.timeline, files, None, "jira", url=page))
    assert await alone.end(1, "a") == {}
    assert await alone.notify.gaps("DRL-9") is None
