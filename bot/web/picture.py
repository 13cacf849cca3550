"""Everything that belongs to an incident, read once, for answers and pages to be drawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bot.commands import Desk
from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.cards import incident_card, plan_card, progress_card
from bot.core.document import Document
from bot.core.events import Entry
from bot.core.freeze import Freeze
from bot.core.incident import Incident, stream_of
from bot.core.run import Run
from bot.timeline.projections import number_of
from bot.web.wrong import Wrong


@dataclass(frozen=True, slots=True)
class Picture:
    """An incident with its runs and freezes, and all their entries in the order things happened."""

    incident: Incident
    runs: tuple[Run, ...]
    freezes: tuple[Freeze, ...]
    story: tuple[Entry, ...]


async def picture(desk: Desk, id: str) -> Picture:
    """Return an incident with all that belongs to it, or raise Wrong."""
    story = await desk.timeline.story(id)
    streams: dict[str, list[Entry]] = {}
    for entry in sorted(story, key=lambda entry: entry.seq):
        streams.setdefault(entry.stream, []).append(entry)
    incident = incidents.fold(streams.get(f"incident/{id}", ()))
    if incident is None:
        raise Wrong(404, f"There is no {id}.", "/incidents lists what there is.")
    carried = (runs.fold(entries) for name, entries in streams.items() if name.startswith("run/"))
    placed = (freezes.fold(entries) for name, entries in streams.items() if name.startswith("freeze/"))
    return Picture(
        incident,
        tuple(sorted((run for run in carried if run), key=lambda run: number_of(run.id))),
        tuple(sorted((freeze for freeze in placed if freeze), key=lambda freeze: number_of(freeze.id))),
        tuple(story),
    )


def card(desk: Desk, seen: Picture) -> Document:
    """Return the card of an incident."""
    return incident_card(
        seen.incident, runs=seen.runs, freezes=seen.freezes, recent=seen.story, now=desk.timeline.now()
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """A run with its incident and the newest progress of its steps."""

    run: Run
    incident: Incident
    latest: Mapping[str, Mapping[str, object]]


async def run_of(desk: Desk, id: str) -> Seen:
    """Return a run, or raise Wrong."""
    run = runs.fold(await desk.timeline.read(f"run/{id}"))
    incident = incidents.fold(await desk.timeline.read(stream_of(run.incident))) if run else None
    if run is None or incident is None:
        raise Wrong(404, f"There is no {id}.", "/incidents lists what there is.")
    steps = run.plan.steps if run.plan else ()
    found = {step.id: await desk.timeline.records.progress(id, step.id) for step in steps}
    return Seen(run, incident, {step: latest for step, latest in found.items() if latest})


def run_document(desk: Desk, seen: Seen) -> Document:
    """Return the plan of a run, and once it is started how far it is, above it."""
    now = desk.timeline.now()
    plan = plan_card(seen.run, seen.incident, now=now)
    if seen.run.started_at is None:
        return plan
    progress = progress_card(seen.run, seen.incident, latest=seen.latest, now=now)
    return Document(progress.title, (*progress.blocks, *plan.blocks))
