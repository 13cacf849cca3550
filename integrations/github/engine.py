"""Workflows of GitHub Actions, dispatched once under a key and found again by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar

from integrations.api import Api, Asked, Declined, at
from integrations.asked import NoParams, operation_of, params_of, target_of
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
    LogChunk,
    Operation,
    Phase,
    Prepared,
    RecoveryPoint,
    Repeat,
    Resolution,
    Source,
    Target,
)
from integrations.github import deployments, runs
from integrations.github.repository import KEY_INPUT, Dispatch, Environment, Repository, Settings
from integrations.remote import Remote
from integrations.typed import Named, in_words, settings_of, values
from integrations.whole import choose
from integrations.without import WithoutPoints, cannot

_PACE = timedelta(seconds=3)
_PATIENCE = timedelta(seconds=60)
_LOOK_BACK = timedelta(days=7)
_PAGE, _PAGES = 100, 10
_LOGS, _TAIL = 3, 16_000
_OLD_SERVER = (400, 422)


class Github(Remote["_Job"], WithoutPoints):
    """Dispatches the workflows that a target lists, and knows what was deployed when."""

    name: ClassVar[str] = "github"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.POINTS, Cap.CANCEL, Cap.PROGRESS})
    operations: ClassVar[Mapping[str, Operation]] = {
        "dispatch": Operation(name="dispatch", params=Named, effect=Effect.REVERSIBLE),
        "deployed": Operation(
            name="deployed",
            params=NoParams,
            effect=Effect.READ,
            kind="check",
            repeat=Repeat.SAFE,
            cancel=Cancel.CLEAN,
            needs_point=True,
            needs_target=False,
        ),
    }

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._api = Api(connections, "GitHub")

    async def health(self, target: Target) -> Health:
        """Say which repository it is, by the number that survives a new name."""
        repository = Repository(self._api, settings_of(Settings, target))
        found = await repository.get("")
        closed = [word for word in ("archived", "disabled") if found.get(word)]
        return Health(
            ok=not closed,
            identity=f"github:{repository.settings.api}:{found.get('id')}",
            problems=tuple(f"{found.get('full_name')} is {word}." for word in closed),
        )

    async def points(self, source: Source, *, since: datetime | None = None) -> Sequence[RecoveryPoint]:
        """List the deployments of the source's environment, newest first."""
        environment = settings_of(Environment, source)
        found = await deployments.deployments(Repository(self._api, environment), environment, self.name)
        return tuple(point for point in found if since is None or point.finished_at >= since)

    async def resolve(self, source: Source, goal: Goal) -> Resolution:
        """Choose the deployment a goal means."""
        return choose(await self.points(source), goal, place="the deployments", unfit=deployments.UNFIT)

    async def plan(self, call: Call) -> Prepared:
        """Show the dispatch as it will be sent; a workflow whose runs could not be found again is refused."""
        if operation_of(self.name, self.operations, call).kind == "check":
            params_of(NoParams, call)
            asks = "The newest deployment that succeeded is of the recovery point's commit."
            return Prepared((asks,), asks, "Nothing is changed.", Effect.READ, Repeat.SAFE, Cancel.CLEAN)
        dispatch = self._dispatch(call)
        await self._must_be_ready(dispatch)
        earlier = await dispatch.repository.get(f"{dispatch.path}/runs", status="success", per_page=20)
        return Prepared(
            preview=(dispatch.asked("KEY").shown(),),
            by_hand=dispatch.by_hand(),
            leaves=dispatch.workflow.leaves,
            effect=dispatch.workflow.effect,
            repeat=dispatch.workflow.repeat,
            cancel=Cancel.PARTIAL,
            estimate=runs.estimate_of(earlier.get("workflow_runs", ())),
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Look for the run of a key; None only when all is listed and none can still appear."""
        job = self._jobs.setdefault(key, _Job(self._dispatch(call), self._connections.now()))
        if await self._search(job, key):
            return self._ref(call, key, run=job.run)
        listed = job.since + timedelta(seconds=job.dispatch.settings.listed_within_s)
        if self._connections.now() < listed:
            text = f"GitHub lists a run some seconds after its start; looking again until {listed:%H:%M:%S}Z."
            raise IntegrationError(text, permanent=False)
        try:
            await self._must_be_ready(job.dispatch)
        except Declined as error:
            text = f"nobody can tell whether {key} was started: {error}"
            raise IntegrationError(text, permanent=True) from error
        return None

    async def check(self, call: Call) -> CheckResult:
        """Compare what is deployed now with the recovery point."""
        if operation_of(self.name, self.operations, call).kind != "check":
            raise cannot(self.name, f"carry out {call.operation} as a check")
        params_of(NoParams, call)
        if call.point is None or call.source is None:
            raise IntegrationError(f"{call.operation} needs a recovery point and its source.", permanent=True)
        newest = next((point for point in await self.points(call.source) if point.health != "partial"), None)
        if newest is None:
            return CheckResult(ok=False, found="no deployment succeeded")
        evidence: dict[str, Json] = {"deployment": newest.id, "commit": newest.commit}
        found = f"deployment {newest.id} of {(newest.commit or '')[:9]}"
        return CheckResult(ok=newest.commit == call.point.commit, found=found, evidence=evidence)

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        """Return the last lines of the jobs that failed."""
        job = self._jobs.get(ref.key)
        if job is None or not job.run:
            return LogChunk("", offset)
        broken = runs.failed(await self._parts(job))[:_LOGS]
        text = "".join([f"== {part['name']}\n{await self._log(job, part)}" for part in broken])
        return LogChunk(text[offset:], max(offset, len(text)))

    async def _before(self, call: Call, key: str) -> JobRef | None:
        if key in self._jobs:
            return await self.find(call, key=key)
        job = _Job(self._dispatch(call), self._connections.now())
        if not await self._search(job, key):
            return None
        self._jobs[key] = job
        return self._ref(call, key, run=job.run)

    async def _begin(self, call: Call, key: str) -> JobRef:
        # Known before it is sent: an answer that is lost must not look as if nothing was sent.
        job = self._jobs[key] = _Job(self._dispatch(call), self._connections.now())
        answer = await self._api.ask(job.dispatch.asked(key), expect=(200, 204, *_OLD_SERVER))
        if answer.status in _OLD_SERVER:
            answer = await self._api.ask(job.dispatch.asked(key, details=False), expect=(200, 204))
        job.run = str(at(answer.json, "workflow_run_id") or "")
        return self._ref(call, key, run=job.run)

    async def _look(self, ref: JobRef) -> JobState:
        job, now = self._followed(ref), self._connections.now()
        if not await self._search(job, ref.key):
            waited = now - job.since > _PATIENCE + timedelta(seconds=job.dispatch.settings.listed_within_s)
            if waited:
                return JobState(Phase.LOST, "GitHub took it and never listed it.")
            return JobState(Phase.RUNNING, "GitHub took it and does not list it yet.", alive=True)
        if job.seen and job.state and (job.state.phase is not Phase.RUNNING or now - job.seen < _PACE):
            return job.state
        found = await job.dispatch.repository.get(f"/actions/runs/{job.run}")
        job.seen, job.state = now, runs.state_of(found, await self._parts(job), now)
        return job.state

    async def _end(self, ref: JobRef) -> None:
        """Cancel a run; what still runs a minute later is cancelled by force."""
        job, now = self._followed(ref), self._connections.now()
        if not job.run:
            raise IntegrationError("The run cannot be cancelled before GitHub lists it.", permanent=False)
        if job.cancelled and now - job.cancelled < _PATIENCE:
            return
        how = "force-cancel" if job.cancelled else "cancel"
        asked = job.dispatch.repository.asked("POST", f"/actions/runs/{job.run}/{how}")
        # 409: it is over, or another cancel is under way.
        await self._api.ask(asked, expect=(202, 409))
        job.cancelled, job.seen = now, None

    async def _search(self, job: _Job, key: str) -> bool:
        """Find which run has the key, unless it is known; doubt raises."""
        if job.run:
            return True
        since = self._connections.now() - _LOOK_BACK
        found: dict[str, None] = {}
        seen = 0
        for page in range(1, _PAGES + 1):
            listed = await job.dispatch.repository.get(
                f"{job.dispatch.path}/runs",
                event="workflow_dispatch",
                created=f">={since:%Y-%m-%dT%H:%M:%SZ}",
                per_page=_PAGE,
                page=page,
            )
            those = listed.get("workflow_runs", [])
            seen += len(those)
            found |= {str(run["id"]): None for run in those if runs.is_of(run, key)}
            if seen >= int(listed.get("total_count", 0)) or not those:
                break
        else:
            if not found:
                text = f"GitHub lists more runs than can be read, so nobody can tell whether {key} is one"
                raise IntegrationError(text, permanent=True)
        if len(found) > 1:
            raise IntegrationError(
                f"GitHub has {len(found)} runs of {key}: {', '.join(found)}", permanent=True
            )
        job.run = next(iter(found), "")
        return bool(job.run)

    async def _must_be_ready(self, dispatch: Dispatch) -> None:
        """Refuse a workflow that is turned off, or whose runs do not carry their key."""
        file, settings = dispatch.workflow.file, dispatch.settings
        found = await dispatch.repository.get(dispatch.path)
        if found.get("state") != "active":
            raise Declined(f"{file} of {settings.repo} is {found.get('state')} on GitHub.")
        text = await dispatch.repository.text(f"/contents/.github/workflows/{file}", ref=settings.ref)
        if not runs.names_its_runs(text.text, KEY_INPUT):
            raise Declined(
                f"{file} on {settings.ref} does not put its input `{KEY_INPUT}` into `run-name`, "
                "so a run could not be found again."
            )

    async def _parts(self, job: _Job) -> list[runs.Run]:
        path = f"/actions/runs/{job.run}/jobs"
        found = await job.dispatch.repository.get(path, filter="latest", per_page=_PAGE)
        return list(found.get("jobs", ()))

    async def _log(self, job: _Job, part: runs.Run) -> str:
        path = f"/actions/jobs/{part['id']}/logs"
        answer = await job.dispatch.repository.text(path, expect=(200, 302, 404, 410))
        if answer.status == 302 and (place := answer.headers.get("location")):
            # The address itself is the permission; the token must not go there.
            answer = await self._api.ask(Asked("GET", place), expect=(200, 404, 410), plain=True)
        return f"{answer.text[-_TAIL:]}\n" if answer.status == 200 else "(its log is gone)\n"

    def _dispatch(self, call: Call) -> Dispatch:
        operation_of(self.name, self.operations, call)
        named, target = params_of(Named, call), target_of(call)
        settings = settings_of(Settings, target)
        workflow = settings.workflows.get(named.name)
        if workflow is None:
            known = ", ".join(settings.workflows)
            raise IntegrationError(f"{target.name} lists no such workflow; it has: {known}.", permanent=True)
        found = values(workflow.inputs, named.__pydantic_extra__, call.point)
        inputs = {name: in_words(value) for name, value in found.items()}
        return Dispatch(Repository(self._api, settings), settings, workflow, inputs)


@dataclass
class _Job:
    """What this process knows of a key: what it starts, since when, its run, and what was seen of that."""

    dispatch: Dispatch
    since: datetime
    run: str = ""
    state: JobState | None = None
    seen: datetime | None = None
    cancelled: datetime | None = None
