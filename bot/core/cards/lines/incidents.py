"""What happened in an incident, a line each."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from bot.core import events
from bot.core.cards.lines.record import describe_record
from bot.core.cards.lines.tasks import task_line
from bot.core.deciding import outcome_in_words
from bot.core.document import Code, Line, Moment, Strong, Who
from bot.core.events import IncidentEvent
from bot.core.words import by_minutes, joined, linked, value_in_words
from playbooks.criteria import Facts

_Talk = (
    events.RecordEvent
    | events.ChangeNamed
    | events.FactLearnt
    | events.Probed
    | events.DecisionAsked
    | events.Proposed
    | events.Decided
    | events.ReasonStated
    | events.EffectDue
    | events.EffectObserved
    | events.UpdatePosted
    | events.UpdateOverdue
    | events.PlanAttached
    | events.CopyOffered
    | events.IssueLinked
    | events.TrackerTroubled
    | events.PostmortemAsked
    | events.TaskEvent
)
_Deciding = (
    events.FactLearnt
    | events.Probed
    | events.DecisionAsked
    | events.Proposed
    | events.Decided
    | events.ReasonStated
    | events.EffectDue
    | events.EffectObserved
)


def describe_incident(event: IncidentEvent) -> Line:
    """Return what happened in an incident."""
    match event:
        case events.IncidentDeclared(title=title, severity=severity, commander=commander, alerted=alerted):
            alert = _since("; the alert began to fire", alerted)
            return (
                Strong("Declared"),
                f" SEV{severity}: {title}; commander ",
                Who(commander),
                *joined(alert),
            )
        case events.RoomOpened(name=name, url=url):
            return ("Talked about in ", linked(f"#{name}", url))
        case events.SeverityChanged(severity=severity, why=why):
            return ("Severity is now ", Strong(f"SEV{severity}"), _because(why))
        case events.PhaseChanged(phase=phase, why=why):
            return ("Phase is now ", Strong(phase.value), _because(why))
        case events.RoleAssigned(role=role, person=person):
            return (Who(person), " took the role ", Strong(role))
        case events.ImpactStated():
            return _impact(event)
        case events.WritersStopped() | events.WritersStarted():
            return _writers(event)
        case events.IncidentResolved(statement=statement, data_statement=data):
            return (Strong("Resolved"), f": {statement} Data: {data}")
        case events.IncidentClosed():
            availability = by_minutes(event.backup_availability, event.availability_minutes)
            speed = by_minutes(event.recovery_speed, event.speed_minutes)
            answers = f"backup availability: {availability}; recovery speed: {speed}"
            return (Strong("Closed"), f" ({answers}){_because(event.why)}")
        case events.FalseAlarm(why=why):
            return (f"A false alarm: {why}",)
        case events.IncidentReopened(why=why):
            return (Strong("Reopened"), _because(why))
        case _:
            return _talk(event)


def _writers(event: events.WritersStopped | events.WritersStarted) -> Line:
    if isinstance(event, events.WritersStarted):
        return ("Writers write again", f": {event.run} started what it had stopped" if event.run else "")
    return (
        "Nothing writes to the damaged data since ",
        Moment(event.at),
        f" ({event.run})" if event.run else "",
    )


def _talk(event: _Talk) -> Line:
    match event:
        case _ if isinstance(event, events.RecordEvent):
            return describe_record(event)
        case (
            events.FactLearnt()
            | events.Probed()
            | events.DecisionAsked()
            | events.Proposed()
            | events.Decided()
            | events.ReasonStated()
            | events.EffectDue()
            | events.EffectObserved()
        ):
            return _deciding(event)
        case events.ChangeNamed(change=change):
            return ("The change that led to it is ", Code(change)) if change else ("No change led to it",)
        case events.UpdatePosted(number=number, conditions=conditions):
            return (Strong(f"Update #{number}"), f": {conditions}")
        case events.UpdateOverdue(promised=promised):
            return ("The update promised for ", Moment(promised), " did not come")
        case events.PlanAttached(run=run, playbook=playbook):
            return (Strong(run), f" was planned from {playbook}")
        case events.CopyOffered(playbooks=playbooks, why=why):
            return (f"A copy could be made ready by {', '.join(playbooks)}: {why}",)
        case events.IssueLinked(system=system, key=key, url=url):
            return (f"Recorded in {system} as ", linked(key, url))
        case events.TrackerTroubled(system=system, why=why):
            return (
                f"The record {'does not reach' if why else 'reaches'} {system}{_because(why) or ' again'}",
            )
        case (
            events.TaskGiven()
            | events.TaskDone()
            | events.TaskHandedBack()
            | events.TaskMoved()
            | events.TaskOverdue()
            | events.TaskTracked()
        ):
            return task_line(event)
        case events.PostmortemAsked():
            return ("The post-mortem was asked for",)
        case _:
            assert_never(event)


def _deciding(event: _Deciding) -> Line:
    match event:
        case events.FactLearnt(name=name, value=value, source=source, because=because, against=against):
            found = "" if source == "person" else f" ({because or source.removeprefix('machine:')})"
            other = f"; but {against}" if against else ""
            return ("Fact ", Code(name), f": {value_in_words(value)}{found}{other}")
        case events.Probed():
            return (_probed(event),)
        case events.DecisionAsked():
            return ("It was asked what to do",)
        case events.Proposed():
            return proposed_line(event)
        case events.Decided(option=option, why=why, overridden=overridden):
            over = f", going over {', '.join(overridden)}" if overridden else ""
            return ("Decided: ", Strong(option), f"{over}{_because(why)}")
        case events.ReasonStated(option=option, why=why):
            return ("The reason of ", Strong(option), f" is now: {why}")
        case events.EffectDue(option=option, waits=waits):
            unrun = f", but {', '.join(waits)} was not started" if waits else ""
            return (Strong(option), f" should have helped by now{unrun}")
        case events.EffectObserved(option=option):
            return ("After ", Strong(option), f": {outcome_in_words(event)}")
        case _:
            assert_never(event)


def _probed(event: events.Probed) -> str:
    if not event.unanswered:
        return f"The probe {event.probe} can tell its facts again"
    whys = "; ".join(dict.fromkeys(event.unanswered.values()))
    return f"The probe {event.probe} cannot tell {', '.join(event.unanswered)}: {whys}"


def proposed_line(event: events.Proposed) -> Line:
    """Return what is proposed now, what was before, and why."""
    first, rest = event.why[:1], event.why[1:].rstrip(".")
    because = f", because {first if rest[:1].isupper() else first.lower()}{rest}"
    if not event.was:
        return ("Proposal: ", Strong(event.option), because)
    now = event.option or "none for now"
    return (f"Proposal changed: {event.was} → ", Strong(now), because)


def _impact(event: events.ImpactStated) -> Line:
    parts: list[Line] = []
    if event.statement is not None:
        parts.append((f"Impact: {event.statement}",))
    moments = {
        "impact began": event.impact_start,
        "damage began": event.damage_start,
        "it was detected": event.detected,
        "somebody took it on": event.acknowledged,
        "customers notice it no more since": event.mitigated,
    }
    for what, at in moments.items():
        parts += _since(what, at)
    return joined(parts, "; ") or ("Impact stated",)


def _since(what: str, at: datetime | None) -> list[Line]:
    return [(f"{what} ", Moment(at))] if at else []


def apart_in_words(facts: Facts, one: str, other: str) -> str:
    """Return that two facts do not go together, as a sentence."""
    said = (f"{name} is {value_in_words(facts[name])}" for name in (one, other))
    return f"{' and '.join(said)}: they do not go together, so one of them is mistaken"


def _because(why: str) -> str:
    return f": {why}" if why else ""
