"""RDS: an instance is restored beside, to a moment or a snapshot, and put in place by renaming both.

Settings of a target and a source beside those of AWS: `instance`, the identifier people know.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import StringConstraints

from integrations.asked import NoParams, Params, operation_of, params_of, target_of
from integrations.aws import instances, switching
from integrations.aws.cloud import Cloud, NotNow, NotThere
from integrations.aws.instances import DISCARD, FROM, KEY, Settings, instance, labelled
from integrations.aws.switching import Switch
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
    ToTime,
    Window,
)
from integrations.remote import Remote
from integrations.typed import settings_of
from integrations.without import WithoutPoints, cannot

_LONGEST = 63
_BUSY = frozenset(
    {
        "creating",
        "backing-up",
        "modifying",
        "renaming",
        "rebooting",
        "upgrading",
        "starting",
        "configuring-enhanced-monitoring",
    }
)
_LEAVES = {
    "restore": "An instance beside the one that serves, which nobody uses; it costs until it is discarded.",
    "switch": "Both instances, the name that people use with one of them or, between the renames, with none.",
    "discard": "The restored copy, or nothing of it.",
}


class Into(Params):
    """`into` tells this restore from others, as `run.id`; the copy's name ends with it."""

    into: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,19}$")]


@dataclass(frozen=True, slots=True)
class Job:
    """One operation on an instance, with the names it is about."""

    do: str
    settings: Settings
    into: str
    point: RecoveryPoint | None
    goal: Goal | None

    @property
    def copy(self) -> str:
        """Return the name of the restored instance."""
        return f"{self.settings.instance}-bs-{self.into}"

    @property
    def switch(self) -> Switch:
        """Return the names that a switch exchanges."""
        own = self.settings.instance
        return Switch(self.settings, own, self.copy, f"{own}-old-{self.into}")

    @property
    def moment(self) -> datetime | None:
        """Return the moment that is restored to, None for a snapshot."""
        return self.goal.at if isinstance(self.goal, ToTime) else None

    @property
    def origin(self) -> str:
        """Return what is restored, as the copy's tag says it."""
        return self.moment.isoformat() if self.moment else (self.point.id if self.point else "")


class Rds(Remote[Job], WithoutPoints):
    """Restores RDS instances into new ones and switches to them."""

    name: ClassVar[str] = "aws-rds"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.WINDOW, Cap.CANCEL, Cap.PROGRESS, Cap.GUARD})
    operations: ClassVar[Mapping[str, Operation]] = {
        "restore": Operation("restore", Into, Effect.REVERSIBLE, cancel=Cancel.CLEAN, needs_point=True),
        "switch": Operation("switch", Into, Effect.DESTRUCTIVE, cancel=Cancel.PARTIAL),
        "discard": Operation("discard", Into, Effect.REVERSIBLE, repeat=Repeat.SAFE, cancel=Cancel.NONE),
        "available": Operation(
            "available", NoParams, Effect.READ, kind="check", repeat=Repeat.SAFE, cancel=Cancel.CLEAN
        ),
        "restored": Operation(
            "restored",
            NoParams,
            Effect.READ,
            kind="check",
            repeat=Repeat.SAFE,
            cancel=Cancel.CLEAN,
            needs_point=True,
        ),
    }

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._cloud = Cloud(connections)
        self._tokens: dict[str, int | None] = {}

    async def health(self, target: Target) -> Health:
        """Say which instance has the name now, by the id that a rename does not change."""
        settings = settings_of(Settings, target)
        found = await instance(self._cloud, settings, settings.instance)
        if found is None:
            text = f"There is no instance {settings.instance} in {settings.region}."
            return Health(ok=False, identity=f"rds:{settings.instance}", problems=(text,))
        ill = () if found.status == "available" else (f"{found.name} is {found.status}.",)
        return Health(not ill, f"rds:{found.id}", found.version, ill, found.size)

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        """List the instance's snapshots, newest first."""
        found = await instances.points(self._cloud, settings_of(Settings, source), self.name)
        return tuple(point for point in found if since is None or point.finished_at >= since)

    async def window(self, source: Source) -> Window | None:
        """Return the span that the instance's log reaches."""
        return await instances.window(self._cloud, settings_of(Settings, source))

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Say whether a moment or a snapshot can be restored."""
        span = await self.window(source)
        return instances.resolve(await self.points(source), span, goal, self.name)

    async def guard(self, source: Source) -> Guard:
        """Say that the rights of the credentials decide, which they cannot be asked for."""
        return Guard(None, "the policies of its credentials decide: let them not have rds:Delete*")

    async def plan(self, call: Call) -> Prepared:
        """Show the requests that would be sent."""
        operation = operation_of(self.name, self.operations, call)
        if operation.kind == "check":
            params_of(NoParams, call)
            settings = settings_of(Settings, target_of(call))
            shown = [_typed("describe-db-instances", settings, {"DBInstanceIdentifier": settings.instance})]
        else:
            shown = await self._shown(self._job(call))
        return Prepared(
            preview=tuple(shown),
            by_hand=" && ".join(shown),
            leaves=_LEAVES.get(call.operation, "Nothing is changed."),
            effect=operation.effect,
            repeat=operation.repeat,
            cancel=operation.cancel,
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Look for a key in the tags of the instances it would have made or renamed."""
        if operation_of(self.name, self.operations, call).kind == "check":
            return None
        job = self._job(call)
        if job.do == "switch":
            known = await switching.find(self._cloud, job.switch, key)
        else:
            tag = KEY if job.do == "restore" else DISCARD
            names = (job.copy, job.settings.instance)
            there = [await instance(self._cloud, job.settings, name) for name in names]
            known = any(found and found.tags.get(tag) == key for found in there)
        if not known:
            return None
        self._jobs[key] = job
        return self._ref(call, key)

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Start the operation once; a switch takes its token along."""
        self._tokens[key] = token
        return await super().start(call, key=key, token=token)

    async def check(self, call: Call) -> CheckResult:
        """Look at the instance that has the name now."""
        if operation_of(self.name, self.operations, call).kind != "check":
            raise cannot(self.name, f"carry out {call.operation} as a check")
        params_of(NoParams, call)
        settings = settings_of(Settings, target_of(call))
        found = await instance(self._cloud, settings, settings.instance)
        if found is None:
            return CheckResult(ok=False, found=f"there is no instance {settings.instance}")
        evidence: dict[str, Json] = {"resource": found.id, "status": found.status}
        if call.operation == "available":
            return CheckResult(found.status == "available", f"{found.name} is {found.status}", evidence)
        wanted = Job("restored", settings, "", call.point, call.goal).origin
        restored = found.tags.get(FROM, "nothing")
        says = f"{found.name} was restored from {restored}, and {wanted} was asked for"
        return CheckResult(restored == wanted and found.status == "available", says, evidence)

    async def _begin(self, call: Call, key: str) -> JobRef:
        job = self._jobs[key] = self._job(call)
        match job.do:
            case "restore":
                operation, given = await self._restore(job, key)
                await self._cloud.ask(job.settings, "rds", operation, **given)
            case "switch":
                await switching.begin(self._cloud, job.switch, key, self._tokens.get(key))
            case _:
                await self._discard(job, key)
        return self._ref(call, key)

    async def _look(self, ref: JobRef) -> JobState:
        job = self._followed(ref)
        if job.do == "switch":
            return await switching.advance(self._cloud, job.switch, ref.key)
        found = await instance(self._cloud, job.settings, job.copy)
        if found is None:
            return await self._gone(job, ref.key)
        if job.do == "restore" and found.tags.get(KEY) != ref.key:
            return JobState(Phase.LOST, f"{job.copy} is not of this key.", alive=False)
        if job.do == "discard" or found.status in _BUSY:
            shown = Progress(found.status, 0, None, "percent", self._connections.now())
            return JobState(Phase.RUNNING, progress=shown, alive=True)
        evidence: dict[str, Json] = {"instance": found.name, "resource": found.id, "from": job.origin}
        if found.status == "available":
            return JobState(Phase.SUCCEEDED, evidence=evidence, alive=False)
        return JobState(Phase.FAILED, f"{found.name} is {found.status}.", evidence=evidence, alive=False)

    async def _gone(self, job: Job, key: str) -> JobState:
        if job.do == "discard":
            return JobState(Phase.SUCCEEDED, evidence={"discarded": job.copy}, alive=False)
        there = await instance(self._cloud, job.settings, job.settings.instance)
        if there and there.tags.get(KEY) == key:
            return JobState(
                Phase.SUCCEEDED, evidence={"instance": there.name, "resource": there.id}, alive=False
            )
        return JobState(Phase.CANCELLED, f"{job.copy} is not there any more.", alive=False)

    async def _end(self, ref: JobRef) -> None:
        job = self._followed(ref)
        match job.do:
            case "restore":
                await self._remove(job, KEY, ref.key)
            case "switch":
                await switching.stop(self._cloud, job.switch, ref.key)
            case _:
                raise cannot(self.name, "stop what is being deleted")

    async def _restore(self, job: Job, key: str) -> tuple[str, dict[str, object]]:
        own = job.settings.instance
        like = await instance(self._cloud, job.settings, own)
        given: dict[str, object] = {**(like.like if like else {}), "PubliclyAccessible": False}
        given["Tags"] = labelled({KEY: key, FROM: job.origin})
        if job.moment is None:
            assert job.point
            names = {"DBInstanceIdentifier": job.copy, "DBSnapshotIdentifier": job.point.id}
            return "restore_db_instance_from_db_snapshot", {**names, **given}
        names = {"SourceDBInstanceIdentifier": own, "TargetDBInstanceIdentifier": job.copy}
        return "restore_db_instance_to_point_in_time", {**names, "RestoreTime": job.moment, **given}

    async def _discard(self, job: Job, key: str) -> None:
        found = await instance(self._cloud, job.settings, job.copy)
        if found is None:
            return
        if KEY not in found.tags:
            raise IntegrationError(
                f"{job.copy} was not restored by Backstop and is left alone.", permanent=True
            )
        tags = labelled({DISCARD: key})
        await self._cloud.ask(job.settings, "rds", "add_tags_to_resource", ResourceName=found.arn, Tags=tags)
        await self._remove(job, DISCARD, key)

    async def _remove(self, job: Job, tag: str, key: str) -> None:
        """Delete the copy, if it is still the one that this key made or marked; never what has the name."""
        found = await instance(self._cloud, job.settings, job.copy)
        if found is None or found.tags.get(tag) != key or found.status == "deleting":
            return
        how = {"SkipFinalSnapshot": True, "DeleteAutomatedBackups": True}
        try:
            await self._cloud.ask(
                job.settings, "rds", "delete_db_instance", DBInstanceIdentifier=job.copy, **how
            )
        except NotNow as busy:
            raise IntegrationError(f"{job.copy} cannot be deleted yet: {busy}", permanent=False) from busy
        except NotThere:
            return

    async def _shown(self, job: Job) -> list[str]:
        own, switch = job.settings.instance, job.switch
        match job.do:
            case "restore":
                operation, given = await self._restore(job, "KEY")
                return [_typed(operation.replace("_", "-"), job.settings, given)]
            case "switch":
                pairs = ((own, switch.replaced), (switch.restored, own))
                names = [
                    {"DBInstanceIdentifier": one, "NewDBInstanceIdentifier": other} for one, other in pairs
                ]
                return [
                    _typed("modify-db-instance", job.settings, each, "--apply-immediately") for each in names
                ]
            case _:
                given = {"DBInstanceIdentifier": job.copy}
                return [_typed("delete-db-instance", job.settings, given, "--skip-final-snapshot")]

    def _job(self, call: Call) -> Job:
        operation_of(self.name, self.operations, call)
        into = params_of(Into, call).into.lower()
        job = Job(call.operation, settings_of(Settings, target_of(call)), into, call.point, call.goal)
        if call.operation == "restore" and call.point is None:
            raise IntegrationError("restore needs a recovery point: name a `source`.", permanent=True)
        if len(job.switch.replaced) > _LONGEST or len(job.copy) > _LONGEST:
            raise IntegrationError(f"`into` is too long: {job.copy} is no name for AWS.", permanent=True)
        return job


def _typed(operation: str, settings: Settings, given: Mapping[str, object], *flags: str) -> str:
    words = ["aws", "rds", operation, "--region", settings.region]
    for name, value in given.items():
        option = "--" + "".join(
            f"-{letter.lower()}" if letter.isupper() else letter for letter in name
        ).strip("-")
        option = option.replace("d-b-", "db-").replace("multi-a-z", "multi-az")
        words += _option(option, value)
    return shlex.join([*words, *flags])


def _option(option: str, value: object) -> list[str]:
    if isinstance(value, bool):
        return [option if value else option.replace("--", "--no-", 1)]
    if isinstance(value, datetime):
        return [option, value.isoformat()]
    if isinstance(value, list):
        return [
            option,
            *(
                f"Key={each['Key']},Value={each['Value']}" if isinstance(each, dict) else str(each)
                for each in value
            ),
        ]
    return [option, str(value)]
