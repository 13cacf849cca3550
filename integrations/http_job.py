"""Jobs of a web API that its target's owner wrote down: start, follow, cancel, and find again.

Settings of a target: `url`; `headers`, which may hold `{secret:NAME}`; `identity`, what is read to know it
again; and `jobs` by name. A job says which typed `params` a playbook fills in, the request that starts it and
where its answer has the id, the request that tells its state, which words mean what, and if wanted how it is
cancelled and found by its key. `{key}` and `{id}` can be filled in everywhere, and each start carries the
key as `Idempotency-Key`. A job whose start names no `id` is known to the server by its key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints, model_validator

from integrations.api import Api, Asked, at
from integrations.asked import Params, operation_of, params_of, target_of
from integrations.connections import Connections
from integrations.contract import (
    Call,
    Cancel,
    Cap,
    CheckResult,
    Effect,
    Health,
    IntegrationError,
    JobRef,
    JobState,
    Json,
    Operation,
    Phase,
    Prepared,
    Progress,
    Repeat,
    Target,
)
from integrations.remote import Remote
from integrations.typed import Named, Root, Typed, Word, into_json, into_path, settings_of, values
from integrations.without import WithoutPoints, cannot

_GONE = 404
_KEY = "Idempotency-Key"
Path = Annotated[str, StringConstraints(pattern=r"^/[^\s]{0,1000}$")]
Ending = Literal["succeeded", "failed", "partial", "cancelled", "timed_out", "refused"]


class Sent(Params):
    """One request to the API and the states that mean it was taken."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"] = "POST"
    path: Path
    body: Json = None
    status: tuple[int, ...] = (200, 201, 202, 204)


class Start(Sent):
    """The request that starts a job; `id` is where its answer has the id, `id_after` what is cut off it."""

    id: str | None = None
    id_after: str = ""


class Followed(Params):
    """Where the state of a job is read, and what else its answer tells."""

    path: Path
    state: str
    because: str | None = None
    phase: str | None = None
    done: str | None = None
    total: str | None = None
    unit: Literal["bytes", "items", "percent"] = "items"
    evidence: Mapping[Word, str] = Field(default_factory=dict)


class Found(Params):
    """Where the jobs of a key are listed; the list must hold every job that was started under it."""

    path: Path
    items: str = ""
    key: str
    id: str


class Job(Params):
    """One job that may be started, with everything a playbook can say about it."""

    effect: Effect = Effect.REVERSIBLE
    repeat: Repeat = Repeat.ONCE
    leaves: str = "Whatever the job did before it was ended."
    params: Mapping[Word, Typed] = Field(default_factory=dict)
    start: Start
    poll: Followed
    running: tuple[str, ...] = Field(min_length=1)
    ended: Mapping[str, Ending] = Field(min_length=1)
    cancel: Sent | None = None
    find: Found | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Job:
        if {"key", "id"} & set(self.params):
            raise ValueError("`key` and `id` are filled in by themselves")
        if set(self.running) & set(self.ended):
            raise ValueError("a word cannot mean both that a job runs and that it ended")
        return self


class Identity(Params):
    """What is read to know whether the API answers, and which one it is."""

    path: Path
    at: str


class Settings(Params):
    """How the API is reached and what may be started there."""

    url: Root
    headers: Mapping[str, str] = Field(default_factory=dict)
    identity: Identity | None = None
    jobs: Mapping[Word, Job] = Field(min_length=1)


class HttpJob(Remote["_Known"], WithoutPoints):
    """Starts and follows jobs of web APIs; addresses and bodies stand in the target's settings."""

    name: ClassVar[str] = "http_job"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.CANCEL, Cap.PROGRESS})
    operations: ClassVar[Mapping[str, Operation]] = {
        "run": Operation(name="run", params=Named, effect=Effect.REVERSIBLE),
    }

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._api = Api(connections, self.name)
        self._ids: dict[str, str] = {}

    async def health(self, target: Target) -> Health:
        """Read the identity of the API, when its settings say where; else it is its address."""
        settings = settings_of(Settings, target)
        identity = f"{self.name}:{settings.url}"
        if settings.identity is None:
            return Health(ok=True, identity=identity)
        asked = Asked("GET", settings.url + settings.identity.path, settings.headers)
        found = at((await self._api.ask(asked)).json, settings.identity.at)
        problems = () if found else (f"{settings.url} does not say `{settings.identity.at}`.",)
        return Health(ok=bool(found), identity=f"{identity}:{found}", problems=problems)

    async def plan(self, call: Call) -> Prepared:
        """Show the request as it will be sent; effect and repeat are those the settings list."""
        asking = self._asking(call, "KEY")
        sent = asking.request(asking.job.start)
        return Prepared(
            preview=(sent.shown(),),
            by_hand=sent.typed(),
            leaves=asking.job.leaves,
            effect=asking.job.effect,
            repeat=asking.job.repeat,
            cancel=Cancel.PARTIAL if asking.job.cancel else Cancel.NONE,
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Look for the job of a key; where the settings do not say how, nobody can tell."""
        asking = self._asking(call, key)
        id = self._ids.get(key)
        if id is None and asking.job.start.id is None:
            answer = await self._api.ask(asking.state(key), expect=(200, _GONE))
            id = None if answer.status == _GONE else key
        elif id is None and asking.job.find is not None:
            id = await self._listed(asking, asking.job.find)
        elif id is None:
            text = f"{asking.what} has no `find`, so nobody can tell whether {key} was received"
            raise IntegrationError(text, permanent=True)
        return None if id is None else self._known(call, asking, id)

    async def check(self, call: Call) -> CheckResult:
        """Refuse: checks of an API are those of `http`."""
        operation_of(self.name, self.operations, call)
        raise cannot(self.name, "check anything; use http.check")

    async def _before(self, call: Call, key: str) -> JobRef | None:
        asking = self._asking(call, key)
        untold = asking.job.start.id is not None and asking.job.find is None
        return None if untold and key not in self._ids else await self.find(call, key=key)

    async def _begin(self, call: Call, key: str) -> JobRef:
        asking = self._asking(call, key)
        start = asking.job.start
        answer = await self._api.ask(asking.request(start), expect=start.status)
        id = key
        if start.id is not None:
            found = at(answer.json, start.id)
            if not isinstance(found, str | int) or found == "":
                text = f"{asking.what} was started and its answer has no id at `{start.id}`."
                raise IntegrationError(text, permanent=True)
            id = str(found).removeprefix(start.id_after)
        return self._known(call, asking, id)

    async def _look(self, ref: JobRef) -> JobState:
        known = self._followed(ref)
        asking = known.asking
        answer = await self._api.ask(asking.state(ref.locator["id"]), expect=(200, _GONE))
        if answer.status == _GONE:
            return JobState(Phase.LOST, f"{asking.what} does not know the job {ref.locator['id']}.")
        job, told = asking.job, asking.job.poll
        word = str(at(answer.json, told.state))
        if word not in job.running and word not in job.ended:
            text = f"{asking.what} says `{word[:60]}`, and its settings do not say what that means."
            raise IntegrationError(text, permanent=False)
        phase = Phase(job.ended[word]) if word in job.ended else Phase.RUNNING
        because = at(answer.json, told.because) if told.because else None
        return JobState(
            phase,
            because="" if because is None else str(because)[:500],
            progress=self._progress(told, answer.json, word),
            evidence={
                "state": word,
                **{name: at(answer.json, place) for name, place in told.evidence.items()},
            },
            alive=phase is Phase.RUNNING,
            started_at=known.since,
            ended_at=None if phase is Phase.RUNNING else self._connections.now(),
        )

    async def _end(self, ref: JobRef) -> None:
        asking = self._followed(ref).asking
        if asking.job.cancel is None:
            raise cannot(self.name, f"cancel {asking.what}: its settings do not say how")
        cancel = asking.job.cancel
        await self._api.ask(asking.request(cancel, id=ref.locator["id"]), expect=(*cancel.status, 409))

    async def _listed(self, asking: _Asking, found: Found) -> str | None:
        listed = at((await self._api.ask(asking.get(found.path))).json, found.items)
        if not isinstance(listed, list):
            text = f"{asking.what} lists its jobs as no list at `{found.items}`; look at its settings."
            raise IntegrationError(text, permanent=True)
        ids = {str(at(item, found.id)) for item in listed if at(item, found.key) == asking.key}
        if len(ids) > 1:
            text = f"{asking.what} has {len(ids)} jobs of {asking.key}: {', '.join(sorted(ids))}"
            raise IntegrationError(text, permanent=True)
        return ids.pop().removeprefix(asking.job.start.id_after) if ids else None

    def _progress(self, told: Followed, answer: Json, word: str) -> Progress | None:
        done, total = (at(answer, place) if place else None for place in (told.done, told.total))
        if not isinstance(done, int | float):
            return None
        phase = at(answer, told.phase) if told.phase else word
        most = int(total) if isinstance(total, int | float) else 100 if told.unit == "percent" else None
        return Progress(str(phase), int(done), most, told.unit, at=self._connections.now())

    def _known(self, call: Call, asking: _Asking, id: str) -> JobRef:
        self._ids[asking.key] = id
        self._jobs.setdefault(asking.key, _Known(asking, self._connections.now()))
        return self._ref(call, asking.key, id=id, target=asking.target)

    def _asking(self, call: Call, key: str) -> _Asking:
        operation_of(self.name, self.operations, call)
        named, target = params_of(Named, call), target_of(call)
        settings = settings_of(Settings, target)
        job = settings.jobs.get(named.name)
        if job is None:
            known = ", ".join(settings.jobs)
            raise IntegrationError(f"{target.name} has no such job; it has: {known}.", permanent=True)
        known_values = values(job.params, named.__pydantic_extra__, call.point)
        return _Asking(target.name, named.name, settings, job, key, known_values)


@dataclass(frozen=True, slots=True)
class _Asking:
    """A job of a target with what is filled into its requests."""

    target: str
    name: str
    settings: Settings
    job: Job
    key: str
    values: Mapping[str, Json]

    @property
    def what(self) -> str:
        return f"{self.name} of {self.target}"

    def request(self, sent: Sent, *, id: str | None = None) -> Asked:
        known = {**self.values, "key": self.key, **({} if id is None else {"id": id})}
        headers = {**self.settings.headers, _KEY: self.key} if id is None else self.settings.headers
        url = self.settings.url + into_path(sent.path, known)
        return Asked(sent.method, url, headers, into_json(sent.body, known))

    def state(self, id: str) -> Asked:
        return self.get(self.job.poll.path, id=id)

    def get(self, path: str, *, id: str | None = None) -> Asked:
        known = {**self.values, "key": self.key, **({} if id is None else {"id": id})}
        return Asked("GET", self.settings.url + into_path(path, known), self.settings.headers)


@dataclass(frozen=True, slots=True)
class _Known:
    """A job that this process has started or found, and since when it knows it."""

    asking: _Asking
    since: datetime
