"""The record of an incident in its tracker, through the real client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

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
)
from bot.notify import Notify
from bot.sandbox.jira import JiraStandIn
from bot.timeline import Change, Timeline
from bot.timeline.rehearsals import read_drill
from integrations.jira import JiraSite, JiraTracker
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
CLOSED = IncidentClosed(backup_availability="helped", recovery_speed="no")


class Desk:
    """A timeline with one incident, and the handler that records it in Jira and in files."""

    def __init__(self, timeline: Timeline, jira: JiraStandIn, notify: Notify, out: Path) -> None:
        self.timeline, self.jira, self.notify, self.out = timeline, jira, notify, out

    async def happens(self, *events: Event) -> None:
        """Record events, and bring the record up to date after each."""
        for event in events:
            seq = len(await self.timeline.read("incident/INC-1"))
            await self.timeline.append({"incident/INC-1": Change(seq, (event,))}, by="ana", via="test")
            await self.notify.handle("INC-1")

    @property
    def attached(self) -> list[str]:
        """The names of the files in Jira, oldest first."""
        return [each.filename for issue in self.jira.issues.values() for each in issue.attachments]


@pytest.fixture
async def desk(sqlite_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Desk]:
    timeline = await Timeline.open(sqlite_url, now=clock)
    async with JiraStandIn(now=clock) as jira:
        tracker = JiraTracker(JiraSite(jira.url, jira.email, SecretStr(jira.token), jira.project))
        out = tmp_path / "out"
        notify = Notify(timeline, FileTracker(out), tracker, "jira", members=lambda _group: ("bo",))
        yield Desk(timeline, jira, notify, out)
        await tracker.close()
    await timeline.close()


FILES = ["postmortem.md", "timeline.md", "timeline.json"]


async def test_files_are_attached_when_it_is_resolved_closed_or_asked_for_and_never_between(
    desk: Desk,
) -> None:
    await desk.happens(DECLARED, NoteAdded(text="looking"))
    assert desk.jira.issues == {}

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
    alone = Rehearsals(desk, Notify(desk.timeline, files, None, "jira"))
    assert await alone.end(1, "a") == {}
    assert await alone.notify.gaps("DRL-9") is None
