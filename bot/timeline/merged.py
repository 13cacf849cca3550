"""What was recorded in incidents that turned out to be the same event as another."""

from __future__ import annotations

from bot.core import incident as incidents
from bot.core.events import Entry
from bot.core.incident import Incident
from bot.timeline import Timeline


async def merged_into(timeline: Timeline, incident: Incident) -> list[Entry]:
    """Return the entries of what was merged into an incident, and of what was merged into that before."""
    found: list[Entry] = []
    for each in incident.duplicates:
        own = incidents.fold(await timeline.read(f"incident/{each.incident}"))
        assert own
        found += [*await timeline.story(own.id), *await merged_into(timeline, own)]
    return found
