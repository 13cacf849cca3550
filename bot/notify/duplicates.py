"""Links the issues of incidents that are one event, once each of the two has one."""

from __future__ import annotations

from bot.core import incident as incidents
from bot.core.incident import Incident
from bot.notify.issues import Issues
from bot.timeline import Timeline
from integrations.tracker import Tracker


async def in_tracker(
    tracker: Tracker, issues: Issues, timeline: Timeline, incident: Incident, key: str
) -> None:
    """Say that the issue `key` of an incident duplicates another, or that others duplicate it.

    Both incidents come here after their issue is recorded, so that the later of the two finds the other.
    """
    if incident.merged:
        of = await _issue(timeline, incident.merged.into)
        await _linked(tracker, issues, incident.id, key, of)
    for each in incident.duplicates:
        await _linked(tracker, issues, each.incident, await _issue(timeline, each.incident), key)


async def _issue(timeline: Timeline, id: str) -> str | None:
    found = incidents.fold(await timeline.read(f"incident/{id}"))
    return found.issue.key if found and found.issue else None


async def _linked(tracker: Tracker, issues: Issues, id: str, key: str | None, of: str | None) -> None:
    known = await issues.known("duplicate", id)
    if key and of and known != {"linked": key, "to": of}:
        await tracker.duplicates(key, of)
        await issues.remember("duplicate", id, linked=key, to=of)
