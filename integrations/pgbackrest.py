"""PostgreSQL clusters that pgBackRest backs up, restored to a moment, marker, position or transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from integrations.asked import Params
from integrations.beside import Place
from integrations.contract import (
    BeforeXid,
    Call,
    Cancel,
    Cap,
    Effect,
    Goal,
    IntegrationError,
    Json,
    Operation,
    Phase,
    Prepared,
    RecoveryPoint,
    Refusal,
    Repeat,
    Resolution,
    Source,
    Target,
    ToLsn,
    ToMarker,
    ToPoint,
    ToRevision,
    ToTime,
    Window,
)
from integrations.copies import Backup, Copies, InStep, Salvage, noted, step

_A = TypeVar("_A", bound=BaseModel)
_ASK_S = 300.0
_MARK_S = 180.0
_NOT_ASKED = ("digest", "source", "keep", "because")
_LOOK_S = 0.1


class TakeBackup(Backup):
    """Labels of the new backup, and how much of the cluster it copies."""

    type: Literal["full", "diff", "incr"] = "incr"


class Mark(Params):
    """The marker's name, which can be used once."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$")


class InPlace(Params):
    """Whether the damaged cluster is copied before it is overwritten; if not, why not."""

    keep: Literal["copy", "nothing"] = "copy"
    because: str | None = Field(default=None, min_length=10, max_length=300)

    @model_validator(mode="after")
    def _says_why(self) -> Self:
        if self.keep == "nothing" and not self.because:
            raise ValueError("say in `because` why nothing of the damaged cluster is kept")
        return self


class PgBackRest(Copies):
    """Restores whole clusters from a backup and the archived log after it."""

    name: ClassVar[str] = "pgbackrest"
    kind: ClassVar[str] = "full"
    caps: ClassVar[frozenset[Cap]] = frozenset(
        {
            *(Cap.POINTS, Cap.WINDOW, Cap.CANCEL, Cap.PROGRESS, Cap.VERIFY_POINT),
            *(Cap.MARK, Cap.BACKUP, Cap.HOLD, Cap.GUARD),
        }
    )
    operations: ClassVar[Mapping[str, Operation]] = {
        "backup": step("backup", params=TakeBackup),
        "mark": step("mark", params=Mark),
        "prepare": step("prepare", needs_point=True),
        "discard": step("discard"),
        "restore": step("restore", Effect.DESTRUCTIVE, repeat=Repeat.ONCE, needs_point=True),
        "restore_in_place": step(
            "restore_in_place",
            Effect.DESTRUCTIVE,
            params=InPlace,
            repeat=Repeat.RESUMES,
            cancel=Cancel.PARTIAL,
            needs_point=True,
        ),
        "salvage": step("salvage", params=Salvage),
        "in_step": step("in_step", kind="check", params=InStep),
        "restored": step("restored", kind="check", needs_point=True),
        "verify": step("verify", needs_point=True, needs_target=False),
        "log_continuous": step("log_continuous", kind="check", needs_point=True, needs_target=False),
    }
    leaves: ClassVar[Mapping[str, str]] = {
        "backup": "Nothing: a backup that did not finish does not count; the next one uses what it copied.",
        "salvage": "Nothing: the kept cluster is stopped; files that were not finished are written again.",
        "mark": "At most a marker in the log that nobody knows of.",
        "prepare": "At most a copy beside, whole or not; `discard` or the next restore removes it.",
        "restore": (
            "Before the exchange the cluster as it is now; after it the restored one, which is up or has "
            "still to be started; never a mixture. The replaced cluster stays whole in the `kept` directory."
        ),
        "restore_in_place": (
            "Until PostgreSQL has replayed its log a data directory that is neither the old cluster nor the "
            "restored one, and does not run; another attempt goes on with it. After that the restored "
            "cluster, which is up. What was damaged is kept, unless the plan says why not."
        ),
        "verify": "Nothing is changed.",
    }

    async def window(self, source: Source) -> Window | None:
        """Return the span from the first usable backup to the newest transaction that can come back."""
        place = self._place(source)
        found = await place.runner.ask(f"{self.name}.window", place.target, {}, timeout_s=_ASK_S)
        said = _read(_Window, found)
        if said.earliest is None or said.latest is None:
            return None
        return Window(said.earliest, said.latest)

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Choose the backup from which a goal is reached, and pin timeline and end of the replay."""
        place = self._place(source)
        given = _given(goal)
        if given is None:
            return Resolution(None, f"{self.name} restores databases, not revisions.")
        found = await place.runner.ask(f"{self.name}.resolve", place.target, given, timeout_s=_ASK_S)
        said = _read(_Resolved, found)
        points = {str(note.get("id")): self._point(note) for note in said.points}
        refused = tuple(
            Refusal(points[each.point], each.because) for each in said.refused if each.point in points
        )
        if said.point is None or said.goal is None:
            return Resolution(None, f"{said.because}.", refused, log_continuous=said.log_continuous)
        return Resolution(
            _usable(points[said.point]),
            f"{said.because}.",
            refused,
            goal=_pinned(goal, said.goal.timeline),
            reaches=said.reaches,
            log_continuous=said.log_continuous,
            caution=said.caution,
        )

    async def plan(self, call: Call) -> Prepared:
        """Show the program the runner would start, and how much there is to copy and to replay."""
        prepared = await super().plan(call)
        if call.operation not in ("prepare", "restore", "restore_in_place"):
            return prepared
        asked = self._asked(call)
        given = {name: value for name, value in asked.params.items() if name not in _NOT_ASKED}
        found = await asked.place.runner.ask(
            f"{self.name}.resolve", asked.place.target, given, timeout_s=_ASK_S
        )
        known = _read(_Resolved, found)
        taken = known.ready and call.operation != "restore_in_place"
        work = {phase: 0 if taken else amount for phase, amount in known.work.items() if amount}
        room = dict(known.room.get(_place_of(call.operation, asked.params, taken=taken), {}))
        return replace(prepared, work=work, notes=(*prepared.notes, *noted(room)))

    async def mark(self, target: Target, name: str) -> str:
        """Set a marker and return its position, once the log up to it is archived."""
        call = Call("mark", target=target, params={"name": name}, timeout_s=_MARK_S)
        ref = await self.start(call, key=f"mark {target.name} {name}")
        try:
            async with asyncio.timeout(_MARK_S):
                while True:
                    state = await self.poll(ref)
                    if state.phase is not Phase.RUNNING:
                        break
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError as late:
            text = f"The marker {name} was not archived in {_MARK_S:g} s."
            raise IntegrationError(text, permanent=False) from late
        if state.phase is not Phase.SUCCEEDED:
            raise IntegrationError(f"The marker {name} was not set: {state.because}", permanent=False)
        return str(state.evidence["lsn"])

    def _point_params(self, call: Call, place: Place) -> dict[str, Json]:
        goal = _given(call.goal) if call.goal is not None and call.operation != "verify" else None
        return {**super()._point_params(call, place), **(goal or {})}

    def _point(self, note: Mapping[str, Any]) -> RecoveryPoint:
        known = _read(_Note, note)
        fields = known.model_dump(exclude={"as_of"})
        return RecoveryPoint(engine=self.name, finished_at=known.as_of, **fields)


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Note(_Answer):
    id: str
    kind: str
    as_of: AwareDatetime
    size: int | None = None
    digest: str | None = None
    health: Literal["unknown", "valid", "invalid", "stranded"] = "unknown"
    verified_at: AwareDatetime | None = None
    held_until: AwareDatetime | None = None
    encrypted: bool | None = None
    release: str | None = None
    commit: str | None = None
    environment: str | None = None


class _Window(_Answer):
    earliest: AwareDatetime | None = None
    latest: AwareDatetime | None = None


class _Refused(_Answer):
    point: str
    because: str


class _Goal(_Answer):
    timeline: int


class _Resolved(_Answer):
    point: str | None
    because: str
    refused: tuple[_Refused, ...] = ()
    goal: _Goal | None = None
    reaches: datetime | None = None
    log_continuous: bool | None = None
    caution: str = ""
    work: Mapping[str, int] = Field(default_factory=dict)
    ready: bool = False
    room: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    points: Sequence[Mapping[str, Any]] = ()


def _given(goal: Goal) -> dict[str, Json] | None:
    """Return a goal as the parameters of the runner; None for one that is no place in a log."""
    match goal:
        case ToPoint(id):
            return {"point": id}
        case ToTime(at, timeline):
            given: dict[str, Json] = {"at": at.isoformat()}
        case ToMarker(name, timeline):
            given = {"marker": name}
        case ToLsn(lsn, timeline):
            given = {"lsn": lsn}
        case BeforeXid(xid, timeline):
            given = {"xid": xid}
        case ToRevision():
            return None
    return given if timeline is None else {**given, "timeline": timeline}


def _place_of(operation: str, params: Mapping[str, Json], *, taken: bool) -> str:
    """Return where room is needed: beside for a copy that is still to be made, in place for what is kept."""
    if operation == "restore_in_place":
        return "in_place" if params.get("keep", "copy") == "copy" else ""
    return "" if taken else "beside"


def _pinned(goal: Goal, timeline: int) -> Goal:
    match goal:
        case ToPoint() | ToRevision():
            return goal
        case _:
            return replace(goal, timeline=timeline)


def _usable(point: RecoveryPoint) -> RecoveryPoint:
    """A backup of an abandoned timeline serves a goal on that timeline."""
    return replace(point, health="unknown") if point.health == "stranded" else point


def _read(model: type[_A], found: Mapping[str, Any]) -> _A:
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise IntegrationError(
            "The runner answered with nonsense; look at its version.", permanent=False
        ) from error
