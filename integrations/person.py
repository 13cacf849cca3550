"""Steps that people carry out; no machine takes part, and the bot records when they are done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field

from integrations.asked import Params, operation_of, params_of
from integrations.connections import Connections
from integrations.contract import (
    Call,
    Cancel,
    Cap,
    CheckResult,
    Effect,
    Health,
    JobRef,
    JobState,
    LogChunk,
    Operation,
    Phase,
    Prepared,
    Repeat,
    Target,
)
from integrations.without import WithoutPoints, cannot


class Do(Params):
    """What somebody does, what they confirm, and what shows that it is done."""

    do: tuple[str, ...] = Field(min_length=1)
    confirm: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


class Person(WithoutPoints):
    """Asks people; the step runs until the bot has recorded their answer."""

    name: ClassVar[str] = "person"
    caps: ClassVar[frozenset[Cap]] = frozenset()
    operations: ClassVar[Mapping[str, Operation]] = {
        "do": Operation(
            name="do",
            params=Do,
            effect=Effect.READ,
            kind="person",
            repeat=Repeat.SAFE,
            cancel=Cancel.CLEAN,
            needs_target=False,
        )
    }

    def __init__(self, connections: Connections) -> None:
        self._now = connections.now

    async def health(self, target: Target) -> Health:
        """Say that nothing is needed."""
        return Health(ok=True)

    async def plan(self, call: Call) -> Prepared:
        """Show what the person will be asked to do."""
        operation = operation_of(self.name, self.operations, call)
        asked = params_of(Do, call)
        return Prepared(
            preview=asked.do,
            by_hand="\n".join(asked.do),
            leaves="What the person has done by then.",
            effect=operation.effect,
            repeat=operation.repeat,
            cancel=operation.cancel,
        )

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Return that no machine knows of it."""
        return None

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Begin to wait; asking the person is the bot's part."""
        operation_of(self.name, self.operations, call)
        params_of(Do, call)
        return JobRef(key, self.name)

    async def poll(self, ref: JobRef) -> JobState:
        """Say that the person has not been recorded as done, which only the bot can change."""
        if ref.locator:
            return JobState(Phase.CANCELLED, because="Nobody is asked any more.", alive=False)
        return JobState(Phase.RUNNING, because="Waiting for a person.", alive=False)

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        """Return nothing."""
        return LogChunk("", offset)

    async def cancel(self, ref: JobRef) -> None:
        """Do nothing: a person is told by the bot."""

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Return a job that is over: nothing but the bot's record makes a person's step go on."""
        return JobRef(key, self.name, {"settled": "yes"})

    async def check(self, call: Call) -> CheckResult:
        """Refuse what this engine has nothing for."""
        raise cannot(self.name, "carry out checks")
