"""Entries as events of OCSF 1.8: carrying a run out is remediation, everything else an API activity.

What the two classes have no field for stands in `unmapped`: the event as it is stored, and its digests.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from bot.core import events
from bot.core.audit.record import Origin, Record
from bot.core.words import BACKSTOP

SCHEMA = "1.8.0"
RESTORE = 3
CREATE, READ, UPDATE, DELETE = 1, 2, 3, 4
ACTIVITIES = {CREATE: "Create", READ: "Read", UPDATE: "Update", DELETE: "Delete"}
SUCCESS, FAILURE, PARTIAL, UNKNOWN, OTHER = 1, 2, 4, 0, 99
INFORMATIONAL, LOW, MEDIUM, HIGH, CRITICAL = 1, 2, 3, 4, 5
SEVERITIES = {
    INFORMATIONAL: "Informational",
    LOW: "Low",
    MEDIUM: "Medium",
    HIGH: "High",
    CRITICAL: "Critical",
}
SYSTEM = 3

UNDER_WAY = (OTHER, "Under way")
RESTORING: Mapping[str, tuple[int, str]] = {
    "run-started": UNDER_WAY,
    "attempt-opened": UNDER_WAY,
    "step-started": UNDER_WAY,
    "step-progressed": UNDER_WAY,
    "step-succeeded": (SUCCESS, "Success"),
    "step-done": (SUCCESS, "Success"),
    "step-skipped": (OTHER, "Left out"),
    "step-failed": (FAILURE, "Failure"),
    "step-in-doubt": (UNKNOWN, "Unknown"),
    "check-found": (SUCCESS, "Success"),
    "run-paused": (OTHER, "Paused"),
    "run-resumed": UNDER_WAY,
    "objections-set": UNDER_WAY,
    "objections-asked": UNDER_WAY,
    "run-aborted": (PARTIAL, "Partial"),
    "run-recovered": (SUCCESS, "Success"),
}
"""The events of a run that is carried out, each with how the restore stands by it."""

REFUSED: Mapping[str, str] = {
    "deployment-refused": "Refused",
    "rejected": "Refused",
    "gate-expired": "Expired",
    "plan-failed": "Failure",
    "salvage-failed": "Failure",
}
"""What did not come about, in a word; any other API activity did."""

ACTS: Mapping[str, int] = {
    **dict.fromkeys(
        (
            "incident-declared",
            "room-opened",
            "note-added",
            "update-posted",
            "plan-asked",
            "planned",
            "plan-attached",
            "drill-asked",
            "task-opened",
            "issue-linked",
            "pager-linked",
            "page-asked",
            "paged",
            "pager-told",
            "freeze-placed",
            "exception-asked",
            "release-recorded",
            "target-held",
        ),
        CREATE,
    ),
    **dict.fromkeys(("deployment-refused", "deployment-excepted"), READ),
    **dict.fromkeys(("freeze-lifted", "target-released", "withdrawn", "warm-stopped"), DELETE),
}
"""What an event does to what it is about, where that is not to change it."""

_GRAVE = {
    "step-failed": MEDIUM,
    "step-in-doubt": HIGH,
    "run-aborted": MEDIUM,
    "deployment-refused": LOW,
    "deployment-excepted": LOW,
    "exception-granted": LOW,
    "rejected": LOW,
}


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Product(_Part):
    """The program that the event is of."""

    name: str = "Backstop"
    vendor_name: str = "Backstop"
    version: str


class Metadata(_Part):
    """Where the event stands among others; `uid` is the same whenever it is sent."""

    version: str = SCHEMA
    product: Product
    uid: str
    event_code: str
    sequence: int
    correlation_uid: str | None
    logged_time: int
    log_name: str = "timeline"
    log_provider: str


class Occurrence(_Part):
    """What every class has."""

    time: int
    class_uid: int
    class_name: str
    category_uid: int
    category_name: str
    activity_id: int
    activity_name: str
    type_uid: int
    type_name: str
    severity_id: int
    severity: str
    status_id: int
    status: str
    status_detail: str | None
    message: str
    metadata: Metadata
    unmapped: Mapping[str, object]


class Remedy(_Part):
    """What was done."""

    desc: str


class Remediation(Occurrence):
    """Class 7001: a run is carried out, or a part of it."""

    command_uid: str
    remediation: Remedy


class User(_Part):
    """Who did it; `type_id` is set for Backstop itself only."""

    name: str
    uid: str
    type_id: Literal[3] | None


class Actor(_Part):
    """Who did it."""

    user: User


class Service(_Part):
    """Whose interface was used."""

    name: str = "backstop"


class Api(_Part):
    """What was asked."""

    operation: str
    service: Service


class Endpoint(_Part):
    """The door through which it came."""

    svc_name: str


class Resource(_Part):
    """The stream that it is about."""

    uid: str
    type: str


class Activity(Occurrence):
    """Class 6003: what people, pipelines and Backstop itself asked for, allowed and refused."""

    actor: Actor
    api: Api
    src_endpoint: Endpoint
    resources: tuple[Resource, ...]


def ocsf(record: Record, origin: Origin) -> dict[str, object]:
    """Return an entry as an OCSF event in JSON values."""
    made = _remediation(record, origin) if record.kind in RESTORING else _activity(record, origin)
    return made.model_dump(mode="json", exclude_none=True)


def _remediation(record: Record, origin: Origin) -> Remediation:
    status_id, status = RESTORING[record.kind]
    if isinstance(record.entry.event, events.CheckFound) and not record.entry.event.ok:
        status_id, status = FAILURE, "Failure"
    common = _common(record, origin, RESTORE, "Restore", (status_id, status))
    return Remediation.model_validate(
        {
            **common,
            "class_uid": 7001,
            "class_name": "Remediation Activity",
            "category_uid": 7,
            "category_name": "Remediation",
            "type_uid": 700100 + RESTORE,
            "type_name": "Remediation Activity: Restore",
            "command_uid": _command(record),
            "remediation": Remedy(desc=record.text),
        }
    )


def _activity(record: Record, origin: Origin) -> Activity:
    entry, act = record.entry, ACTS.get(record.kind, UPDATE)
    refused = REFUSED.get(record.kind)
    status = (FAILURE, refused) if refused else (SUCCESS, "Success")
    who = entry.event.actor if isinstance(entry.event, events.DeploymentRefused) else entry.by
    type_id = SYSTEM if who == BACKSTOP else None
    return Activity.model_validate(
        {
            **_common(record, origin, act, ACTIVITIES[act], status),
            "class_uid": 6003,
            "class_name": "API Activity",
            "category_uid": 6,
            "category_name": "Application Activity",
            "type_uid": 600300 + act,
            "type_name": f"API Activity: {ACTIVITIES[act]}",
            "actor": Actor(user=User(name=who, uid=who, type_id=type_id)),
            "api": Api(operation=record.kind, service=Service()),
            "src_endpoint": Endpoint(svc_name=entry.via),
            "resources": (Resource(uid=entry.stream, type=entry.stream.partition("/")[0]),),
        }
    )


def _common(
    record: Record, origin: Origin, act: int, act_name: str, status: tuple[int, str]
) -> dict[str, object]:
    entry, severity = record.entry, severity_of(record)
    return {
        "time": _milliseconds(entry.occurred_at),
        "activity_id": act,
        "activity_name": act_name,
        "severity_id": severity,
        "severity": SEVERITIES[severity],
        "status_id": status[0],
        "status": status[1],
        "status_detail": record.broken or None,
        "message": record.text,
        "metadata": Metadata(
            product=Product(version=origin.version),
            uid=record.id,
            event_code=record.kind,
            sequence=entry.seq,
            correlation_uid=record.incident,
            logged_time=_milliseconds(entry.recorded_at),
            log_provider=origin.url,
        ),
        "unmapped": _unmapped(record),
    }


def _unmapped(record: Record) -> dict[str, object]:
    entry = record.entry
    broken = {"broken": record.broken} if record.broken else {}
    removed = {"removed": True} if entry.event is None else {"event": record.event}
    return {
        "stream": entry.stream,
        "by": entry.by,
        "via": entry.via,
        "payload": record.payload,
        "digest": record.digest,
        **removed,
        **broken,
    }


def severity_of(record: Record) -> int:
    """Return how grave an entry is, from 1, informational, to 5, critical."""
    if record.broken:
        return CRITICAL
    match record.entry.event:
        case events.IncidentDeclared(severity=severity) | events.SeverityChanged(severity=severity):
            return CRITICAL + 1 - severity
        case events.Approved(break_glass=str()):
            return HIGH
        case events.CheckFound(ok=False):
            return MEDIUM
        case _:
            return _GRAVE.get(record.kind, INFORMATIONAL)


def _command(record: Record) -> str:
    """Return what was carried out: the run, and of a step the key under which it acts."""
    run, event = record.entry.stream.partition("/")[2], record.entry.event
    match event:
        case events.StepStarted(key=key):
            return key
        case (
            events.StepProgressed(step=step, attempt=attempt)
            | events.StepSucceeded(step=step, attempt=attempt)
            | events.StepProved(step=step, attempt=attempt)
            | events.StepFailed(step=step, attempt=attempt)
            | events.StepInDoubt(step=step, attempt=attempt)
            | events.AttemptOpened(step=step, attempt=attempt)
        ):
            return f"{run}.{step}.{attempt}"
        case events.StepSkipped(step=step) | events.StepDone(step=step):
            return f"{run}.{step}"
        case _:
            return run


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
