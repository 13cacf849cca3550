"""Asks the sources of recovery points what they have, and the past how long a restore takes."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.core.document import utc
from bot.core.probing import Kept, Report, of_points, of_prices
from bot.core.words import one_by_one
from bot.probes.scene import ESTIMATE, HISTORIES, Eyes, Scene
from integrations.contract import Cap, Engine, Source, ToTime

POINTS = (
    "backup_available",
    "backup_verified",
    "backup_age_minutes",
    "restore_point_predates_damage",
    "pitr_available",
)


async def ask_backups(eyes: Eyes, scene: Scene) -> Report:
    """Return what can be restored; that there is nothing is said only when every source was asked."""
    measured = of_prices(scene.prices)
    sources = {source.id: source for source in scene.sources if source.engine not in HISTORIES}
    asked = {name: _kept(eyes, source, scene.incident.damage_start) for name, source in sources.items()}
    said, silent = await eyes.each(asked)
    findings = of_points(scene.incident, list(said.values()), scene.drilled, scene.now) if said else {}
    why = one_by_one(silent)
    if silent:
        findings = {name: finding for name, finding in findings.items() if finding.value is not False}
    unanswered = {name: why for name in POINTS if silent and name not in findings}
    if scene.incident.damage_start is None:
        unanswered["restore_point_predates_damage"] = "nobody has said since when data is damaged"
    if not sources:
        none = f"no source of recovery points is named for {scene.incident.service}"
        unanswered = dict.fromkeys(POINTS, none)
    if not measured:
        unanswered[ESTIMATE] = "no restore of it was ever measured"
    return Report("backups", {**findings, **measured}, unanswered)


async def _kept(eyes: Eyes, source: Source, damage: datetime | None) -> Kept:
    engine = eyes.engine(source.engine)
    points = await engine.points(source)
    if Cap.WINDOW not in engine.caps:
        return Kept(source.id, points)
    reaches, because = await _reaches(engine, source, damage)
    return Kept(source.id, points, reaches, because)


async def _reaches(engine: Engine, source: Source, damage: datetime | None) -> tuple[bool, str]:
    """Say whether the moment before the damage can be reached, or any moment while none is known."""
    if damage is None:
        window = await engine.window(source)
        if window is None:
            return False, "it can reach no moment now"
        return True, f"it reaches from {utc(window.earliest)} to {utc(window.latest)}"
    found = await engine.resolve(source, ToTime(damage - timedelta(seconds=1)))
    whole = found.point is not None and found.log_continuous is not False
    return whole, found.because.rstrip(".") or "its log has a gap"
