"""What a drill's schedule is held against, read from the timeline."""

from __future__ import annotations

from bot.core import drill as drills
from bot.core.drill import Drill
from bot.core.gaps import Open, open_gaps, says_all
from bot.core.schedule import Around, newest_major
from bot.timeline import Timeline
from playbooks.model import Playbook

REMEMBERED = 50
"""How many of its last drills a schedule is held against."""


async def around(timeline: Timeline, playbook: Playbook) -> Around:
    """Return what is known around a playbook that has a schedule, for one service and environment."""
    (service,), (environment,) = playbook.applies_to.services, playbook.applies_to.environments
    past = await timeline.lookup.drills(playbook=playbook.name)
    incidents = await timeline.lookup.incidents(only_open=True, service=service)
    return Around(
        drills=[drill for id in past[:REMEMBERED] if (drill := await read_drill(timeline, id))],
        major=newest_major(await timeline.read(f"service/{service}"), environment),
        incident=next((found.id for found in incidents), None),
        busy=await busy(timeline, playbook),
    )


async def gaps_of(timeline: Timeline, playbook: str, *, until: Drill | None = None) -> tuple[Open, ...]:
    """Return the gaps that the newest drill of a playbook showed, or those of a drill as it ended."""
    past = await timeline.lookup.drills(playbook=playbook)
    if until:
        past = past[past.index(until.id) :]
    found: list[Drill] = []
    for id in past[:REMEMBERED]:
        if drill := await read_drill(timeline, id):
            found.append(drill)
        if says_all(found):
            break
    return open_gaps(found)


async def busy(timeline: Timeline, playbook: Playbook) -> str | None:
    """Return a drill that still uses a stand-in of a playbook: it would find the other's data there."""
    wanted = set(playbook.drill.targets.values()) if playbook.drill else set()
    for id in await timeline.lookup.drills(only_open=True):
        other = await read_drill(timeline, id)
        if other and wanted & set(other.asked.stand_ins):
            return id
    return None


async def read_drill(timeline: Timeline, id: str) -> Drill | None:
    """Return a drill as it stands, or None."""
    return drills.fold(await timeline.read(f"drill/{id}"))
