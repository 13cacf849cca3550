"""What engines share whose jobs run on somebody else's server, which keeps no list of keys for us."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from weakref import WeakValueDictionary

from integrations.api import Declined
from integrations.asked import operation_of
from integrations.connections import Connections
from integrations.contract import Call, IntegrationError, JobRef, JobState, LogChunk, Operation, Phase

_J = TypeVar("_J")
_SETTLED = "settled"
_REFUSED = "refused"
_LIMIT = "limit_s"


class Remote(ABC, Generic[_J]):
    """An engine that starts a job at most once by looking for its key first.

    A place that cannot be searched for a key makes `find` raise for good, and then only what this very
    process has sent is known. A key settled before it was ever sent is settled in this process; the engine
    that can settle it at the server does so in `_settle`.
    """

    name: ClassVar[str]
    operations: ClassVar[Mapping[str, Operation]]

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._jobs: dict[str, _J] = {}
        self._settled: set[str] = set()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @abstractmethod
    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Look for the job of a key where the call acts."""

    @abstractmethod
    async def _begin(self, call: Call, key: str) -> JobRef:
        """Send a call whose key was never seen."""

    @abstractmethod
    async def _look(self, ref: JobRef) -> JobState:
        """Ask the server where a job is."""

    @abstractmethod
    async def _end(self, ref: JobRef) -> None:
        """Ask the server to end a job."""

    async def _before(self, call: Call, key: str) -> JobRef | None:
        """Return the job that a start attaches to; engines that cannot search say what they know."""
        return await self.find(call, key=key)

    async def _settle(self, call: Call, key: str) -> None:
        """Have a key that was never seen refused from now on: here, and at the server where it can."""
        self._settled.add(key)

    async def start(self, call: Call, *, key: str, token: int | None = None) -> JobRef:
        """Start the call once under its key, or attach to the job that was."""
        if operation_of(self.name, self.operations, call).kind == "check":
            raise IntegrationError(f"{call.operation} is a check, not a step.", permanent=True)
        async with self._alone(key):
            if key in self._settled:
                raise IntegrationError(f"{key} was settled and can never start.", permanent=True)
            if found := await self._before(call, key):
                return found
            try:
                return await self._begin(call, key)
            except Declined as error:
                return JobRef(key, self.name, {_REFUSED: str(error)})

    async def poll(self, ref: JobRef) -> JobState:
        """Return where the job is; one that takes longer than it may is asked to end."""
        if ref.locator.get(_SETTLED):
            return JobState(Phase.CANCELLED, "It was settled before it was ever sent.", alive=False)
        if why := ref.locator.get(_REFUSED):
            return JobState(Phase.REFUSED, why, alive=False)
        state = await self._look(ref)
        limit_s = float(ref.locator.get(_LIMIT, "inf"))
        if state.started_at is None or self._lasted_s(state.started_at, state.ended_at) <= limit_s:
            return state
        if state.phase is Phase.CANCELLED:
            return replace(state, phase=Phase.TIMED_OUT, because=f"It took longer than {limit_s:g} s.")
        return await self._too_long(ref, state) if state.phase is Phase.RUNNING else state

    async def _too_long(self, ref: JobRef, state: JobState) -> JobState:
        try:
            await self._end(ref)
        except IntegrationError as error:
            return replace(state, because=f"It takes longer than it may, and goes on: {error}")
        return state

    def _lasted_s(self, begun: datetime, ended: datetime | None) -> float:
        return ((ended or self._connections.now()) - begun).total_seconds()

    async def cancel(self, ref: JobRef) -> None:
        """Ask a job to end; one that never began needs nothing."""
        if not ref.locator.get(_SETTLED) and not ref.locator.get(_REFUSED):
            await self._end(ref)

    async def forbid(self, call: Call, *, key: str) -> JobRef:
        """Settle a key for good: end its job, or never send it."""
        async with self._alone(key):
            ref = None if key in self._settled else await self._found_or_settled(call, key)
            if ref is None:
                await self._settle(call, key)
                return JobRef(key, self.name, {_SETTLED: "here"})
        if (await self.poll(ref)).phase is Phase.RUNNING:
            await self.cancel(ref)
        return ref

    async def _found_or_settled(self, call: Call, key: str) -> JobRef | None:
        try:
            return await self.find(call, key=key)
        except IntegrationError as error:
            if error.permanent:
                self._settled.add(key)
            raise

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        """Return nothing: what the server says is in the evidence."""
        return LogChunk("", offset)

    def _ref(self, call: Call, key: str, **locator: str) -> JobRef:
        """Return where a job is found again, with the seconds it may take."""
        return JobRef(key, self.name, {**locator, _LIMIT: f"{call.timeout_s:g}"})

    def _followed(self, ref: JobRef) -> _J:
        """Return what is known of a job; whoever follows one has just started or found it."""
        if ref.key not in self._jobs:
            raise IntegrationError(f"{ref.key} has to be found before it can be followed.", permanent=False)
        return self._jobs[ref.key]

    def _alone(self, key: str) -> asyncio.Lock:
        return self._locks.setdefault(key, asyncio.Lock())
