"""Makes issues in a tracker, each at most once, and records on timelines which they are."""

from __future__ import annotations

from bot.core.errors import Conflict
from bot.core.events import Event, NoteAdded
from bot.core.written import Written
from bot.timeline import Change, Timeline
from integrations.tracker import IssueRef, Tracker

TRIES = 20


class Issues:
    """The issues of one tracker, which is called `system` on timelines."""

    def __init__(self, timeline: Timeline, system: str) -> None:
        self._timeline = timeline
        self.system = system

    async def made(self, tracker: Tracker, ref: str, *, summary: str, text: Written) -> IssueRef:
        """Return the issue of a reference, making it when there is none.

        A try is counted before it is made, so that a crash in the middle is known after it.
        """
        attempt = int((await self.known("issue", ref)).get("attempt", "0")) + 1
        await self.remember("issue", ref, attempt=str(attempt))
        return await tracker.ensure_issue(ref, summary=summary, text=text, attempt=attempt)

    async def record(self, incident: str, event: Event, issue: IssueRef, *, of: str) -> None:
        """Write down in an incident which issue is that `of` something, and which others are too many."""
        events: list[Event] = [event]
        if issue.duplicates:
            others = ", ".join(issue.duplicates)
            text = f"{self.system} has several issues of {of}: {issue.key} is kept, close {others}."
            events.append(NoteAdded(text=text))
        await self.append(incident, *events)

    async def append(self, incident: str, *events: Event) -> None:
        """Write events down in an incident, however many others write there."""
        for _ in range(TRIES):
            seq = len(await self._timeline.read(f"incident/{incident}"))
            change = {f"incident/{incident}": Change(seq, events)}
            try:
                await self._timeline.append(change, by="backstop", via=self.system)
            except Conflict:
                continue
            return
        raise Conflict(f"{incident} is written to all the time.")

    async def known(self, what: str, of: str) -> dict[str, str]:
        """Return what was remembered of something."""
        return dict(await self._timeline.records.remote(f"{what}:{of}") or {})

    async def remember(self, what: str, of: str, **values: str) -> None:
        """Remember this of something, and nothing else."""
        await self._timeline.records.remember(f"{what}:{of}", values)
