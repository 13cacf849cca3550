"""Commands that runner.toml lists on a host, with typed parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

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
    Prepared,
    Repeat,
    Target,
)
from integrations.process import Runner, RunnerJobs
from integrations.without import WithoutPoints


class Named(Params):
    """The name of a listed command, and that command's own parameters beside it."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    __pydantic_extra__: dict[str, int | str] = Field(init=False)

    name: str


class Command(WithoutPoints):
    """Runs what the host's owner allowed; neither program nor arguments come from the bot."""

    name: ClassVar[str] = "command"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.CANCEL, Cap.PROGRESS})
    operations: ClassVar[Mapping[str, Operation]] = {
        "run": Operation(name="run", params=Named, effect=Effect.REVERSIBLE),
        "check": Operation(
            name="check",
            params=Named,
            effect=Effect.READ,
            kind="check",
            repeat=Repeat.SAFE,
            cancel=Cancel.CLEAN,
            needs_target=False,
        ),
    }

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._jobs = RunnerJobs(self.name, connections.runners)

    async def health(self, target: Target) -> Health:
        """Say whether the runner of the target answers and knows it."""
        _, runner = self._connections.runner(target.settings)
        hello = await runner.hello()
        name = _target_name(target)
        known = name in hello.targets
        problems = () if known else (f"runner.toml has no target `{name}`.",)
        return Health(
            ok=known, identity=f"command:{hello.runner[:12]}:{name}", problems=(*problems, *hello.problems)
        )

    async def plan(self, call: Call) -> Prepared:
        """Show the program as runner.toml makes it; effect and repeat are those listed there."""
        operation, runner, params = self._asked(call)
        how: Literal["ask", "job"] = "ask" if operation.kind == "check" else "job"
        preview = await runner.preview(f"command.{operation.name}", _target_of(call), params, how=how)
        return Prepared(
            preview=(preview.command,),
            by_hand=preview.command,
            leaves="Whatever the program did before it was ended.",
            effect=preview.effect,
            repeat=preview.repeat,
            cancel=operation.cancel,
        )

    async def find(self, key: str) -> JobRef | None:
        """Ask the runners for the job of a key."""
        return await self._jobs.find(key)

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Start the command once under its key."""
        operation, runner, params = self._asked(call)
        if operation.kind == "check":
            raise IntegrationError("check is not a step; use run.", permanent=True)
        target = _target_of(call)
        status = await runner.start(key, "command.run", target, params, token=token, timeout_s=call.timeout_s)
        host, _ = self._connections.runner(call.target.settings if call.target else {})
        return JobRef(key, self.name, {"runner": host, "target": status.target})

    async def poll(self, ref: JobRef) -> JobState:
        """Return where the job is."""
        return await self._jobs.poll(ref, now=self._connections.now())

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        """Return what the program wrote."""
        return await self._jobs.logs(ref, offset=offset)

    async def cancel(self, ref: JobRef) -> None:
        """Ask the program to end."""
        await self._jobs.cancel(ref)

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Settle a key for good on the runner that would run the command."""
        operation_of(self.name, self.operations, call)
        host, _ = self._connections.runner(call.target.settings if call.target else {})
        return await self._jobs.forbid(host, _target_of(call), key)

    async def check(self, call: Call) -> CheckResult:
        """Run a listed command that only reads; it passes when it ends with 0."""
        operation, runner, params = self._asked(call)
        if operation.kind != "check":
            raise IntegrationError("run is not a check; use check.", permanent=True)
        found = await runner.ask("command.check", _target_of(call), params, timeout_s=call.timeout_s)
        code, output = found.get("code"), str(found.get("output", "")).strip()
        return CheckResult(ok=code == 0, found=output[-500:] or f"code {code}", evidence={"code": code})

    def _asked(self, call: Call) -> tuple[Operation, Runner, Mapping[str, Json]]:
        operation = operation_of(self.name, self.operations, call)
        params: dict[str, Any] = params_of(Named, call).model_dump()
        _, runner = self._connections.runner(call.target.settings if call.target else {})
        return operation, runner, params


def _target_of(call: Call) -> str | None:
    return None if call.target is None else _target_name(call.target)


def _target_name(target: Target) -> str:
    return str(target.settings.get("target", target.name))
