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
from bot.core.captured import Captured, seen, without_words
from bot.core.decided import Decision
from bot.core.decided import after as decided
from bot.core.delegation import Delegations
from bot.core.delegation import after as delegated
from bot.core.events import (
    ChangeNamed,
    CopyOffered,
    Decided,
    DecisionAsked,
    Delegated,
    DelegationEnded,
    DrillAsked,
    DrillEnded,
    EffectDue,
    EffectObserved,
    Entry,
    Event,
    ExternalDrafted,
    ExternalDropped,
    ExternalSent,
    ExternalTold,
    FactLearnt,
    FalseAlarm,
    HandoffEnded,
    HandoffOffered,
    HandoffUnanswered,
    ImpactStated,
    IncidentClosed,
    IncidentDeclared,
    IncidentReopened,
    IncidentResolved,
    IssueLinked,
    Merged,
    MergedIn,
    MessageCaptured,
    MessageDeleted,
    MessageEdited,
    PagerLinked,
    Parted,
    Phase,
    PhaseChanged,
    PlanAttached,
    Probed,
    ReasonStated,
    Redacted,
    RoleAssigned,
    RoomOpened,
    Severity,
    SeverityChanged,
    TrackerTroubled,
    UpdateOverdue,
    UpdatePosted,
    WritersStarted,
    WritersStopped,
)
from bot.core.external import External
from bot.core.external import after as external_after
from bot.core.handoff import Handoff, after
from bot.core.merging import Duplicates
from bot.core.merging import after as merging
from bot.core.tasks import Task
from bot.core.tasks import after as tasks_after
from bot.core.writers import OfWriters, Stops, standing, stops_after
from playbooks.criteria import Known, Value

_SOUGHT = (Phase.INVESTIGATING, Phase.IDENTIFIED, Phase.RECOVERING)


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands after its last event; every time is aware UTC.

    `known` is what counts of each fact, and `found` what a machine found of it last, whoever said what since.
    `doubted` is when it last turned out not to be over: it was reopened, looked into or recovered anew.
    `damages` are all the starts of damage that were said, in the order of saying. `stops` are all the times
    that writers were stopped; `writers_stopped` is the last that counts still.
    `merged` says which incident is the same event and goes on, `duplicates` which ones ended in this.
    """

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
    damages: tuple[datetime, ...] = ()
    writers_stopped: datetime | None = None
    alerted: datetime | None = None
    detected: datetime | None = None
    acknowledged: datetime | None = None
    mitigated: datetime | None = None
    stopped_by: str | None = None
    stops: Stops = ()
    room: RoomOpened | None = None
    known: Mapping[str, Known] = field(default_factory=dict)
    found: Mapping[str, Known] = field(default_factory=dict)
    decision_asked: int | None = None
    probed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    decisions: tuple[Decision, ...] = ()
    captured: Mapping[str, Captured] = field(default_factory=dict)
    handoff: Handoff | None = None
    delegated: Delegations = field(default_factory=dict)
    updates: tuple[UpdatePosted, ...] = ()
    updated_at: datetime | None = None
    next_update_by: datetime | None = None
    overdue: datetime | None = None
    tasks: tuple[Task, ...] = ()
    external: External = field(default_factory=External)
    runs: tuple[str, ...] = ()
    offered: CopyOffered | None = None
    issue: IssueLinked | None = None
    change: str | None = None
    pager: PagerLinked | None = None
    trouble: TrackerTroubled | None = None
    resolved: IncidentResolved | None = None
    resolved_at: datetime | None = None
    doubted: datetime | None = None
    reopened: datetime | None = None
    closed: IncidentClosed | None = None
    false_alarm: FalseAlarm | None = None
    merged: Merged | None = None
    duplicates: Duplicates = ()

    @property
    def open(self) -> bool:
        """Say whether people still work on it."""
        return self.phase not in (Phase.RESOLVED, Phase.CLOSED)

    @property
    def stands(self) -> str:
        """Return its phase in a word, or into which incident it was merged."""
        return f"merged into {self.merged.into}" if self.merged else self.phase.value

    @property
    def began(self) -> datetime:
        """Return the moment from which on a change is no cause any more but an answer."""
        return self.damage_start or self.impact_start or self.declared_at

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
            tasks = tasks_after(incident.tasks, entry, entry.event)
            incident = replace(apply(incident, entry, entry.event), seq=entry.seq, tasks=tasks)
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
        change=event.change,
        alerted=event.alerted,
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
        damages=(entry.occurred_at,),
    )


def apply(incident: Incident, entry: Entry, event: Event) -> Incident:  # noqa: C901, PLR0912 - a closed set
    """Return the incident after one more event."""
    match event:
        case RoomOpened() | IssueLinked() | TrackerTroubled() | PagerLinked() | ChangeNamed():
            return _linked(incident, event)
        case SeverityChanged(severity=severity):
            return _next_update(replace(incident, severity=severity), entry.occurred_at)
        case PhaseChanged(phase=phase):
            doubted = entry.occurred_at if phase in _SOUGHT else incident.doubted
            return _next_update(replace(incident, phase=phase, doubted=doubted), entry.occurred_at)
        case RoleAssigned(role=role, person=person):
            return replace(incident, roles={**incident.roles, role: person})
        case HandoffOffered() | HandoffUnanswered() | HandoffEnded():
            return replace(incident, handoff=after(incident.handoff, entry, event))
        case Delegated() | DelegationEnded():
            return replace(incident, delegated=delegated(incident.delegated, entry, event))
        case ExternalDrafted() | ExternalSent() | ExternalDropped() | ExternalTold():
            return replace(incident, external=external_after(incident.external, entry, event))
        case ImpactStated():
            return _impact(_writers(incident, entry, event), event, entry.recorded_at)
        case WritersStopped() | WritersStarted():
            return _writers(incident, entry, event)
        case Probed(probe=probe, unanswered=unanswered):
            return replace(incident, probed={**incident.probed, probe: unanswered})
        case FactLearnt(name=name, value=value, source=source, because=because):
            return _learnt(incident, name, Known(value, source, entry.by, entry.occurred_at, because))
        case DecisionAsked():
            return replace(incident, decision_asked=entry.seq)
        case Decided() | ReasonStated() | EffectDue() | EffectObserved():
            return replace(incident, decisions=decided(incident.decisions, entry, event))
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
        case MergedIn() | Parted():
            return replace(incident, duplicates=merging(incident.duplicates, event))
        case IncidentResolved() | FalseAlarm() | Merged():
            return _over(incident, entry.occurred_at, event)
        case DrillEnded():
            return replace(incident, phase=Phase.CLOSED)
        case IncidentClosed():
            return replace(incident, closed=event, phase=Phase.CLOSED, next_update_by=None)
        case IncidentReopened():
            return _next_update(_again(incident, entry.occurred_at), entry.occurred_at)
        case MessageCaptured() | MessageEdited() | MessageDeleted():
            return replace(incident, captured=seen(incident.captured, entry.seq, event))
        case Redacted(payloads=payloads):
            return replace(incident, captured=without_words(incident.captured, entry.stream, payloads))
        case _:
            return incident


def _learnt(incident: Incident, name: str, new: Known) -> Incident:
    """A machine takes the place of nobody who knows; a person who does not know gives it back."""
    before, found = incident.known.get(name), incident.found.get(name)
    counts = new
    if not new.of_person:
        found = new
        counts = before if before and before.of_person and before.value is not None else new
    elif new.value is None and found and before and before.of_person:
        counts = found
    known = {**incident.known, name: counts}
    return replace(incident, known=known, found={**incident.found, name: found} if found else incident.found)


def _over(incident: Incident, at: datetime, event: IncidentResolved | FalseAlarm | Merged) -> Incident:
    over = replace(incident, resolved_at=at, next_update_by=None, overdue=None)
    match event:
        case IncidentResolved():
            return replace(over, resolved=event, phase=Phase.RESOLVED)
        case FalseAlarm():
            return replace(over, false_alarm=event, phase=Phase.CLOSED)
        case Merged():
            return replace(over, merged=event, phase=Phase.CLOSED)
        case _:
            assert_never(event)


def _again(incident: Incident, at: datetime) -> Incident:
    ended = replace(incident, resolved=None, resolved_at=None, closed=None, false_alarm=None, merged=None)
    return replace(ended, phase=Phase.INVESTIGATING, mitigated=None, doubted=at, reopened=at)


_Linked = RoomOpened | IssueLinked | TrackerTroubled | PagerLinked | ChangeNamed


def _linked(incident: Incident, event: _Linked) -> Incident:
    match event:
        case ChangeNamed(change=change):
            return replace(incident, change=change)
        case RoomOpened():
            return replace(incident, room=event)
        case IssueLinked():
            return replace(incident, issue=event)
        case TrackerTroubled(why=why):
            return replace(incident, trouble=event if why else None)
        case PagerLinked():
            return replace(incident, pager=event)
        case _:
            assert_never(event)


def _writers(incident: Incident, entry: Entry, event: OfWriters) -> Incident:
    stops = stops_after(incident.stops, entry, event)
    at, run = (last.at, last.run) if (last := standing(stops)) else (None, None)
    return replace(incident, stops=stops, writers_stopped=at, stopped_by=run)


def _impact(incident: Incident, event: ImpactStated, at: datetime) -> Incident:
    return replace(
        incident,
        # Whoever says the same again says that it still counts, whatever happened since.
        damage_said=at if event.damage_start else incident.damage_said,
        damages=(*incident.damages, event.damage_start) if event.damage_start else incident.damages,
        impact=event.statement if event.statement is not None else incident.impact,
        impact_start=event.impact_start or incident.impact_start,
        damage_start=event.damage_start or incident.damage_start,
        detected=event.detected or incident.detected,
        acknowledged=event.acknowledged or incident.acknowledged,
        mitigated=event.mitigated or incident.mitigated,
    )


def _next_update(incident: Incident, now: datetime) -> Incident:
    """Promise the next update sooner when the incident got worse; a promise is never pushed back."""
    wait = cadence(incident.severity, incident.phase)
    if wait is None:
        return replace(incident, next_update_by=None)
    due = now + wait
    promised = incident.next_update_by
    return replace(incident, next_update_by=min(promised, due) if promised else due)
