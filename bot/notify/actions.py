"""Keeps what is left to do after an incident: an issue for each action, and a file beside its record."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from bot.core import incident as incidents
from bot.core.actions import action_text, outcome_text
from bot.core.document import Link
from bot.core.events import TaskTracked
from bot.core.incident import Incident
from bot.core.tasks import Task, actions
from bot.core.written import Written
from bot.notify.issues import Issues
from bot.timeline import Timeline
from integrations.parts import Part
from integrations.tracker import FileTracker, Tracker

Email = Callable[[str], str | None]
"""Returns the e-mail of a person of the catalog, None of anybody else."""


class Actions:
    """Writes actions to a tracker. What was written of one is remembered: it is written again if it changed.

    So an owner or a day that somebody changed in the tracker stays until the action is given anew.
    """

    def __init__(self, timeline: Timeline, issues: Issues, email: Email) -> None:
        self._timeline = timeline
        self._issues = issues
        self._email = email

    async def bring_up(self, tracker: Tracker, id: str, ref: str, url: str, *, repair: bool) -> list[str]:
        """Bring every action of an incident up to date; `ref` is that of the incident's own issue.

        With `repair` nothing that was written is believed to be there; what was lost is returned.
        """
        incident = incidents.fold(await self._timeline.read(f"incident/{id}"))
        lost: list[str] = []
        for task in actions(incident.tasks) if incident else ():
            assert incident
            had = task.issue.key if task.issue else None
            kept = had and not (repair and not await tracker.exists(had))
            if repair:
                await self._forget(f"{id}.T{task.number}", but="given" if kept else "")
            key = had if had and kept else await self._made(tracker, incident, task, ref, url)
            await self._told(tracker, incident, task, key, url)
            lost += [f"{had}, instead of which there is {key}"] if had and had != key else []
        return lost

    async def _made(self, tracker: Tracker, incident: Incident, task: Task, ref: str, url: str) -> str:
        issue = await self._issues.made(
            tracker,
            f"{ref}-T{task.number}",
            summary=f"{incident.id} action: {task.what}",
            text=_text(incident, task, url),
        )
        event = TaskTracked(number=task.number, system=self._issues.system, key=issue.key, url=issue.url)
        await self._issues.record(incident.id, event, issue, of=f"T{task.number}")
        return issue.key

    async def _told(self, tracker: Tracker, incident: Incident, task: Task, key: str, url: str) -> None:
        name = f"{incident.id}.T{task.number}"
        email = self._email(task.to)
        text, outcome = _text(incident, task, url), Written(outcome_text(incident, task), ())
        part = Part.named("outcome", name)
        await self._once(name, "text", text.markdown(), lambda: tracker.publish(key, text))
        if task.ended_at or "outcome" in await self._issues.known("action", name):
            await self._once(name, "outcome", outcome.markdown(), lambda: tracker.comment(key, part, outcome))
        if email:
            day = task.due.date()
            await self._once(name, "given", f"{email} {day}", lambda: tracker.assign(key, email, day))
        if issue := incident.issue:
            await self._once(name, "linked", issue.key, lambda: tracker.link(key, issue.key))

    async def _forget(self, name: str, *, but: str) -> None:
        known = await self._issues.known("action", name)
        await self._issues.remember(
            "action", name, **{what: mark for what, mark in known.items() if what == but}
        )

    async def _once(self, name: str, what: str, now: str, write: Callable[[], Awaitable[object]]) -> None:
        """Write something of an action unless it was the last that was written."""
        known = await self._issues.known("action", name)
        mark = hashlib.sha256(now.encode()).hexdigest()[:16]
        if known.get(what) != mark:
            await write()
            await self._issues.remember("action", name, **{**known, what: mark})


async def in_files(files: FileTracker, incident: Incident, url: str) -> None:
    """Write a file for each action, beside the record of its incident."""
    for task in actions(incident.tasks):
        part = Part.named(f"action t{task.number}", incident.id)
        await files.comment(incident.id, part, _text(incident, task, url))


def _text(incident: Incident, task: Task, url: str) -> Written:
    return Written(action_text(incident, task, url), ("More is at ", Link(url, url), "."))
