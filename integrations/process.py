"""The client of `backstop-runner`, the program that carries work out beside the data."""

from __future__ import annotations

import asyncio
import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from integrations.contract import (
    Effect,
    Fence,
    IntegrationError,
    JobRef,
    JobState,
    Json,
    LogChunk,
    NotOurs,
    Phase,
    Progress,
    Repeat,
)
from integrations.course import phases_of
from integrations.ways import UnixSocket, Way

_A = TypeVar("_A", bound=BaseModel)

# What a program reports to the runner is shown as progress and evidence, not among its last lines.
_REPORT = re.compile(r"^::(?:progress|evidence) .*\n?", re.MULTILINE)
_QUICK_S = 10.0
_HELLO_S = 3.0
_PARTLY = 4
_BELONGS = 2
_OLDER = (
    "This runner is of an older version, which does not know whose it is: another Backstop could restore "
    "through it over what this one does. End its process and start the new version; its jobs go on meanwhile."
)


class _Answer(BaseModel):
    # A newer runner may say more than is read here.
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Seen(_Answer):
    token: int
    key: str


class Hello(_Answer):
    """Who answers: `runner` names the host for good, `problems` is what its owner should look at.

    `owner` is the Backstop it belongs to, and `foreign` says why it is not the one that asks. `seen` is what
    each target saw of tokens, and `forget` the command after which they count no more.
    """

    version: int = 1
    runner: str
    operations: tuple[str, ...]
    targets: tuple[str, ...]
    problems: tuple[str, ...] = ()
    owner: str = ""
    foreign: str = ""
    seen: Mapping[str, _Seen] = Field(default_factory=dict)
    forget: str = ""

    def fence(self, target: str) -> Fence | None:
        """Return the highest token that a target has seen, or None while it has seen none."""
        found = self.seen.get(target)
        return Fence(found.token, found.key, self.forget) if found else None


class Preview(_Answer):
    """A program exactly as the runner would start it, without secrets."""

    argv: tuple[str, ...]
    effect: Effect
    repeat: Repeat
    target: str
    timeout_s: float
    env: Mapping[str, str] = Field(default_factory=dict)
    secret_env: Mapping[str, str] = Field(default_factory=dict)

    @property
    def command(self) -> str:
        """Return what a person types in a shell on the runner's host to do the same."""
        plain = [f"{name}={shlex.quote(value)}" for name, value in self.env.items()]
        secret = [f'{name}="$(cat {shlex.quote(file)})"' for name, file in self.secret_env.items()]
        return " ".join([*plain, *secret, shlex.join(self.argv)])


class _Report(_Answer):
    phase: str = ""
    done: int = 0
    total: int | None = None
    unit: Literal["bytes", "items", "percent"] = "items"
    doing: str = Field(default="", max_length=400)


class Status(_Answer):
    """Where a job is, in the runner's words; `said` is the last line the program wrote."""

    key: str
    state: Literal["unknown", "running", "done", "refused", "lost"]
    operation: str = ""
    target: str = ""
    alive: bool | None = None
    silent_s: float | None = None
    because: str = ""
    code: int | None = None
    reason: Literal["none", "cancelled", "timeout", "orphans", "killed"] = "none"
    lasted_s: float | None = None
    said: str = ""
    progress: Mapping[str, Any] | None = None
    evidence: Mapping[str, Json] = Field(default_factory=dict)
    asked_at: AwareDatetime | None = None
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None

    @property
    def told(self) -> _Report | None:
        """Return what the program reported last; what makes no sense is no report and never an error."""
        try:
            return None if self.progress is None else _Report.model_validate(self.progress)
        except ValidationError:
            return None


def serve_command(config: Path, state: Path, socket: Path) -> str:
    """Return what a person types to start a runner."""
    places = ("--config", config, "--state", state, "--socket", socket)
    return shlex.join(("backstop-runner", "serve", *map(str, places)))


class Runner:
    """One runner: `at` is its unix socket or another way to it. Every call has a bound in seconds.

    `command` is what a person types to start one on a socket, which is said when nobody answers. With
    `backstop` every request says which Backstop it is of: a runner belongs to one.
    """

    def __init__(
        self, at: Path | Way, command: str = "", *, backstop: Mapping[str, str] | None = None
    ) -> None:
        if isinstance(at, Path):
            at = UnixSocket(at, command or serve_command(Path("RUNNER.TOML"), Path("STATE"), at))
        self._way = at
        self._backstop = dict(backstop) if backstop else None

    async def close(self) -> None:
        """Let go of what is kept open to it."""
        await self._way.close()

    async def hello(self) -> Hello:
        """Ask who answers; that it belongs to another Backstop, or cannot tell whose it is, is a problem."""
        hello = _read(Hello, await self._call({"do": "hello"}, timeout_s=_HELLO_S))
        more = [hello.foreign] if hello.foreign else []
        if self._backstop and hello.version < _BELONGS:
            more.append(_OLDER)
        return hello.model_copy(update={"problems": (*hello.problems, *more)})

    async def ask(
        self, operation: str, target: str | None, params: Mapping[str, Json], *, timeout_s: float = 60.0
    ) -> Mapping[str, Any]:
        """Carry out a quick question and return what it found."""
        request = {"do": "ask", "op": operation, "target": target, "params": dict(params)}
        found = (await self._call(request, timeout_s=timeout_s)).get("found")
        if not isinstance(found, dict):
            raise IntegrationError(f"The runner answered {operation} with nonsense.", permanent=False)
        return found

    async def preview(
        self, operation: str, target: str | None, params: Mapping[str, Json], *, how: Literal["ask", "job"]
    ) -> Preview:
        """Return the program a request would become; nothing is started."""
        request = {"do": "preview", "op": operation, "target": target, "params": dict(params), "how": how}
        return _read(Preview, await self._call(request))

    async def start(
        self,
        key: str,
        operation: str,
        target: str | None,
        params: Mapping[str, Json],
        *,
        token: int | None,
        timeout_s: float,
    ) -> Status:
        """Start a job once under its key, or attach to the one that was started under it."""
        act = {"op": operation, "target": target, "params": dict(params)}
        request = {"do": "start", "key": key, "token": token, "timeout_s": timeout_s, **act}
        return _read(Status, await self._call(request))

    async def status(self, key: str) -> Status:
        """Return where a job is."""
        return _read(Status, await self._call({"do": "status", "key": key}))

    async def wait(self, key: str, *, seen: str, within_s: float) -> Status:
        """Return where a job is once it does not run any more or is in another phase than was seen."""
        request: dict[str, Json] = {"do": "wait", "key": key, "seen": seen, "within_s": within_s}
        return _read(Status, await self._call(request, timeout_s=within_s + _QUICK_S))

    async def log(self, key: str, *, offset: int = 0) -> LogChunk:
        """Return what a job wrote from a byte offset on."""
        found = await self._call({"do": "log", "key": key, "offset": offset})
        return LogChunk(
            text=_REPORT.sub("", str(found.get("text", ""))),
            next_offset=int(found.get("next_offset", offset)),
        )

    async def cancel(self, key: str) -> None:
        """Ask a job, or what is left of it, to end."""
        await self._call({"do": "cancel", "key": key})

    async def forbid(self, key: str) -> None:
        """Settle a key for good: its job is asked to end, or can never start."""
        await self._call({"do": "forbid", "key": key})

    async def _call(self, request: Mapping[str, Json], *, timeout_s: float = _QUICK_S) -> dict[str, Any]:
        own: dict[str, Json] = {"backstop": dict(self._backstop)} if self._backstop else {}
        try:
            line = await self._way.exchange({**request, **own}, timeout_s=timeout_s)
        except TimeoutError as late:
            text = f"The runner on {self._way.where} did not answer in {timeout_s:g} s; look at its log."
            raise IntegrationError(text, permanent=False) from late
        return _granted(line)


@dataclass(frozen=True, slots=True)
class RunnerJobs:
    """The jobs that one engine has on all runners."""

    engine: str
    runners: Mapping[str, Runner]

    async def find(self, key: str) -> JobRef | None:
        """Return the job of a key; when a runner that might have it does not answer, nobody can say."""
        asking = [asyncio.create_task(self._known(name, key)) for name in self.runners]
        silent: IntegrationError | None = None
        try:
            # Whoever has it need not wait for those that do not answer.
            for answer in asyncio.as_completed(asking):
                try:
                    found = await answer
                except IntegrationError as error:
                    silent = error
                else:
                    if found is not None:
                        return found
        finally:
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
        if silent is not None:
            raise silent
        return None

    async def _known(self, name: str, key: str) -> JobRef | None:
        status = await self.runners[name].status(key)
        if status.state == "unknown" or not status.operation.startswith(f"{self.engine}."):
            return None
        return JobRef(key, self.engine, {"runner": name, "target": status.target})

    async def poll(self, ref: JobRef, *, now: datetime) -> JobState:
        """Return where a job is, in the words of the contract."""
        return job_state(await self._of(ref).status(ref.key), now=now)

    async def moved(self, ref: JobRef, *, seen: JobState, within_s: float) -> bool:
        """Say whether a job moved within so many seconds, as soon as it did."""
        phase = seen.progress.phase if seen.progress else ""
        status = await self._of(ref).wait(ref.key, seen=phase, within_s=within_s)
        return status.state != "running" or (status.told.phase if status.told else "") != phase

    async def logs(self, ref: JobRef, *, offset: int) -> LogChunk:
        """Return what a job wrote from an offset on."""
        return await self._of(ref).log(ref.key, offset=offset)

    async def cancel(self, ref: JobRef) -> None:
        """Ask a job to end."""
        await self._of(ref).cancel(ref.key)

    async def forbid(self, host: str, target: str | None, key: str) -> JobRef:
        """Settle a key for good on the runner it would be started on."""
        ref = JobRef(key, self.engine, {"runner": host, "target": target or ""})
        await self._of(ref).forbid(key)
        return ref

    def _of(self, ref: JobRef) -> Runner:
        found = self.runners.get(ref.locator.get("runner", ""))
        if found is None:
            text = f"The job {ref.key} was started by a runner that is not set up any more."
            raise IntegrationError(text, permanent=True)
        return found


def job_state(status: Status, *, now: datetime) -> JobState:
    """Return a runner's status in the words of the contract."""
    phase, because = _phase(status)
    return JobState(
        phase=phase,
        because=because,
        code=status.code,
        progress=_progress(status, now),
        evidence=dict(status.evidence),
        alive=status.alive,
        silent_s=status.silent_s,
        started_at=status.started_at or status.asked_at,
        ended_at=status.ended_at,
        phases=phases_of(status.progress, status.lasted_s),
    )


def _phase(status: Status) -> tuple[Phase, str]:
    match status.state:
        case "running":
            return Phase.RUNNING, ""
        case "refused":
            return Phase.REFUSED, status.because
        case "lost":
            return Phase.LOST, status.because
        case "unknown":
            return Phase.LOST, status.because or "The runner does not know this job."
        case "done":
            return _ended(status)


def _ended(status: Status) -> tuple[Phase, str]:
    said = f": {status.said}" if status.said else "."
    # What the runner found at the target after the end, beside how the program ended.
    found = f" {status.because}" if status.because else ""
    said = f"{said.rstrip('.')}." if found else said
    match status.reason:
        case "cancelled":
            return Phase.CANCELLED, status.because
        case "timeout":
            return Phase.TIMED_OUT, f"The job took longer than it was allowed to and was ended.{found}"
        case "killed":
            return Phase.FAILED, f"The program was killed from outside (code {status.code}){said}{found}"
        case "orphans":
            return (
                Phase.FAILED,
                f"The program ended with code {status.code} and left processes, now ended{said}{found}",
            )
        case "none" if status.code == 0:
            return Phase.SUCCEEDED, ""
        case "none" if status.code == _PARTLY:
            return Phase.PARTIAL, status.said
        case "none":
            return Phase.FAILED, f"The program ended with code {status.code}{said}{found}"


def _progress(status: Status, now: datetime) -> Progress | None:
    told = status.told
    if told is None:
        return None
    return Progress(told.phase, told.done, told.total, told.unit, at=now, doing=told.doing)


def _read(model: type[_A], found: Mapping[str, Any]) -> _A:
    try:
        return model.model_validate(found)
    except ValidationError as error:
        raise IntegrationError(
            "The runner answered with nonsense; look at its version.", permanent=False
        ) from error


def _granted(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise IntegrationError("The runner answered with nonsense; look at its version.", permanent=False)
    if answer.get("not_yours") is True:
        raise NotOurs(str(answer.get("error")))
    if answer.get("ok") is not True:
        raise IntegrationError(
            str(answer.get("error", "The runner refused.")), permanent=bool(answer.get("permanent", True))
        )
    return answer
