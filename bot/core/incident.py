"""An incident is what its timeline says.

A drill is folded to one as well, in which nothing is the matter: its runs are carried out and drawn like
those of an incident. What a drill is beside that is in `drill.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from bot.core.cadence import cadence
from bot.core.events import (
    CopyOffered,
    Decided,
    DecisionAsked,
    DrillAsked,
    DrillEnded,
    EffectDue,
    EffectObserved,
    Entry,
    Event,
    FactLearnt,
    ImpactStated,
    IncidentClosed,
    IncidentDeclared,
    IncidentReopened,
    IncidentResolved,
    IssueLinked,
    NoteAdded,
    Phase,
    PhaseChanged,
    PlanAttached,
    PostmortemAsked,
    Probed,
    Proposed,
    RoleAssigned,
    RoomOpened,
    Severity,
    SeverityChanged,
    UpdateOverdue,
    UpdatePosted,
    WritersStopped,
)
from playbooks.criteria import Known, Value


@dataclass(frozen=True, slots=True)
class Observation:
    """What somebody saw of a decision's effect."""

    seen: EffectObserved
    at: datetime
    by: str

    @property
    def refutes(self) -> bool:
        """Say whether the action did not do what it was chosen for."""
        return self.seen.outcome != "worked"


@dataclass(frozen=True, slots=True)
class Decision:
    """A recorded choice with the moment and the person, when its effect was asked for, and what was seen.

    `seq` is the number of its entry.
    """

    seq: int
    made: Decided
    at: datetime
    by: str
    asked_at: datetime | None = None
    observed: Observation | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands after its last event; every time is aware UTC."""

    id: str
    title: str
    severity: Severity
    phase: Phase
    service: str
    environment: str
    release: str | None
    declared_at: datetime
    declared_by: str
    roles: Mapping[str, str]
    seq: int = 0
    impact: str = ""
    impact_start: datetime | None = None
    damage_start: datetime | None = None
    damage_said: datetime | None = None
    writers_stopped: datetime | None = None
    stopped_by: str | None = None
    room: RoomOpened | None = None
    known: Mapping[str, Known] = field(default_factory=dict)
    decision_asked: int | None = None
    probed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    updates: tuple[UpdatePosted, ...] = ()
    updated_at: datetime | None = None
    next_update_by: datetime | None = None
    overdue: datetime | None = None
    runs: tuple[str, ...] = ()
    offered: CopyOffered | None = None
    issue: IssueLinked | None = None
    resolved: IncidentResolved | None = None
    resolved_at: datetime | None = None
    closed: IncidentClosed | None = None

    @property
    def open(self) -> bool:
        """Say whether people still work on it."""
        return self.phase not in (Phase.RESOLVED, Phase.CLOSED)

    @property
    def standing(self) -> Decision | None:
        """Return the newest decision unless it was seen not to work: nothing is asked while it stands."""
        newest = self.decisions[-1] if self.decisions else None
        refuted = newest and newest.observed and newest.observed.refutes
        return None if refuted else newest

    @property
    def facts(self) -> Mapping[str, Value]:
        """Return the value of each fact that was learnt."""
        return {name: known.value for name, known in self.known.items()}

    @property
    def untold(self) -> Mapping[str, str]:
        """Return why a machine could not tell a fact, for each of those."""
        return {fact: why for silent in self.probed.values() for fact, why in silent.items()}

    @property
    def commander(self) -> str:
        """Return who commands."""
        return self.roles["commander"]

    @property
    def drill(self) -> bool:
        """Say whether it is a drill."""
        return is_drill(self.id)


def is_drill(id: str) -> bool:
    """Say whether what a run is for is a drill, by its id."""
    return id.startswith("DRL-")


def stream_of(id: str) -> str:
    """Return the stream of what a run is for: an incident, or a drill."""
    return f"{'drill' if is_drill(id) else 'incident'}/{id}"


def fold(entries: Iterable[Entry], incident: Incident | None = None) -> Incident | None:
    """Return the incident a timeline describes, or None for an empty one; a known one is gone on with."""
    for entry in entries:
        if entry.event is None:
            incident = incident and replace(incident, seq=entry.seq)
        elif incident is None:
            incident = _declared(entry)
        else:
            incident = replace(apply(incident, entry, entry.event), seq=entry.seq)
    return incident


def _declared(entry: Entry) -> Incident | None:
    event = entry.event
    if isinstance(event, DrillAsked):
        return _rehearsal(entry, event)
    if not isinstance(event, IncidentDeclared):
        return None
    wait = cadence(event.severity, Phase.INVESTIGATING)
    return Incident(
        id=entry.stream.removeprefix("incident/"),
        title=event.title,
        severity=event.severity,
        phase=Phase.INVESTIGATING,
        service=event.service,
        environment=event.environment,
        release=event.release,
        declared_at=entry.occurred_at,
        declared_by=entry.by,
        roles={"commander": event.commander},
        seq=entry.seq,
        impact_start=event.impact_start,
        next_update_by=entry.occurred_at + wait if wait else None,
    )


def _rehearsal(entry: Entry, event: DrillAsked) -> Incident:
    """A drill plays that the damage begins as it is asked for: its clocks start there."""
    return Incident(
        id=entry.stream.removeprefix("drill/"),
        title=f"Drill of {event.playbook}",
        severity=Severity.SEV4,
        phase=Phase.RECOVERING,
        service=event.service,
        environment=event.environment,
        release=event.release,
        declared_at=entry.occurred_at,
        declared_by=entry.by,
        roles={"commander": event.commander},
        seq=entry.seq,
        impact_start=entry.occurred_at,
        damage_start=entry.occurred_at,
    )


def apply(incident: Incident, entry: Entry, event: Event) -> Incident:  # noqa: C901, PLR0912 - a closed set
    """Return the incident after one more event."""
    match event:
        case RoomOpened():
            return replace(incident, room=event)
        case SeverityChanged(severity=severity):
            return _next_update(replace(incident, severity=severity), entry.occurred_at)
        case PhaseChanged(phase=phase):
            return _next_update(replace(incident, phase=phase), entry.occurred_at)
        case RoleAssigned(role=role, person=person):
            return replace(incident, roles={**incident.roles, role: person})
        case ImpactStated():
            return _impact(incident, event, entry.recorded_at)
        case WritersStopped(at=at, run=run):
            return replace(incident, writers_stopped=at, stopped_by=run)
        case Probed(probe=probe, unanswered=unanswered):
            return replace(incident, probed={**incident.probed, probe: unanswered})
        case FactLearnt(name=name, value=value, source=source, because=because):
            known = Known(value, source, entry.by, entry.occurred_at, because)
            return replace(incident, known={**incident.known, name: known})
        case DecisionAsked():
            return replace(incident, decision_asked=entry.seq)
        case Decided() | EffectDue() | EffectObserved():
            return replace(incident, decisions=_decisions(incident.decisions, entry, event))
        case UpdatePosted(next_by=next_by):
            return replace(
                incident,
                updates=(*incident.updates, event),
                updated_at=entry.occurred_at,
                next_update_by=next_by,
                overdue=None,
            )
        case UpdateOverdue(promised=promised):
            return replace(incident, overdue=promised)
        case CopyOffered():
            return replace(incident, offered=event)
        case PlanAttached(run=run):
            return replace(incident, runs=(*incident.runs, run))
        case IncidentResolved():
            return replace(
                incident,
                resolved=event,
                resolved_at=entry.occurred_at,
                phase=Phase.RESOLVED,
                next_update_by=None,
                overdue=None,
            )
        case DrillEnded():
            return replace(incident, phase=Phase.CLOSED)
        case IncidentClosed():
            return replace(incident, closed=event, phase=Phase.CLOSED, next_update_by=None)
        case IncidentReopened():
            again = replace(incident, resolved=None, resolved_at=None, closed=None, phase=Phase.INVESTIGATING)
            return _next_update(again, entry.occurred_at)
        case IssueLinked():
            return replace(incident, issue=event)
        case NoteAdded() | PostmortemAsked() | Proposed():
            return incident
        case _:
            return incident


def _decisions(
    decisions: tuple[Decision, ...], entry: Entry, event: Decided | EffectDue | EffectObserved
) -> tuple[Decision, ...]:
    """What was decided is known by its entry's number, so that one whose text was removed is left alone."""
    at = entry.occurred_at
    match event:
        case Decided():
            return (*decisions, Decision(entry.seq, event, at, entry.by))
        case EffectDue(decision=seq):
            return tuple(replace(d, asked_at=at) if d.seq == seq else d for d in decisions)
        case EffectObserved(decision=seq):
            seen = Observation(event, at, entry.by)
            return tuple(replace(d, observed=seen) if d.seq == seq else d for d in decisions)
        case _:
            assert_never(event)


def _impact(incident: Incident, event: ImpactStated, at: datetime) -> Incident:
    moved = event.damage_start is not None and event.damage_start != incident.damage_start
    stopped = incident.writers_stopped
    if event.damage_start and stopped and event.damage_start > stopped:
        # Something wrote again to do this damage.
        incident = replace(incident, writers_stopped=None, stopped_by=None)
    return replace(
        incident,
        damage_said=at if moved else incident.damage_said,
        impact=event.statement if event.statement is not None else incident.impact,
        impact_start=event.impact_start or incident.impact_start,
        damage_start=event.damage_start or incident.damage_start,
    )


def _next_update(incident: Incident, now: datetime) -> Incident:
    """Promise the next update sooner when the incident got worse; a promise is never pushed back."""
    wait = cadence(incident.severity, incident.phase)
    if wait is None:
        return replace(incident, next_update_by=None)
    due = now + wait
    promised = incident.next_update_by
    return replace(incident, next_update_by=min(promised, due) if promised else due)
