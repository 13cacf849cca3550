"""Asks whether several versions run at once, where an engine can tell."""

from __future__ import annotations

from bot.core.probing import Report, of_rollouts
from bot.core.words import one_by_one
from bot.probes.scene import Eyes, Scene
from integrations.contract import Call, CheckResult, Target

CENSUS = {"kubernetes": "one_version"}
"""The check of an engine that passes only when no two versions run at once."""


async def ask_versions(eyes: Eyes, scene: Scene) -> Report:
    """Ask every target whose engine knows; one that cannot be asked may be the one with two."""
    able = [target for target in scene.targets if target.kind in CENSUS]
    said, silent = await eyes.each({target.name: _census(eyes, target) for target in able})
    found = {name: (result.ok, result.found) for name, result in said.items()}
    findings = of_rollouts(found)
    mixed = any(finding.value for finding in findings.values())
    if findings and (mixed or not silent):
        return Report("versions", findings)
    why = one_by_one(silent)
    none = f"no target of {scene.incident.service} tells which versions run"
    return Report("versions", unanswered={"mixed_versions_running": why or none})


async def _census(eyes: Eyes, target: Target) -> CheckResult:
    return await eyes.engine(target.kind).check(Call(CENSUS[target.kind], target))
