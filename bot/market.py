"""Reads what deciding in an incident is made from: its playbooks, what they took, the files in force."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.core import freeze
from bot.core import run as runs
from bot.core.cards.decide import Deciding
from bot.core.estimate import name_of_act
from bot.core.incident import Incident
from bot.core.price import Market
from bot.core.recovered import put_back
from bot.shelf import Shelf
from bot.timeline import Timeline
from bot.timeline.recovered import recovered
from integrations.registry import operations
from playbooks.model import Step


async def market(incident: Incident, timeline: Timeline, shelf: Shelf) -> Market:
    """Return all that the prices of an incident's answers are made from, as things stand now."""
    playbooks = [
        loaded.playbook
        for loaded in shelf.playbooks().values()
        if loaded.playbook.applies_to.covers(incident.service, incident.environment)
    ]
    catalog = shelf.catalog()
    acts = {step.operation for playbook in playbooks for step in playbook.steps}
    before = await recovered(timeline, {name for each in playbooks for name in put_back(each)})
    return Market(
        incident=incident,
        tier=catalog.tier(incident.service) if incident.service in catalog.services else None,
        playbooks=playbooks,
        measured=await timeline.lookup.measurements(acts),
        named=_named,
        now=timeline.now(),
        recovered=before,
        planned=await _planned(incident, timeline),
    )


async def _planned(incident: Incident, timeline: Timeline) -> frozenset[str]:
    """Return the playbooks of an incident's runs that are not over."""
    ids = await timeline.lookup.runs(incident=incident.id, only_open=True)
    found = [runs.fold(await timeline.read(f"run/{id}")) for id in ids]
    return frozenset(run.asked.playbook for run in found if run and not run.over)


async def seen_now(
    incident: Incident,
    timeline: Timeline,
    shelf: Shelf,
    slack_groups: Mapping[str, Iterable[str]],
    *,
    command: str,
) -> Deciding:
    """Return an incident as the decision card shows it, with the files in force; people type `command`."""
    criteria, _ = shelf.criteria()
    sold = await market(incident, timeline, shelf)
    folded = [freeze.fold(await timeline.read(f"freeze/{id}")) for id in await timeline.lookup.freezes()]
    freezes = [each for each in folded if each]
    catalog = shelf.catalog()
    return Deciding.of(incident, criteria, sold, catalog, slack_groups, command=command, freezes=freezes)


def _named(step: Step) -> str:
    known = operations().get(step.operation)
    return name_of_act(step.id, step.params.get(known.named_by)) if known and known.named_by else ""
