"""Asks what changed last: what was recorded, what clusters and delivery systems remember, and Git's tags."""

from __future__ import annotations

from bot.core.probing import Change, Report, of_changes, recorded, remembered
from bot.core.release import unrecorded
from bot.core.words import one_by_one
from bot.probes.scene import HISTORIES, Eyes, Scene
from integrations.contract import Source
from integrations.tags import tags_of
from playbooks.catalog import Tags


async def ask_changes(eyes: Eyes, scene: Scene) -> Report:
    """Return what the last change before the damage was; what cannot be asked is named."""
    asked = {source.id: _remembered(eyes, scene, source) for source in _histories(scene)}
    if scene.tags:
        asked["tags"] = _tagged(scene, scene.tags)
    said, silent = await eyes.each(asked)
    changes = [*recorded(scene.releases), *(each for found in said.values() for each in found)]
    findings = of_changes(scene.incident, changes, scene.now, silent)
    if findings:
        return Report("changes", findings)
    why = one_by_one(silent)
    none = unrecorded(scene.releases, scene.incident.release) or "no release is recorded"
    facts = ("change_type", "minutes_since_change", "schema_change")
    return Report("changes", unanswered=dict.fromkeys(facts, why or none))


async def _remembered(eyes: Eyes, scene: Scene, source: Source) -> list[Change]:
    points = await eyes.engine(source.engine).points(source)
    return remembered(points, f"{source.engine} {source.id}", scene.releases)


async def _tagged(scene: Scene, tags: Tags) -> list[Change]:
    return remembered(await tags_of(tags.clone, tags.matching), tags.clone, scene.releases)


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
