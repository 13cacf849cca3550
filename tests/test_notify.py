"""The record of an incident in its tracker, through the real client."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bot.core.events import (
    Event,
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
        self.timeline, self.jira, self._notify, self.out = timeline, jira, notify, out

    async def happens(self, *events: Event) -> None:
        """Record events, and bring the record up to date after each."""
        for event in events:
            seq = len(await self.timeline.read("incident/INC-1"))
            await self.timeline.append({"incident/INC-1": Change(seq, (event,))}, by="ana", via="test")
            await self._notify.handle("INC-1")

    @property
    def attached(self) -> list[str]:
        """The names of the files in Jira, oldest first."""
        return [each.filename for issue in self.jira.issues.values() for each in issue.attachments]


@pytest.fixture
async def desk(sqlite_url: str, tmp_path: Path, clock: Clock) -> AsyncIterator[Desk]:
    timeline = await Timeline.open(sqlite_url, now=clock)
    async with JiraStandIn(now=clock) as jira:
        tracker = JiraTracker(JiraSite(jira.url, jira.email, SecretStr(jira.token), jira.project))
        yield Desk(
            timeline, jira, Notify(timeline, FileTracker(tmp_path / "out"), tracker, "jira"), tmp_path / "out"
        )
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
