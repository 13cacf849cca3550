"""What a plan is drafted on, and the draft as it grows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from bot.core.estimate import Measurement
from bot.core.freeze import Freeze
from bot.core.incident import Incident
from bot.core.plan import PlannedFallback, PlannedSource, PlannedTarget
from bot.core.recovered import Recovered
from bot.core.suspects import Suspects
from integrations.contract import Engine, Fence, IntegrationError, Json
from playbooks.catalog import Catalog
from playbooks.model import Drill, Playbook
from playbooks.problems import Problem
from playbooks.references import Scopes
from playbooks.roles import Holders


@dataclass(frozen=True, slots=True)
class Ground:
    """Everything a plan is drafted on; with a `drill` the playbook acts on its stand-ins already.

    `silences` says whether alerts can be made silent, `mistakes` what the lint finds in the playbook's file,
    `recovered` which runs recovered a target before.
    """

    playbook: Playbook
    hash: str
    catalog: Catalog
    incident: Incident
    run: str
    service: str
    environment: str
    given: Mapping[str, Json]
    known: Mapping[str, Mapping[str, Json]]
    engines: Mapping[str, Engine]
    freezes: Sequence[Freeze]
    holders: Holders
    suspects: Suspects
    measured: Sequence[Measurement]
    now: datetime
    gave: Callable[[Fence], Awaitable[bool]]
    drill: Drill | None = None
    left_out: Sequence[str] = ()
    silences: bool = False
    drilled: frozenset[tuple[str, str, str | None]] = frozenset()
    mistakes: Sequence[Problem] = ()
    recovered: Mapping[str, tuple[Recovered, ...]] = field(default_factory=dict)


@dataclass(slots=True)
class Drafting:
    """The draft as it grows; problems are collected, never raised."""

    ground: Ground
    inputs: dict[str, Json] = field(default_factory=dict)
    sources: dict[str, PlannedSource] = field(default_factory=dict)
    targets: dict[str, PlannedTarget] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def fallbacks(self) -> tuple[PlannedFallback, ...]:
        """Return the playbooks to change to when this one does not get there."""
        return tuple(
            PlannedFallback(when=other.when, use=other.use, ask=other.ask)
            for other in self.ground.playbook.fallbacks
        )

    def engine(self, name: str) -> Engine | None:
        """Return an engine, or note that there is none of that name."""
        try:
            return self.ground.engines[name]
        except KeyError:
            problem = f"There is no engine {name} here."
        except IntegrationError as missing:
            problem = f"The engine {name} cannot be used: {missing}"
        if problem not in self.problems:
            self.problems.append(problem)
        return None

    def scopes(self, source: str | None, target: str | None = None) -> Scopes:
        """Return what references may stand for in a call on a target with a source."""
        ground = self.ground
        run = {
            "id": ground.run,
            "incident": ground.incident.id,
            "service": ground.service,
            "environment": ground.environment,
            "playbook": ground.playbook.name,
        }
        reach = self.ground.catalog.target(target) if target else None
        return {
            "inputs": self.inputs,
            "point": self._point(source),
            "run": run,
            "target": dict(reach.settings) if reach else {},
        }

    def _point(self, source: str | None) -> dict[str, Json]:
        chosen = self.sources.get(source or next(iter(self.sources), ""))
        if chosen is None or chosen.point is None:
            return {}
        point = chosen.point
        return {
            "id": point.id,
            "kind": point.kind,
            "finished_at": point.finished_at.isoformat(),
            "moment": (chosen.reaches or point.finished_at).isoformat(),
            "release": point.release,
            "commit": point.commit,
            "environment": point.environment,
        }
