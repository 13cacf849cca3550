"""Commands that runner.toml lists on a host, with typed parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, Field

from integrations.asked import Params, operation_of, params_of
from integrations.beside import BesideData
from integrations.contract import (
    Call,
    Cancel,
    Cap,
    CheckResult,
    Effect,
    Health,
    IntegrationError,
    JobRef,
    Json,
    Operation,
    Prepared,
    Repeat,
    Target,
)
from integrations.process import Runner
from integrations.without import WithoutPoints


class Named(Params):
    """The name of a listed command, and that command's own parameters beside it."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    __pydantic_extra__: dict[str, int | str] = Field(init=False)

    name: str


class Command(BesideData, WithoutPoints):
    """Runs what the host's owner allowed; neither program nor arguments come from the bot."""

    name: ClassVar[str] = "command"
    caps: ClassVar[frozenset[Cap]] = frozenset({Cap.CANCEL, Cap.PROGRESS})
    operations: ClassVar[Mapping[str, Operation]] = {
        "run": Operation(name="run", params=Named, effect=Effect.REVERSIBLE, named_by="name"),
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

    async def health(self, target: Target) -> Health:
        """Say whether the runner of the target answers and knows it."""
        return await self._place(target).known(self.name)

    async def plan(self, call: Call) -> Prepared:
        """Show the program as runner.toml makes it; effect and repeat are those listed there."""
        operation, runner, params = self._asked(call)
        how: Literal["ask", "job"] = "ask" if operation.kind == "check" else "job"
        preview = await runner.preview(f"command.{operation.name}", self._target_of(call), params, how=how)
        return Prepared(
            preview=(preview.command,),
            by_hand=preview.command,
            leaves="Whatever the program did before it was ended.",
            effect=preview.effect,
            repeat=preview.repeat,
            cancel=operation.cancel,
        )

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Start the command once under its key."""
        operation, runner, params = self._asked(call)
        if operation.kind == "check":
            raise IntegrationError("check is not a step; use run.", permanent=True)
        target = self._target_of(call)
        status = await runner.start(key, "command.run", target, params, token=token, timeout_s=call.timeout_s)
        host, _ = self._connections.runner(call.target.settings if call.target else {})
        return JobRef(key, self.name, {"runner": host, "target": status.target})

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Settle a key for good on the runner that would run the command."""
        operation_of(self.name, self.operations, call)
        host, _ = self._connections.runner(call.target.settings if call.target else {})
        return await self._jobs.forbid(host, self._target_of(call), key)

    async def check(self, call: Call) -> CheckResult:
        """Run a listed command that only reads; it passes when it ends with 0."""
        operation, runner, params = self._asked(call)
        if operation.kind != "check":
            raise IntegrationError("run is not a check; use check.", permanent=True)
        found = await runner.ask("command.check", self._target_of(call), params, timeout_s=call.timeout_s)
        code, output = found.get("code"), str(found.get("output", "")).strip()
        return CheckResult(ok=code == 0, found=output[-500:] or f"code {code}", evidence={"code": code})

    def _target_of(self, call: Call) -> str | None:
        return None if call.target is None else self._place(call.target).target

    def _asked(self, call: Call) -> tuple[Operation, Runner, Mapping[str, Json]]:
        operation = operation_of(self.name, self.operations, call)
        params: dict[str, Any] = params_of(Named, call).model_dump()
        _, runner = self._connections.runner(call.target.settings if call.target else {})
        return operation, runner, params
