"""An incident that probes look at, on a stage whose engines can be slow, silent or wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

import aiohttp

from bot.core.events import FactLearnt
from bot.probes import PROBES, Eyes, Probe, Probes
from integrations.contract import (
    Cap,
    Goal,
    RecoveryPoint,
    Resolution,
    Source,
    ToTime,
    Window,
)
from playbooks.criteria import Value
from tests.runs.stage import Stage, StageEngine


class Slow(StageEngine):
    """An engine that never answers."""

    name: ClassVar[str] = "slow"

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        await asyncio.Event().wait()
        return ()


class Wrong(StageEngine):
    """An engine with a mistake that nobody foresaw."""

    name: ClassVar[str] = "wrong"

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        raise ZeroDivisionError


class Log(StageEngine):
    """An engine that restores to any moment from its first point on, while its log has no gap."""

    name: ClassVar[str] = "log"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.WINDOW})
    gap: bool = False

    async def window(self, source: Source) -> Window | None:
        if self.gap:
            return None
        return Window(self.world.points[0].finished_at, self.world.now())

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        assert isinstance(goal, ToTime)
        because = f"{goal.at:%H:%M:%S} is {'behind a gap' if self.gap else 'in its log'}."
        return Resolution(self.world.points[0], because, log_continuous=not self.gap)


def eyes(stage: Stage, *, patience_s: float = 60.0) -> Eyes:
    return Eyes(stage.timeline, stage.shelf, stage.engines, aiohttp.ClientSession, patience_s=patience_s)


async def probed(
    stage: Stage, id: str = "INC-1", *, patience_s: float = 60.0, probes: Mapping[str, Probe] = PROBES
) -> Mapping[str, Value]:
    """Ask the probes, and return the facts of the incident."""
    await Probes(stage.timeline, eyes(stage, patience_s=patience_s), probes=probes).handle(id)
    return (await stage.incident(id)).facts


async def unanswered(stage: Stage) -> Mapping[str, str]:
    return (await stage.incident()).untold


async def learnt(stage: Stage) -> list[FactLearnt]:
    entries = await stage.timeline.read("incident/INC-1")
    return [entry.event for entry in entries if isinstance(entry.event, FactLearnt)]
