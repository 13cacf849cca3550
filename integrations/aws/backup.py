"""AWS Backup: restore jobs from the recovery points of a vault, each into a resource of its own.

AWS starts a job once for an idempotency token and cannot stop one. It lists no tokens, so a job is found
again by the name of the resource it makes, which ends with a mark of the key.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints

from integrations.asked import NoParams, operation_of, params_of, target_of
from integrations.aws.cloud import Cloud, Found, Name, Reach
from integrations.aws.instances import mark
from integrations.connections import Connections
from integrations.contract import (
    Call,
    Cancel,
    Cap,
    CheckResult,
    Effect,
    Goal,
    Guard,
    Health,
    IntegrationError,
    JobRef,
    JobState,
    Json,
    Operation,
    Phase,
    Prepared,
    Progress,
    RecoveryPoint,
    Repeat,
    Resolution,
    Source,
    Target,
    ToRevision,
)
from integrations.remote import Remote
from integrations.typed import settings_of
from integrations.whole import choose
from integrations.without import WithoutPoints, cannot

_UNFIT = {"partial": "AWS Backup does not call it complete"}
_LOOK_BACK = timedelta(days=7)
Arn = Annotated[str, StringConstraints(pattern=r"^arn:[A-Za-z0-9_:/.*-]+$", max_length=500)]
Vault = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{2,50}$")]
_ENDED = {"COMPLETED": Phase.SUCCEEDED, "ABORTED": Phase.CANCELLED, "FAILED": Phase.FAILED}


class Kept(Reach):
    """The vault, and of which resource its recovery points count."""

    vault: Vault
    resource: Arn | None = None


class Restores(Kept):
    """Who restores, and how what is restored is called."""

    role: Arn
    name: Name
    name_key: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{1,60}$")]
    metadata: Mapping[str, str] = Field(default_factory=dict)


class AwsBackup(Remote["tuple[Restores, str]"], WithoutPoints):
    """Restores recovery points of AWS Backup into new resources."""

    name: ClassVar[str] = "aws-backup"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.PROGRESS, Cap.GUARD})
    operations: ClassVar[Mapping[str, Operation]] = {
        "restore": Operation("restore", NoParams, Effect.REVERSIBLE, cancel=Cancel.NONE, needs_point=True),
        "locked": Operation(
            "locked", NoParams, Effect.READ, kind="check", repeat=Repeat.SAFE, cancel=Cancel.CLEAN
        ),
    }

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._cloud = Cloud(connections)

    async def health(self, target: Target) -> Health:
        """Say which vault it is and how much it holds."""
        settings = settings_of(Restores, target)
        found = await self._vault(settings)
        return Health(
            ok=True,
            identity=f"aws-backup:{found['BackupVaultArn']}",
            version=f"{found.get('NumberOfRecoveryPoints', 0)} recovery points",
        )

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        """List the vault's recovery points, newest first."""
        settings = settings_of(Kept, source)
        of = {"ByResourceArn": settings.resource} if settings.resource else {}
        locked = bool((await self._vault(settings)).get("Locked"))
        found = await self._cloud.pages(
            settings,
            "backup",
            "list_recovery_points_by_backup_vault",
            "RecoveryPoints",
            BackupVaultName=settings.vault,
            **of,
        )
        points = [self._point(each, settings, locked=locked) for each in found]
        points.sort(key=lambda point: point.finished_at, reverse=True)
        return tuple(point for point in points if since is None or point.finished_at >= since)

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Choose the recovery point a goal means."""
        if isinstance(goal, ToRevision):
            return Resolution(None, "recovery points have no revisions: name one or a moment.")
        vault = f"the vault {settings_of(Kept, source).vault}"
        return choose(await self.points(source), goal, place=vault, unfit=_UNFIT)

    async def guard(self, source: Source) -> Guard:
        """Say whether the vault is locked: then nobody deletes from it, whatever their rights are."""
        settings = settings_of(Kept, source)
        found = await self._vault(settings)
        if found.get("Locked"):
            return Guard(deletes=False, because=f"the vault {settings.vault} is locked")
        return Guard(deletes=True, because=f"the vault {settings.vault} is not locked")

    async def plan(self, call: Call) -> Prepared:
        """Show the job that would be started."""
        operation = operation_of(self.name, self.operations, call)
        params_of(NoParams, call)
        if operation.kind == "check":
            kept = settings_of(Kept, target_of(call))
            shown = _typed("describe-backup-vault", kept, {"--backup-vault-name": kept.vault})
        else:
            settings, point = self._asked(call)
            given = await self._given(settings, point, "KEY")
            words = {
                "--recovery-point-arn": point.id,
                "--iam-role-arn": settings.role,
                "--idempotency-token": "KEY",
                "--metadata": json.dumps(given, sort_keys=True),
            }
            shown = _typed("start-restore-job", settings, words)
        leaves = "What AWS makes of it; a restore job cannot be stopped." if operation.kind == "step" else ""
        return Prepared(
            preview=(shown,),
            by_hand=shown,
            leaves=leaves or "Nothing is changed.",
            effect=operation.effect,
            repeat=operation.repeat,
            cancel=operation.cancel,
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Look for the job whose resource has the name that ends with the key's mark."""
        if operation_of(self.name, self.operations, call).kind == "check":
            return None
        settings, point = self._asked(call)
        jobs = await self._cloud.pages(
            settings,
            "backup",
            "list_restore_jobs",
            "RestoreJobs",
            ByCreatedAfter=self._connections.now() - _LOOK_BACK,
        )
        for job in jobs:
            if job.get("RecoveryPointArn") == point.id and await self._is_of(settings, job, key):
                self._jobs[key] = (settings, job["RestoreJobId"])
                return self._ref(call, key)
        return None

    async def check(self, call: Call) -> CheckResult:
        """Say whether the target's vault is locked."""
        if operation_of(self.name, self.operations, call).kind != "check":
            raise cannot(self.name, f"carry out {call.operation} as a check")
        params_of(NoParams, call)
        settings = settings_of(Kept, target_of(call))
        locked = bool((await self._vault(settings)).get("Locked"))
        return CheckResult(locked, f"the vault {settings.vault} is {'' if locked else 'not '}locked")

    async def _begin(self, call: Call, key: str) -> JobRef:
        settings, point = self._asked(call)
        started = await self._cloud.ask(
            settings,
            "backup",
            "start_restore_job",
            RecoveryPointArn=point.id,
            Metadata=await self._given(settings, point, mark(key)),
            IamRoleArn=settings.role,
            IdempotencyToken=hashlib.sha256(key.encode()).hexdigest(),
        )
        self._jobs[key] = (settings, started["RestoreJobId"])
        return self._ref(call, key)

    async def _look(self, ref: JobRef) -> JobState:
        settings, id = self._followed(ref)
        found = await self._cloud.ask(settings, "backup", "describe_restore_job", RestoreJobId=id)
        phase = _ENDED.get(found["Status"], Phase.RUNNING)
        known = {
            "job": id,
            "resource": found.get("CreatedResourceArn"),
            "bytes": found.get("BackupSizeInBytes"),
        }
        evidence: dict[str, Json] = {name: value for name, value in known.items() if value is not None}
        return JobState(
            phase,
            because="" if phase is Phase.SUCCEEDED else str(found.get("StatusMessage", "")),
            progress=_progress(found, self._connections.now()) if phase is Phase.RUNNING else None,
            evidence=evidence,
            alive=phase is Phase.RUNNING,
            started_at=found.get("CreationDate"),
            ended_at=found.get("CompletionDate"),
        )

    async def _end(self, ref: JobRef) -> None:
        raise cannot(self.name, "stop a restore job; AWS has no way to")

    async def _vault(self, settings: Kept) -> Found:
        return await self._cloud.ask(
            settings, "backup", "describe_backup_vault", BackupVaultName=settings.vault
        )

    async def _given(self, settings: Restores, point: RecoveryPoint, end: str) -> dict[str, str]:
        kept = await self._cloud.ask(
            settings,
            "backup",
            "get_recovery_point_restore_metadata",
            BackupVaultName=settings.vault,
            RecoveryPointArn=point.id,
        )
        return {
            **kept.get("RestoreMetadata", {}),
            **settings.metadata,
            settings.name_key: _named(settings, end),
        }

    async def _is_of(self, settings: Restores, job: Found, key: str) -> bool:
        found = await self._cloud.ask(
            settings, "backup", "get_restore_job_metadata", RestoreJobId=job["RestoreJobId"]
        )
        named: str | None = found.get("Metadata", {}).get(settings.name_key)
        return named == _named(settings, mark(key))

    def _asked(self, call: Call) -> tuple[Restores, RecoveryPoint]:
        operation_of(self.name, self.operations, call)
        params_of(NoParams, call)
        if call.point is None:
            raise IntegrationError("restore needs a recovery point: name a `source`.", permanent=True)
        return settings_of(Restores, target_of(call)), call.point

    def _point(self, found: Found, settings: Kept, *, locked: bool) -> RecoveryPoint:
        return RecoveryPoint(
            id=found["RecoveryPointArn"],
            engine=self.name,
            kind=str(found.get("ResourceType", "backup")),
            finished_at=found.get("CompletionDate") or found["CreationDate"],
            size=found.get("BackupSizeInBytes"),
            health="unknown" if found.get("Status") in ("COMPLETED", "AVAILABLE") else "partial",
            encrypted=found.get("IsEncrypted"),
            immutable=locked,
            region=settings.region,
            storage_tier=found.get("StorageClass"),
        )


def _named(settings: Restores, end: str) -> str:
    return f"{settings.name}-bs-{end}"


def _progress(found: Found, now: datetime) -> Progress:
    percent = float(str(found.get("PercentDone", "0")).rstrip("%") or 0)
    return Progress(str(found["Status"]).lower(), int(percent), 100, "percent", now)


def _typed(operation: str, settings: Reach, given: Mapping[str, str]) -> str:
    words = [word for pair in given.items() for word in pair]
    return shlex.join(["aws", "backup", operation, "--region", settings.region, *words])
