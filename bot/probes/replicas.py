"""Asks whether a copy could take over, of servers that have copies and of the copies themselves."""

from __future__ import annotations

from bot.core.probing import InStep, Report, of_replicas
from bot.core.words import one_by_one
from bot.probes.scene import Eyes, Scene
from integrations.contract import Call, Json, Target

FACT = "healthy_replica_available"
ABLE = {"postgres": "in_step", "pgbackrest": "in_step"}
"""The check of an engine that passes only when a copy is no more than `within_s` seconds behind."""


async def ask_replicas(eyes: Eyes, scene: Scene) -> Report:
    """Ask every target whose engine knows, against what the service may lose; none says nothing."""
    able = [target for target in scene.targets if target.kind in ABLE]
    if not able:
        return Report("replicas")
    said, silent = await eyes.each({target.name: _in_step(eyes, scene, target) for target in able})
    findings = of_replicas(said, silent)
    if findings:
        return Report("replicas", findings)
    told = {**{name: each.found for name, each in said.items()}, **silent}
    return Report("replicas", unanswered={FACT: one_by_one(told)})


async def _in_step(eyes: Eyes, scene: Scene, target: Target) -> InStep:
    rpo = scene.catalog.tier(scene.incident.service).rpo
    asked: dict[str, Json] = {"within_s": int(rpo.total_seconds()), "as_of": scene.incident.began.isoformat()}
    result = await eyes.engine(target.kind).check(Call(ABLE[target.kind], target, asked))
    system, is_copy = result.evidence.get("system"), result.evidence.get("is_copy") is True
    return InStep(result.ok, result.found, str(system or target.name), is_copy)
