"""What was deployed to an environment and when: the commits one can go back to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from integrations.contract import Goal, RecoveryPoint, Refusal, Resolution, ToPoint, ToRevision, ToTime
from integrations.github.repository import Environment, Repository
from integrations.github.runs import moment

_MOST = 30


async def deployments(repository: Repository, environment: Environment, engine: str) -> list[RecoveryPoint]:
    """Return the newest deployments, newest first; `finished_at` is when one succeeded.

    What did not succeed is partial: nobody can go back to it.
    """
    found = await repository.listed("/deployments", environment=environment.environment, per_page=_MOST)
    statuses = await asyncio.gather(
        *(repository.listed(f"/deployments/{one['id']}/statuses", per_page=100) for one in found)
    )
    points = [_point(one, said, engine) for one, said in zip(found, statuses, strict=True)]
    return sorted((point for point in points if point), key=lambda point: point.finished_at, reverse=True)


def resolve(points: Sequence[RecoveryPoint], goal: Goal, engine: str) -> Resolution:
    """Return which deployment a goal means: the one before the current, one by name, or that of a moment."""
    unfit = [Refusal(point, "it did not succeed") for point in points if point.health == "partial"]
    sound = [point for point in points if point.health != "partial"]
    match goal:
        case ToRevision(None):
            return _previous(sound, unfit)
        case ToRevision(number):
            return _named(sound, str(number), unfit)
        case ToPoint(id):
            return _named(sound, id, unfit)
        case ToTime(at):
            late = [Refusal(point, "deployed after the goal") for point in sound if point.finished_at > at]
            chosen = next((point for point in sound if point.finished_at <= at), None)
            why = "what was deployed at" if chosen else "nothing was deployed as early as"
            return Resolution(chosen, f"{why} {at:%Y-%m-%d %H:%M:%S}Z", (*late, *unfit))
        case _:
            return Resolution(None, f"{engine} goes back to deployments: name a moment or the previous one.")


def _previous(sound: Sequence[RecoveryPoint], unfit: Sequence[Refusal]) -> Resolution:
    if not sound:
        return Resolution(None, "no deployment of the environment succeeded", unfit)
    current, *earlier = sound
    chosen = next((point for point in earlier if point.commit != current.commit), None)
    if chosen is None:
        return Resolution(None, f"no other commit than {_short(current)} was deployed lately", unfit)
    same = [Refusal(point, "it is the current commit") for point in sound if point.commit == current.commit]
    return Resolution(chosen, f"the deployment before the current one, {_short(current)}", (*same, *unfit))


def _named(sound: Sequence[RecoveryPoint], id: str, unfit: Sequence[Refusal]) -> Resolution:
    chosen = next((point for point in sound if point.id == id), None)
    because = (
        f"{id} was asked for" if chosen else f"no deployment {id} that succeeded is among the newest {_MOST}"
    )
    return Resolution(chosen, because, unfit)


def _short(point: RecoveryPoint) -> str:
    return (point.commit or "")[:9]


def _point(
    deployment: Mapping[str, Any], statuses: Sequence[Mapping[str, Any]], engine: str
) -> RecoveryPoint | None:
    # When a newer deployment succeeds GitHub calls the older ones inactive; their success stays listed.
    succeeded = [moment(one.get("created_at")) for one in statuses if one.get("state") == "success"]
    finished = min((at for at in succeeded if at), default=None)
    at = finished or moment(deployment.get("created_at"))
    if at is None:
        return None
    return RecoveryPoint(
        id=str(deployment["id"]),
        engine=engine,
        kind="deployment",
        finished_at=at,
        digest=str(deployment["sha"]),
        health="unknown" if finished else "partial",
        release=str(deployment["ref"]),
        commit=str(deployment["sha"]),
        environment=str(deployment["environment"]),
    )
