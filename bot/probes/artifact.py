"""Asks whether the release before can be had now."""

from __future__ import annotations

from bot.core.probing import Report, of_artifact
from bot.core.release import stood_before, suspected, unrecorded
from bot.probes.scene import Eyes, Scene
from integrations.artifacts import can_be_had

FACT = "previous_artifact_available"


async def ask_artifact(eyes: Eyes, scene: Scene) -> Report:
    """Look for the artefact that was recorded with the release before the suspected one."""
    if missing := unrecorded(scene.releases, scene.incident.release):
        return _silent(missing)
    before = stood_before(suspected(scene.releases, scene.incident.release, scene.incident.began))
    if before is None:
        return _silent("no release before this one is recorded")
    if before.told.artifact is None:
        return _silent(f"{before.told.version} was recorded without an `artifact`")
    there = await can_be_had(eyes.sessions, before.told.artifact)
    return Report("artifact", of_artifact(before, there=there))


def _silent(because: str) -> Report:
    return Report("artifact", unanswered={FACT: because})
