"""Engines that keep whole copies beside the data and restore one of them.

The runner knows the operations by the engine's name: `x.health`, `x.points`, `x.work`, `x.guard`, `x.prove`
and `x.hold` are always there, `x.backup` for engines that take copies, and whatever the engine itself lists.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from integrations.asked import NoParams, Params, operation_of, params_of, target_of
from integrations.beside import BesideData, Place
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
    Json,
    Operation,
    Prepared,
    RecoveryPoint,
    Refusal,
    Repeat,
    Resolution,
    Source,
    Target,
    ToPoint,
    ToTime,
    Window,
)
from integrations.contract.points import MENDED
from integrations.without import cannot

_LONG_S = 900.0
_COPYING = ("restore", "prepare")
_UNFIT = {"invalid": f"its content is damaged or missing; {MENDED}", "partial": "its backup did not finish"}


class Backup(Params):
    """Labels of the new recovery point."""

    release: str | None = None
    commit: str | None = None
    environment: str | None = None


class InStep(Params):
    """How many seconds a copy may be behind.

    One that follows no server any more is judged by how much older than `as_of` its newest transaction is;
    left out, than now.
    """

    within_s: int = Field(ge=0)
    as_of: AwareDatetime | None = None


class Salvage(Params):
    """Whose kept copy is looked through, by the key of its restore, and in which table only."""

    restore: str = Field(min_length=1, max_length=200)
    table: str | None = Field(default=None, min_length=1, max_length=300)


def step(name: str, effect: Effect = Effect.READ, **others: Any) -> Operation:
    """Return the description of an operation that can be repeated and cancelled, unless `others` say more."""
    defaults = {"params": NoParams, "repeat": Repeat.SAFE, "cancel": Cancel.CLEAN}
    return Operation(name=name, effect=effect, **{**defaults, **others})


class Copies(BesideData):
    """What is the same for every engine of whole copies; `leaves` says what a broken off operation leaves."""

    kind: ClassVar[str]
    caps: ClassVar[frozenset[Cap]]
    leaves: ClassVar[Mapping[str, str]]
    operations: ClassVar[Mapping[str, Operation]]
    looks_ahead: ClassVar[bool] = False
    """Whether what keeps a copy from being made is known before it is approved: then nobody is asked to."""

    async def health(self, target: Target) -> Health:
        """Say which thing it is; identity survives restarts, restores and damage."""
        place = self._place(target)
        found = await place.runner.ask(f"{self.name}.health", place.target, {})
        hello = await place.runner.hello()
        # What a drill fills and removes again is empty in between.
        empty = [f"{each} It is a stand-in, which a drill fills." for each in found.get("absent", ())]
        absent = () if target.isolated else found.get("absent", ())
        return Health(
            ok=bool(found["ok"]) and not hello.foreign,
            identity=f"{self.name}:{hello.runner[:12]}:{found['identity']}",
            version=str(found["version"]),
            problems=tuple(filter(None, (hello.foreign, *map(str, (*found["problems"], *absent))))),
            notes=tuple(str(note) for note in (*found.get("notes", ()), *(empty if target.isolated else ()))),
            bytes=found["bytes"],
            made=str(found.get("made") or ""),
            fence=hello.fence(place.target),
            server=str(found.get("server") or ""),
            whole=found.get("whole") is True,
        )

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        """List the recovery points, newest first; `finished_at` is the moment whose state they hold."""
        place = self._place(source)
        found = await place.runner.ask(f"{self.name}.points", place.target, {})
        points = [self._point(note) for note in found.get("points", ())]
        return tuple(point for point in points if since is None or point.finished_at >= since)

    async def window(self, source: Source) -> Window | None:
        """Return None: only whole points can be restored."""
        return None

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Choose the newest sound point at or before a moment, or exactly the one that is named."""
        points = await self.points(source)
        match goal:
            case ToPoint(wanted):
                named = [point for point in points if point.id == wanted]
                return _chosen(named, f"{wanted} was asked for.", f"There is no recovery point {wanted}.")
            case ToTime(at):
                late = [Refusal(point, "taken after the goal") for point in points if point.finished_at > at]
                early = [point for point in points if point.finished_at <= at]
                why = f"the newest sound point at or before {at.isoformat()}."
                chosen = _chosen(early, why, f"No sound recovery point is as old as {at.isoformat()}.")
                return Resolution(chosen.point, chosen.because, (*late, *chosen.refused))
            case _:
                why = f"{self.name} restores whole recovery points: name a point or a moment."
                return Resolution(None, why)

    async def plan(self, call: Call) -> Prepared:
        """Show the program the runner would start."""
        asked = self._asked(call)
        preview = await asked.place.runner.preview(
            asked.name, asked.place.target, asked.params, how=asked.how
        )
        work = dict(await self._work(asked))
        notes = noted(work)
        if call.holds and asked.operation.effect is Effect.DESTRUCTIVE:
            await self._may_hold(call)
        return Prepared(
            preview=(preview.command,),
            by_hand=preview.command,
            leaves=self.leaves.get(call.operation, "Nothing is changed."),
            effect=asked.operation.effect,
            repeat=asked.operation.repeat,
            cancel=asked.operation.cancel,
            work={name: int(amount) for name, amount in work.items()},
            notes=notes,
        )

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Start the job once; the runner beside the data has the last word."""
        asked = self._asked(call)
        if asked.how != "job":
            raise IntegrationError(f"{call.operation} is a check, not a step.", permanent=True)
        return await self._begin(asked, key=key, token=token, timeout_s=call.timeout_s)

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Settle a key for good on the runner beside the data."""
        place = self._asked(call).place
        return await self._jobs.forbid(place.host, place.target, key)

    async def check(self, call: Call) -> CheckResult:
        """Carry out a check, as that the target holds what a point holds."""
        asked = self._asked(call)
        if asked.how != "ask":
            raise IntegrationError(f"{call.operation} is a step, not a check.", permanent=True)
        found = await asked.place.runner.ask(
            asked.name, asked.place.target, asked.params, timeout_s=call.timeout_s
        )
        return _result(found)

    async def verify_point(self, source: Source, point: RecoveryPoint) -> CheckResult:
        """Read the point whole and compare it with its note; `verified_at` is set when it is right."""
        place, given = self._place(source), {"point": point.id}
        return _result(await place.runner.ask(f"{self.name}.prove", place.target, given, timeout_s=_LONG_S))

    async def mark(self, target: Target, name: str) -> str:
        """Refuse: a copy has no log to set a marker in."""
        raise cannot(self.name, "set markers; take a backup instead")

    async def backup(self, source: Source, *, key: str, labels: Mapping[str, str]) -> JobRef:
        """Start taking a recovery point of what the source keeps."""
        params = params_of(Backup, Call("backup", params=labels)).model_dump(exclude_none=True)
        asked = _Asked(self.name, self.operations["backup"], self._place(source), params)
        return await self._begin(asked, key=key, token=None, timeout_s=3600.0)

    async def hold(self, source: Source, point: RecoveryPoint, *, until: datetime | None) -> None:
        """Keep the point from being expired until a moment; None releases it."""
        place = self._place(source)
        params: dict[str, Json] = {"point": point.id}
        if until is not None:
            params["until"] = until.isoformat()
        await place.runner.ask(f"{self.name}.hold", place.target, params)

    async def guard(self, source: Source) -> Guard:
        """Say whether the runner, which takes the backups, could delete them."""
        place = self._place(source)
        found = await place.runner.ask(f"{self.name}.guard", place.target, {})
        return Guard(found["deletes"], str(found["because"]))

    async def _may_hold(self, call: Call) -> None:
        """Refuse now what would otherwise be found out when everything is approved."""
        if call.source is not None and call.point is not None and Cap.HOLD in self.caps:
            place, given = self._place(call.source), {"point": call.point.id}
            await place.runner.preview(f"{self.name}.hold", place.target, given, how="ask")

    async def _work(self, asked: _Asked) -> Mapping[str, Any]:
        """Ask how much a copy has to bring here, and whether it is whole.

        Where nobody can say, nothing is estimated from it.
        """
        if asked.operation.name not in _COPYING:
            return {}
        try:
            return await asked.place.runner.ask(f"{self.name}.work", asked.place.target, asked.params)
        except IntegrationError as problem:
            if self.looks_ahead and problem.permanent:
                raise
            return {}

    async def _begin(self, asked: _Asked, *, key: str, token: int | None, timeout_s: float) -> JobRef:
        place = asked.place
        await place.runner.start(
            key, asked.name, place.target, asked.params, token=token, timeout_s=timeout_s
        )
        return JobRef(key, self.name, {"runner": place.host, "target": place.target})

    def _asked(self, call: Call) -> _Asked:
        operation = operation_of(self.name, self.operations, call)
        params: dict[str, Json] = params_of(operation.params, call).model_dump(mode="json", exclude_none=True)
        if call.target is None and not operation.needs_target and call.source is not None:
            place = self._place(call.source)
        else:
            place = self._place(target_of(call))
        if operation.needs_point or self._compares(operation.name, params):
            params |= self._point_params(call, place)
        return _Asked(self.name, operation, place, params)

    def _compares(self, operation: str, params: Mapping[str, Json]) -> bool:
        """Say whether an operation that can do without a point is asked about one."""
        return False

    def _point_params(self, call: Call, place: Place) -> dict[str, Json]:
        if call.point is None:
            raise IntegrationError(f"{call.operation} needs a recovery point.", permanent=True)
        params: dict[str, Json] = {"point": call.point.id}
        if call.operation == "verify":
            return params
        if call.point.digest is not None:
            params["digest"] = call.point.digest
        source = self._place(call.source) if call.source is not None else place
        if source.host != place.host:
            text = f"The points of {source.target} are on {source.host}, not beside {place.target}."
            raise IntegrationError(text, permanent=True)
        return params if source.target == place.target else {**params, "source": source.target}

    def _point(self, note: Mapping[str, Any]) -> RecoveryPoint:
        try:
            known = _Note.model_validate(note)
        except ValidationError as error:
            text = f"The note of the recovery point {note.get('id')} cannot be read."
            raise IntegrationError(text, permanent=False) from error
        fields = known.model_dump(exclude={"as_of"})
        return RecoveryPoint(engine=self.name, kind=self.kind, finished_at=known.as_of, **fields)


def noted(found: dict[str, Any]) -> tuple[str, ...]:
    """Take out of what a runner found what people should know of an act; what keeps it away raises."""
    for obstacle in (found.pop(name, None) for name in ("damaged", "no_room")):
        if obstacle:
            raise IntegrationError(str(obstacle), permanent=True)
    return tuple(
        str(note) for note in (found.pop(name, None) for name in ("tight", "elsewhere", "unread")) if note
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    engine: str
    operation: Operation
    place: Place
    params: Mapping[str, Json]

    @property
    def name(self) -> str:
        return f"{self.engine}.{self.operation.name}"

    @property
    def how(self) -> Literal["ask", "job"]:
        return "ask" if self.operation.kind == "check" else "job"


class _Note(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    as_of: AwareDatetime
    size: int | None = None
    digest: str | None = None
    health: Literal["unknown", "valid", "invalid", "partial"] = "unknown"
    verified_at: AwareDatetime | None = None
    held_until: AwareDatetime | None = None
    release: str | None = None
    commit: str | None = None
    environment: str | None = None


class _Found(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")

    ok: bool
    found: Annotated[str, Field(max_length=4000)]


def _chosen(points: Sequence[RecoveryPoint], why: str, otherwise: str) -> Resolution:
    refused = tuple(Refusal(point, _UNFIT[point.health]) for point in points if point.health in _UNFIT)
    sound = [point for point in points if point.health not in _UNFIT]
    if not sound:
        return Resolution(
            None, otherwise if not refused else f"{otherwise} What there is was refused.", refused
        )
    return Resolution(sound[0], why, refused)


def _result(found: Mapping[str, Any]) -> CheckResult:
    try:
        said = _Found.model_validate(found)
    except ValidationError as error:
        raise IntegrationError("The runner answered a check with nonsense.", permanent=False) from error
    return CheckResult(ok=said.ok, found=said.found, evidence=dict(said.model_extra or {}))
