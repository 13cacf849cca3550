"""A run as it stands, with all that deciding about it needs, and the way to write what happened to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.core import freeze as freezes
from bot.core import incident as incidents
from bot.core import run as runs
from bot.core.due import Move, due
from bot.core.estimate import Measurement
from bot.core.events import Entry, Event, StepStarted, TargetHeld, TargetReleased
from bot.core.freeze import Freeze
from bot.core.hold import Hold, fold_target
from bot.core.incident import Incident, stream_of
from bot.core.people import holders_now
from bot.core.plan import Plan, PlannedTarget
from bot.core.recovered import Recovered
from bot.core.release import releases, suspected, version_before
from bot.core.run import Run
from bot.core.sharing import Servers
from bot.core.suspects import Suspects, suspects
from bot.jobs import Sooner
from bot.shelf import Shelf
from bot.timeline import Change, Timeline
from bot.timeline.recovered import recovered
from bot.timeline.servers import servers
from integrations.contract import Fence, IntegrationError, Json
from playbooks.catalog import Catalog
from playbooks.model import Playbook
from playbooks.roles import Holders

BY, VIA = "backstop", "run"


@dataclass(frozen=True, slots=True)
class View:
    """A run at a moment; `until` is when to look again if there is nothing more to do before.

    `sooner` returns True as soon as it is worth a look before.
    """

    run: Run
    incident: Incident
    freezes: Sequence[Freeze]
    holders: Holders
    now: datetime
    until: datetime | None = None
    sooner: Sooner | None = None

    @property
    def plan(self) -> Plan:
        """Return the plan; a run without one is never carried out."""
        assert self.run.plan is not None
        return self.run.plan

    @property
    def moves(self) -> tuple[Move, ...]:
        """Return what is to be done now."""
        return due(self.run, now=self.now, holders=self.holders, freezes=self.freezes)

    def after(self, entries: Sequence[Entry], now: datetime) -> View:
        """Return the view after what was appended to the run and its incident."""
        run = runs.fold((entry for entry in entries if entry.stream == f"run/{self.run.id}"), self.run)
        about = (entry for entry in entries if entry.stream == stream_of(self.incident.id))
        incident = incidents.fold(about, self.incident)
        assert run
        assert incident
        return replace(self, run=run, incident=incident, now=now, until=None, sooner=None)


class Book:
    """Reads views and appends what happened; everything it writes is by Backstop itself.

    `silences` says whether there is an Alertmanager in which alerts can be made silent.
    """

    def __init__(
        self,
        timeline: Timeline,
        shelf: Shelf,
        slack_groups: Callable[[], Mapping[str, tuple[str, ...]]],
        *,
        silences: bool = False,
    ) -> None:
        self.timeline = timeline
        self._shelf = shelf
        self.slack_groups = slack_groups
        self.silences = silences

    def catalog(self) -> Catalog:
        """Return the catalog in force."""
        return self._shelf.catalog()

    async def view(self, id: str) -> View:
        """Return a run with its incident and the freezes in force."""
        run = runs.fold(await self.timeline.read(f"run/{id}"))
        incident = incidents.fold(await self.timeline.read(stream_of(run.incident))) if run else None
        if run is None or incident is None:
            raise IntegrationError(f"{id} has no timeline to go by.", permanent=True)
        held = [freezes.fold(entries) for entries in (await self.timeline.frozen()).values()]
        now = self.timeline.now()
        holders = holders_now(run, incident, self.catalog(), self.slack_groups(), now=now)
        return View(run, incident, [freeze for freeze in held if freeze], holders, now)

    async def incident(self, id: str) -> Incident | None:
        """Return an incident as it stands, or None when there is none."""
        return incidents.fold(await self.timeline.read(stream_of(id)))

    async def write(
        self,
        view: View,
        *events: Event,
        incident: Sequence[Event] = (),
        others: Mapping[str, Change] | None = None,
    ) -> View:
        """Append events to the run, and to its incident and other streams with it, if nobody was faster.

        Returns the view after them; what it shows beside the run and the incident is not read again.
        """
        changes = dict(others or {})
        if events:
            changes[f"run/{view.run.id}"] = Change(view.run.seq, events)
        if incident:
            changes[stream_of(view.incident.id)] = Change(view.incident.seq, tuple(incident))
        entries = await self.timeline.append(changes, by=BY, via=VIA)
        return view.after(entries, self.timeline.now())

    def rest(self, view: View, pause: timedelta, *, sooner: Sooner | None = None) -> View:
        """Return the view of a run that is to be looked at again after a pause, or sooner."""
        return replace(view, until=self.timeline.now() + pause, sooner=sooner)

    async def hold(self, target: str) -> Hold:
        """Return who holds a target."""
        return fold_target(await self.timeline.read(f"target/{target}"))

    async def recovered(self, targets: Iterable[str]) -> Mapping[str, tuple[Recovered, ...]]:
        """Return the runs that recovered each target, in order."""
        return await recovered(self.timeline, targets)

    async def servers(self, targets: Iterable[PlannedTarget | None]) -> Servers:
        """Return who holds the servers that targets are of."""
        return await servers(self.timeline, targets)

    def holding(self, held: TargetHeld, holds: Mapping[str, Hold], servers: Servers) -> dict[str, Change]:
        """Return the changes by which a run takes targets, and its part of their servers."""
        targets = {f"target/{name}": Change(hold.seq, (held,)) for name, hold in holds.items()}
        shared = servers.shared.items()
        return targets | {f"target/{name}": Change(s.seq, servers.claims(held, name)) for name, s in shared}

    async def gave(self, fence: Fence) -> bool:
        """Say whether this database knows of the act that brought a target the highest token it has seen."""
        return await gave(self.timeline, fence)

    async def releases(self, view: View) -> dict[str, Change]:
        """Return the changes that release every target a run holds, and their servers."""
        run = view.run.id
        held = {name: await self.hold(name) for name in await self.timeline.lookup.held_by(run)}
        seqs = {name: hold.seq for name, hold in held.items() if hold.run == run}
        shared = (await self.servers(view.plan.targets)).shared
        seqs |= {name: server.seq for name, server in shared.items() if server.held_by(run)}
        return {f"target/{name}": Change(seq, (TargetReleased(run=run),)) for name, seq in seqs.items()}

    async def suspects(self, view: View) -> Suspects:
        """Return the recovery points that the runs of the incident could not restore."""
        ids = await self.timeline.lookup.runs(incident=view.incident.id, only_open=False)
        return suspects([await self.timeline.read(f"run/{id}") for id in reversed(ids)])

    async def measured(self, playbook: Playbook) -> Sequence[Measurement]:
        """Return how long the operations of a playbook took before."""
        return await self.timeline.lookup.measurements({step.operation for step in playbook.steps})

    async def known(
        self, incident: Incident, service: str, environment: str
    ) -> Mapping[str, Mapping[str, Json]]:
        """Return what playbooks may take as proposals for their inputs, moments as ISO 8601 text.

        Which release was good is proposed only where the suspected one is recorded.
        """
        recorded = releases(await self.timeline.read(f"service/{service}"), environment)
        named = incident.release if service == incident.service else None
        previous = version_before(suspected(recorded, named, incident.began))
        moments = {
            "damage_start": incident.damage_start,
            "impact_start": incident.impact_start,
            "declared_at": incident.declared_at,
        }
        told: dict[str, Json] = {name: at.isoformat() for name, at in moments.items() if at}
        return {
            "decision": {**incident.facts, **told},
            "incident": told,
            "release": {"previous": previous, "current": incident.release},
        }


async def gave(timeline: Timeline, fence: Fence) -> bool:
    """Say whether a database knows of the act that brought a target the highest token it has seen."""
    entries = await timeline.read(f"run/{fence.key.partition('.')[0]}")
    begun = [entry.event for entry in entries if isinstance(entry.event, StepStarted)]
    return any((each.key, each.token) == (fence.key, fence.token) for each in begun)
