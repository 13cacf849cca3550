"""What must happen because an event was written: a pure function from entries to effects.

A handler takes an effect at least once, reads the stream again and does nothing if it is no longer
wanted. Effects with the same key are one: while one waits, another of its key only says "again".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.core.cadence import cadence
from bot.core.events import (
    Approved,
    AttemptOpened,
    Decided,
    DecisionAsked,
    Delegated,
    DelegationEnded,
    DrillAsked,
    DrillEnded,
    EffectDue,
    EffectObserved,
    Entry,
    ExceptionAsked,
    ExceptionGranted,
    ExternalDrafted,
    ExternalDropped,
    ExternalSent,
    FactLearnt,
    FalseAlarm,
    FreezeExtended,
    FreezeLifted,
    FreezePlaced,
    FreezeReviewDue,
    GateExpired,
    GateReopened,
    HandoffEnded,
    HandoffOffered,
    ImpactStated,
    IncidentClosed,
    IncidentDeclared,
    IncidentReopened,
    IncidentResolved,
    IssueLinked,
    Merged,
    MessageCaptured,
    MessageDeleted,
    MessageEdited,
    PageAsked,
    Phase,
    PhaseChanged,
    PlanAttached,
    Planned,
    PostmortemAsked,
    Probed,
    ReasonStated,
    Redacted,
    Rejected,
    RepairAsked,
    Repaired,
    RoleAssigned,
    RoomOpened,
    RunAborted,
    RunPaused,
    RunRecovered,
    RunStarted,
    SalvageAsked,
    SeverityChanged,
    SilenceAsked,
    SilenceLifted,
    StepDone,
    StepProgressed,
    StepProved,
    StepStarted,
    StepSucceeded,
    TaskDone,
    TaskGiven,
    TaskHandedBack,
    TaskMoved,
    TaskOpened,
    TaskOverdue,
    TaskTracked,
    TrackerTroubled,
    UpdateOverdue,
    UpdatePosted,
    WarmAsked,
    Withdrawn,
)
from bot.core.handoff import PATIENCE
from bot.core.incident import is_drill

APPROVALS_FIRST, IN_ORDER = 0, 5
_ENDS = (IncidentResolved, IncidentClosed, FalseAlarm, Merged, IncidentReopened)
"""What ends an incident, or takes that back."""
_UNSAID = (
    RoomOpened,
    MessageCaptured,
    MessageEdited,
    MessageDeleted,
    FactLearnt,
    Probed,
    DecisionAsked,
    PlanAttached,
    IssueLinked,
    TaskMoved,
    TaskTracked,
    PostmortemAsked,
    RepairAsked,
    ExternalSent,
    ExternalDropped,
)
_OF_THE_TRACKER = (IssueLinked, TrackerTroubled)
"""What the tracker's own effect writes: asked for by these it would never end."""
_ASKS_MACHINES = (IncidentDeclared, ImpactStated, SeverityChanged, DecisionAsked, EffectObserved)
_ON_THE_DECISION_CARD = (
    DecisionAsked,
    FactLearnt,
    Probed,
    Decided,
    ReasonStated,
    EffectDue,
    EffectObserved,
    RoleAssigned,
    *_ENDS,
)
_FOR_THE_PAGER = (
    IncidentDeclared,
    SeverityChanged,
    PhaseChanged,
    UpdatePosted,
    UpdateOverdue,
    PageAsked,
    IncidentResolved,
    FalseAlarm,
    Merged,
    IncidentReopened,
    RunStarted,
    RunPaused,
    RunRecovered,
    RunAborted,
)

_ON_SILENCES = (StepStarted, SilenceAsked, SilenceLifted, RunRecovered, RunAborted)
"""The first act of a run may make alerts silent, and its end lets them be heard again at once."""

_ON_HOME_TABS = (
    IncidentDeclared,
    RoomOpened,
    SeverityChanged,
    PhaseChanged,
    RoleAssigned,
    UpdatePosted,
    UpdateOverdue,
    TaskGiven,
    TaskDone,
    TaskHandedBack,
    *_ENDS,
    DrillEnded,
    TaskOpened,
    TaskTracked,
    RunStarted,
    GateReopened,
    GateExpired,
    Approved,
    Rejected,
    Withdrawn,
    StepStarted,
    RunAborted,
    RunRecovered,
    FreezePlaced,
    FreezeLifted,
)


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing to do. Effects of a lane are done one after another, lower `rank` first, then oldest.

    `subject` is an id (INC-42, RUN-9, FRZ-3) or, for one entry, `stream#seq`.
    """

    kind: str
    subject: str
    lane: str
    rank: int = IN_ORDER
    not_before: datetime | None = None

    @property
    def key(self) -> str:
        """Return what makes two effects the same one."""
        return f"{self.kind}:{self.subject}"


HOMES = Effect("homes", "people", "homes")
"""Whoever has opened the home tab sees it drawn anew."""


def follow(entry: Entry, incident: str | None) -> tuple[Effect, ...]:
    """Return the effects of an entry; `incident` is the incident its stream belongs to, if any."""
    homes = (HOMES,) if isinstance(entry.event, _ON_HOME_TABS) else ()
    return (*_of_stream(entry, incident), *homes)


def _of_stream(entry: Entry, incident: str | None) -> tuple[Effect, ...]:
    if entry.event is None:
        return ()
    stream, _, id = entry.stream.partition("/")
    match stream:
        case "incident":
            return tuple(_incident(entry, id))
        case "drill":
            return tuple(_drill(entry, id))
        case "run":
            return tuple(_run(entry, id, incident or ""))
        case "freeze":
            return tuple(_freeze(entry, id, incident))
        case _:
            return ()


def _room(incident: str) -> str:
    return f"slack/{incident}"


def _say(entry: Entry, incident: str) -> Effect:
    return Effect("say", f"{entry.stream}#{entry.seq}", _room(incident))


def _drawings(incident: str) -> Iterator[Effect]:
    yield Effect("card", incident, f"{_room(incident)}/card")
    if is_drill(incident):
        yield Effect("drill", incident, f"drill/{incident}")
    else:
        yield Effect("tracker", incident, f"tracker/{incident}")


def _drill(entry: Entry, id: str) -> Iterator[Effect]:
    if isinstance(entry.event, DrillAsked):
        yield Effect("room", id, _room(id))
    if isinstance(entry.event, DrillEnded):
        yield _say(entry, id)
        yield Effect("gaps", id, f"tracker/{id}")
    yield from _drawings(id)


def _incident(entry: Entry, id: str) -> Iterator[Effect]:
    if isinstance(entry.event, IncidentDeclared | ImpactStated | Decided):
        yield Effect("ahead", id, f"ahead/{id}")
    if isinstance(entry.event, _ASKS_MACHINES):
        yield Effect("probe", id, f"probe/{id}")
    if isinstance(entry.event, _ON_THE_DECISION_CARD):
        yield Effect("decision", id, f"{_room(id)}/decision")
    if isinstance(entry.event, IncidentDeclared):
        yield Effect("room", id, _room(id))
    elif not isinstance(entry.event, _UNSAID):
        yield _say(entry, id)
    yield from _messages(entry, id)
    yield from _deadlines(entry, id)
    yield from _pager(entry, id)
    yield from _external(entry, id)
    if isinstance(entry.event, _OF_THE_TRACKER):
        yield Effect("card", id, f"{_room(id)}/card")
    else:
        yield from _drawings(id)


def _pager(entry: Entry, incident: str) -> Iterator[Effect]:
    """Whoever is paged hears what changes; a drill wakes nobody."""
    if isinstance(entry.event, _FOR_THE_PAGER) and not is_drill(incident):
        yield Effect("pager", incident, f"pager/{incident}")


def _external(entry: Entry, id: str) -> Iterator[Effect]:
    """A draft is drawn again once nobody can send it any more."""
    match entry.event:
        case ExternalSent(draft=draft):
            yield Effect("status-page", id, f"status/{id}")
            yield Effect("resay", f"{entry.stream}#{draft}", _room(id))
        case ExternalDropped(draft=draft) | ExternalDrafted(replaces=int() as draft):
            yield Effect("resay", f"{entry.stream}#{draft}", _room(id))
        case _:
            pass


def _messages(entry: Entry, id: str) -> Iterator[Effect]:
    """What was said in Slack is looked at again when the incident is over; what lost words is said anew."""
    match entry.event:
        case MessageCaptured(channel=channel, ts=ts):
            yield Effect("captured", f"{channel}/{ts}", f"capture/{channel}")
        case IncidentResolved() | IncidentClosed() | FalseAlarm() | Merged():
            yield Effect("reread", id, f"capture/{id}")
        case RepairAsked():
            yield Effect("repair", id, _room(id))
        case Repaired(entries=names, runs=named):
            yield Effect("room", id, _room(id))
            yield Effect("decision", id, f"{_room(id)}/decision")
            yield from (Effect("say", name, _room(id)) for name in names)
            for run in named:
                yield from _drawn_anew(run, id)
        case HandoffEnded(offer=offer):
            yield Effect("resay", f"{entry.stream}#{offer}", _room(id))
        case Delegated(runs=named) | DelegationEnded(runs=named):
            for run in named:
                yield Effect("approvals", run, _room(id), APPROVALS_FIRST)
        case Redacted(payloads=payloads):
            yield from (Effect("resay", name, _room(id)) for name in payloads)
            yield Effect("decision", id, f"{_room(id)}/decision")
            for run in sorted({_run_of(name) for name in payloads} - {""}):
                yield from _drawn_anew(run, id)
        case _:
            pass


def _drawn_anew(run: str, incident: str) -> Iterator[Effect]:
    yield Effect("approvals", run, _room(incident), APPROVALS_FIRST)
    yield Effect("progress", run, f"{_room(incident)}/{run}")


def _run_of(name: str) -> str:
    """Return the run of an entry by its name (`run/RUN-1#3`), or nothing."""
    return name.removeprefix("run/").partition("#")[0] if name.startswith("run/") else ""


def _deadlines(entry: Entry, id: str) -> Iterator[Effect]:
    match entry.event:
        case IncidentDeclared(severity=severity):
            wait = cadence(severity, Phase.INVESTIGATING)
            if wait:
                yield _timer("update-due", id, entry.occurred_at + wait)
        case SeverityChanged() | PhaseChanged():
            yield _timer("update-due", id, entry.recorded_at)
        case IncidentReopened():
            yield _timer("update-due", id, entry.recorded_at)
            yield _timer("effect-due", id, entry.recorded_at)
            yield _timer("task-due", id, entry.recorded_at)
        case UpdatePosted(next_by=datetime() as at):
            yield _timer("update-due", id, at)
        case HandoffOffered():
            yield _timer("handoff-due", id, entry.occurred_at + PATIENCE)
        case TaskGiven(due=at) | TaskOverdue(again=datetime() as at):
            yield _timer("task-due", id, at)
        case Delegated(until=at):
            yield _timer("delegation-due", id, at)
        case Decided(effect_by=datetime() as at):
            yield _timer("effect-due", id, at)
        case _:
            pass


def _run(entry: Entry, id: str, incident: str) -> Iterator[Effect]:
    if not isinstance(entry.event, StepProgressed):
        yield Effect("run", id, f"run/{id}")
    yield Effect("progress", id, f"{_room(incident)}/{id}")
    match entry.event:
        case RunStarted(expires=expires) | Planned(expires=expires):
            yield Effect("approvals", id, _room(incident), APPROVALS_FIRST)
            for at in sorted(set(expires.values())):
                yield _timer("gate-expiry", id, at)
        case GateReopened(expires=at):
            yield Effect("approvals", id, _room(incident), APPROVALS_FIRST)
            yield _timer("gate-expiry", id, at)
        case Approved() | Rejected() | Withdrawn() | GateExpired() | StepStarted() | AttemptOpened():
            yield Effect("approvals", id, _room(incident), APPROVALS_FIRST)
        # The request says what is lost and what the switch takes: writers stopped, or a copy is ready.
        case StepSucceeded() | StepDone() | StepProved():
            yield Effect("approvals", id, _room(incident), APPROVALS_FIRST)
        case SalvageAsked():
            yield Effect("salvage", id, f"salvage/{id}")
        case WarmAsked(until=at):
            yield _timer("warm-expiry", id, at)
        case _:
            pass
    if not isinstance(entry.event, StepProgressed):
        yield _say(entry, incident)
        yield from _drawings(incident)
    if isinstance(entry.event, _ON_SILENCES):
        yield Effect("silence", id, f"silence/{id}")
    yield from _pager(entry, incident)


def _freeze(entry: Entry, id: str, incident: str | None) -> Iterator[Effect]:
    match entry.event:
        case FreezePlaced(review_at=datetime() as at) | FreezeExtended(review_at=at):
            yield _timer("freeze-review", id, at)
        case FreezeReviewDue(review_at=at):
            yield _timer("freeze-review", id, at)
        case _:
            pass
    rank = APPROVALS_FIRST if isinstance(entry.event, ExceptionAsked | ExceptionGranted) else IN_ORDER
    yield Effect("say", f"{entry.stream}#{entry.seq}", _room(incident or id), rank)
    if incident:
        yield from _drawings(incident)


def _timer(kind: str, id: str, at: datetime) -> Effect:
    """A timer has a lane of its own, so that waiting for it holds nothing up."""
    subject = f"{id}@{at:%Y%m%dT%H%M%S}"
    return Effect(kind, subject, f"timer/{kind}/{subject}", not_before=at)
