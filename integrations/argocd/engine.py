"""Rollbacks and syncs of one application, once under a key, with auto-sync held off while they last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Literal

from integrations.api import Api, Declined
from integrations.argocd.act import Act
from integrations.argocd.application import (
    Application,
    Record,
    auto_sync_back,
    auto_sync_off,
)
from integrations.argocd.application import Operation as Operated
from integrations.argocd.server import Reached, Server, Settings
from integrations.asked import NoParams, Params, operation_of, params_of, target_of
from integrations.connections import Connections
from integrations.contract import (
    Call,
    Cancel,
    Cap,
    CheckResult,
    Effect,
    Goal,
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
)
from integrations.moments import moment
from integrations.remote import Remote
from integrations.typed import settings_of
from integrations.whole import choose
from integrations.without import WithoutPoints, cannot

_DONE, _REFUSED, _FORBIDDEN = "Succeeded", "Refused", "Forbidden"
_PHASES = {_DONE: Phase.SUCCEEDED, _REFUSED: Phase.REFUSED, _FORBIDDEN: Phase.CANCELLED}
_UNDER_WAY = ("Pending", "Running", "Terminating")
_TERMINATED = "Operation terminated"


class Rollback(Params):
    """What becomes of auto-sync afterwards: while git still has the release, it would bring that back."""

    auto_sync: Literal["stays_off", "comes_back"] = "stays_off"


def _step(name: str, params: type[Params] = NoParams, *, needs_point: bool = False) -> Operation:
    return Operation(
        name,
        params,
        Effect.REVERSIBLE,
        repeat=Repeat.SAFE,
        cancel=Cancel.PARTIAL,
        needs_point=needs_point,
    )


class ArgoCd(Remote[Act], WithoutPoints):
    """Puts an application of Argo CD back to what it was, and holds auto-sync off so that it stays so."""

    name: ClassVar[str] = "argocd"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.CANCEL, Cap.PROGRESS})
    operations: ClassVar[Mapping[str, Operation]] = {
        "pause": _step("pause"),
        "rollback": _step("rollback", Rollback, needs_point=True),
        "sync": _step("sync"),
        "resume": _step("resume"),
        "restored": Operation(
            name="restored",
            params=NoParams,
            effect=Effect.READ,
            kind="check",
            repeat=Repeat.SAFE,
            cancel=Cancel.CLEAN,
            needs_point=True,
        ),
    }

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._api = Api(connections, "Argo CD")

    async def health(self, target: Target) -> Health:
        """Say which application it is; an older one of the same name is another one."""
        server = Server(self._api, settings_of(Settings, target))
        app = await server.application()
        problems = (f"The application {server.settings.app} is being deleted.",) if app.deleted else ()
        return Health(
            ok=not problems, identity=f"argocd:{server.settings.server}:{app.uid}", problems=problems
        )

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        """List what was deployed, newest first."""
        app = await Server(self._api, settings_of(Reached, source)).application()
        return tuple(point for point in app.points(self.name) if since is None or point.finished_at >= since)

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Choose the entry of the history a goal means."""
        return choose(await self.points(source), goal, place="the history of the application")

    async def plan(self, call: Call) -> Prepared:
        """Show the requests; what would be refused is refused here."""
        operation, asked = operation_of(self.name, self.operations, call), self._asking(call)
        app = await asked.server.application()
        if operation.name in ("rollback", "sync"):
            await self._must_be_free(asked, app)
        if operation.name in ("pause", "rollback"):
            asked.must_stay_off(app)
        pruned = operation.name == "rollback" and asked.settings.prune
        return Prepared(
            preview=asked.preview(),
            by_hand=asked.by_hand(),
            leaves="Objects that were applied already; auto-sync is brought back."
            if operation.kind == "step"
            else "",
            effect=Effect.DESTRUCTIVE if pruned else operation.effect,
            repeat=operation.repeat,
            cancel=operation.cancel,
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Look for a key in what the application itself keeps of it, and in what Argo CD did since."""
        asked = self._asking(call)
        app = await asked.server.application()
        record, operation = app.record(key), app.operation
        if record is None:
            return None
        ours = operation is not None and record.owns(operation)
        if not record.ended and not ours and not app.deployed(record):
            if operation is not None and operation.started > record.since:
                text = f"nobody can tell what came of {key}: Argo CD has done something else since"
                raise IntegrationError(text, permanent=True)
            return None
        self._jobs[key] = asked
        return self._ref(call, key, app=asked.settings.app)

    async def check(self, call: Call) -> CheckResult:
        """Compare what is deployed with the recovery point, and whether it is healthy."""
        if operation_of(self.name, self.operations, call).kind != "check":
            raise cannot(self.name, f"carry out {call.operation} as a check")
        asked = self._asking(call)
        app = await asked.server.application()
        newest = next(iter(app.points(self.name)), None)
        same = newest is not None and asked.point is not None and newest.digest == asked.point.digest
        evidence: dict[str, Json] = {
            "revision": newest.commit or newest.release if newest else None,
            "health": app.health,
            "auto_sync": "held off" if app.held_off is not None else "on" if app.automated else "off",
        }
        what = "what the point has" if same else "another revision than the point"
        return CheckResult(
            ok=same and app.health == "Healthy", found=f"{what}, {app.health}", evidence=evidence
        )

    async def _begin(self, call: Call, key: str) -> JobRef:
        asked = self._jobs[key] = self._asking(call)
        try:
            await self._act(asked, key)
        except Declined as refusal:
            app = await asked.server.application()
            if record := app.record(key):
                ended = record.model_copy(update={"ended": _REFUSED, "because": str(refusal)[:300]})
                await asked.server.patch(app, ended, auto_sync_back(app) if record.took else {})
            raise
        return self._ref(call, key, app=asked.settings.app)

    async def _act(self, asked: Act, key: str) -> None:
        app = await asked.server.application()
        record = asked.record(app, key)
        if asked.does in ("pause", "rollback"):
            asked.must_stay_off(app)
        if asked.does in ("rollback", "sync"):
            await self._must_be_free(asked, app)
        match asked.does:
            case "pause":
                await asked.server.patch(app, record.model_copy(update={"ended": _DONE}), auto_sync_off(app))
            case "resume":
                await asked.server.patch(app, record.model_copy(update={"ended": _DONE}), auto_sync_back(app))
            case _:
                # What was there before is kept on the application before anything is asked of Argo CD.
                await asked.server.patch(app, record, auto_sync_off(app) if record.took else {})
                await self._api.ask(asked.request(key))

    async def _look(self, ref: JobRef) -> JobState:
        asked = self._followed(ref)
        app = await asked.server.application()
        record = app.record(ref.key)
        if record is None:
            return JobState(Phase.LOST, f"{asked.settings.app} has no word of {ref.key} any more.")
        return _ended(app, record) if record.ended else await self._under_way(asked, app, record)

    async def _under_way(self, asked: Act, app: Application, record: Record) -> JobState:
        operation = app.operation
        if operation is not None and record.owns(operation):
            if operation.phase in _UNDER_WAY:
                return self._running(app, operation)
            ended = record.over(operation)
        elif app.deployed(record):
            ended = record.model_copy(update={"ended": _DONE})
        else:
            return JobState(
                Phase.LOST, "Argo CD has done something else since, and nobody can tell what came of it."
            )
        # Whoever sees the end brings auto-sync back, so that no crash can leave it off by mistake.
        back = ended.brings_back if ended.ended == _DONE else ended.took
        await asked.server.patch(app, ended, auto_sync_back(app) if back else {})
        return _ended(await asked.server.application(), ended)

    def _running(self, app: Application, operation: Operated) -> JobState:
        what = operation.message[:200] if "sync window" in operation.message else operation.phase.lower()
        progress = Progress(what, operation.done, app.resources or None, "items", at=self._connections.now())
        begun = moment(operation.started)
        because = operation.message[:300]
        return JobState(Phase.RUNNING, because, progress=progress, alive=True, started_at=begun)

    async def _end(self, ref: JobRef) -> None:
        """Ask Argo CD to end the operation, if it is still ours."""
        asked = self._followed(ref)
        app = await asked.server.application()
        record, operation = app.record(ref.key), app.operation
        if record and operation and record.owns(operation) and operation.phase in ("Pending", "Running"):
            # 400: it has ended meanwhile, or the controller has not taken it up; the next look tells.
            await self._api.ask(asked.server.asked("DELETE", "/operation"), expect=(200, 400))

    async def _settle(self, call: Call, key: str) -> None:
        """Keep a key on the application as one that must not begin, for every process that may try."""
        asked = self._asking(call)
        app = await asked.server.application()
        begun = app.record(key)
        record = asked.record(app, key).model_copy(update={"ended": _FORBIDDEN})
        await asked.server.patch(app, record, auto_sync_back(app) if begun and begun.took else {})
        await super()._settle(call, key)

    async def _must_be_free(self, asked: Act, app: Application) -> None:
        """Refuse while another operation runs, or a window of the project is in the way."""
        name, operation, point = asked.settings.app, app.operation, asked.point
        if operation is not None and operation.phase in _UNDER_WAY:
            who = "auto-sync" if operation.automated else "a sync by hand"
            what = operation.revision[:12] or "the target revision"
            since = operation.started or "this moment"
            raise Declined(
                f"Argo CD is busy with {name}: {who} to {what} began at {since}. Wait for it, "
                f"or end it with `argocd app terminate-op {name}`, and plan again."
            )
        if point and (point.id, point.digest) not in {(one.id, one.digest) for one in app.points(self.name)}:
            raise Declined(f"The history of {name} has no such entry {point.id} any more. Plan again.")
        await asked.server.must_be_open()

    def _asking(self, call: Call) -> Act:
        operation = operation_of(self.name, self.operations, call)
        params = params_of(operation.params, call)
        settings = settings_of(Settings, target_of(call))
        if operation.needs_point and call.point is None:
            raise IntegrationError(f"{call.operation} needs a recovery point.", permanent=True)
        back = isinstance(params, Rollback) and params.auto_sync == "comes_back"
        point = call.point if operation.needs_point else None
        return Act(operation.name, Server(self._api, settings), settings, point, back)


def _ended(app: Application, record: Record) -> JobState:
    evidence: dict[str, Json] = {
        "revision": record.revision or None,
        "auto_sync": "held off" if app.held_off is not None else "on" if app.automated else "off",
    }
    phase = _PHASES.get(record.ended, Phase.FAILED)
    if phase is Phase.FAILED and record.because.startswith(_TERMINATED):
        phase = Phase.CANCELLED
    because = "It was settled before it began." if record.ended == _FORBIDDEN else record.because
    return JobState(
        phase,
        because="" if phase is Phase.SUCCEEDED else because,
        evidence=evidence,
        alive=False,
        started_at=moment(record.started),
        ended_at=moment(record.finished),
    )
