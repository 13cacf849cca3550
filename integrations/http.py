"""HTTP: checks of one answer, scenarios of a few requests in order, and calls that change something.

A text may hold `{secret:NAME}`, which is filled in only while sending and shown nowhere, and `{name}` of a
value that an earlier request of the scenario captured. Redirects are never followed.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

import aiohttp
from pydantic import Field, StringConstraints

from integrations.api import Answer, Asked, Filling, at, send, why
from integrations.asked import Params, operation_of, params_of
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
    LogChunk,
    Operation,
    Phase,
    Prepared,
    Repeat,
    Target,
)
from integrations.without import WithoutPoints

_LARGEST_BODY = 64 * 1024

Url = Annotated[str, StringConstraints(pattern=r"^https?://[^\s]{1,2000}$")]
Scalar = str | int | float | bool | None
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,40}$")]


class Request(Params):
    """One request and what its answer must be; `json_at` maps paths such as `items.0.id` to values."""

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    url: Url
    headers: Mapping[str, str] = Field(default_factory=dict)
    body: Json = None
    status: int = Field(default=200, ge=100, le=599)
    json_at: Mapping[str, Scalar] = Field(default_factory=dict)
    capture: Mapping[Name, str] = Field(default_factory=dict)
    timeout: float = Field(default=10.0, gt=0, le=120)

    def asked(self) -> Asked:
        """Return the request itself, without what is expected of its answer."""
        return Asked(self.method, self.url, self.headers, self.body)

    def shown(self) -> str:
        """Return the request as it is previewed: references instead of what they stand for."""
        return f"{self.asked().shown()} → {self.status}"


class Looked(Request):
    """A request that changes nothing worth undoing."""

    method: Literal["GET", "POST"] = "GET"


class Scenario(Params):
    """Requests in order; each must be answered as expected before the next is sent."""

    requests: tuple[Request, ...] = Field(min_length=1, max_length=20)


class Http(WithoutPoints):
    """Speaks HTTP to the services that are recovered."""

    name: ClassVar[str] = "http"
    caps: ClassVar[frozenset[Cap]] = frozenset()
    operations: ClassVar[Mapping[str, Operation]] = {
        "check": Operation(
            "check", Looked, Effect.READ, "check", Repeat.SAFE, Cancel.CLEAN, needs_target=False
        ),
        "scenario": Operation(
            "scenario", Scenario, Effect.REVERSIBLE, "check", Repeat.SAFE, Cancel.PARTIAL, needs_target=False
        ),
        "call": Operation(
            "call",
            Request,
            Effect.REVERSIBLE,
            cancel=Cancel.NONE,
            needs_target=False,
            named_by="url",
            traceable=False,
        ),
    }

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._sent: dict[str, asyncio.Task[JobState]] = {}
        self._forbidden: set[str] = set()

    async def health(self, target: Target) -> Health:
        """Ask the target's `health_url`, when its settings name one."""
        url = target.settings.get("health_url")
        identity = f"http:{target.settings.get('url', target.name)}"
        if url is None:
            return Health(ok=True, identity=identity)
        found = await self.check(Call("check", params={"url": url}))
        return Health(ok=found.ok, identity=identity, problems=() if found.ok else (found.found,))

    async def plan(self, call: Call) -> Prepared:
        """Show the requests as they will be sent, secrets by name only."""
        operation, requests = self._asked(call)
        return Prepared(
            preview=tuple(request.shown() for request in requests),
            by_hand="\n".join(request.asked().typed() for request in requests),
            leaves="Whatever the service did with the requests that had reached it.",
            effect=operation.effect,
            repeat=operation.repeat,
            cancel=operation.cancel,
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Return a call this process sent; a service keeps no list of keys, so None proves nothing."""
        return JobRef(key, self.name) if key in self._sent else None

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Send a request once, with its key as Idempotency-Key."""
        operation, requests = self._asked(call)
        if operation.kind == "check":
            raise IntegrationError(f"{call.operation} is a check, not a step.", permanent=True)
        if key in self._forbidden:
            raise IntegrationError(f"{key} was settled and can never start.", permanent=True)
        if key not in self._sent:
            request = requests[0]
            headers = {**request.headers, "Idempotency-Key": key}
            sending = self._job(request.model_copy(update={"headers": headers}))
            self._sent[key] = asyncio.create_task(sending, name=f"http {key}")
        return JobRef(key, self.name)

    async def poll(self, ref: JobRef) -> JobState:
        """Return how the request ended; for one that an earlier process sent nobody can say."""
        task = self._sent.get(ref.key)
        if task is None:
            return JobState(Phase.LOST, because="The request was sent by a process that is gone.")
        if not task.done():
            return JobState(Phase.RUNNING)
        if task.cancelled():
            return JobState(Phase.LOST, because="The request was given up while it was under way.")
        return task.result()

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        """Return nothing: what the service answered is in the evidence."""
        return LogChunk("", offset)

    async def cancel(self, ref: JobRef) -> None:
        """Stop waiting for the answer; whether the service acted stays unknown."""
        task = self._sent.get(ref.key)
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Give a call up for good; of one that another process sent nobody can say anything."""
        self._forbidden.add(key)
        ref = JobRef(key, self.name)
        await self.cancel(ref)
        return ref

    async def check(self, call: Call) -> CheckResult:
        """Send the requests in order until one is not answered as expected."""
        operation, requests = self._asked(call)
        if operation.kind != "check":
            raise IntegrationError(f"{call.operation} is a step, not a check.", permanent=True)
        captured: dict[str, str] = {}
        found = CheckResult(ok=False, found="nothing was sent")
        for request in requests:
            found = await self._one(request, captured)
            if not found.ok:
                break
        return found

    async def _one(self, request: Request, captured: dict[str, str]) -> CheckResult:
        try:
            answer = await self._send(request, captured)
        except (TimeoutError, aiohttp.ClientError) as error:
            return CheckResult(ok=False, found=f"{request.shown()}: {why(error)}")
        problem = _unlike(request, answer)
        if not problem:
            captured |= {name: str(at(answer.json, path)) for name, path in request.capture.items()}
        found = problem or f"answered {answer.status}"
        evidence: dict[str, Json] = {"status": answer.status, "answer": answer.text[:500]}
        return CheckResult(ok=not problem, found=f"{request.shown()}: {found}", evidence=evidence)

    async def _job(self, request: Request) -> JobState:
        begun = self._connections.now()
        try:
            answer = await self._send(request, {})
        except IntegrationError as error:
            state = JobState(Phase.FAILED, because=str(error), alive=False)
        except aiohttp.ClientConnectorError as error:
            because = f"The service could not be reached: {why(error)}"
            state = JobState(Phase.FAILED, because=because, alive=False)
        except (TimeoutError, aiohttp.ClientError) as error:
            because = f"The request was sent and not answered ({why(error)}); nobody can say what it did."
            state = JobState(Phase.LOST, because=because)
        else:
            problem = _unlike(request, answer)
            evidence: dict[str, Json] = {"status": answer.status, "answer": answer.text[:500]}
            phase = Phase.FAILED if problem else Phase.SUCCEEDED
            ended = self._connections.now()
            return JobState(
                phase, problem, answer.status, None, evidence, started_at=begun, ended_at=ended, alive=False
            )
        return state

    async def _send(self, request: Request, captured: Mapping[str, str]) -> Answer:
        fill = Filling(captured, self._connections.secret)
        asked = fill.whole(request.asked())
        timeout_s = request.timeout
        return await send(self._connections, asked, fill.masked, timeout_s=timeout_s, largest=_LARGEST_BODY)

    def _asked(self, call: Call) -> tuple[Operation, tuple[Request, ...]]:
        operation = operation_of(self.name, self.operations, call)
        match params_of(operation.params, call):
            case Scenario(requests=requests):
                return operation, requests
            case Request() as request:
                return operation, (request,)
            case _:
                raise IntegrationError(f"http has no operation {call.operation!r}.", permanent=True)


def _unlike(request: Request, answer: Answer) -> str:
    if answer.status != request.status:
        return f"answered {answer.status}, expected {request.status}"
    for path, expected in request.json_at.items():
        value = at(answer.json, path)
        if value != expected:
            return f"`{path}` is {json.dumps(value, ensure_ascii=False)[:200]}, expected {expected!r}"
    for path in request.capture.values():
        if at(answer.json, path) is None:
            return f"`{path}` is not in the answer"
    return ""
