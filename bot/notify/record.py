"""Keeps the record of an incident in the tracker and in files: the handler of the effect `tracker`.

The files are always written; the tracker has them when it can be reached. Neither is needed to recover.
The description follows every change; what cannot be replaced in a tracker, the attachments, only what ends
something: the incident is resolved or closed, or somebody asks for the post-mortem.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.adf import adf, bot_block
from bot.core.cards import timeline_document, timeline_json
from bot.core.document import Document, markdown
from bot.core.drill import Drill
from bot.core.events import (
    Entry,
    Event,
    IncidentClosed,
    IncidentDeclared,
    IncidentResolved,
    IssueLinked,
    NoteAdded,
    PostmortemAsked,
    TaskOpened,
)
from bot.core.gaps import Open, task_of
from bot.core.incident import Incident
from bot.core.postmortem import postmortem
from bot.jobs import Again
from bot.timeline import Change, Timeline
from bot.timeline.rehearsals import gaps_of, read_drill
from integrations.tracker import FileTracker, IssueRef, Tracker


class Notify:
    """Writes post-mortems to files and, when there is one, to a tracker."""

    def __init__(
        self,
        timeline: Timeline,
        files: FileTracker,
        tracker: Tracker | None,
        system: str,
        *,
        members: Callable[[str], Sequence[str]] = lambda _group: (),
    ) -> None:
        self._timeline = timeline
        self._files = files
        self._tracker = tracker
        self._system = system
        self._members = members

    async def handle(self, id: str) -> Again | None:
        """Bring the post-mortem of an incident up to date, once somebody wants one."""
        own = await self._timeline.read(f"incident/{id}")
        incident = incidents.fold(own)
        if incident is None or not wanted(incident, own):
            return None
        story = await self._timeline.story(id)
        document = await self._document(incident, story)
        attachments = _attachments(document, incident, story)
        await self._publish(self._files, incident, document, attachments, incident.id)
        if self._tracker:
            ref = f"{incident.id}-{_mark(own)}"
            asked, done = _attached_for(own), await self._attached(id)
            news = attachments if asked > done else {}
            issue = await self._publish(self._tracker, incident, document, news, ref)
            await self._timeline.records.remember(_attached_key(id), {"seq": str(max(asked, done))})
            if incident.issue is None:
                await self._link(incident, issue)
        return None

    async def _attached(self, id: str) -> int:
        """Return the number of the entry for which the files were attached last, 0 for none."""
        known = await self._timeline.records.remote(_attached_key(id)) or {}
        return int(known.get("seq", "0"))

    async def _document(self, incident: Incident, story: list[Entry]) -> Document:
        streams: dict[str, list[Entry]] = {}
        for entry in sorted(story, key=lambda entry: entry.seq):
            streams.setdefault(entry.stream, []).append(entry)
        carried = [runs.fold(entries) for name, entries in streams.items() if name.startswith("run/")]
        placed = [freezes.fold(entries) for name, entries in streams.items() if name.startswith("freeze/")]
        return postmortem(
            incident,
            story,
            [run for run in carried if run],
            [freeze for freeze in placed if freeze],
            now=self._timeline.now(),
            service=await self._timeline.read(f"service/{incident.service}"),
        )

    async def _publish(
        self,
        tracker: Tracker,
        incident: Incident,
        document: Document,
        attachments: dict[str, bytes],
        ref: str,
    ) -> IssueRef:
        ours = adf(document)
        issue = self._known(tracker, incident) or await tracker.ensure_issue(
            ref,
            summary=f"{incident.id}: {incident.title}",
            description_adf=bot_block(None, ours),
            attempt=await self._attempt(ref),
        )
        await tracker.publish(issue.key, lambda existing: bot_block(existing, ours))
        for name, content in attachments.items():
            await tracker.attach(issue.key, name, content)
        return issue

    async def gaps(self, id: str) -> Again | None:
        """Open a task for each gap a drill showed that has none; a task that people closed stays closed."""
        drill = await read_drill(self._timeline, id)
        if drill is None or self._tracker is None:
            return None
        own = {gap.id for gap in drill.ended.gaps} - drill.tasks.keys() if drill.ended else set()
        found = await gaps_of(self._timeline, drill.asked.playbook, until=drill)
        # One at a time, each recorded before the next, so that a crash between two loses no task.
        missing = next((gap for gap in found if gap.gap.id in own), None)
        if missing is None:
            return None
        task = missing.task or await self._task(missing, drill)
        change = Change(drill.seq, (task,))
        await self._timeline.append({f"drill/{id}": change}, by="backstop", via=self._system)
        return Again(self._timeline.now())

    async def _task(self, found: Open, drill: Drill) -> TaskOpened:
        assert self._tracker
        issue = await self._tracker.ensure_issue(
            found.ref,
            summary=f"Drill gap of {drill.asked.playbook}: {found.gap.what}",
            description_adf=bot_block(None, adf(task_of(found, drill, self._members(drill.asked.owner)))),
            attempt=await self._attempt(found.ref),
        )
        system = self._system
        return TaskOpened(gap=found.gap.id, first=found.first, system=system, key=issue.key, url=issue.url)

    def _known(self, tracker: Tracker, incident: Incident) -> IssueRef | None:
        """The issue on the timeline is believed: a search could miss it and make another."""
        if tracker is not self._tracker or incident.issue is None:
            return None
        return IssueRef(incident.issue.key, incident.issue.url)

    async def _link(self, incident: Incident, issue: IssueRef) -> None:
        events: list[Event] = [IssueLinked(system=self._system, key=issue.key, url=issue.url)]
        if issue.duplicates:
            others = ", ".join(issue.duplicates)
            text = f"{self._system} has several issues of this incident: {issue.key} is kept, close {others}."
            events.append(NoteAdded(text=text))
        change = {f"incident/{incident.id}": Change(incident.seq, tuple(events))}
        await self._timeline.append(change, by="backstop", via=self._system)

    async def _attempt(self, ref: str) -> int:
        """Count the tries of a reference before each one, so that a crash in the middle is known after it."""
        known = await self._timeline.records.remote(f"issue:{ref}") or {}
        attempt = int(known.get("attempt", "0")) + 1
        await self._timeline.records.remember(f"issue:{ref}", {"attempt": str(attempt)})
        return attempt


def wanted(incident: Incident, own: list[Entry]) -> bool:
    """Say whether a post-mortem is due: the incident was resolved, or somebody asked for it."""
    asked = any(isinstance(entry.event, PostmortemAsked) for entry in own)
    return asked or incident.resolved is not None or incident.issue is not None


def _attached_for(own: list[Entry]) -> int:
    """Return the number of the newest entry that wants the files attached, 0 for none."""
    moments = (IncidentResolved, IncidentClosed, PostmortemAsked)
    return max((entry.seq for entry in own if isinstance(entry.event, moments)), default=0)


def _attached_key(id: str) -> str:
    return f"attached:{id}"


def _mark(own: list[Entry]) -> str:
    """Tell this incident from one of the same number in another installation of the same tracker."""
    first = own[0]
    title = first.event.title if isinstance(first.event, IncidentDeclared) else ""
    text = f"{first.stream} {first.recorded_at.isoformat()} {title}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _attachments(document: Document, incident: Incident, story: list[Entry]) -> dict[str, bytes]:
    timeline = timeline_document(story, incident)
    whole = json.dumps(timeline_json(story), indent=1, ensure_ascii=False)
    return {
        "postmortem.md": markdown(document).encode(),
        "timeline.md": markdown(timeline).encode(),
        "timeline.json": (whole + "\n").encode(),
    }
