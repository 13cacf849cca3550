"""Keeps the record of an incident in the tracker and in files: the handler of the effect `tracker`.

The files are always written; the tracker has them when it can be reached. Neither is needed to recover.
One comment, edited in place, and the description follow every change. Attachments cannot be replaced in a
tracker: they follow only what ends something, somebody who asks for the post-mortem, and removed words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.core import incident as incidents
from bot.core.document import Document
from bot.core.drill import Drill
from bot.core.effects import Effect
from bot.core.events import Entry, IssueLinked, Repaired, TaskOpened
from bot.core.gaps import Open, task_of
from bot.core.incident import Incident
from bot.core.postmortem.story import ALONE
from bot.core.record import wanted
from bot.core.repair import repair_of
from bot.core.written import Written
from bot.jobs import Again
from bot.notify import changes, duplicates
from bot.notify.actions import Actions, Email, in_files
from bot.notify.attachments import Attachments, removed_in
from bot.notify.issues import Issues
from bot.notify.mark import mark_of
from bot.notify.pages import Pages, as_adf, attached_for, pages
from bot.notify.trouble import Trouble
from bot.timeline import Change, Timeline
from bot.timeline.evidence import leads_of
from bot.timeline.merged import merged_into
from bot.timeline.rehearsals import gaps_of, read_drill
from bot.timeline.stories import history_of
from integrations.tracker import FileTracker, Tracker

SPACING = timedelta(seconds=15)
"""How long the record rests after it was written: Jira limits how often one issue is."""


class Notify:
    """Writes records to files and to the tracker, if any; `url` leads to everything of an incident.

    `console` is where people reach Backstop's pages, empty where nobody said that they can.
    """

    def __init__(
        self,
        timeline: Timeline,
        files: FileTracker,
        tracker: Tracker | None,
        system: str,
        *,
        url: Callable[[str], str],
        console: str = "",
        members: Callable[[str], Sequence[str]] = lambda _group: (),
        email: Email = lambda _person: None,
    ) -> None:
        self._timeline = timeline
        self._files = files
        self._tracker = tracker
        self._system = system
        self._url = url
        self._console = console
        self._members = members
        self._trouble = Trouble(timeline, system)
        self._issues = Issues(timeline, system)
        self._attachments = Attachments(self._issues)
        self._actions = Actions(timeline, self._issues, email)

    async def handle(self, id: str) -> Again | None:
        """Bring the record of an incident up to date."""
        own = await self._timeline.read(f"incident/{id}")
        incident = incidents.fold(own)
        if incident is None:
            return None
        merged = await merged_into(self._timeline, incident)
        # Words that were removed from what was merged stood in the post-mortem here.
        removed = removed_in((*own, *merged))
        due = await self._due(own, removed)
        if not due and (soonest := await self._rests(id)):
            return Again(soonest)
        story = await self._timeline.story(id)
        if incident.merged:
            # What is noted, corrected or removed here stands in the post-mortem there.
            into = incident.merged.into
            await self._timeline.effects.ask(Effect("tracker", into, f"tracker/{into}"))
        kept = pages(
            incident,
            own,
            story,
            self._url(id),
            beside=(*await self._timeline.read(f"service/{incident.service}"), *merged),
            leads=await leads_of(self._timeline.records, (*story, *merged), self._console),
            history=await history_of(self._timeline, incident, (*story, *merged)) if wanted(own) else ALONE,
        )
        try:
            await self._in_files(kept)
            await changes.in_file(self._files, incident, story, self._url(id))
        finally:
            if self._tracker:
                async with self._trouble.told(id):
                    key = await self._in_tracker(self._tracker, kept, own, removed, attach=due)
                    tracker, url = self._tracker, self._url(id)
                    await changes.in_tracker(tracker, self._issues, incident, key, story, url)
                    await duplicates.in_tracker(tracker, self._issues, self._timeline, incident, key)
        await self._issues.remember("attached", id, seq=str(attached_for(own)), removed=removed)
        await self._issues.remember("written", id, at=self._timeline.now().isoformat())
        return None

    async def _due(self, own: Sequence[Entry], removed: str) -> bool:
        """Say whether the attached files are to be those of now."""
        known = await self._issues.known("attached", own[0].stream.partition("/")[2])
        return attached_for(own) > int(known.get("seq", "0")) or (
            wanted(own) and removed != known.get("removed", "")
        )

    async def _rests(self, id: str) -> datetime | None:
        """Return until when nothing is written, if so; a moment yet to come was of a clock set back since."""
        at = (await self._issues.known("written", id)).get("at")
        written = datetime.fromisoformat(at) if at else None
        resting = written is not None and written <= self._timeline.now() < written + SPACING
        return written + SPACING if written and resting else None

    async def _in_files(self, kept: Pages) -> None:
        files, id = self._files, kept.incident.id
        await files.publish(id, kept.description)
        await files.comment(id, kept.comment, kept.progress)
        for name, content in kept.attached.items():
            await files.attach(id, name, content)
        if kept.document:
            await files.attach(id, "postmortem.adf.json", as_adf(kept.document))
        await in_files(files, kept.incident, self._url(id))

    async def _in_tracker(
        self, tracker: Tracker, kept: Pages, own: Sequence[Entry], removed: str, *, attach: bool
    ) -> str:
        """Bring the issue of an incident and those of its actions up to date, and return its key.

        With `attach` all files are attached anew, as after the removals `removed` of words; else those that a
        repair finds lost, and all to an issue that is new.
        """
        incident, owed = kept.incident, repair_of(own, self._system)
        id, had = incident.id, incident.issue
        if had and owed and not await tracker.exists(had.key):
            incident = replace(incident, issue=None)
        ref = f"{id}-{mark_of(own)}"
        key = await self._issue(tracker, incident, kept.description, ref)
        lost = [f"{had.key}, instead of which there is {key}"] if had and had.key != key else []
        if await tracker.comment(key, kept.comment, kept.progress) and not lost:
            lost.append("our comment")
        await tracker.publish(key, kept.description)
        gone = await self._attachments.lost(tracker, id, key) if owed else []
        anew = attach or key != (had.key if had else key)
        if anew or gone:
            files = {name: text for name, text in kept.attached.items() if anew or name in gone}
            await self._attachments.bring_up(tracker, id, key, files, removed)
        lost += gone
        lost += await self._actions.bring_up(tracker, id, ref, self._url(id), repair=bool(owed))
        if owed:
            await self._issues.append(id, Repaired(system=self._system, lost=tuple(lost)))
        return key

    async def _issue(self, tracker: Tracker, incident: Incident, text: Written, ref: str) -> str:
        """Return the key of an incident's issue; one on the timeline is believed, as a search may miss it."""
        if incident.issue:
            return incident.issue.key
        summary = f"{incident.id}: {incident.title}"
        issue = await self._issues.made(tracker, ref, summary=summary, text=text)
        event = IssueLinked(system=self._system, key=issue.key, url=issue.url)
        await self._issues.record(incident.id, event, issue, of="this incident")
        return issue.key

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
        text: Document = task_of(found, drill, self._members(drill.asked.owner))
        issue = await self._issues.made(
            self._tracker,
            found.ref,
            summary=f"Drill gap of {drill.asked.playbook}: {found.gap.what}",
            text=Written(text, (f"More is in {drill.id}.",)),
        )
        system = self._system
        return TaskOpened(gap=found.gap.id, first=found.first, system=system, key=issue.key, url=issue.url)
