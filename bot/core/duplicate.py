"""What a duplicate knows that is not known in the incident which goes on, for people to say it there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from bot.core.events import MergedIn
from bot.core.incident import Incident
from bot.core.run import Run
from bot.core.tasks import Stand


def merged_in(
    duplicate: Incident, survivor: Incident, *, why: str, timeline: str, planned: Iterable[Run] = ()
) -> MergedIn:
    """Return what the incident that goes on is told of its duplicate, with all that is not known here."""
    busy = (task.to for task in duplicate.tasks if task.stand is Stand.OPEN)
    place, here = _place(duplicate), _place(survivor)
    said = {
        name: known.value
        for name, known in duplicate.known.items()
        if known.of_person and known.value is not None
    }
    new = {name: value for name, value in said.items() if survivor.facts.get(name) is None}
    return MergedIn(
        incident=duplicate.id,
        title=duplicate.title,
        why=why,
        people=tuple(dict.fromkeys((*duplicate.roles.values(), *busy))),
        url=duplicate.room.url if duplicate.room else None,
        severity=duplicate.severity if duplicate.severity < survivor.severity else None,
        about="" if place == here else place,
        impact="" if survivor.impact else duplicate.impact,
        release=_other(duplicate.release, survivor.release),
        change=_other(duplicate.change, survivor.change),
        facts=new,
        otherwise={
            name: value
            for name, value in said.items()
            if name not in new and value != survivor.facts.get(name)
        },
        moments=_moments(duplicate, survivor),
        decisions=tuple(decision.made.option for decision in duplicate.decisions),
        planned={run.id: run.asked.playbook for run in planned},
        timeline=timeline,
    )


def _place(incident: Incident) -> str:
    return f"{incident.service} in {incident.environment}"


def _other(there: str | None, here: str | None) -> str | None:
    return there if there != here else None


def _moments(duplicate: Incident, survivor: Incident) -> Mapping[str, datetime]:
    """Return what nobody said here, or said later: one event began when the first of the two did."""
    pairs = {
        "start": (duplicate.impact_start, survivor.impact_start),
        "damage": (duplicate.damage_start, survivor.damage_start),
        "detected": (duplicate.detected or duplicate.alerted, survivor.detected or survivor.alerted),
        "acknowledged": (duplicate.acknowledged, survivor.acknowledged),
    }
    told = {name: there for name, (there, here) in pairs.items() if there and (not here or there < here)}
    if duplicate.writers_stopped and not survivor.writers_stopped:
        told["writers-stopped"] = duplicate.writers_stopped
    return told


def go_on(incident: Incident) -> str:
    """Return what to do first, or where instead, for an incident that is over."""
    return f"go on in {incident.merged.into}" if incident.merged else "`reopen` it first"


def plan_there(incident: Incident, run: Run) -> str:
    """Return what to do instead of starting a run whose incident is over."""
    if incident.merged is None:
        return go_on(incident)
    return f"plan again there with `plan {run.asked.playbook} inc:{incident.merged.into}`"
