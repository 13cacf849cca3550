"""Everything about incidents and the drills of their playbooks, read to be measured."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.events import Entry, PlanAsked
from bot.core.incident import Incident
from bot.core.postmortem import operations_in
from bot.core.postmortem.story import History, Story, story_of
from bot.core.run import Run
from bot.timeline import Timeline
from bot.timeline.merged import merged_into
from bot.timeline.rehearsals import read_drill

REMEMBERED = 20
"""With how many of the last incidents and drills an incident is compared."""


async def told(timeline: Timeline, id: str, *, drills: Sequence[Run] = ()) -> Story | None:
    """Return everything about an incident, with the runs of what was merged into it, or None."""
    incident = incidents.fold(await timeline.read(f"incident/{id}"))
    if incident is None:
        return None
    entries = await timeline.story(id)
    theirs = [each for each in await merged_into(timeline, incident) if each.stream.startswith("run/")]
    beside = (*await timeline.read(f"service/{incident.service}"), *theirs)
    return story_of(incident, entries, now=timeline.now(), beside=beside, drills=tuple(drills))


async def rehearsals(timeline: Timeline, playbooks: Collection[str], most: int | None = None) -> list[Run]:
    """Return the rehearsals of playbooks, of each the newest, at most so many."""
    found: list[Run] = []
    for playbook in playbooks:
        for id in (await timeline.lookup.drills(playbook=playbook))[:most]:
            drill = await read_drill(timeline, id)
            if drill and drill.runs and (run := runs.fold(await timeline.read(f"run/{drill.runs[0]}"))):
                found.append(run)
    return found


async def history_of(timeline: Timeline, incident: Incident, story: Sequence[Entry]) -> History:
    """Return what an incident is compared with; `story` are its entries and those of its runs."""
    measured = await timeline.lookup.measurements(operations_in(story))
    asked = (entry.event for entry in story)
    playbooks = sorted({plan.playbook for plan in asked if isinstance(plan, PlanAsked)})
    if not playbooks:
        return History(measured=tuple(measured))
    listed = await timeline.lookup.incidents(only_open=False, service=incident.service)
    ids = [item.id for item in listed]
    before = ids[ids.index(incident.id) + 1 :][:REMEMBERED]
    found = [await told(timeline, id) for id in reversed(before)]
    drills = await rehearsals(timeline, playbooks, REMEMBERED)
    return History(tuple(each for each in found if each), tuple(drills), tuple(measured))
