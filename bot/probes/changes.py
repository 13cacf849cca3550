"""Asks what changed last: what was recorded, and what clusters and delivery systems remember."""

from __future__ import annotations

from collections.abc import Sequence

from bot.core.probing import Report, of_changes, recorded, remembered
from bot.core.release import unrecorded
from bot.core.words import one_by_one
from bot.probes.scene import HISTORIES, Eyes, Scene
from integrations.contract import RecoveryPoint, Source


async def ask_changes(eyes: Eyes, scene: Scene) -> Report:
    """Return what the last change before the damage was; what cannot be asked is named."""
    histories = {source.id: source for source in _histories(scene)}
    said, silent = await eyes.each({name: _points(eyes, source) for name, source in histories.items()})
    changes = recorded(scene.releases)
    for name, points in said.items():
        changes += remembered(points, f"{histories[name].engine} {name}", scene.releases)
    findings = of_changes(scene.incident, changes, scene.now)
    if findings:
        return Report("changes", findings)
    why = one_by_one(silent)
    none = unrecorded(scene.releases, scene.incident.release) or "no release is recorded"
    facts = ("change_type", "minutes_since_change", "schema_change")
    return Report("changes", unanswered=dict.fromkeys(facts, why or none))


async def _points(eyes: Eyes, source: Source) -> Sequence[RecoveryPoint]:
    return await eyes.engine(source.engine).points(source)


def _histories(scene: Scene) -> list[Source]:
    """Return where deployments are remembered; a target is its own history where no source is named."""
    named = [source for source in scene.sources if source.engine in HISTORIES]
    engines = {source.engine for source in named}
    own = [
        Source(target.name, target.kind, target.settings)
        for target in scene.targets
        if target.kind in HISTORIES and target.kind not in engines
    ]
    return [*named, *own]
