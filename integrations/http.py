"""HTTP: checks of one answer, scenarios of a few requests in order, and calls that change something.

A text may hold `{secret:NAME}`, which is filled in only while sending and shown nowhere, and `{name}` of a
value that an earlier request of the scenario captured. Redirects are never followed.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import aiohttp
from pydantic import Field, StringConstraints

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
_MASK = "•••"
_REFERENCE = re.compile(r"\{(secret:)?([A-Za-z][A-Za-z0-9_.-]{0,63})\}")

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

    def shown(self) -> str:
        """Return the request as it is previewed: references instead of what they stand for."""
        body = "" if self.body is None else f" {_same(self.body)}"
        return f"{self.method} {self.url}{body} → {self.status}"

    def typed(self) -> str:
        """Return what a person types to send it."""
        headers = [f"-H {_quoted(f'{name}: {value}')}" for name, value in sorted(self.headers.items())]
        body = [] if self.body is None else [f"--json {_quoted(_same(self.body))}"]
        return " ".join(["curl -sS -i", f"-X {self.method}", *headers, *body, _quoted(self.url)])


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
            by_hand="\n".join(request.typed() for request in requests),
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
            return CheckResult(ok=False, found=f"{request.shown()}: {_why(error)}")
        problem = _unlike(request, answer)
        if not problem:
            captured |= {name: str(_at(answer.json, path)) for name, path in request.capture.items()}
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
            because = f"The service could not be reached: {_why(error)}"
            state = JobState(Phase.FAILED, because=because, alive=False)
        except (TimeoutError, aiohttp.ClientError) as error:
            because = f"The request was sent and not answered ({_why(error)}); nobody can say what it did."
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

    async def _send(self, request: Request, captured: Mapping[str, str]) -> _Answer:
        fill = _Filling(captured, self._connections.secrets)
        headers = {name: fill.text(value) for name, value in request.headers.items()}
        body = fill.value(request.body)
        async with (
            asyncio.timeout(request.timeout),
            self._connections.session() as session,
            session.request(
                request.method,
                fill.text(request.url),
                headers=headers,
                json=body,
                allow_redirects=False,
            ) as response,
        ):
            content = await _capped(response.content)
        return _Answer(response.status, fill.masked(content.decode("utf-8", "replace")))

    def _asked(self, call: Call) -> tuple[Operation, tuple[Request, ...]]:
        operation = operation_of(self.name, self.operations, call)
        match params_of(operation.params, call):
            case Scenario(requests=requests):
                return operation, requests
            case Request() as request:
                return operation, (request,)
            case _:
                raise IntegrationError(f"http has no operation {call.operation!r}.", permanent=True)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    text: str

    @property
    def json(self) -> Json:
        try:
            found: Json = json.loads(self.text)
        except ValueError:
            return None
        return found


class _Filling:
    """Puts secrets and captured values in place of their references, and takes secrets out of answers."""

    def __init__(self, captured: Mapping[str, str], secrets: Path | None) -> None:
        self._captured = captured
        self._secrets = secrets
        self._used: set[str] = set()

    def text(self, text: str) -> str:
        return _REFERENCE.sub(self._one, text)

    def value(self, value: Json) -> Json:
        match value:
            case str():
                return self.text(value)
            case dict():
                return {name: self.value(item) for name, item in value.items()}
            case list():
                return [self.value(item) for item in value]
            case _:
                return value

    def masked(self, text: str) -> str:
        for secret in sorted(self._used, key=len, reverse=True):
            text = text.replace(secret, _MASK)
        return text

    def _one(self, found: re.Match[str]) -> str:
        name = found[2]
        if not found[1]:
            return self._captured.get(name, found[0])
        path = None if self._secrets is None or ".." in name else self._secrets / name
        try:
            secret = path.read_text(encoding="utf-8").strip("\r\n") if path else ""
        except (OSError, UnicodeDecodeError):
            secret = ""
        if not secret:
            text = f"There is no secret `{name}`; put it in a file of that name in the secrets directory."
            raise IntegrationError(text, permanent=True)
        self._used.add(secret)
        return secret


async def _capped(stream: aiohttp.StreamReader) -> bytes:
    parts = b""
    while len(parts) < _LARGEST_BODY and (part := await stream.read(_LARGEST_BODY - len(parts))):
        parts += part
    return parts


def _unlike(request: Request, answer: _Answer) -> str:
    if answer.status != request.status:
        return f"answered {answer.status}, expected {request.status}"
    for path, expected in request.json_at.items():
        value = _at(answer.json, path)
        if value != expected:
            return f"`{path}` is {json.dumps(value, ensure_ascii=False)[:200]}, expected {expected!r}"
    for path in request.capture.values():
        if _at(answer.json, path) is None:
            return f"`{path}` is not in the answer"
    return ""


def _at(value: Json, path: str) -> Json:
    for part in path.split("."):
        if isinstance(value, dict):
            value = value.get(part)
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def _why(error: Exception) -> str:
    # aiohttp puts addresses into its messages, and those may hold what a secret was filled into.
    return "no answer in time" if isinstance(error, TimeoutError) else type(error).__name__


def _same(body: Json) -> str:
    """Return JSON text that does not depend on the order of keys: a kept playbook has another one."""
    return json.dumps(body, sort_keys=True, ensure_ascii=False)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
