"""Finds out what machines know of an incident: the handler of the effect `probe`.

Each probe is asked at once with the others and has a time in which to answer; one that does not, or cannot,
leaves its facts not asked, with the reason, and holds no other up. What a person said stays as it was said;
what a machine finds otherwise is told beside it.
To add a probe: a function in a file here with its line below, and its facts in `core/probing.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from bot.core import incident as incidents
from bot.core.errors import Conflict
from bot.core.incident import Incident
from bot.core.probing import LOOKED_UP, Report, news, of_incident
from bot.jobs import Again
from bot.probes.artifact import ask_artifact
from bot.probes.backups import ask_backups
from bot.probes.changes import ask_changes
from bot.probes.replicas import ask_replicas
from bot.probes.scene import Eyes, Scene
from bot.probes.versions import ask_versions
from bot.timeline import Change, Timeline
from integrations.contract import IntegrationError

BY, VIA = "backstop", "probe"
TRIES = 20
QUICK_S = 1.0
"""What answers within this time is written at once, before what takes longer."""


@dataclass(frozen=True, slots=True)
class Probe:
    """How a machine is asked, and the facts it may know."""

    ask: Callable[[Eyes, Scene], Awaitable[Report]]
    facts: tuple[str, ...]


async def _ask_incident(_eyes: Eyes, scene: Scene) -> Report:
    return Report("incident", of_incident(scene.incident))


_ASKED: Mapping[str, Callable[[Eyes, Scene], Awaitable[Report]]] = {
    "incident": _ask_incident,
    "changes": ask_changes,
    "artifact": ask_artifact,
    "versions": ask_versions,
    "replicas": ask_replicas,
    "backups": ask_backups,
}
PROBES: Mapping[str, Probe] = {name: Probe(_ASKED[name], facts) for name, facts in LOOKED_UP.items()}


class Probes:
    """The handler of the effect `probe`; its subject is an incident's id."""

    def __init__(self, timeline: Timeline, eyes: Eyes, *, probes: Mapping[str, Probe] = PROBES) -> None:
        self._timeline = timeline
        self._eyes = eyes
        self._probes = probes

    async def handle(self, id: str) -> Again | None:
        """Ask every probe, and write what is new; again when the first of the facts is no longer good."""
        incident = await self._incident(id)
        if incident is None or not incident.open:
            return None
        scene = await self._eyes.scene(incident)
        asking = [asyncio.create_task(self._ask(name, scene)) for name in self._probes]
        try:
            await asyncio.wait(asking, timeout=QUICK_S)
            late = [task for task in asking if not task.done()]
            await self._write(id, [task for task in asking if task not in late])
            if late:
                await asyncio.wait(late)
                await self._write(id, late)
            for task in asking:
                # What nobody foresaw is told only now, so that it holds no other probe up.
                task.result()
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        return await self._again(id)

    async def _again(self, id: str) -> Again | None:
        incident = await self._incident(id)
        at = self._eyes.next_look(incident) if incident else None
        return Again(at) if at else None

    async def _ask(self, name: str, scene: Scene) -> Report:
        probe, patience = self._probes[name], self._eyes.patience_s
        try:
            async with asyncio.timeout(patience):
                return await probe.ask(self._eyes, scene)
        except TimeoutError:
            because = f"the probe timed out after {patience:g} s"
        except IntegrationError as problem:
            because = str(problem)
        return Report(name, unanswered=dict.fromkeys(probe.facts, because))

    async def _write(self, id: str, done: Sequence[asyncio.Task[Report]]) -> None:
        reports = [task.result() for task in done if task.exception() is None]
        for _ in range(TRIES):
            incident = await self._incident(id)
            if incident is None or not incident.open:
                return
            fresh, now = self._eyes.fresh(incident), self._timeline.now()
            events = tuple(event for report in reports for event in news(incident, report, fresh, now))
            events = self._eyes.weighed(incident, events, by=BY)
            change = {f"incident/{id}": Change(incident.seq, events)}
            try:
                if events:
                    await self._timeline.append(change, by=BY, via=VIA)
            except Conflict:
                continue
            return

    async def _incident(self, id: str) -> Incident | None:
        return incidents.fold(await self._timeline.read(f"incident/{id}"))


__all__ = ["PROBES", "Eyes", "Probe", "Probes", "Scene"]
