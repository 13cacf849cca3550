"""What was deployed to an environment and when: the commits one can go back to."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from integrations.contract import RecoveryPoint
from integrations.github.repository import Environment, Repository
from integrations.moments import moment

UNFIT = {"partial": "it did not succeed"}
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
