"""What engines share that act through a runner, the program beside the data.

Settings of a target and of a source: `runner` (the host, by default `local`) and `target` (the name in the
host's runner.toml, by default the name of the target or the id of the source).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from integrations.connections import Connections
from integrations.contract import Call, Health, JobRef, JobState, LogChunk, Source, Target
from integrations.process import Runner, RunnerJobs


@dataclass(frozen=True, slots=True)
class Place:
    """A target as its runner knows it."""

    host: str
    runner: Runner
    target: str

    async def known(self, engine: str) -> Health:
        """Say whether the runner answers and has the target; what else its owner should look at is added."""
        hello = await self.runner.hello()
        ok = self.target in hello.targets and not hello.foreign
        missing = () if self.target in hello.targets else (f"runner.toml has no target `{self.target}`.",)
        identity = f"{engine}:{hello.runner[:12]}:{self.target}"
        problems = (*missing, *hello.problems)
        return Health(ok=ok, identity=identity, problems=problems, fence=hello.fence(self.target))


def place_of(connections: Connections, thing: Target | Source) -> Place:
    """Return where a target, or the points of a source, are reached."""
    host, runner = connections.runner(thing.settings)
    own = thing.name if isinstance(thing, Target) else thing.id
    return Place(host, runner, str(thing.settings.get("target", own)))


class BesideData:
    """An engine whose jobs run beside what they act on."""

    name: ClassVar[str]

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._jobs = RunnerJobs(self.name, connections.runners)

    async def find(self, call: Call, *, key: str) -> JobRef | None:
        """Ask the runners for the job of a key."""
        return await self._jobs.find(key)

    async def poll(self, ref: JobRef) -> JobState:
        """Return where the job is."""
        return await self._jobs.poll(ref, now=self._connections.now())

    async def moved(self, ref: JobRef, *, seen: JobState, within_s: float) -> bool:
        """Say as soon as the job ended or came to another phase."""
        return await self._jobs.moved(ref, seen=seen, within_s=within_s)

    async def logs(self, ref: JobRef, *, offset: int = 0) -> LogChunk:
        """Return what the job wrote."""
        return await self._jobs.logs(ref, offset=offset)

    async def cancel(self, ref: JobRef) -> None:
        """Ask the job to end."""
        await self._jobs.cancel(ref)

    def _place(self, thing: Target | Source) -> Place:
        return place_of(self._connections, thing)
