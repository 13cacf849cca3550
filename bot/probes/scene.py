"""What probes look at and what they look with."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from bot.core.deciding import with_proposal
from bot.core.events import Event
from bot.core.incident import Incident
from bot.core.price import RESTORES, Price, prices
from bot.core.probing import next_look
from bot.core.release import Release, releases
from bot.market import market
from bot.shelf import Shelf
from bot.timeline import Timeline
from integrations.artifacts import Sessions
from integrations.contract import Engine, IntegrationError, Source, Target
from playbooks.catalog import Catalog, Environment, Tags
from playbooks.model import Playbook

_T = TypeVar("_T")

ESTIMATE = "estimated_restore_minutes"
SHARE = 0.6
HISTORIES = frozenset({"kubernetes", "helm", "argocd", "github"})
"""The engines whose points are what was deployed; those of all others are copies of data."""


@dataclass(frozen=True, slots=True)
class Scene:
    """An incident and everything around it that is known here, as things stand at `now`."""

    incident: Incident
    catalog: Catalog
    playbooks: Sequence[Playbook]
    prices: Sequence[Price]
    releases: Sequence[Release]
    drilled: frozenset[tuple[str, str, str | None]]
    now: datetime

    @property
    def targets(self) -> tuple[Target, ...]:
        """Return what the catalog says is there."""
        names = self._place.targets if self._place else ()
        return tuple(filter(None, map(self.catalog.target, names)))

    @property
    def tags(self) -> Tags | None:
        """Return the tags by which the service is put out here, where the catalog names them."""
        deploys = self._place.deploys if self._place else None
        return deploys.tags if deploys else None

    @property
    def sources(self) -> tuple[Source, ...]:
        """Return the sources that the catalog and the playbooks for this service name, each once."""
        return tuple({source.id: source for source in self._sources()}.values())

    def _sources(self) -> Iterator[Source]:
        yield from filter(None, map(self.catalog.source, self._place.backups if self._place else ()))
        for playbook in self.playbooks:
            yield from map(self.catalog.completed, playbook.sources)

    @property
    def _place(self) -> Environment | None:
        service = self.catalog.services.get(self.incident.service)
        return service.environments.get(self.incident.environment) if service else None


@dataclass(frozen=True, slots=True)
class Eyes:
    """How the outside world is seen: through engines and the web, for `patience_s` at most."""

    timeline: Timeline
    shelf: Shelf
    engines: Mapping[str, Engine]
    sessions: Sessions
    patience_s: float = 5.0

    async def scene(self, incident: Incident) -> Scene:
        """Return what is around an incident."""
        entries = await self.timeline.read(f"service/{incident.service}")
        # What anybody said of the time does not count: only what was measured is a machine's to tell.
        known = {name: each for name, each in incident.known.items() if name != ESTIMATE}
        sold = await market(replace(incident, known=known), self.timeline, self.shelf)
        return Scene(
            incident=incident,
            catalog=self.shelf.catalog(),
            playbooks=sold.playbooks,
            prices=prices(sold, RESTORES),
            releases=releases(entries, incident.environment),
            drilled=await self.timeline.lookup.drilled(),
            now=self.timeline.now(),
        )

    def engine(self, name: str) -> Engine:
        """Return an engine, or raise IntegrationError when there is none of that name."""
        try:
            return self.engines[name]
        except KeyError:
            raise IntegrationError(f"There is no engine {name} here.", permanent=True) from None

    async def each(self, asked: Mapping[str, Awaitable[_T]]) -> tuple[dict[str, _T], dict[str, str]]:
        """Return what each of several said, and of those that did not, why; all of them are asked at once."""
        answers = await asyncio.gather(*(self._in_time(one) for one in asked.values()))
        both = dict(zip(asked, answers, strict=True))
        said = {name: one[0] for name, one in both.items() if isinstance(one, tuple)}
        silent = {name: one for name, one in both.items() if isinstance(one, str)}
        return said, silent

    async def _in_time(self, asked: Awaitable[_T]) -> tuple[_T] | str:
        # Less than the whole probe has, so that one that is slow takes nothing from the others.
        patience = self.patience_s * SHARE
        try:
            async with asyncio.timeout(patience):
                return (await asked,)
        except TimeoutError:
            return f"the probe timed out after {patience:g} s"
        except IntegrationError as problem:
            return str(problem)

    def fresh(self, incident: Incident) -> Collection[str]:
        """Return the facts that are still good as machines found them, by the criteria in force."""
        criteria, _ = self.shelf.criteria()
        return criteria.fresh(incident.found, self.timeline.now()).keys()

    def weighed(self, incident: Incident, events: Sequence[Event], *, by: str) -> tuple[Event, ...]:
        """Return what is added to an incident, with the changed proposal where people are deciding."""
        if incident.decision_asked is None:
            return tuple(events)
        criteria, hash = self.shelf.criteria()
        return with_proposal(incident, events, criteria, hash, by=by, at=self.timeline.now())

    def next_look(self, incident: Incident) -> datetime | None:
        """Return when machines are asked again by themselves, while somebody still has to decide."""
        criteria, _ = self.shelf.criteria()
        good_for = {name: each.good_for for name, each in criteria.facts.items()}
        return next_look(incident, good_for, self.timeline.now())
