"""RDS instances and what one can go back to, as AWS describes them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from integrations.aws.cloud import Cloud, Found, Name, NotThere, Reach
from integrations.contract import Goal as Wanted
from integrations.contract import RecoveryPoint, Refusal, Resolution, ToPoint, ToTime, Window

KEY, FROM, SWITCH, TOKEN, DISCARD = (
    f"backstop:{word}" for word in ("key", "from", "switch", "token", "discard")
)
_GIB = 1024**3


class Settings(Reach):
    """Which instance; `class` and the like of a restored one are those of the instance."""

    instance: Name


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance as it is now; `name` changes with a rename, `arn` too, `id` never."""

    name: str
    id: str
    arn: str
    status: str
    version: str
    size: int
    tags: Mapping[str, str]
    latest: datetime | None
    like: Mapping[str, object]


async def instance(cloud: Cloud, reach: Reach, name: str) -> Instance | None:
    """Return an instance by its name now, or None."""
    try:
        found = await cloud.ask(reach, "rds", "describe_db_instances", DBInstanceIdentifier=name)
    except NotThere:
        return None
    return _instance(found["DBInstances"][0])


def _instance(found: Found) -> Instance:
    like = {
        "DBInstanceClass": found.get("DBInstanceClass"),
        "DBSubnetGroupName": found.get("DBSubnetGroup", {}).get("DBSubnetGroupName"),
        "MultiAZ": found.get("MultiAZ"),
        "VpcSecurityGroupIds": [group["VpcSecurityGroupId"] for group in found.get("VpcSecurityGroups", ())],
    }
    return Instance(
        name=found["DBInstanceIdentifier"],
        id=found["DbiResourceId"],
        arn=found["DBInstanceArn"],
        status=found.get("DBInstanceStatus", "unknown"),
        version=f"{found.get('Engine', '')} {found.get('EngineVersion', '')}".strip(),
        size=int(found.get("AllocatedStorage", 0)) * _GIB,
        tags=_tags(found.get("TagList", ())),
        latest=found.get("LatestRestorableTime"),
        like={name: value for name, value in like.items() if value},
    )


async def points(cloud: Cloud, settings: Settings, engine: str) -> list[RecoveryPoint]:
    """Return the snapshots of an instance, newest first."""
    found = await cloud.pages(
        settings, "rds", "describe_db_snapshots", "DBSnapshots", DBInstanceIdentifier=settings.instance
    )
    known = [_point(each, settings, engine) for each in found if each.get("SnapshotCreateTime")]
    return sorted(known, key=lambda point: point.finished_at, reverse=True)


def _point(found: Found, settings: Settings, engine: str) -> RecoveryPoint:
    tags = _tags(found.get("TagList", ()))
    return RecoveryPoint(
        id=found["DBSnapshotIdentifier"],
        engine=engine,
        kind=f"{found.get('SnapshotType', 'manual')} snapshot",
        finished_at=found["SnapshotCreateTime"],
        size=int(found.get("AllocatedStorage", 0)) * _GIB,
        health="unknown" if found.get("Status") == "available" else "partial",
        encrypted=found.get("Encrypted"),
        region=settings.region,
        release=tags.get("release"),
        commit=tags.get("commit"),
        environment=tags.get("environment"),
    )


async def window(cloud: Cloud, settings: Settings) -> Window | None:
    """Return the span of moments the instance's own log reaches, or None when it keeps none."""
    found = await cloud.ask(
        settings,
        "rds",
        "describe_db_instance_automated_backups",
        DBInstanceIdentifier=settings.instance,
    )
    for each in found.get("DBInstanceAutomatedBackups", ()):
        span = each.get("RestoreWindow", {})
        if span.get("EarliestTime") and span.get("LatestTime"):
            return Window(span["EarliestTime"], span["LatestTime"])
    return None


def resolve(known: Sequence[RecoveryPoint], span: Window | None, goal: Wanted, engine: str) -> Resolution:
    """Return what a goal means: a moment inside the log's span, or a snapshot by its name."""
    match goal:
        case ToPoint(wanted):
            named = next((point for point in known if point.id == wanted), None)
            because = f"{wanted} was asked for." if named else f"There is no snapshot {wanted}."
            return Resolution(named, because)
        case ToTime(at):
            return _at(known, span, at)
        case _:
            return Resolution(None, f"{engine} restores to a moment or a snapshot: name one of them.")


def _at(known: Sequence[RecoveryPoint], span: Window | None, at: datetime) -> Resolution:
    late = tuple(Refusal(point, "taken after the goal") for point in known if point.finished_at > at)
    if span is None:
        return Resolution(None, "the instance keeps no automated backups, so no log can be replayed", late)
    if not span.earliest <= at <= span.latest:
        reach = f"{span.earliest.isoformat()} to {span.latest.isoformat()}"
        return Resolution(None, f"{at.isoformat()} is outside what can be restored, {reach}", late)
    base = next((point for point in known if point.finished_at <= at), None)
    if base is None:
        return Resolution(None, f"no snapshot is as old as {at.isoformat()}", late)
    because = f"AWS replays the instance's log from its newest snapshot up to {at.isoformat()}."
    return Resolution(base, because, late, goal=goal_at(at), reaches=at, log_continuous=True)


def goal_at(at: datetime) -> ToTime:
    """Return the goal as AWS is told it: to the second."""
    return ToTime(at.replace(microsecond=0))


def mark(key: str) -> str:
    """Return a short word that stands for a key in the names of things."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def labelled(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Return tags as AWS takes them."""
    return [{"Key": name, "Value": value} for name, value in tags.items()]


def _tags(listed: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in listed}
